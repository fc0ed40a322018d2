"""A pod's status from what its containers show, field by field as the kubelet writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from minikctl.backend import ContainerState, Dns
from minikctl.controlplane.kubelet.initialization import Initialization, initialization, is_done
from minikctl.controlplane.kubelet.instances import Instance, Instances
from minikctl.controlplane.kubelet.known import known_status
from minikctl.controlplane.kubelet.memo import PodMemo, Trouble
from minikctl.controlplane.kubelet.messages import with_message
from minikctl.controlplane.kubelet.network import is_on_host, machine_ip
from minikctl.controlplane.kubelet.specs import needs_sandbox
from minikctl.model import Object, conditions, spec_of, status_of
from minikctl.model.pods import START_ERROR, is_sidecar, qos_class
from minikctl.model.timestamps import format_time

ContainerStatus = dict[str, Any]
Facts = tuple[str, str, str]
"""A condition's status, reason and message."""


class Waiting(Struct, frozen=True):
    """Why a container does not run yet."""

    reason: str
    message: str = ""


NOTHING_KNOWN = "ContainerCreating"


class NodeFacts(Struct, frozen=True):
    """What a pod's status and environment say of its node."""

    backend: str
    host_ip: str
    allocatable: Mapping[str, str] = MappingProxyType({})
    keeps_files: bool = False
    """Whether pods have files of their own here, beside their volumes."""
    memory_bytes: int = 0
    """The machine's; 0 where nobody knows."""
    rootless: bool = False
    pod_network: str = ""
    """What containers get their addresses from, as CIDR; "" where they share none."""
    resolver: Dns = Dns()
    """What the machine's own reads; nothing where nobody can ask it."""

    def address_for(self, pod: Object) -> str:
        """The machine's: where others find it, of a pod that is on its network itself."""
        return machine_ip(self.pod_network, self.host_ip) if is_on_host(pod) else self.host_ip


class Failure(Struct, frozen=True):
    """Why a pod as a whole has failed."""

    reason: str
    message: str


def pod_status(
    pod: Object,
    instances: Instances,
    waiting: dict[str, Waiting],
    memo: PodMemo,
    node: NodeFacts,
    now: float,
    failure: Failure | None = None,
) -> dict[str, Any]:
    """`waiting` names the containers that wait, and why."""
    before = status_of(pod)
    apps = _statuses(pod, spec_of(pod)["containers"], instances, waiting, memo, node)
    inits = _init_statuses(pod, instances, waiting, memo, node)
    begun = initialization(pod, instances, memo)
    phase = "Failed" if failure else _phase(pod, begun, apps, instances)
    host_ip = node.address_for(pod)
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": _conditions(pod, begun, inits, apps, instances, phase, now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime") or format_time(now),
        "containerStatuses": apps,
        "qosClass": qos_class(spec_of(pod)),
        "observedGeneration": pod["metadata"].get("generation", 1),
    }
    if inits:
        status["initContainerStatuses"] = inits
    if address := host_ip if is_on_host(pod) else _pod_ip(pod, instances, before):
        status["podIP"] = address
        status["podIPs"] = [{"ip": address}]
    if failure:
        status["reason"], status["message"] = failure.reason, failure.message
    return status


# --- containers


def _statuses(
    pod: Object,
    containers: Sequence[dict[str, Any]],
    instances: Instances,
    waiting: dict[str, Waiting],
    memo: PodMemo,
    node: NodeFacts,
) -> list[ContainerStatus]:
    return [
        _container_status(pod, one, instances, waiting.get(one["name"]), memo, node) for one in containers
    ]


def _init_statuses(
    pod: Object, instances: Instances, waiting: dict[str, Waiting], memo: PodMemo, node: NodeFacts
) -> list[ContainerStatus]:
    containers = spec_of(pod).get("initContainers") or ()
    statuses = _statuses(pod, containers, instances, waiting, memo, node)
    for container, status in zip(containers, statuses, strict=True):
        if is_sidecar(container):
            continue
        if instances.latest(container["name"]) is None and is_done(pod, container["name"], instances):
            # Its container is gone; what it did is not.
            status["state"] = known_status(pod, container["name"])["state"]
        ended = status["state"].get("terminated")
        status["ready"] = bool(ended) and not ended["exitCode"]
    return statuses


def _container_status(
    pod: Object,
    container: dict[str, Any],
    instances: Instances,
    waiting: Waiting | None,
    memo: PodMemo,
    node: NodeFacts,
) -> ContainerStatus:
    known = known_status(pod, container["name"])
    state = memo.health(pod, container, instances)
    latest = instances.latest(container["name"])
    status: ContainerStatus = {
        "name": container["name"],
        "image": container["image"],
        "imageID": latest.container.image_id if latest else known.get("imageID", ""),
        "restartCount": latest.identity.attempt if latest else known.get("restartCount", 0),
        "ready": state.ready,
        "started": state.started,
        "state": _state(latest, waiting, known, node),
        "lastState": _last_state(container["name"], instances, waiting, known, memo, node),
    }
    identifier = f"{node.backend}://{latest.id}" if latest else known.get("containerID")
    if identifier:
        status["containerID"] = identifier
    return with_message(status, known, memo.messages)


def _state(
    latest: Instance | None, waiting: Waiting | None, known: ContainerStatus, node: NodeFacts
) -> dict[str, Any]:
    if latest is not None and latest.is_running:
        return {"running": {"startedAt": format_time(latest.container.started_at or 0)}}
    if waiting is None and latest is not None and latest.has_ended:
        return {"terminated": terminated(latest, node)}
    reason = waiting or Waiting(NOTHING_KNOWN)
    before = (known.get("state") or {}).get("waiting")
    if reason.reason == NOTHING_KNOWN and before:
        return {"waiting": before}  # a new agent does not know yet why it waits; the status still does
    state = {"reason": reason.reason}
    if reason.message:
        state["message"] = reason.message
    return {"waiting": state}


def terminated(instance: Instance, node: NodeFacts) -> dict[str, Any]:
    container = instance.container
    code = container.exit_code or 0
    reason = "OOMKilled" if container.oom_killed else ("Completed" if code == 0 else "Error")
    result: dict[str, Any] = {
        "containerID": f"{node.backend}://{container.id}",
        "exitCode": code,
        "reason": reason,
        "startedAt": format_time(container.started_at or container.created_at),
        "finishedAt": format_time(container.finished_at or container.created_at),
    }
    if container.message:
        result["message"] = container.message
    return result


def _last_state(
    name: str,
    instances: Instances,
    waiting: Waiting | None,
    known: ContainerStatus,
    memo: PodMemo,
    node: NodeFacts,
) -> dict[str, Any]:
    latest = instances.latest(name)
    trouble = memo.troubles.get(name)
    if trouble is not None and latest is not None and latest.container.state is ContainerState.CREATED:
        return {"terminated": _not_started(latest, trouble, node)}
    if latest is not None and latest.has_ended and waiting is not None:
        return {"terminated": terminated(latest, node)}
    if previous := instances.previous(name):
        return {"terminated": terminated(previous, node)}
    was = known.get("state") or {}
    changed = latest is None or known.get("containerID") != f"{node.backend}://{latest.id}"
    if changed and "terminated" in was:
        return {"terminated": was["terminated"]}
    if changed and "running" in was:
        return {"terminated": _vanished(known, was["running"])}
    kept: dict[str, Any] = known.get("lastState") or {}
    return kept


def _not_started(instance: Instance, trouble: Trouble, node: NodeFacts) -> dict[str, Any]:
    """As containerd has it, of a container that its runtime could not start."""
    return {
        "containerID": f"{node.backend}://{instance.id}",
        "exitCode": 128,
        "reason": START_ERROR,
        "message": trouble.message,
        "startedAt": format_time(0),
        "finishedAt": format_time(trouble.failed_at),
    }


def _vanished(known: ContainerStatus, running: dict[str, Any]) -> dict[str, Any]:
    """Somebody removed a container that ran: nobody knows how it ended."""
    return {
        "containerID": known.get("containerID", ""),
        "exitCode": 137,
        "reason": "ContainerStatusUnknown",
        "message": "The container could not be located: it was removed from outside",
        "startedAt": running.get("startedAt"),
        "finishedAt": None,
    }


# --- the pod


def _phase(pod: Object, begun: Initialization, statuses: list[ContainerStatus], instances: Instances) -> str:
    """Upstream's getPhase. A pod ends only when its sidecars have ended too."""
    if status_of(pod).get("phase") in ("Succeeded", "Failed"):
        return str(status_of(pod)["phase"])
    if any(one.is_running for one in instances.apps()) and not _is_pending(statuses):
        return "Running"
    if begun.has_failed:
        return "Failed"
    if not begun.is_complete or _is_pending(statuses):
        return "Pending"
    states = [status["state"] for status in statuses]
    if any("terminated" not in state for state in states):
        return "Running"
    policy = spec_of(pod).get("restartPolicy", "Always")
    failed = any(state["terminated"]["exitCode"] for state in states)
    if policy == "Always" or (policy == "OnFailure" and failed):
        return "Running"
    return "Failed" if failed else "Succeeded"


def _is_pending(statuses: list[ContainerStatus]) -> bool:
    """Whether some container never ran."""
    return any("waiting" in one["state"] and "terminated" not in one["lastState"] for one in statuses)


def _pod_ip(pod: Object, instances: Instances, before: dict[str, Any]) -> str:
    holder = instances.sandbox() if needs_sandbox(pod) else None
    candidates = [holder] if holder else [one for one in instances.apps() if one.is_running]
    for one in reversed(candidates):
        if one.container.ip:
            return one.container.ip
    address: str = before.get("podIP", "")
    return address


def _conditions(
    pod: Object,
    begun: Initialization,
    inits: list[ContainerStatus],
    statuses: list[ContainerStatus],
    instances: Instances,
    phase: str,
    now: float,
) -> list[conditions.Condition]:
    has_sandbox = bool(instances.apps() or instances.sandboxes)
    containers_ready = _containers_ready(pod, inits, statuses, phase)
    result = list(status_of(pod).get("conditions") or ())
    for kind, facts in (
        ("PodReadyToStartContainers", ("True" if has_sandbox else "False", "", "")),
        ("Initialized", _initialized(begun, inits)),
        ("Ready", _ready(pod, containers_ready)),
        ("ContainersReady", containers_ready),
    ):
        result = conditions.put(result, _condition(kind, *facts, now))
    if not any(one["type"] == "PodScheduled" for one in result):
        result.append(_condition("PodScheduled", "True", "", "", now))
    order = {kind: index for index, kind in enumerate(_ORDER)}
    return sorted(result, key=lambda one: order.get(one["type"], len(order)))


def _containers_ready(
    pod: Object, inits: list[ContainerStatus], statuses: list[ContainerStatus], phase: str
) -> Facts:
    sidecars = {one["name"] for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)}
    counted = [*(one for one in inits if one["name"] in sidecars), *statuses]
    unready = [status["name"] for status in counted if not status["ready"]]
    if phase == "Succeeded":
        return "False", "PodCompleted", ""
    if phase == "Failed":
        return "False", "PodFailed", ""
    if unready:
        return "False", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
    return "True", "", ""


def _ready(pod: Object, containers_ready: Facts) -> Facts:
    """With the readiness gates: conditions that somebody else writes into the pod's status."""
    if containers_ready[0] != "True":
        return containers_ready
    problems = []
    for gate in spec_of(pod).get("readinessGates") or ():
        kind = gate["conditionType"]
        found = conditions.find(status_of(pod), kind)
        if found is None:
            problems.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif found["status"] != "True":
            problems.append(f'the status of pod readiness gate "{kind}" is not "True", but {found["status"]}')
    return ("False", "ReadinessGatesNotReady", ", ".join(problems)) if problems else ("True", "", "")


def _initialized(begun: Initialization, inits: list[ContainerStatus]) -> Facts:
    if begun.is_complete:
        return ("True", "", "")
    left = " ".join(one["name"] for one in inits if not one["ready"])
    return ("False", "ContainersNotInitialized", f"containers with incomplete status: [{left}]")


_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


def _condition(kind: str, status: str, reason: str, message: str, now: float) -> conditions.Condition:
    condition: conditions.Condition = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": format_time(now),
    }
    if reason:
        condition["reason"] = reason
    if message:
        condition["message"] = message
    return condition
