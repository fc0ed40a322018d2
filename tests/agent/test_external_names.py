"""Names outside of the cluster: asked for in time, kept while nobody answers, told of when unknown."""

from __future__ import annotations

from pathlib import Path

from minikctl_memory import MemoryBackend
from submitted import Submitted

from minikctl.agent import external_names
from minikctl.agent.engine import Engine
from minikctl.agent.external_names import RESOLVE_SECONDS, ExternalNames
from minikctl.agent.ports import Resolved
from minikctl.controlplane.view import View
from minikctl.model import Object

NOW = 1_800_000_000.0


def service(name: str, target: str) -> Object:
    spec = {"type": "ExternalName", "externalName": target}
    metadata = {"name": name, "namespace": "default", "uid": f"uid-of-{name}"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


class Rig:
    def __init__(self, state_dir: Path | None = Path("/state")) -> None:
        self.view = View([service("a", "a.test"), service("inside", "a.default.svc.cluster.local")])
        self.executor = Submitted()
        self.names = ExternalNames(self.executor)
        self.engine = Engine("memory", MemoryBackend("c1"), (), b"key", state_dir=state_dir)

    def act(self, now: float = NOW, serial: int = 1) -> int:
        self.names.act([self.engine], self.view, serial, now)
        return len(self.executor.jobs)

    def answer(self, addresses: dict[str, tuple[str, ...]], now: float = NOW) -> tuple[bool, list[str]]:
        self.executor.jobs.clear()
        news = Resolved("memory", ("a.test",), addresses)
        changed, decision = self.names.learn(news, self.view, now)
        return changed, [one.reason for one in decision.happenings]


def test_each_is_asked_for_again_and_again_but_once_at_a_time() -> None:
    rig = Rig()
    assert rig.act() == 1 and not rig.names.is_idle()
    assert rig.act() == 1
    assert rig.answer({"a.test": ("192.0.2.1",)}) == (True, [])
    assert rig.names.addresses == {"a.test": ("192.0.2.1",)}
    assert rig.names.is_idle() and rig.act() == 0
    assert rig.names.next_moment() == NOW + RESOLVE_SECONDS
    assert rig.act(NOW + RESOLVE_SECONDS) == 1 and rig.names.is_idle()
    assert rig.answer({"a.test": ("192.0.2.1",)}) == (False, [])


def test_what_nobody_knows_keeps_its_addresses_and_is_told_once() -> None:
    rig = Rig()
    rig.act()
    rig.answer({"a.test": ("192.0.2.1",)})
    assert rig.answer({}) == (False, ["ExternalNameNotResolved"])
    assert rig.answer({}) == (False, [])
    assert rig.names.addresses == {"a.test": ("192.0.2.1",)}


def test_names_that_nobody_has_any_more_are_forgotten() -> None:
    rig = Rig()
    rig.act()
    rig.answer({"a.test": ("192.0.2.1",)})
    rig.view.put(service("a", "b.test"))
    assert rig.act(serial=2) == 1
    assert rig.answer({}) == (True, [])
    assert rig.names.addresses == {}


def test_nobody_asks_where_pods_have_no_files_of_ours() -> None:
    rig = Rig(state_dir=None)
    assert rig.act() == 0 and rig.names.is_idle() and rig.names.next_moment() is None


def test_the_job_asks_for_addresses_of_version_four() -> None:
    found = external_names.resolve("e", ("localhost", "no.such.name.invalid", "x" * 300))
    assert found.addresses == {"localhost": ("127.0.0.1",)}
    assert found.names == ("localhost", "no.such.name.invalid", "x" * 300)
