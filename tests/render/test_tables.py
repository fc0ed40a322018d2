"""Tables against what kubectl printed, and the pod's status word case by case."""

from typing import Any

import pytest
import render_corpus as corpus
from render_builders import NOW, ago, deployment, ended, event, node, pod, replica_set, running, waiting

from minikctl.model import Object
from minikctl.model.timestamps import format_time, parse_time
from minikctl.render.tables import TableOptions, WatchTable, events_table, table, tables

GET = "02-get-describe.txt"
GET_NOW = parse_time("2026-11-20T03:59:52Z") + 0.5


def fields(file: str, command: str) -> list[dict[str, str]]:
    """A printed table, read by the columns of its headers."""
    header, *lines = corpus.answer(file, command).splitlines()
    starts = [index for index in range(len(header)) if index == 0 or header[index - 3 : index] == "   "]
    starts = [index for index in starts if header[index] != " "]
    ends = [*starts[1:], 10**6]
    names = [header[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [
        {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)}
        for line in lines
    ]


def real_deployment() -> Object:
    return corpus.objects(GET, "get deploy web -o yaml")[0]


def real_pods() -> list[Object]:
    return corpus.objects(GET, "get pods -l app=web -o yaml")


def real_replica_sets() -> list[Object]:
    owner = real_deployment()
    result = []
    for suffix, image, count, age in (("6d765f4d78", "nginx:1.26", 2, 2), ("9c7ddd555", "nginx:1.25", 0, 3)):
        one = replica_set(owner, suffix, 1, image=image, replicas=count)
        one["metadata"]["creationTimestamp"] = format_time(GET_NOW - age)
        result.append(one)
    return result


def test_get_pods_wide_with_labels() -> None:
    expected = corpus.answer(GET, "get pods -o wide --show-labels").rstrip("\n") + "\n"
    assert table("Pod", real_pods(), GET_NOW, wide=True, show_labels=True) == expected


def test_get_several_kinds() -> None:
    blocks = [("Deployment", [real_deployment()]), ("ReplicaSet", real_replica_sets()), ("Pod", real_pods())]
    expected = corpus.answer(GET, "get deploy,rs,pods,svc,endpoints,endpointslices,cm -o wide")
    expected = expected.partition("\n")[2].partition("\nNAME          TYPE")[0]
    assert tables(blocks, GET_NOW, TableOptions(wide=True, show_kind=True)) == expected


def test_get_nodes_wide() -> None:
    expected = corpus.answer("00-server.txt", "get nodes -o wide")
    nodes = [node(f"node-{index}") for index in (1, 2, 3)]
    for index, one in enumerate(nodes, start=1):
        one["status"]["addresses"][0]["address"] = f"127.0.1.{index}"
    assert table("Node", nodes, NOW, wide=True) == expected


def test_cordoned_node() -> None:
    expected = corpus.answer("06-batch-hpa-pdb.txt", "get nodes")
    nodes = [node("node-1", unschedulable=True), node("node-2"), node("node-3")]
    for one in nodes:
        one["metadata"]["creationTimestamp"] = ago(77)
    assert table("Node", nodes, NOW) == expected


def test_get_events_wide() -> None:
    command = "get events -o wide --sort-by=.lastTimestamp"
    events = [_event_of(row) for row in fields(GET, command)]
    assert table("Event", events, NOW, wide=True) == corpus.answer(GET, command).rstrip("\n") + "\n"


def _event_of(row: dict[str, str]) -> Object:
    kind, _, name = row["OBJECT"].partition("/")
    component, _, host = row["SOURCE"].partition(", ")
    return {
        "metadata": {"name": row["NAME"], "namespace": "samples"},
        "involvedObject": {"kind": kind.capitalize(), "name": name},
        "type": row["TYPE"],
        "reason": row["REASON"],
        "message": row["MESSAGE"] + "\n",
        "source": {"component": component, **({"host": host} if host else {})},
        "firstTimestamp": ago(int(row["FIRST SEEN"][:-1])),
        "lastTimestamp": ago(int(row["LAST SEEN"][:-1])),
        "count": int(row["COUNT"]),
    }


def test_kubectl_events_sorts_by_time() -> None:
    command = "events --for deployment/web"
    rows = fields(GET, command)
    events = [
        event(
            row["MESSAGE"],
            reason=row["REASON"],
            kind="Deployment",
            lastTimestamp=ago(int(row["LAST SEEN"][:-1])),
            firstTimestamp=ago(int(row["LAST SEEN"][:-1])),
        )
        for row in rows
    ]
    newest_first = [*events[3:], *events[1:3], *events[:1]]
    assert events_table(newest_first, NOW) == corpus.answer(GET, command).rstrip("\n") + "\n"


def test_repeated_events() -> None:
    many = event("again", count=16, firstTimestamp=ago(16), lastTimestamp=ago(7))
    series = {"count": 4, "lastObservedTime": ago(2)}
    new = event("x", eventTime=ago(9), series=series, firstTimestamp=None, lastTimestamp=None)
    lines = events_table([many, new], NOW, no_headers=True).splitlines()
    assert lines[0].startswith("7s (x16 over 16s)   Normal")
    assert lines[1].startswith("2s (x4 over 9s)     Normal")
    assert table("Event", [new], NOW, no_headers=True).startswith("2s ")


def test_get_all_after_a_drain() -> None:
    """Terminating and Completed, with the ready counts that they keep."""
    expected = corpus.answer("08-sts-ds-delete.txt", "get all").split("\n\n")[0] + "\n"
    pods = []
    for line in expected.splitlines()[1:]:
        name, _ready, status, _restarts, age = line.split()
        one = pod(name.removeprefix("pod/"), containerStatuses=[running()])
        one["metadata"]["creationTimestamp"] = ago(int(age[:-1]))
        if status == "Completed":
            one["status"] = {"phase": "Succeeded", "containerStatuses": [ended(0, "Completed")]}
        if status == "Terminating":
            one["metadata"]["deletionTimestamp"] = ago(1)
        pods.append(one)
    assert table("Pod", pods, NOW, show_kind=True) == expected


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("pending", {"phase": "Pending"}, "0/1 Pending 0"),
    ("evicted", {"phase": "Failed", "reason": "Evicted"}, "0/1 Evicted 0"),
    (
        "creating",
        {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
        "0/1 ContainerCreating 0",
    ),
    (
        "pull",
        {"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff")]},
        "0/1 ImagePullBackOff 0",
    ),
    ("oom", {"containerStatuses": [ended(137, "OOMKilled")]}, "0/1 OOMKilled 0"),
    ("exit code", {"containerStatuses": [ended(3)]}, "0/1 ExitCode:3 0"),
    ("signal", {"containerStatuses": [ended(137, signal=9)]}, "0/1 Signal:9 0"),
    ("not ready", {"containerStatuses": [running(ready=False)]}, "0/1 Running 0"),
    (
        "back-off",
        {
            "containerStatuses": [
                waiting(
                    "CrashLoopBackOff", restartCount=5, lastState={"terminated": {"finishedAt": ago(180)}}
                )
            ]
        },
        "0/1 CrashLoopBackOff 5 (3m ago)",
    ),
    (
        "gated",
        {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
        },
        "0/1 SchedulingGated 0",
    ),
]


@pytest.mark.parametrize(("status", "expected"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_pod_status(status: dict[str, Any], expected: str) -> None:
    assert row(pod(**status)) == expected


def row(one: Object) -> str:
    """READY STATUS RESTARTS of a pod."""
    cells = [cell.strip() for cell in table("Pod", [one], NOW, no_headers=True).rstrip().split("   ") if cell]
    return " ".join(cells[1:-1])


def test_one_of_two_completed() -> None:
    statuses = [running("c0"), ended(0, "Completed", "c1")]
    ready = [{"type": "Ready", "status": "True"}]
    assert row(pod(containers=2, containerStatuses=statuses, conditions=ready)) == "1/2 Running 0"
    assert row(pod(containers=2, containerStatuses=statuses)) == "1/2 NotReady 0"


def test_lost_node_and_finished_pods_are_not_terminating() -> None:
    lost = pod(reason="NodeLost")
    done = pod(phase="Succeeded", containerStatuses=[ended(0, "Completed")])
    for one in (lost, done):
        one["metadata"]["deletionTimestamp"] = ago(1)
    assert row(lost) == "0/1 Unknown 0"
    assert row(done) == "0/1 Completed 0"


def test_init_containers() -> None:
    one = pod(
        phase="Pending", initContainerStatuses=[ended(0, "Completed", "i0"), waiting("PodInitializing", "i1")]
    )
    one["spec"]["initContainers"] = [{"name": "i0"}, {"name": "i1"}]
    assert row(one) == "0/1 Init:1/2 0"
    one["status"]["initContainerStatuses"][1] = ended(2, "Error", "i1", restartCount=2)
    assert row(one) == "0/1 Init:Error 2"
    one["status"]["initContainerStatuses"][1] = ended(2, "", "i1")
    assert row(one) == "0/1 Init:ExitCode:2 0"
    one["status"]["initContainerStatuses"][1] = waiting("CrashLoopBackOff", "i1")
    assert row(one) == "0/1 Init:CrashLoopBackOff 0"


def test_restarts_of_init_containers_are_forgotten_but_a_sidecars_count() -> None:
    sidecar = running("side", started=True, restartCount=2)
    first = ended(0, "Completed", "first", restartCount=7)
    one = pod(initContainerStatuses=[first, sidecar], containerStatuses=[running("c0", restartCount=1)])
    one["spec"]["initContainers"] = [{"name": "first"}, {"name": "side", "restartPolicy": "Always"}]
    assert row(one) == "2/2 Running 3"


def test_namespaces_and_label_columns() -> None:
    one = pod(containerStatuses=[running()])
    one["metadata"]["labels"] = {"app": "web", "example.com/tier": "front"}
    text = table("Pod", [one], NOW, with_namespace=True, label_columns=["example.com/tier", "none"])
    assert text == (
        "NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   TIER    NONE\n"
        "samples     web    1/1     Running   0          5s    front   <none>\n"
    )


def test_a_cluster_scoped_kind_shows_a_namespace_column_only_after_a_namespaced_one() -> None:
    namespace = {"metadata": {"name": "a", "creationTimestamp": ago(5)}, "status": {"phase": "Active"}}
    blocks = [
        ("Namespace", [namespace]),
        ("Pod", []),
        ("Deployment", [deployment()]),
        ("Namespace", [namespace]),
    ]
    options = TableOptions(with_namespace=True, show_kind=True)
    assert tables(blocks, NOW, options) == (
        "NAME          STATUS   AGE\n"
        "namespace/a   Active   5s\n"
        "\n"
        "NAMESPACE   NAME                  READY   UP-TO-DATE   AVAILABLE   AGE\n"
        "samples     deployment.apps/web   0/2     0            0           5s\n"
        "\n"
        "NAMESPACE   NAME          STATUS   AGE\n"
        "            namespace/a   Active   5s\n"
    )


def test_watch_keeps_the_widths_and_prints_headers_once() -> None:
    watch = WatchTable("Pod", TableOptions())
    first = watch.rows([pod("a-long-name", containerStatuses=[running()])], NOW)
    second = watch.rows([pod("b", containerStatuses=[running()])], NOW)
    assert first.splitlines()[0] == "NAME          READY   STATUS    RESTARTS   AGE"
    assert second == "b             1/1     Running   0          5s\n"
    assert watch.rows([], NOW) == ""


def test_watch_events() -> None:
    watch = WatchTable("Namespace", TableOptions(with_event=True))
    one = {"metadata": {"name": "a", "creationTimestamp": ago(5)}, "status": {"phase": "Active"}}
    assert watch.rows([one], NOW) + watch.rows([one], NOW, "MODIFIED") == (
        "EVENT   NAME   STATUS   AGE\nADDED   a      Active   5s\nMODIFIED   a      Active   5s\n"
    )


def test_node_roles_and_readiness() -> None:
    one = node()
    one["metadata"]["labels"] = {
        "node-role.kubernetes.io/worker": "",
        "node-role.kubernetes.io/control-plane": "",
    }
    one["status"]["conditions"][0]["status"] = "Unknown"
    assert table("Node", [one], NOW, no_headers=True) == (
        "node-1   NotReady   control-plane,worker   6s    v1.36.2\n"
    )
    assert "Unknown" in table("Node", [{**one, "status": {}}], NOW, no_headers=True)
