"""A random life of a cluster: what befalls it, and what must hold whatever is declared.

A story of one kind says what people declare and change (`deeds`), when all is as declared (`what_is_wrong`),
and what must hold at every moment besides (`self.world.checks`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from minikctl.backend import Container, ContainerSpec, ContainerState, labels
from minikctl.errors import MinikctlError
from minikctl.model import (
    Object,
    ObjectKey,
    controller_of,
    is_deleting,
    key_of,
    labels_of,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from minikctl.model.pods import is_finished, is_ready, is_sidecar

from .world import CLUSTER, QUIET, ROUGH, Crash, World

CHAOS_SECONDS = 90.0
CALM_SECONDS = 35.0
"""What was being stopped has used its grace period (30 s), and hints that were lost are made up for."""
PATIENCE_SECONDS = 5.0
REST_SECONDS = 4000.0
"""Long enough for every back-off to end."""
QUIET_SECONDS = 150.0


def _uncordoned(node: Object) -> Object:
    return {**node, "spec": {**spec_of(node), "unschedulable": False}}


class Life:
    """One seed's life. `live` lives it; an AssertionError says what went wrong."""

    kinds: tuple[str, ...] = ()
    """What people declare in this story: each object of these kinds has a file, unless somebody owns it."""

    def __init__(self, seed: int) -> None:
        self.world = World(seed, nodes=1 + seed % 4)
        self.random = self.world.random
        self.world.stored_checks.append(self.check_once)
        self.world.checks.append(self.check_killings)
        self._unsettled: tuple[object, float] = (None, 0.0)
        self.forced: set[str] = set()
        """Names of pods that people took out of the store without waiting for their end."""
        self.ever_sick: set[tuple[str, str]] = set()
        self.foreign = self._foreign_containers()

    # --- what a story says

    def deeds(self) -> list[Any]:
        """What people may do next, the usual things more than once."""
        raise NotImplementedError

    def calm_down(self) -> None:
        """What has to be done so that everything can come to rest."""

    def may_stay(self, pod: Object) -> bool:
        """Whether somebody rightly keeps a pod that was deleted."""
        return False

    def what_is_wrong(self) -> str:
        """Why the declared objects are not as declared yet; "" when they are."""
        raise NotImplementedError

    # --- the parts of a life

    def live(self) -> None:
        world = self.world
        world.set_faults(ROUGH, store=0.02, crash=0.006)
        world.failing_commands = 0.2
        end = world.clock.time + CHAOS_SECONDS
        while world.clock.time < end:
            self.random.choice([*self.deeds(), *self._fate()])()
            world.run(self.random.choice((0.05, 0.5, 3.0, 15.0)))
        world.engine.reachable = True
        world.set_faults(QUIET)
        world.sick.clear()
        world.failing_commands = 0.0
        self._try(lambda: world.api.update(ObjectKey("Node", "", "node-1"), _uncordoned))
        world.run(CALM_SECONDS)
        self.calm_down()
        if not world.run(REST_SECONDS, self.is_settled):
            raise AssertionError(f"it does not settle: {self.why_not()}")
        world.run(3.0)
        self.check_end()
        self.check_rest()

    def _fate(self) -> list[Any]:
        fate = [self.kill, self.remove, self.outage, self.world.crash, self.world.lose_database, self.forge]
        return [*fate, self.sicken]

    # --- people

    def delete_pod(self) -> None:
        pods = self.world.database.list("Pod")
        if pods:
            key = key_of(self.random.choice(pods))
            grace = self.random.choice((None, 0, 3))
            if grace == 0:
                self.forced.add(key.name)
            self._try(lambda: self.world.api.delete(key, grace_seconds=grace, force=grace == 0))

    def resize(self, kind: str, name: str, replicas: int) -> None:
        key = ObjectKey(kind, "default", name)
        self._try(
            lambda: self.world.api.update(
                key, lambda one: {**one, "spec": {**spec_of(one), "replicas": replicas}}
            )
        )

    def cordon(self) -> None:
        key = ObjectKey("Node", "", "node-1")
        cordoned = self.random.random() < 0.3
        self._try(
            lambda: self.world.api.update(
                key, lambda one: {**one, "spec": {**spec_of(one), "unschedulable": cordoned}}
            )
        )

    def _try(self, deed: Any) -> None:
        """What people may do may be refused: the object is not there, or on its way out."""
        try:
            deed()
        except MinikctlError as error:
            self.world.note(f"refused: {error}")
        except Crash:
            self.world.note("the command died")

    # --- fate

    def kill(self) -> None:
        running = self._running()
        if running:
            self.world.engine.crash(self.random.choice(running).id, self.random.choice((0, 1, 137)))

    def remove(self) -> None:
        running = self._running()
        if running:
            victim = self.random.choice(running)
            self._try(lambda: self.world.engine.remove(victim.id, CLUSTER))

    def sicken(self) -> None:
        """The probes of one container fail from now on. Another attempt is well again."""
        running = [one for one in self._running() if one.labels[labels.TYPE] == labels.TYPE_CONTAINER]
        if running:
            victim = self.random.choice(running)
            self.world.sick.add(victim.id)
            self.ever_sick.add((victim.labels[labels.POD_UID], victim.labels[labels.CONTAINER_NAME]))

    def outage(self) -> None:
        world = self.world
        world.engine.reachable = False
        world.run(self.random.uniform(0.2, 20))
        if self.random.random() < 0.5:
            world.engine.reachable = True
            world.engine.kill_all()
        world.engine.reachable = True

    def forge(self) -> None:
        """Somebody copies all labels of one of our containers onto one of theirs."""
        running = self._running()
        if running:
            model = self.random.choice(running)
            self._foreign(dict(model.labels), f"copy-{len(self.foreign)}", CLUSTER)

    def _running(self) -> list[Container]:
        if not self.world.engine.reachable:
            return []
        found = self.world.engine.containers(CLUSTER)
        ours = [one for one in found if one.state is ContainerState.RUNNING and one.id not in self.foreign]
        return sorted(ours, key=lambda one: one.name)

    def pods_of(self, owner: Object) -> list[Object]:
        pods = self.world.database.list("Pod")
        return [pod for pod in pods if (controller_of(pod) or {}).get("uid") == uid_of(owner)]

    def pods_of_deployment(self, deployment: Object) -> list[Object]:
        sets = {
            uid_of(one)
            for one in self.world.database.list("ReplicaSet")
            if (controller_of(one) or {}).get("uid") == uid_of(deployment)
        }
        pods = self.world.database.list("Pod")
        return [pod for pod in pods if (controller_of(pod) or {}).get("uid") in sets]

    def _foreign_containers(self) -> set[str]:
        self.foreign = set[str]()
        self._foreign({"app": "theirs"}, "theirs", "somebody-else")
        forged = {labels.CLUSTER: CLUSTER, labels.POD_UID: "made-up", labels.SEAL: "00", labels.POD: "{}"}
        self._foreign(forged, "forged", CLUSTER)
        return self.foreign

    def _foreign(self, own: dict[str, str], name: str, cluster: str) -> None:
        self.world.engine.pull("busybox:1")
        spec = ContainerSpec(
            name=name,
            image="busybox:1",
            labels={labels.CLUSTER: cluster, **own},
            command=("sleep", "infinity"),
        )
        identifier = self.world.engine.create_container(spec, cluster)
        self.world.engine.start(identifier, cluster)
        self.foreign.add(identifier)

    # --- manifests

    def _pod_spec(self) -> dict[str, Any]:
        count = self.random.choice((1, 1, 1, 2))
        trap = self.random.choice(("", "trap 'exit 0' TERM; "))
        containers = [
            {
                "name": f"c{number}",
                "image": f"busybox:{self.random.randint(1, 3)}",
                "command": ["sh", "-c", f"{trap}while true; do sleep 1; done"],
                **self._health(),
            }
            for number in range(count)
        ]
        spec: dict[str, Any] = {
            "terminationGracePeriodSeconds": self.random.choice((0, 2, 30)),
            "containers": containers,
        }
        if self.random.random() < 0.3:
            spec["initContainers"] = self._init_containers(trap)
        return spec

    def _health(self) -> dict[str, Any]:
        """Some of the probes and hooks that a container may have."""
        fields: dict[str, Any] = {}
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            if self.random.random() < 0.2:
                fields[name] = {
                    "tcpSocket": {"port": 80},
                    "periodSeconds": self.random.choice((5, 30)),
                    "failureThreshold": self.random.choice((1, 3)),
                }
        handlers = ({"exec": {"command": ["true"]}}, {"sleep": {"seconds": 1}})
        for name in ("postStart", "preStop"):
            if self.random.random() < 0.15:
                fields.setdefault("lifecycle", {})[name] = self.random.choice(handlers)
        return fields

    def _init_containers(self, trap: str) -> list[dict[str, Any]]:
        """One that ends after a while, perhaps a sidecar, in any order."""
        first = {"name": "i0", "image": "busybox:1", "command": ["sh", "-c", "sleep 1"]}
        sidecar = {
            "name": "i1",
            "image": "busybox:2",
            "command": ["sh", "-c", f"{trap}while true; do sleep 1; done"],
            "restartPolicy": "Always",
            **self._health(),
        }
        return self.random.choice(([first], [sidecar], [first, sidecar], [sidecar, first]))

    # --- what must always hold

    def check_once(self) -> None:
        """At no moment does a container of a pod run twice."""
        running = Counter(
            (one.labels.get(labels.POD_UID, ""), one.labels.get(labels.CONTAINER_NAME, ""))
            for one in self._running()
        )
        twice = [f"{name} of {uid}" for (uid, name), count in running.items() if count > 1]
        assert not twice, f"runs twice: {twice}"

    def check_killings(self) -> None:
        """Nothing is restarted because a healthy container could not be asked."""
        for event in self.world.killings:
            words = re.search(r"^Container (\S+) failed", event["message"])
            assert words is not None
            killed = (event["involvedObject"]["uid"], words[1])
            assert killed in self.ever_sick, f"a healthy container was restarted: {event['message']}"

    # --- the end

    def is_settled(self) -> bool:
        """What was not settled is not looked at again before something has changed, or time has passed."""
        loop = self.world.loop
        if not (loop.is_idle() and loop.has_looked()):
            return False
        state, then = self._unsettled
        now = self.world.clock.time
        if state == self.world.state() and now < then + PATIENCE_SECONDS:
            return False
        self._unsettled = (self.world.state(), now)
        return not self.why_not()

    def why_not(self) -> str:
        loop = self.world.loop
        refused = " ".join(loop._said)
        for file in self.world.database.scan():
            if file.path not in refused and "vanished" not in refused:
                return f"{file.path} was not looked at"
        for pod in self.world.database.list("Pod"):
            if is_deleting(pod) and not self.may_stay(pod):
                return f"{name_of(pod)} is still there"
            if spec_of(pod).get("nodeName") and not is_ready(pod) and not is_finished(pod):
                return f"{name_of(pod)} is not ready: {status_of(pod)}"
        for kind in self.kinds:
            for obj in self.world.database.list(kind):
                if is_deleting(obj):
                    return f"{name_of(obj)} is still there"
        if reason := self.what_is_wrong():
            return reason
        return "" if loop.is_idle() and loop.has_looked() else "the loop is busy"

    def check_end(self) -> None:
        """What runs is what is declared, once each; nothing of anybody else's was touched."""
        containers = self.world.engine.containers(CLUSTER)
        by_uid = {uid_of(pod): pod for pod in self.world.database.list("Pod")}
        running: Counter[tuple[str, str]] = Counter()
        for one in containers:
            if one.id in self.foreign:
                continue
            uid = one.labels[labels.POD_UID]
            assert uid in by_uid, f"{one.name} belongs to nobody"
            if one.state is ContainerState.RUNNING:
                running[uid, one.labels[labels.CONTAINER_NAME]] += 1
        for uid, pod in by_uid.items():
            if not spec_of(pod).get("nodeName"):
                continue
            if is_finished(pod):
                left = [name for owner, name in running if owner == uid]
                assert not left, f"{name_of(pod)} has ended, and runs {left}"
                continue
            sidecars = [one for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)]
            for container in (*sidecars, *spec_of(pod)["containers"]):
                count = running[uid, container["name"]]
                assert count == 1, f"{name_of(pod)} runs {container['name']} {count} times"
        everything = {record.id for record in self.world.engine.every_record()}
        assert self.foreign <= everything, "a container of somebody else is gone"
        self._check_files()

    def _check_files(self) -> None:
        declared = {str(key) for key in self.world.database.declared_keys()}
        for kind in (*self.kinds, "Pod"):
            for obj in self.world.database.list(kind):
                if not controller_of(obj):
                    assert str(key_of(obj)) in declared, f"{key_of(obj)} has no file {labels_of(obj)}"

    def check_rest(self) -> None:
        """Nothing is written any more."""
        before = self._state()
        calls = self.world.engine.journal = []
        self.world.run(QUIET_SECONDS)
        changed = {key for key, revision in self._state().items() if before.get(key) != revision}
        assert not changed, f"still written: {sorted(changed)}"
        assert not calls, f"still acted: {calls}"

    def _state(self) -> dict[str, str]:
        objects = self.world.database.list()
        return {
            str(key_of(obj)): obj["metadata"]["resourceVersion"] for obj in objects if obj["kind"] != "Event"
        }
