"""Random lives with autoscalers: a load that pods share, and as many pods as it takes, within the bounds."""

from __future__ import annotations

import math
from typing import Any

from minikctl.backend import ContainerState, Usage, labels
from minikctl.model import Object, ObjectKey, conditions, name_of, spec_of, status_of
from minikctl.model.pods import is_active
from minikctl.model.quantity import milli
from minikctl.model.timestamps import parse_time

from .life import Life
from .world import CLUSTER

NAMES = ("api", "web")
WINDOW_SECONDS = 300.0
"""How long a recommendation counts against a smaller one."""
STEP_SECONDS = 60.0
"""More than any policy's period here, and a look after it."""
REQUEST = 200
"""Millicores that each container asks for."""


class AutoscalerStory(Life):
    kinds = ("Deployment", "HorizontalPodAutoscaler")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.load = dict.fromkeys(NAMES, 300)
        """Millicores that the pods of each share."""
        self._used: dict[str, tuple[float, float]] = {}
        """By container: nanoseconds of CPU until a time."""
        self.world.usage = self.usage
        self.world.stored_checks.append(self.check_events)
        self.world.meddle = lambda: self.random.choice((self.apply, self.autoscale, self.scale))()

    def deeds(self) -> list[Any]:
        people = [self.apply, self.autoscale, self.autoscale, self.scale, self.delete, self.stop_autoscaling]
        return [*people, self.change_load, self.change_load, self.delete_pod]

    # --- people

    def apply(self) -> None:
        self.apply_named(self.random.choice(NAMES))

    def apply_named(self, name: str) -> None:
        """Without a size: that is the autoscaler's."""
        container = {
            "name": "main",
            "image": f"busybox:{self.random.randint(1, 2)}",
            "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"],
            "resources": {"requests": {"cpu": f"{REQUEST}m"}},
        }
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        }
        self._try(lambda: self.world.api.apply([manifest]))

    def autoscale(self) -> None:
        few = self.random.randint(1, 3)
        self.autoscale_named(self.random.choice(NAMES), few, few + self.random.randint(0, 4))

    def autoscale_named(self, name: str, few: int, most: int) -> None:
        pick = self.random.choice
        target = pick(
            (
                {"type": "Utilization", "averageUtilization": pick((50, 100))},
                {"type": "AverageValue", "averageValue": "150m"},
            )
        )
        spec: dict[str, Any] = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": few,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        if pick((True, False)):
            down = {"stabilizationWindowSeconds": pick((0, 30))}
            up = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}
            spec["behavior"] = {"scaleDown": down, "scaleUp": up}
        manifest = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "default"},
            "spec": spec,
        }
        self._try(lambda: self.world.api.apply([manifest]))

    def scale(self) -> None:
        count = self.random.randint(1, 8)
        self.resize("Deployment", self.random.choice(NAMES), count)

    def delete(self) -> None:
        key = ObjectKey("Deployment", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.delete(key))

    def stop_autoscaling(self) -> None:
        key = ObjectKey("HorizontalPodAutoscaler", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.delete(key))

    def change_load(self) -> None:
        self.load[self.random.choice(NAMES)] = self.random.choice((0, 100, 300, 600, 1200))

    # --- what containers use

    def usage(self, container_id: str) -> Usage | None:
        found = self.world.engine.container(container_id, CLUSTER)
        if found is None or found.state is not ContainerState.RUNNING:
            return None
        name = found.labels[labels.POD_NAME].partition("-")[0]
        sharing = [
            one
            for one in self._running()
            if one.labels.get(labels.POD_NAME, "").partition("-")[0] == name
            and one.labels.get(labels.TYPE) == labels.TYPE_CONTAINER
        ]
        # Just below a whole number, so that what is measured over any time is the same figure.
        rate = max(0.0, self.load[name] // max(1, len(sharing)) - 0.5)
        nanoseconds, since = self._used.get(container_id, (0.0, self.world.clock.time))
        nanoseconds += rate * 1e6 * (self.world.clock.time - since)
        self._used[container_id] = (nanoseconds, self.world.clock.time)
        return Usage(int(nanoseconds), 1 << 20)

    # --- what must always hold

    def check_events(self) -> None:
        """No autoscaler ever asks for what none of its bounds allowed."""
        for event in self.world.database.list("Event"):
            if event["reason"] == "SuccessfulRescale":
                size = int(event["message"].removeprefix("New size: ").partition(";")[0])
                assert 1 <= size <= 7, event["message"]

    # --- the end

    def what_is_wrong(self) -> str:
        if self.world.loop._revision != self.world.database.revision():
            return "not everything was seen"
        deployments = {name_of(one): one for one in self.world.database.list("Deployment")}
        for name, one in deployments.items():
            count = len([pod for pod in self.pods_of_deployment(one) if is_active(pod)])
            if count != spec_of(one)["replicas"]:
                return f"{name} has {count} of {spec_of(one)['replicas']} pods"
        for autoscaler in self.world.database.list("HorizontalPodAutoscaler"):
            target = deployments.get(name_of(autoscaler))
            reason = "" if target is None else self._is_missized(autoscaler, target)
            if reason:
                return reason
        return ""

    def _is_missized(self, autoscaler: Object, target: Object) -> str:
        spec, size, name = spec_of(autoscaler), spec_of(target)["replicas"], name_of(target)
        few, most = spec["minReplicas"], spec["maxReplicas"]
        if not few <= size <= most:
            return f"{name} has {size} pods, not {few} to {most}"
        scaled = status_of(autoscaler).get("lastScaleTime")
        if scaled is not None and parse_time(scaled) + STEP_SECONDS > self.world.clock.time:
            return f"{name} was scaled a moment ago: its limits may be told once more"
        pods = filter(is_active, self.pods_of_deployment(target))
        ready = [conditions.find(status_of(pod), "Ready") for pod in pods]
        begun = max((parse_time(one["lastTransitionTime"]) for one in ready if one), default=0.0)
        if begun + WINDOW_SECONDS + STEP_SECONDS > self.world.clock.time:
            return f"{name} is no older than what was recommended when a pod of it was not ready"
        wanted = spec["metrics"][0]["resource"]["target"]
        each = self.load[name] // size
        if "averageUtilization" in wanted:
            ratio = each * 100 // REQUEST / wanted["averageUtilization"]
        else:
            ratio = each / 150
        if 0.9 <= ratio <= 1.1 or min(max(math.ceil(ratio * size), few), most) == size:
            return _is_untold(status_of(autoscaler), size, each)
        return f"{name} has {size} pods, each at {ratio} of the target"


def _is_untold(status: dict[str, Any], size: int, each: int) -> str:
    """What the status does not say yet of so many pods that use so much each."""
    able = conditions.find(status, "AbleToScale") or {}
    (metric,) = status.get("currentMetrics") or [{}]
    amount = metric.get("resource", {}).get("current", {}).get("averageValue", "-1")
    known = (status.get("currentReplicas"), status.get("desiredReplicas"), milli(amount), able.get("reason"))
    return (
        ""
        if known == (size, size, each, "ReadyForNewScale")
        else f"{size} pods of {each}, and it says {known}"
    )
