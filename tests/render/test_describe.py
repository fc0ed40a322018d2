"""Descriptions against what kubectl printed."""

from collections.abc import Iterable
from typing import Any

import render_corpus as corpus
from render_builders import NOW, ago, ended, event, owned, pod, replica_set, running, waiting

from minikctl.model import Object
from minikctl.model.timestamps import format_time, parse_time
from minikctl.render.describe import describe, describe_all

GET = "02-get-describe.txt"
GET_NOW = parse_time("2026-11-20T03:59:52Z") + 0.5


class Objects:
    """A Lookup over a list."""

    def __init__(self, *objects: Object) -> None:
        self._objects = objects

    def list(self, kind: str, namespace: str) -> Iterable[Object]:
        return [
            one
            for one in self._objects
            if one["kind"] == kind and namespace in ("", one["metadata"].get("namespace"))
        ]


def real_deployment() -> Object:
    return corpus.objects(GET, "get deploy web -o yaml")[0]


def real_replica_sets(owner: Object) -> list[Object]:
    result = []
    for suffix, image, count, revision in (
        ("9c7ddd555", "nginx:1.25", 0, 1),
        ("6d765f4d78", "nginx:1.26", 2, 2),
    ):
        one = replica_set(owner, suffix, revision, image=image, replicas=count)
        one["metadata"]["creationTimestamp"] = format_time(GET_NOW - 3 + revision)
        one["metadata"]["annotations"] |= {
            "deployment.kubernetes.io/desired-replicas": "2",
            "deployment.kubernetes.io/max-replicas": "3",
        }
        result.append(one)
    return result


def scaling_events(text: str, owner: Object, now: float) -> list[Object]:
    """The events of a printed Events block."""
    result = []
    for line in text.partition("Events:\n")[2].splitlines()[2:]:
        kind, reason, rest = line.split(maxsplit=2)
        age, _, rest = rest.partition("  ")
        source, message = rest.split(maxsplit=1)
        last, first, count = age, age, 1
        if "(" in age:
            last, times, _, first = age.replace("(", "").replace(")", "").split()
            count = int(times[1:])
        result.append(
            event(
                message,
                reason=reason,
                type=kind,
                source={"component": source},
                lastTimestamp=format_time(now - int(last.rstrip("s"))),
                firstTimestamp=format_time(now - int(first.rstrip("s"))),
                count=count,
                involvedObject={"kind": owner["kind"], "name": owner["metadata"]["name"]},
            )
        )
    return result


def test_deployment() -> None:
    expected = corpus.answer(GET, "describe deploy web").rstrip("\n") + "\n"
    owner = real_deployment()
    events = scaling_events(expected, owner, GET_NOW)
    assert len(events) == 6
    events.insert(2, event("not mine", kind="Deployment", name="other"))
    assert describe(owner, Objects(*real_replica_sets(owner)), events, GET_NOW) == expected


def test_deployment_after_many_rollouts() -> None:
    """Template annotations, old ReplicaSets by age, an event that came 16 times."""
    expected = corpus.answer("05-rollout-wait.txt", "describe deploy web").rstrip("\n") + "\n"
    now = parse_time("2026-11-20T04:00:11Z") + 0.5
    owner = real_deployment()
    owner["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "7"}
    owner["spec"]["replicas"] = 3
    owner["status"] |= {"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
    template = owner["spec"]["template"]
    template["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-11-20T04:00:04Z"}
    template["spec"]["containers"][0]["image"] = "nginx:1.25"
    sets = []
    for index, suffix in enumerate(("9c7ddd555", "6d765f4d78", "665d744dbf", "798fbf7bb")):
        old = replica_set(owner, suffix, index, image=f"nginx:{index}")
        old["metadata"]["creationTimestamp"] = format_time(now - 30 + index)
        sets.append(old)
    new = replica_set(owner, "8487bfd5b6", 7, image="nginx:1.25", replicas=3)
    new["metadata"]["creationTimestamp"] = format_time(now - 1)
    new["spec"]["template"]["metadata"]["annotations"] = template["metadata"]["annotations"]
    events = scaling_events(expected, owner, now)
    assert describe(owner, Objects(new, *reversed(sets)), events, now) == expected


def test_replica_sets() -> None:
    owner = real_deployment()
    pods = corpus.objects(GET, "get pods -l app=web -o yaml")
    sets = list(reversed(real_replica_sets(owner)))
    for one in pods:
        one["metadata"]["ownerReferences"] = owned(sets[0])
    stranger = {**pods[0], "metadata": {**pods[0]["metadata"], "ownerReferences": []}}
    text = describe_all(sets, Objects(*pods, stranger), [], GET_NOW)
    assert text == corpus.answer(GET, "describe rs").rstrip("\n") + "\n"


def test_pods() -> None:
    pods = corpus.objects(GET, "get pods -l app=web -o yaml")
    assert (
        describe_all(pods, Objects(), [], GET_NOW) == corpus.answer(GET, "describe pods").rstrip("\n") + "\n"
    )


def real_node() -> Object:
    quantities = {"cpu": "8", "ephemeral-storage": "100Gi", "memory": "32Gi", "pods": "110"}
    conditions = (
        ("Ready", "True", "KubeletReady"),
        ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID"),
    )
    times = dict.fromkeys(("lastHeartbeatTime", "lastTransitionTime"), "2026-11-20T03:59:42Z")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "node-1",
            "uid": "u1",
            "creationTimestamp": "2026-11-20T03:59:42Z",
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": "node-1",
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/region": "r1",
                "topology.kubernetes.io/zone": "r1-0",
            },
            "annotations": {"node.alpha.kubernetes.io/ttl": "0"},
        },
        "spec": {},
        "status": {
            "conditions": [
                {"type": kind, "status": status, "reason": reason, "message": reason, **times}
                for kind, status, reason in conditions
            ],
            "addresses": [
                {"type": "InternalIP", "address": "127.0.1.1"},
                {"type": "Hostname", "address": "node-1"},
            ],
            "capacity": quantities,
            "allocatable": quantities,
            "nodeInfo": {
                "machineID": "node-1",
                "systemUUID": "node-1",
                "bootID": "node-1",
                "kernelVersion": "fake",
                "osImage": "fake",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "containerRuntimeVersion": "fake://1",
                "kubeletVersion": "v1.36.2",
            },
        },
    }


def test_node() -> None:
    """All but the lease: a node's heartbeat here is its own conditions."""
    expected = corpus.answer("00-server.txt", "describe node node-1")
    before, _, after = expected.partition("Lease:\n")
    expected = before + "Conditions:" + after.partition("Conditions:")[2]
    node = real_node()
    events = scaling_events(expected, node, NOW)
    events[0]["involvedObject"]["uid"] = "node-1"
    assert describe(node, Objects(), events, NOW) == expected


def test_what_runs_on_a_node() -> None:
    pods = [pod("a"), pod("b"), pod("done", phase="Succeeded"), pod("elsewhere")]
    for one in pods[:3]:
        one["spec"]["nodeName"] = "node-1"
    limits = {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
    pods[0]["spec"]["containers"][0]["resources"] = limits
    pods[1]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "0.75"}}
    pods[1]["spec"]["initContainers"] = [
        {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": "1"}}},
        {"name": "big", "resources": {"requests": {"cpu": "2"}}},
    ]
    text = describe(real_node(), Objects(*pods), None, NOW)
    assert text.partition("v1.36.2\n")[2] == (
        "Non-terminated Pods:          (2 in total)\n"
        "  Namespace                   Name    CPU Requests  CPU Limits  "
        "Memory Requests  Memory Limits  Age\n"
        "  ---------                   ----    ------------  ----------  "
        "---------------  -------------  ---\n"
        "  samples                     a       250m (3%)     0 (0%)      64Mi (0%)        1Gi (3%)       5s\n"
        "  samples                     b       3 (37%)       0 (0%)      0 (0%)           0 (0%)         5s\n"
        "Allocated resources:\n"
        "  (Total limits may be over 100 percent, i.e., overcommitted.)\n"
        "  Resource           Requests     Limits\n"
        "  --------           --------     ------\n"
        "  cpu                3250m (40%)  0 (0%)\n"
        "  memory             64Mi (0%)    1Gi (3%)\n"
        "  ephemeral-storage  0 (0%)       0 (0%)\n"
    )


def test_states_of_containers() -> None:
    crash = waiting("CrashLoopBackOff", restartCount=3, lastState=ended(3, "Error")["state"])
    text = describe(pod(containerStatuses=[crash]), Objects(), None, NOW)
    assert block(text, "State:", "Ready:") == [
        "    State:          Waiting",
        "      Reason:       CrashLoopBackOff",
        "    Last State:     Terminated",
        "      Reason:       Error",
        "      Exit Code:    3",
        "      Started:      Fri, 20 Nov 2026 03:59:56 +0000",
        "      Finished:     Fri, 20 Nov 2026 03:59:57 +0000",
    ]


def block(text: str, first: str, end: str) -> list[str]:
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.strip().startswith(first))
    stop = next(index for index, line in enumerate(lines) if index > start and line.strip().startswith(end))
    return lines[start:stop]


def test_environment_volumes_and_tolerations() -> None:
    one = pod(podIP="10.0.0.9", containerStatuses=[running()])
    container: dict[str, Any] = one["spec"]["containers"][0]
    container["command"] = ["sh", "-c", "a\nb"]
    container["envFrom"] = [{"configMapRef": {"name": "cfg"}}, {"prefix": "P_", "secretRef": {"name": "s"}}]
    container["env"] = [
        {"name": "A", "value": "x\ny"},
        {"name": "IP", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.podIP"}}},
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
    ]
    container["volumeMounts"] = [
        {"mountPath": "/z", "name": "v"},
        {"mountPath": "/a", "name": "v", "readOnly": True, "subPath": "s"},
    ]
    one["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}, {"name": "odd", "flocker": {}}]
    one["spec"]["tolerations"] = [{"operator": "Exists"}, {"key": "k", "value": "v", "effect": "NoSchedule"}]
    text = describe(one, Objects(), [], NOW)
    assert block(text, "Command:", "State:") == ["    Command:", "      sh", "      -c", "      a", "      b"]
    assert block(text, "Environment Variables from:", "Volumes:") == [
        "    Environment Variables from:",
        "      cfg  ConfigMap                Optional: false",
        "      s    Secret with prefix 'P_'  Optional: false",
        "    Environment:",
        "      A:    x",
        "            y",
        "      IP:   10.0.0.9 (v1:status.podIP)",
        "      S:    <set to the key 'k' in secret 's'>  Optional: true",
        "      CPU:  node allocatable (limits.cpu)",
        "    Mounts:",
        '      /a from v (ro,path="s")',
        "      /z from v (rw)",
    ]
    assert "Type:       EmptyDir (a temporary directory that shares a pod's lifetime)" in text
    assert "  odd:\n  <unknown>\n" in text
    assert "Tolerations:     op=Exists\n                 k=v:NoSchedule\nEvents:          <none>\n" in text


def test_namespace() -> None:
    namespace = {
        "kind": "Namespace",
        "metadata": {"name": "a", "labels": {"kubernetes.io/metadata.name": "a"}},
        "status": {"phase": "Active"},
    }
    assert describe(namespace, Objects(), [], NOW) == (
        "Name:         a\n"
        "Labels:       kubernetes.io/metadata.name=a\n"
        "Annotations:  <none>\n"
        "Status:       Active\n"
        "\n"
        "No resource quota.\n"
        "\n"
        "No LimitRange resource.\n"
    )


def test_terminating_pod() -> None:
    one = pod()
    one["metadata"] |= {"deletionTimestamp": ago(8), "deletionGracePeriodSeconds": 30}
    text = describe(one, Objects(), None, NOW)
    assert "Status:                    Terminating (lasts 8s)\nTermination Grace Period:  30s\n" in text


def test_a_message_can_not_forge_rows_or_drive_the_terminal() -> None:
    forged = event("ok\nNormal  Forged  1s  me  \x1b[31mred\tx")
    text = describe(pod(message="a\nStatus: \x9bfine"), Objects(), [forged], NOW)
    assert not {"\x1b", "\x9b", "\t"} & set(text)
    assert "Message:      a\n              Status: \\x9bfine\n" in text
    _, forged_line = text.splitlines()[-2:]
    assert forged_line == f"{' ' * 34}Normal  Forged  1s  me  ^[[31mred^Ix"


def test_long_annotations_start_below_their_key() -> None:
    one = pod()
    one["metadata"]["annotations"] = {
        "a": "x" * 200,
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "z": "short",
    }
    text = describe(one, Objects(), None, NOW)
    assert "Annotations:  a:\n                " + "x" * 138 + "...\n              z: short\n" in text
    assert "last-applied" not in text


def test_kinds_without_a_description_of_their_own_show_all_of_it() -> None:
    lease: Object = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "l", "uid": "u"},
    }
    lease["spec"] = {"holderIdentity": "me", "preferredHolders": ["a", {"urlPath": True}]}
    assert describe(lease, Objects(), [], NOW) == (
        "Name:         l\n"
        "Namespace:    \n"
        "Labels:       <none>\n"
        "Annotations:  <none>\n"
        "API Version:  coordination.k8s.io/v1\n"
        "Kind:         Lease\n"
        "Metadata:\n"
        "  UID:  u\n"
        "Spec:\n"
        "  Holder Identity:  me\n"
        "  Preferred Holders:\n"
        "    a\n"
        "    URL Path:  true\n"
        "Events:        <none>\n"
    )
