"""Random lives with quotas, disruption budgets and priorities: what is promised holds at every moment.

- No commit makes pods beyond a quota, whoever else makes some at the same time.
- An eviction leaves as many healthy pods as the budget asks for, as far as anybody knew.
- Nobody goes for a pod that is not more important, and in the end none waits that others would make room for.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from minikctl.controlplane.disruption import selects
from minikctl.controlplane.rollout import surge_and_unavailable
from minikctl.model import (
    Object,
    ObjectKey,
    conditions,
    controller_of,
    is_deleting,
    key_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pods import is_active, is_finished, is_ready, pod_requests
from minikctl.model.priorities import priority_of
from minikctl.model.quantity import milli

from .life import Life

NAMES = ("api", "web")
CLASSES = {"high": 100, "low": 1}
KINDS = ("Deployment", "PodDisruptionBudget", "ResourceQuota")


class PoliciesStory(Life):
    kinds = ("Deployment", "PodDisruptionBudget", "ResourceQuota")

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.world.nodes = tuple(replace(one, capacity={"cpu": "4"}) for one in self.world.nodes)
        self.world.start()
        self._pods: set[str] = set()
        self._told: set[str] = set()
        self.world.stored_checks.append(self.check_quotas)
        self.world.stored_checks.append(self.check_preemptions)
        self.world.seen_checks.append(self.check_statuses)
        self.world.meddle = lambda: self.random.choice((self.apply, self.scale, self.run_pod))()
        for name, value in CLASSES.items():
            manifest = {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": name},
                "value": value,
            }
            self.world.api.create(manifest)

    def deeds(self) -> list[Any]:
        people = [self.apply, self.apply, self.scale, self.delete, self.evict, self.evict, self.run_pod]
        return [*people, self.budget, self.quota, self.delete_policy, self.delete_pod, self.cordon]

    def calm_down(self) -> None:
        """Without budgets and quotas the end is what Deployments and priorities alone say."""
        for kind in KINDS[1:]:
            for one in self.world.database.list(kind):
                self._try(partial(self.world.api.delete, key_of(one)))

    def _try(self, deed: Any) -> None:
        """What people make counts before anybody changes a quota."""
        super()._try(deed)
        self.check_quotas()

    # --- people

    def apply(self) -> None:
        name, pick = self.random.choice(NAMES), self.random.choice
        spec = self._pod_spec()
        spec["priorityClassName"] = pick((*CLASSES, "low"))
        spec["containers"][0]["resources"] = {"requests": {"cpu": pick(("500m", "1", "2", "3"))}}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "replicas": self.random.randint(0, 5),
                "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
            },
        }
        self._try(lambda: self.world.api.apply([manifest]))

    def run_pod(self) -> None:
        name, spec = f"bare-{self.random.randint(1, 4)}", self._pod_spec()
        spec["priorityClassName"] = self.random.choice(tuple(CLASSES))
        metadata = {"name": name, "namespace": "default", "labels": {"app": self.random.choice(NAMES)}}
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
        if self.random.random() < 0.5:  # nobody takes it over
            metadata["labels"] = {"run": name}
        self._try(lambda: self.world.api.create(manifest))

    def scale(self) -> None:
        count = self.random.randint(0, 6)
        self.resize("Deployment", self.random.choice(NAMES), count)

    def delete(self) -> None:
        key = ObjectKey("Deployment", "default", self.random.choice(NAMES))
        self._try(lambda: self.world.api.delete(key))

    def budget(self) -> None:
        name = self.random.choice(NAMES)
        bound = self.random.choice(({"minAvailable": self.random.randint(0, 4)}, {"maxUnavailable": 1}))
        spec = {"selector": {"matchLabels": {"app": name}}, **bound}
        self._policy("policy/v1", "PodDisruptionBudget", name, spec)

    def quota(self) -> None:
        bound = self.random.choice(
            ({"pods": str(self.random.randint(0, 8))}, {"requests.cpu": str(self.random.randint(1, 9))})
        )
        self._policy("v1", "ResourceQuota", self.random.choice(NAMES), {"hard": bound})

    def _policy(self, version: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": "default"}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        self._try(lambda: self.world.api.apply([manifest]))

    def delete_policy(self) -> None:
        kind = self.random.choice(KINDS[1:])
        self._try(lambda: self.world.api.delete(ObjectKey(kind, "default", self.random.choice(NAMES))))

    def evict(self) -> None:
        """Somebody drains. What goes is checked where the control plane knew all that was stored."""
        pods = self.world.database.list("Pod")
        loop = self.world.loop
        is_known = loop._revision == self.world.database.revision() and loop.has_looked()
        for pod in self.random.sample(pods, min(3, len(pods))):
            self._evict(pod, is_known)

    def _evict(self, pod: Object, is_known: bool) -> None:
        database = self.world.database
        budgets = [one for one in database.list("PodDisruptionBudget") if selects(one, pod)]
        costs = is_ready(pod) and is_active(pod)
        before = len(database.list("Pod"))
        self._try(lambda: self.world.api.evict(key_of(pod)))
        left = self.world.database.list("Pod")
        gone = next((one for one in left if uid_of(one) == uid_of(pod)), None)
        was_taken = len(left) < before or (gone is not None and is_deleting(gone) and not is_deleting(pod))
        if is_known and costs and was_taken and len(budgets) == 1:
            healthy = sum(
                1 for one in left if selects(budgets[0], one) and is_ready(one) and not is_deleting(one)
            )
            desired = status_of(budgets[0])["desiredHealthy"]
            assert healthy >= desired, f"an eviction left {healthy} healthy pods of {desired}"

    # --- what must always hold

    def check_quotas(self) -> None:
        """A commit that makes pods leaves every quota that was there before it intact."""
        database = self.world.database
        pods = [pod for pod in database.list("Pod") if not is_finished(pod)]
        new = {uid_of(pod) for pod in pods} - self._pods
        self._pods |= new  # for good: after a lost database pods are known again, and not made
        made = [pod for pod in pods if uid_of(pod) in new]
        for quota in database.list("ResourceQuota"):
            for name, hard in spec_of(quota)["hard"].items():
                used, added = _used(name, pods), _used(name, made)
                changed_with = status_of(quota).get("used", {}).get(name)
                if added and changed_with is not None and used > milli(hard):
                    raise AssertionError(f"{used} of {hard} {name} are used, {added} of them new")

    def check_statuses(self) -> None:
        """What the loop has seen is counted, whatever it was that changed."""
        database = self.world.database
        pods = database.list("Pod")
        for quota in database.list("ResourceQuota"):
            for name, told in (status_of(quota).get("used") or {}).items():
                used = _used(name, [pod for pod in pods if not is_finished(pod)])
                assert milli(told) == used, f"{used} {name} are used, and the quota says {told}"
        for budget in database.list("PodDisruptionBudget"):
            allowed = conditions.find(status_of(budget), "DisruptionAllowed") or {}
            if allowed.get("reason") == "SyncFailed":
                continue  # as upstream: it allows nothing, and what it counted last stands
            healthy = [pod for pod in pods if selects(budget, pod) and is_ready(pod) and not is_deleting(pod)]
            told = status_of(budget).get("currentHealthy")
            assert told == len(healthy), f"{len(healthy)} pods are healthy, and the budget says {told}"

    def check_preemptions(self) -> None:
        """Who goes is less important than who comes."""
        for event in self.world.database.list("Event"):
            if event["reason"] != "Preempted" or uid_of(event) in self._told:
                continue
            self._told.add(uid_of(event))
            came = event["message"].split()[3]
            pods = {uid_of(pod): pod for pod in self.world.database.list("Pod")}
            victim, winner = pods.get(event["involvedObject"]["uid"]), pods.get(came)
            if victim is not None and winner is not None:
                assert priority_of(victim) < priority_of(winner), f"{name_of(victim)} went for an equal"

    # --- the end

    def what_is_wrong(self) -> str:
        for kind in KINDS[1:]:
            if self.world.database.list(kind):
                return f"there is a {kind}"
        if self.world.loop._revision != self.world.database.revision():
            return "not everything was seen"
        pods = self.world.database.list("Pod")
        for one in self.world.database.list("Deployment"):
            active = [pod for pod in pods if is_active(pod) and self._is_of(one, pod)]
            wanted = spec_of(one)["replicas"]
            # A rollout whose new pods find no room stays in its middle.
            waits = any(not spec_of(pod).get("nodeName") for pod in active)
            most = wanted + surge_and_unavailable(spec_of(one))[0] if waits else wanted
            if not wanted <= len(active) <= most:
                return f"{name_of(one)} has {len(active)} of {wanted} pods"
        return next(filter(None, (self._waits_in_vain(pod, pods) for pod in pods)), "")

    def _is_of(self, deployment: Object, pod: Object) -> bool:
        owner = controller_of(pod)
        sets = self.world.database.list("ReplicaSet")
        mine = {uid_of(one) for one in sets if (controller_of(one) or {}).get("uid") == uid_of(deployment)}
        return owner is not None and owner["uid"] in mine

    def _waits_in_vain(self, pod: Object, pods: list[Object]) -> str:
        """A pod waits where it would fit, with less important ones gone or without that."""
        if spec_of(pod).get("nodeName") or is_deleting(pod):
            return ""
        for node in self.world.database.list("Node"):
            if spec_of(node).get("unschedulable") or not conditions.is_true(status_of(node), "Ready"):
                continue
            equals = [
                one
                for one in pods
                if spec_of(one).get("nodeName") == name_of(node)
                and not is_finished(one)
                and priority_of(one) >= priority_of(pod)
            ]
            asked = pod_requests(pod).cpu_millicores
            taken = sum(pod_requests(one).cpu_millicores for one in equals)
            if taken + asked <= milli(status_of(node)["allocatable"]["cpu"]):
                return f"{name_of(pod)} waits for {name_of(node)}, which has room for it"
        return ""


def _used(name: str, pods: list[Object]) -> int:
    """In thousandths."""
    if name == "pods":
        return 1000 * len(pods)
    return sum(pod_requests(pod).cpu_millicores for pod in pods)
