"""The live view: what it shows, that it fits, and that colours only colour."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_builders import NOW, ago, deployment, ended, event, owned, pod, replica_set, running, waiting

from minikctl.model import Object
from minikctl.render.style import ASCII, COLOURED, PLAIN, cut, text_width
from minikctl.render.tree import redraw, tree


def child(
    owner: Object, suffix: str, *statuses: dict[str, Any], node: str = "node-1", **status: Any
) -> Object:
    one = pod(
        f"{owner['metadata']['name']}-{suffix}",
        containers=max(1, len(statuses)),
        containerStatuses=list(statuses),
        **status,
    )
    one["metadata"]["ownerReferences"] = owned(owner)
    one["spec"]["nodeName"] = node
    return one


def rolling_out() -> list[Object]:
    """web: three replicas, one crashing, one old pod on its way out; api: one, with a sidecar not ready."""
    web = deployment("web", 3, updatedReplicas=3, replicas=4, availableReplicas=2, readyReplicas=3)
    new, old = replica_set(web, "6d7", 2, replicas=3, ready=2), replica_set(web, "9c7", 1, replicas=1)
    crashing = waiting("CrashLoopBackOff", restartCount=4, lastState=ended(3, "Error")["state"])
    leaving = child(old, "d", running(), node="node-2")
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    pods = [
        child(new, "a", running()),
        child(new, "b", running(), node="node-2"),
        child(new, "c", crashing),
        leaving,
    ]
    return [web, new, old, replica_set(web, "0ld", 0), *pods]


def test_a_rollout() -> None:
    events = [
        event("Scaled up", kind="Deployment", lastTimestamp=ago(1), firstTimestamp=ago(1)),
        event("Back-off\nrestarting", type="Warning", name="web-6d7-c", count=4, firstTimestamp=ago(90)),
    ]
    assert tree(rolling_out(), events, NOW, 100) == [
        "samples   2/4 pods ready",
        "",
        "✗ web               3/3   ▰▰▱ 1 old replicas are pending termination            5s",
        "├─ ◐ web-6d7        2/3   revision 2                                            5s",
        "│  ├─ ● web-6d7-a   1/1   Running                                      node-1   5s",
        "│  ├─ ● web-6d7-b   1/1   Running                                      node-2   5s",
        "│  └─ ✗ web-6d7-c   0/1   CrashLoopBackOff · 4 restarts (3s ago)       node-1   5s",
        "│     └─ ✗ c0       0/1   CrashLoopBackOff · exit 3",
        "└─ ● web-9c7        1/1   revision 1                                            5s",
        "   └─ ○ web-9c7-d   1/1   Terminating                                  node-2   5s",
        "",
        "Events",
        "3s (x4 over 90s)   pod/web-6d7-c    Back-off restarting",
        "1s                 deployment/web   Scaled up",
    ]


def test_narrow_windows_lose_the_node_and_then_the_age_but_keep_the_state() -> None:
    shown = {width: tree(rolling_out(), [], NOW, width)[6].split("0/1   ")[1] for width in (66, 58, 44)}
    assert shown == {
        66: "CrashLoopBackOff · 4 rest…   node-1   5s",
        58: "CrashLoopBackOff · 4 re…   5s",
        44: "CrashLoopBackOff…",
    }


def test_a_healthy_deployment_is_three_lines() -> None:
    web = deployment("web", 1, updatedReplicas=1, replicas=1, availableReplicas=1, readyReplicas=1)
    new = replica_set(web, "6d7", 1, replicas=1)
    objects = [web, new, child(new, "a", running())]
    assert tree(objects, [], NOW, 80)[2:] == [
        "● web               1/1                         5s",
        "└─ ● web-6d7        1/1   revision 1            5s",
        "   └─ ● web-6d7-a   1/1   Running      node-1   5s",
    ]
    assert "c0" in tree(objects, [], NOW, 80, all_containers=True)[5]


def test_several_containers_are_always_shown() -> None:
    lone = pod(containers=2, containerStatuses=[running("app"), ended(0, "Completed", "once")])
    assert [line.split()[:4] for line in tree([lone], [], NOW, 80)[2:]] == [
        ["◐", "web", "1/2", "NotReady"],
        ["├─", "●", "app", "1/1"],
        ["└─", "✓", "once", "0/1"],
    ]


DEPLOYMENTS = [
    ({"spec": {"paused": True}}, "◐", "paused"),
    ({"metadata": {"generation": 2}}, "◐", "waiting for the controller"),
    ({"metadata": {"deletionTimestamp": "2026-11-20T03:59:59Z"}}, "○", "deleting"),
    ({"spec": {"replicas": 0}}, "●", "scaled to zero"),
    (
        {
            "status": {
                "conditions": [
                    {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
                ]
            }
        },
        "✗",
        "progress deadline exceeded · 0 out of 2 new replicas have been updated",
    ),
    ({}, "◐", "▱▱ 0 out of 2 new replicas have been updated"),
]


@pytest.mark.parametrize(("change", "mark", "state"), DEPLOYMENTS)
def test_states_of_a_deployment(change: dict[str, Any], mark: str, state: str) -> None:
    one = deployment()
    for part, fields in change.items():
        one[part] = {**one[part], **fields}
    line = tree([one], [], NOW, 120)[2]
    assert line.startswith(f"{mark} web") and f"   {state}   " in line


PODS = [
    ({"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]}, "◐"),
    ({"phase": "Pending"}, "◐"),
    ({"phase": "Pending", "containerStatuses": [waiting("ErrImagePull")]}, "✗"),
    ({"containerStatuses": [running(ready=False)]}, "◐"),
    ({"containerStatuses": [running()]}, "●"),
    ({"phase": "Succeeded", "containerStatuses": [ended(0, "Completed")]}, "✓"),
    ({"phase": "Failed", "reason": "Evicted"}, "✗"),
    ({"phase": "Unknown"}, "✗"),
]


@pytest.mark.parametrize(("status", "mark"), PODS)
def test_marks_of_pods(status: dict[str, Any], mark: str) -> None:
    assert tree([pod(**status)], [], NOW, 80)[2].startswith(f"{mark} web")


def test_init_containers() -> None:
    one = pod(phase="Pending", initContainerStatuses=[waiting("PodInitializing", "init")])
    one["spec"]["initContainers"] = [{"name": "init"}]
    assert tree([one], [], NOW, 80)[2].startswith("◐ web")
    one["status"]["initContainerStatuses"] = [waiting("CrashLoopBackOff", "init")]
    assert [line[:12] for line in tree([one], [], NOW, 80)[2:]] == ["✗ web       ", "└─ ✗ init   "]


def test_namespaces_have_headings_and_orphans_are_roots() -> None:
    first, second = pod("a", phase="Succeeded"), pod("b")
    second["metadata"]["namespace"] = "zone"
    second["metadata"]["ownerReferences"] = owned(deployment("gone"))
    lines = tree([second, first], [], NOW, 80)
    assert [line for line in lines if line and line[0].isalpha()] == [
        "samples   1 completed",
        "zone   0/1 pods ready",
    ]


def test_nothing() -> None:
    assert tree([], [], NOW, 80) == ["No workload is declared yet."]


SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_colours_change_nothing_but_colour() -> None:
    events = [event("x"), event("y", type="Warning")]
    coloured = tree(rolling_out(), events, NOW, 90, style=COLOURED)
    assert any("\x1b[1;31m✗\x1b[0m" in line for line in coloured)
    assert [SGR.sub("", line) for line in coloured] == tree(rolling_out(), events, NOW, 90)


def test_ascii() -> None:
    lines = tree(rolling_out(), [event("x" * 200)], NOW, 60, style=ASCII)
    assert "".join(lines).isascii()
    assert lines[6].startswith("|  `- ! web-6d7-c")


@given(
    st.integers(1, 130),
    st.one_of(st.none(), st.integers(0, 20)),
    st.text(max_size=30),
    st.sampled_from([PLAIN, ASCII]),
)
@settings(max_examples=60)
def test_it_fits_any_window_and_holds_no_control(
    width: int, height: int | None, text: str, style: Any
) -> None:
    hostile = pod(reason=text, containerStatuses=[waiting(text + "x", message=text)])
    hostile["metadata"]["name"] = hostile["metadata"]["namespace"] = text or "x"
    events = [event(text, reason=text, name=text)]
    lines = tree([*rolling_out(), hostile], events, NOW, width, style=style, height=height)
    assert height is None or len(lines) <= height
    for line in lines:
        assert text_width(line) <= width
        assert not [one for one in line if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")]


def test_a_low_window_says_what_is_left_out() -> None:
    lines = tree(rolling_out(), [event("x")], NOW, 80, height=8)
    assert len(lines) == 8
    assert lines[4] == "… 6 more lines"
    assert lines[-2] == "Events"


def test_text_is_cut_by_columns() -> None:
    assert cut("日本語", 5) == "日本…"
    assert cut("日本語", 6) == "日本語"
    assert cut("abc", 0) == ""
    assert text_width("e\u0301") == 1


def test_redraw_goes_up_and_clears_what_is_left() -> None:
    assert redraw(0, ["a"]) == "\ra\x1b[K\n\x1b[J"
    assert redraw(3, ["a", "b"]) == "\r\x1b[3Aa\x1b[K\nb\x1b[K\n\x1b[J"


def workload(kind: str, name: str, spec: dict[str, Any], **status: Any) -> Object:
    metadata = {"name": name, "namespace": "samples", "uid": f"uid-{name}", "creationTimestamp": ago(5)}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {**metadata, "generation": 1},
        "spec": spec,
        "status": {"observedGeneration": 1, **status},
    }


def done(job: str, age: float, owner: Object) -> Object:
    complete = {"type": "Complete", "status": "True"}
    one = workload("Job", job, {"completions": 1}, succeeded=1, conditions=[complete])
    one["metadata"] |= {"ownerReferences": owned(owner), "creationTimestamp": ago(age)}
    return one


def test_every_kind_of_workload_has_its_pods_below_it() -> None:
    db = workload("StatefulSet", "db", {"replicas": 2}, replicas=2, readyReplicas=1)
    logs = workload(
        "DaemonSet", "logs", {}, desiredNumberScheduled=1, updatedNumberScheduled=1, numberReady=1
    )
    logs["status"]["numberAvailable"] = 1
    old = workload("ReplicationController", "old", {"replicas": 0})
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}
    lost = workload("Job", "lost", {"completions": 4}, succeeded=3, conditions=[failed])
    busy = workload("Job", "busy", {"completions": 4}, succeeded=1, active=2)
    nightly = workload("CronJob", "nightly", {"schedule": "@daily"})
    jobs = [done("nightly-1", 90, nightly), done("nightly-2", 60, nightly)]
    pods = [
        child(db, "0", running()),
        child(db, "1", waiting("ImagePullBackOff")),
        child(logs, "x", running()),
    ]
    lines = tree([db, logs, old, lost, busy, nightly, *jobs, *pods], [], NOW, 100)
    assert [line.rstrip() for line in lines[2:]] == [
        "✗ db             1/2   waiting for 1 pods to be ready            5s",
        "├─ ● db-0        1/1   Running                          node-1   5s",
        "└─ ✗ db-1        0/1   ImagePullBackOff                 node-1   5s",
        "   └─ ✗ c0       0/1   ImagePullBackOff",
        "● logs           1/1                                             5s",
        "└─ ● logs-x      1/1   Running                          node-1   5s",
        "● old            0/0   scaled to zero                            5s",
        "● nightly              @daily                                    5s",
        "└─ ✓ nightly-2   1/1   complete                                  60s",
        "◐ busy           1/4   2 active                                  5s",
        "✗ lost           3/4   failed: BackoffLimitExceeded              5s",
    ]


def test_a_workload_that_goes_or_waits_for_its_controller() -> None:
    leaving = workload("StatefulSet", "a", {"replicas": 1}, readyReplicas=1)
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    unseen = workload("DaemonSet", "b", {})
    unseen["metadata"]["generation"] = 2
    nowhere = workload("DaemonSet", "c", {}, desiredNumberScheduled=0)
    states = [line.split("   ")[2].strip() for line in tree([leaving, unseen, nowhere], [], NOW, 100)[2:]]
    assert states == ["deleting", "waiting for the controller", "no node is selected"]
