"""Who is told what, and which pods wait with ending until nobody leads there any more."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from minikctl_memory import MemoryBackend
from msgspec.structs import replace
from submitted import Submitted

from minikctl.agent.engine import Engine
from minikctl.agent.ports import Told
from minikctl.agent.proxies import LONGEST_HOLD_SECONDS, Proxies
from minikctl.backend import Container, ContainerState, labels
from minikctl.controlplane.forwarding import SETTLE_SECONDS
from minikctl.controlplane.proxies import Role, make_pod
from minikctl.controlplane.view import View
from minikctl.errors import PermanentError
from minikctl.model import Object

NOW = 1_800_000_000.0
PROXY = "uid-of-proxy"


def service() -> Object:
    spec = {"clusterIP": "172.17.240.1", "ports": [{"port": 80, "targetPort": 80}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "default", "uid": "uid-of-web"},
        "spec": spec,
    }


def slice_of(*addresses: str) -> Object:
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "web-1",
            "namespace": "default",
            "uid": "uid-of-slice",
            "labels": {"kubernetes.io/service-name": "web"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "", "port": 80, "protocol": "TCP"}],
        "endpoints": [{"addresses": [one], "conditions": {"ready": True}} for one in addresses],
    }


def ending(address: str) -> Object:
    return {
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "namespace": "default",
            "uid": "uid-of-p",
            "deletionTimestamp": "2030-01-01T00:00:00Z",
            "deletionGracePeriodSeconds": 30,
        },
        "spec": {},
        "status": {"podIP": address},
    }


class Rig:
    def __init__(self) -> None:
        self.view = View([service(), slice_of("172.17.0.2", "172.17.0.3")])
        self.proxy = make_pod(service(), Role.CLUSTER, "172.17.0.0/16", "nginx", PROXY, NOW)
        self.view.put(self.proxy)
        self.executor = Submitted()
        self.engine = Engine("memory", MemoryBackend("c1"), (), b"key")
        self.proxies = Proxies(self.executor, lambda: self.view)
        self.run("first")

    def run(self, container_id: str) -> None:
        """The proxy's container runs now."""
        facts: dict[str, Any] = {"image": "nginx", "image_id": "i", "created_at": NOW}
        own = MappingProxyType({labels.POD_UID: PROXY, labels.CONTAINER_NAME: "nginx"})
        container = Container(container_id, container_id, own, ContainerState.RUNNING, **facts)
        self.engine._by_pod[PROXY] = {container_id: container}
        self.look()

    def look(self, now: float = NOW) -> None:
        self.proxies.seen(self.engine, self.proxy)
        self.proxies.act(now)

    def answer(self, now: float = NOW, error: PermanentError | None = None) -> Told:
        news = self.executor.jobs.pop(0)()
        assert isinstance(news, Told)
        self.proxies.learn(self.engine, replace(news, error=error), now)
        self.proxies.act(now)
        return news


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_a_container_is_told_once(rig: Rig) -> None:
    told = rig.answer()
    assert told.program.addresses == {"172.17.0.2", "172.17.0.3"}
    assert told.container_id == "first"
    rig.look()
    assert not rig.executor.jobs and rig.proxies.is_idle()


def test_another_container_is_told_anew(rig: Rig) -> None:
    rig.answer()
    rig.run("second")
    assert rig.answer().container_id == "second"


def test_what_changes_meanwhile_is_told_afterwards(rig: Rig) -> None:
    rig.view.put(slice_of("172.17.0.3"))
    rig.look()
    assert len(rig.executor.jobs) == 1
    rig.answer()
    assert rig.answer().program.addresses == {"172.17.0.3"}
    assert not rig.executor.jobs


def test_a_failure_is_tried_again_later(rig: Rig) -> None:
    rig.answer(error=PermanentError("no"))
    assert not rig.executor.jobs
    retry = rig.proxies.next_moment()
    assert retry is not None and retry > NOW
    rig.proxies.act(retry)
    assert len(rig.executor.jobs) == 1


def test_a_proxy_that_never_listens_is_not_waited_for(rig: Rig) -> None:
    now = NOW
    for _ in range(3):
        assert not rig.proxies.is_idle()
        rig.answer(now, error=PermanentError("no"))
        now += 10
        rig.proxies.act(now)
    assert rig.proxies.is_idle()


class TestEnding:
    def test_a_pod_waits_until_it_is_forgotten_and_what_was_on_its_way_arrived(self, rig: Rig) -> None:
        rig.answer()
        going = ending("172.17.0.2")
        assert rig.proxies.holds(going, NOW) is not None
        rig.view.put(slice_of("172.17.0.3"))
        rig.look(NOW)
        assert rig.proxies.holds(going, NOW + 0.1) is not None
        rig.answer(NOW + 0.1)
        assert rig.proxies.holds(going, NOW + 0.11) == pytest.approx(NOW + 0.1 + SETTLE_SECONDS)
        assert rig.proxies.holds(going, NOW + 0.1 + SETTLE_SECONDS) is None

    def test_it_does_not_wait_where_nobody_leads(self, rig: Rig) -> None:
        rig.answer()
        assert rig.proxies.holds(ending("172.17.0.9"), NOW) is None

    def test_it_does_not_wait_where_all_of_them_end(self, rig: Rig) -> None:
        rig.answer()
        going = ending("172.17.0.2")
        assert rig.proxies.holds(going, NOW) is not None  # nobody has decided anything yet
        assert rig.proxies.holds(going, NOW + 0.1) is None  # and then it is still an endpoint

    def test_it_does_not_wait_for_ever(self, rig: Rig) -> None:
        rig.answer()
        going = ending("172.17.0.2")
        assert rig.proxies.holds(going, NOW) is not None
        rig.view.put(slice_of("172.17.0.3"))
        rig.look(NOW)
        assert rig.proxies.holds(going, NOW + LONGEST_HOLD_SECONDS) is None

    def test_a_new_process_does_not_know_what_a_proxy_does(self, rig: Rig) -> None:
        ready = {"type": "ContainersReady", "status": "True"}
        rig.view.put({**rig.proxy, "status": {"phase": "Running", "conditions": [ready]}})
        going = ending("172.17.0.2")
        assert rig.proxies.holds(ending("172.17.0.9") | {"spec": {"other": True}}, NOW) is None
        assert rig.proxies.holds(going, NOW) is not None
        rig.view.put(slice_of("172.17.0.3"))
        rig.look()
        assert rig.proxies.holds(going, NOW + 0.1) is not None
        rig.answer()  # what it was first told
        rig.answer(NOW + 0.2)
        assert rig.proxies.holds(going, NOW + 0.21) == pytest.approx(NOW + 0.2 + SETTLE_SECONDS)
        assert rig.proxies.holds(going, NOW + 0.5) is None

    def test_without_a_grace_period_it_does_not_wait(self, rig: Rig) -> None:
        rig.answer()
        going = ending("172.17.0.2")
        going["metadata"]["deletionGracePeriodSeconds"] = 0
        assert rig.proxies.holds(going, NOW) is None
