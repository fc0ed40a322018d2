"""The HorizontalPodAutoscaler controller: as many pods as their metrics ask for.

Rules:
- Every 15 s, and when somebody changed the autoscaler. What pods use is data (`usage`): nothing is decided
  from it before somebody has measured it once.
- Of several metrics the one that asks for most counts. One that is not known keeps the size from going down.
- A size outside of the bounds is corrected without asking the metrics. Size 0 switches the autoscaler off.
- Reasons, messages and events are upstream's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from minikctl.controlplane.autoscaling_metrics import NoMetric, Proposal, Target, Tolerance, propose
from minikctl.controlplane.autoscaling_rules import Limited, Memory, forgotten, limited, stabilized
from minikctl.controlplane.decision import Decision, with_metadata, with_status
from minikctl.controlplane.owned import selector_of
from minikctl.controlplane.usage import Usage
from minikctl.controlplane.view import View
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    selectors,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.kinds import AUTOSCALER, KINDS, SCALABLE
from minikctl.model.quantity import format_quantity, milli, parse_quantity
from minikctl.model.timestamps import format_time

KIND = AUTOSCALER.name
COMPONENT = "horizontal-pod-autoscaler"
SYNC_SECONDS = 15.0
ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"


def reconcile(
    key: ObjectKey, view: View, usage: Usage | None, memory: Memory, now: float
) -> tuple[Decision, Memory]:
    """:param usage: None while nobody has measured anything."""
    autoscaler = view.get(key)
    if autoscaler is None or is_deleting(autoscaler):
        return Decision(), memory
    generation = autoscaler["metadata"].get("generation", 1)
    if generation == memory.generation and now < memory.synced_at + SYNC_SECONDS:
        return Decision(look_again=memory.synced_at + SYNC_SECONDS), memory
    look = _Look(autoscaler, view, usage, memory, now)
    look.decide()
    look.decision.look_at(now + SYNC_SECONDS)
    if look.waits:
        return Decision(), memory
    return look.decision, replace(look.memory, synced_at=now, generation=generation)


def target_of(autoscaler: Object, view: View) -> Object | None:
    """What it sizes; None where there is no such object."""
    reference = spec_of(autoscaler)["scaleTargetRef"]
    if reference["kind"] not in SCALABLE:
        return None
    return view.get(ObjectKey(reference["kind"], namespace_of(autoscaler), reference["name"]))


def pods_of(target: Object, view: View) -> list[Object]:
    """The pods that its selector selects."""
    selector = selector_of(target)
    return [
        pod for pod in view.list("Pod", namespace_of(target)) if selectors.matches(selector, labels_of(pod))
    ]


class _Metrics(NamedTuple):
    """What the metrics ask for together, and what they are."""

    replicas: int
    name: str
    statuses: list[dict[str, Any]]


class _Invalid(Exception):
    """No metric, or not enough of them, can be used."""


class _Problem(Struct, frozen=True):
    """Why a metric can't be used: the event's reason, and two texts, the longer one for people."""

    reason: str
    message: str
    told: str


class _Look:
    """One look at one autoscaler."""

    def __init__(
        self, autoscaler: Object, view: View, usage: Usage | None, memory: Memory, now: float
    ) -> None:
        self.autoscaler = autoscaler
        self.spec = spec_of(autoscaler)
        self.view = view
        self.usage = usage
        self.memory = memory
        self.now = now
        self.decision = Decision()
        self.waits = False
        """For somebody to measure: nothing is decided."""
        self.behavior: Mapping[str, Any] | None = self.spec.get("behavior")
        self.bounds = (self.spec.get("minReplicas", 1), self.spec["maxReplicas"])
        self.conditions = list(status_of(autoscaler).get("conditions") or ())
        self.statuses: list[dict[str, Any]] | None = None
        """Of the metrics, where they were asked."""

    # --- the parent

    def decide(self) -> None:
        target = target_of(self.autoscaler, self.view)
        if target is None:
            self._miss_target()
            return
        size, there = spec_of(target).get("replicas", 1), status_of(target).get("replicas", 0)
        self._set(ABLE, "True", "SucceededGetScale", _GOT_SCALE)
        try:
            desired, why = self._desired(target, size)
        except _Invalid as error:
            if not self.waits:
                self._tell("FailedComputeMetricsReplicas", str(error), "Warning")
                self._keep_status(there, status_of(self.autoscaler).get("desiredReplicas", 0), None)
            return
        scaled = None
        if desired != size and why:
            self._scale(target, size, desired, why)
            scaled = self.now
        self._keep_status(there, desired, scaled)

    def _desired(self, target: Object, size: int) -> tuple[int, str]:
        """The new size, and why ("" where nothing is to be done).

        :raises _Invalid: the metrics are not known."""
        fewest, most = self.bounds
        if size == 0 and fewest != 0:
            self._set(ACTIVE, "False", "ScalingDisabled", _DISABLED)
            return 0, ""
        if size > most:
            return most, "Current number of replicas above Spec.MaxReplicas"
        if size < fewest:
            return fewest, "Current number of replicas below Spec.MinReplicas"
        asked = self._asked(target, size)
        self.statuses = asked.statuses
        self._set(ACTIVE, "True", "ValidMetricFound", f"{_VALID} {asked.name}")
        desired = self._normalized(size, asked.replicas)
        if desired > size:
            return desired, f"{asked.name} above target"
        return desired, "All metrics below target" if desired < size else ""

    def _normalized(self, size: int, wanted: int) -> int:
        recommended, able, self.memory = stabilized(self.behavior, self.memory, size, wanted, self.now)
        self._set(ABLE, "True", *able)
        self.memory = forgotten(self.behavior, self.memory, self.now)
        found: Limited = limited(self.behavior, self.memory, size, recommended, self.bounds, self.now)
        self._set(LIMITED, "True" if found.is_limited else "False", *found.why)
        return found.replicas

    # --- metrics

    def _asked(self, target: Object, size: int) -> _Metrics:
        if self.usage is None:
            self.waits = True
            raise _Invalid
        pods = pods_of(target, self.view)
        self._check_alone(target, pods)
        metrics = self.spec.get("metrics") or [_CPU]
        best, name = 0, ""
        statuses: list[dict[str, Any]] = []
        problems: list[_Problem] = []
        for metric in metrics:
            found = self._measured(metric, pods, size)
            if isinstance(found, _Problem):
                problems.append(found)
                statuses.append({"type": ""})
                continue
            statuses.append(_status(metric, found))
            if not name or found.replicas > best:
                best, name = found.replicas, _described(metric)
        if problems and (len(problems) == len(metrics) or best < size):
            self._set(ACTIVE, "False", problems[0].reason, f"{_UNABLE}: {problems[0].message}")
            counted = f"invalid metrics ({len(problems)} invalid out of {len(metrics)})"
            raise _Invalid(f"{counted}, first error is: {problems[0].told}: {problems[0].message}")
        return _Metrics(best, name, statuses)

    def _check_alone(self, target: Object, pods: Sequence[Object]) -> None:
        """:raises _Invalid: another autoscaler sizes some of these pods."""
        mine = {uid_of(pod) for pod in pods}
        others = (one for one in self.view.list(KIND, namespace_of(target)))
        rivals = [
            one
            for one in others
            if (sized := target_of(one, self.view)) is not None
            and any(uid_of(pod) in mine for pod in pods_of(sized, self.view))
        ]
        if len(rivals) < 2:
            return
        names = " ".join(f"{{{name_of(one)} {namespace_of(one)}}}" for one in rivals)
        selector = ",".join(f"{one.key}={','.join(one.values)}" for one in selector_of(target))
        text = f"pods by selector {selector} are controlled by multiple HPAs: [{names}]"
        self._tell("AmbiguousSelector", text, "Warning")
        self._set(ACTIVE, "False", "AmbiguousSelector", text)
        raise _Invalid(text)

    def _measured(self, metric: Mapping[str, Any], pods: Sequence[Object], size: int) -> Proposal | _Problem:
        source, of_container = _source(metric)
        found = source["target"]
        is_share = "averageUtilization" in found
        target = Target(
            source["name"],
            source.get("container", ""),
            found["averageUtilization"] if is_share else None,
            0 if is_share else milli(found["averageValue"]),
        )
        try:
            return propose(target, pods, self.usage or {}, size, self._tolerance(), self.now)
        except NoMetric as error:
            what = "utilization" if is_share else "usage"
            message = f"failed to get {source['name']} {what}: {error}"
            kind = "Container" if of_container else ""
            reason = f"FailedGet{kind}ResourceMetric"
            self._tell(reason, message, "Warning")
            word = "container" if of_container else "resource"
            return _Problem(reason, message, f"failed to get {source['name']} {word} metric value")

    def _tolerance(self) -> Tolerance:
        rules = self.behavior or {}
        up, down = (
            float(parse_quantity((rules.get(side) or {}).get("tolerance", "100m")))
            for side in ("scaleUp", "scaleDown")
        )
        return Tolerance(up, down)

    # --- what is written

    def _scale(self, target: Object, size: int, desired: int, why: str) -> None:
        generation = target["metadata"].get("generation", 1) + 1
        changed = {**target, "spec": {**spec_of(target), "replicas": desired}}
        self.decision.put(with_metadata(changed, generation=generation))
        text = f"the HPA controller was able to update the target scale to {desired}"
        self._set(ABLE, "True", "SucceededRescale", text)
        self._tell("SuccessfulRescale", f"New size: {desired}; reason: {why}")
        self.memory = self.memory.scaled(self.now, size, desired)

    def _miss_target(self) -> None:
        reference = self.spec["scaleTargetRef"]
        kind = KINDS.get(reference["kind"])
        if reference["kind"] in SCALABLE or kind is None:
            resource = kind.resource if kind is not None else reference["kind"]
            why = f'{resource} "{reference["name"]}" not found'
        else:
            why = "the server could not find the requested resource"
        self._tell("FailedGetScale", why, "Warning")
        text = f"the HPA controller was unable to get the target's current scale: {why}"
        self._set(ABLE, "False", "FailedGetScale", text)
        before = status_of(self.autoscaler)
        self._keep_status(before.get("currentReplicas", 0), before.get("desiredReplicas", 0), None)

    def _keep_status(self, there: int, desired: int, scaled: float | None) -> None:
        before = status_of(self.autoscaler)
        status: dict[str, Any] = {
            "conditions": self.conditions,
            "currentMetrics": before.get("currentMetrics") if self.statuses is None else self.statuses,
            "currentReplicas": there,
            "desiredReplicas": desired,
            "lastScaleTime": before.get("lastScaleTime") if scaled is None else format_time(scaled),
            "observedGeneration": self.autoscaler["metadata"].get("generation", 1),
        }
        status = {name: value for name, value in status.items() if value is not None}
        if new := with_status(self.autoscaler, status):
            self.decision.put(new)

    def _set(self, kind: str, status: str, reason: str, message: str) -> None:
        condition = {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": format_time(self.now),
        }
        self.conditions = conditions.put(self.conditions, condition)

    def _tell(self, reason: str, text: str, kind: str = "Normal") -> None:
        self.decision.tell(self.autoscaler, reason, text, COMPONENT, kind)


# --- words

_GOT_SCALE = "the HPA controller was able to get the target's current scale"
_DISABLED = "scaling is disabled since the replica count of the target is zero"
_VALID = "the HPA was able to successfully calculate a replica count from"
_UNABLE = "the HPA was unable to compute the replica count"
_CPU: Mapping[str, Any] = {
    "type": "Resource",
    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
}


def _source(metric: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """What the metric is of, and whether that is one container."""
    of_container = metric["type"] == "ContainerResource"
    source: Mapping[str, Any] = metric["containerResource" if of_container else "resource"]
    return source, of_container


def _described(metric: Mapping[str, Any]) -> str:
    source, of_container = _source(metric)
    name = f"{source['name']} {'container ' if of_container else ''}resource"
    share = " utilization (percentage of request)"
    return f"{name}{share}" if "averageUtilization" in source["target"] else name


def _status(metric: Mapping[str, Any], found: Proposal) -> dict[str, Any]:
    source, of_container = _source(metric)
    current: dict[str, Any] = {"averageValue": format_quantity(Decimal(found.amount) / 1000, binary=False)}
    if found.percent is not None:
        current["averageUtilization"] = found.percent
    field = "containerResource" if of_container else "resource"
    container = {"container": source["container"]} if of_container else {}
    return {"type": metric["type"], field: {**container, "current": current, "name": source["name"]}}
