"""What an agent knows of engines, what it records, how one look is taken, and who acts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation.world import CLUSTER, KEY, World

from minikctl import registry
from minikctl.agent.engine import Engine
from minikctl.agent.observer import observe, only_statuses
from minikctl.agent.process import agent_status, stop_agent
from minikctl.agent.recorder import KEEP_SECONDS, REMEMBERED, Recorder, expired
from minikctl.backend import Container, ContainerState, Settings, labels
from minikctl.controlplane.decision import Decision, Happening, Ids
from minikctl.controlplane.kubelet.seal import seal
from minikctl.controlplane.node import NodeConfig
from minikctl.controlplane.view import View
from minikctl.errors import UnreachableError, UsageError
from minikctl.model import Object, ObjectKey, conditions, name_of, spec_of, status_of
from minikctl.model.writes import Put, Remove

NOW = 1_800_000_000.0
RUNNING, EXITED = ContainerState.RUNNING, ContainerState.EXITED


def counted_ids() -> Ids:
    serial = iter(range(1, 1_000_000))
    return Ids(lambda: f"{next(serial):08}-0000", lambda: "xxxxx")


# --- what is known of an engine


def container(
    name: str,
    state: ContainerState = RUNNING,
    uid: str = "pod-1",
    *,
    key: bytes = KEY,
    labelled: bool = True,
) -> Container:
    own = {labels.POD_UID: uid, labels.CONTAINER_NAME: name}
    own[labels.SEAL] = seal(name, own, key)
    return Container(name, name, own if labelled else {}, state, "image", "", NOW)


@pytest.fixture
def engine() -> Engine:
    return Engine("memory", None, (NodeConfig("node-1", "memory"),), KEY)  # type: ignore[arg-type]


class TestWhatWasLearntLaterWins:
    def test_a_list_says_what_is_and_what_is_gone(self, engine: Engine) -> None:
        a, b = container("a"), container("b", uid="pod-2")
        assert engine.learn_list(engine.next_serial(), [a, b]) == ["pod-1", "pod-2"]
        assert engine.listed
        assert engine.learn_list(engine.next_serial(), [a, b]) == [], "no news"
        assert engine.learn_list(engine.next_serial(), [a]) == ["pod-2"]
        assert engine.pods() == ["pod-1"]
        assert engine.of_pod("pod-1") == (a,)
        assert engine.of_pod("pod-2") == ()

    def test_an_answer_to_an_older_question_does_not_bring_back(self, engine: Engine) -> None:
        engine.learn_list(engine.next_serial(), [container("a")])
        asked = engine.next_serial()
        engine.learn("a", None)
        assert engine.learn_list(asked, [container("a")]) == []
        assert engine.get("a") is None
        assert engine.learn_list(engine.next_serial(), [container("a")]) == ["pod-1"]

    def test_nor_does_it_take_away(self, engine: Engine) -> None:
        asked = engine.next_serial()
        engine.learn("a", container("a"))
        assert engine.learn_list(asked, []) == []
        assert engine.get("a") is not None
        assert engine.is_newer("a", asked)
        assert engine.learn_list(engine.next_serial(), []) == ["pod-1"]
        assert not engine.is_newer("a", asked), "what a list has overtaken is forgotten"

    @pytest.mark.parametrize("forged", [container("a", key=b"other"), container("a", labelled=False)])
    def test_what_is_not_sealed_is_not_there(self, engine: Engine, forged: Container) -> None:
        assert engine.learn_list(engine.next_serial(), [forged]) == []
        assert engine.learn("a", forged) is None
        assert list(engine.all()) == []

    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.sampled_from([RUNNING, EXITED, None]))
        )
    )
    def test_the_indices_agree(self, steps: list[tuple[int, str, ContainerState | None]]) -> None:
        engine = Engine("memory", None, (), KEY)  # type: ignore[arg-type]
        for uid, name, state in steps:
            one = None if state is None else container(f"{name}{uid}", state, f"pod-{uid}")
            engine.learn(f"{name}{uid}", one)
        by_pod = {one.id for uid in engine.pods() for one in engine.of_pod(uid)}
        assert by_pod == {one.id for one in engine.all()}
        assert all(engine.of_pod(uid) for uid in engine.pods())

    @pytest.mark.parametrize(
        ("known", "action", "expected"),
        [
            (RUNNING, "start", True),
            (EXITED, "start", False),
            (None, "start", False),
            (EXITED, "die", True),
            (RUNNING, "die", False),
            (None, "destroy", True),
            (EXITED, "destroy", False),
            (RUNNING, "exec_start", True),
            (RUNNING, "pause", False),
            (RUNNING, "", False),
        ],
    )
    def test_hints_that_tell_nothing_new(
        self, engine: Engine, known: ContainerState | None, action: str, expected: bool
    ) -> None:
        if known is not None:
            engine.learn("a", container("a", known))
        engine.hint("a", action)
        assert (engine.still_hinted() == []) is expected

    def test_what_is_learnt_after_a_hint_may_answer_it(self, engine: Engine) -> None:
        for action in ("create", "start"):
            engine.hint("a", action)
        assert engine.still_hinted() == ["a"]
        engine.learn("a", container("a", RUNNING))
        assert engine.still_hinted() == []
        for action in ("start", "die"):
            engine.hint("a", action)
        assert engine.still_hinted() == ["a"], "it ran when it was looked at, and has died since"
        engine.learn("a", container("a", EXITED))
        assert engine.still_hinted() == ["a"], "who learnt that may have asked before it was started again"

    @pytest.mark.parametrize(
        ("known", "told", "looked"),
        [
            (RUNNING, ("die", "stop", "start", "restart"), EXITED),
            (RUNNING, ("start",), EXITED),
            (EXITED, ("start", "die"), RUNNING),
            (EXITED, ("start",), EXITED),
        ],
    )
    def test_a_look_that_was_under_way_answers_no_hint(
        self, engine: Engine, known: ContainerState, told: tuple[str, ...], looked: ContainerState
    ) -> None:
        engine.learn("a", container("a", known))
        engine.looking = True
        for action in told:
            engine.hint("a", action)
        assert engine.still_hinted() == ["a"], "asked for in between"
        engine.learn("a", container("a", looked))
        engine.looking = False
        assert engine.still_hinted() == ["a"]


# --- events


def happening(reason: str = "Scheduled", message: str = "done", uid: str = "u1") -> Happening:
    about = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "uid": uid}}
    return Happening(about, "Normal", reason, message, "somebody")


def events(writes: list[Any]) -> list[Object]:
    return [write.obj for write in writes if isinstance(write, Put)]


class TestRecorder:
    @pytest.fixture
    def recorder(self) -> Recorder:
        return Recorder(counted_ids())

    def test_an_event(self, recorder: Recorder) -> None:
        (event,) = events(recorder.writes([happening()], NOW))
        assert event["involvedObject"] == {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": "p",
            "uid": "u1",
            "namespace": "n",
        }
        assert (event["metadata"]["namespace"], event["count"], event["reason"]) == ("n", 1, "Scheduled")
        assert event["firstTimestamp"] == event["lastTimestamp"] == "2027-01-15T08:00:00Z"
        assert event["source"] == {"component": "somebody"}

    def test_about_a_node_it_stands_in_default(self, recorder: Recorder) -> None:
        one = happening()
        del one.about["metadata"]["namespace"]
        (event,) = events(recorder.writes([one], NOW))
        assert event["metadata"]["namespace"] == "default"
        assert "namespace" not in event["involvedObject"]

    def test_what_happens_again_is_counted(self, recorder: Recorder) -> None:
        first = events(recorder.writes([happening(), happening()], NOW))
        assert [event["count"] for event in first] == [2]
        stored = [{**event, "metadata": {**event["metadata"], "resourceVersion": "7"}} for event in first]
        recorder.committed(stored)
        (again,) = events(recorder.writes([happening()], NOW + 5))
        assert (again["count"], again["metadata"]["resourceVersion"]) == (3, "7")
        assert again["firstTimestamp"] != again["lastTimestamp"]

    @pytest.mark.parametrize("other", [happening("Other"), happening(message="other"), happening(uid="u2")])
    def test_something_else_is_another_event(self, recorder: Recorder, other: Happening) -> None:
        assert len(events(recorder.writes([happening(), other], NOW))) == 2

    def test_after_a_rejection_they_begin_anew(self, recorder: Recorder) -> None:
        recorder.committed(events(recorder.writes([happening()], NOW)))
        recorder.writes([happening()], NOW)
        recorder.rejected()
        (event,) = events(recorder.writes([happening()], NOW))
        assert event["count"] == 1

    def test_memory_is_bounded(self, recorder: Recorder) -> None:
        many = [happening(message=str(number)) for number in range(REMEMBERED + 10)]
        recorder.committed(events(recorder.writes(many, NOW)))
        assert len(recorder._known) == REMEMBERED
        (event,) = events(recorder.writes([many[0]], NOW))
        assert event["count"] == 1, "the oldest is forgotten"

    def test_expiry(self, recorder: Recorder) -> None:
        old, new = (events(recorder.writes([happening(uid=uid)], NOW))[0] for uid in "ab")
        new["lastTimestamp"] = "2027-01-15T08:30:00Z"
        assert expired([old, new], NOW + KEEP_SECONDS) == []
        (gone,) = expired([old, new], NOW + KEEP_SECONDS + 1)
        assert isinstance(gone, Remove)
        assert gone.key.name == name_of(old)


# --- one look


def deployment(replicas: int = 2) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{"name": "app", "image": "busybox:1", "command": ["sleep", "infinity"]}]
                },
            },
        },
    }


class TestObserver:
    @pytest.fixture
    def world(self) -> World:
        world = World(7, nodes=1)
        world.api.apply([deployment()])
        world.run(60, lambda: self.ready(world.database.list()) == 2)
        world.run(5)
        assert self.ready(world.database.list()) == 2
        return world

    def look(self, world: World) -> list[Object]:
        engine = Engine("memory", world.backend, world.nodes, KEY)
        return observe(world.api, [engine], world.ids)

    def ready(self, objects: list[Object]) -> int:
        return sum(status_of(one).get("readyReplicas", 0) for one in objects if one["kind"] == "Deployment")

    def test_it_says_what_is_and_changes_nothing(self, world: World) -> None:
        victim = world.engine.containers(CLUSTER)[0]
        world.engine.crash(victim.id, 3)
        revision, calls = world.database.revision(), list[Any]()
        world.engine.journal = calls
        seen = self.look(world)
        assert self.ready(seen) == 1, "as of now, not as of the last write"
        assert world.database.revision() == revision
        assert calls == []
        assert self.ready(world.database.list()) == 2

    def test_it_invents_nothing(self, world: World) -> None:
        world.api.update(_key(), _scaled(5))
        seen = self.look(world)
        assert sum(one["kind"] == "Pod" for one in seen) == 2
        assert [spec_of(one)["replicas"] for one in seen if one["kind"] == "ReplicaSet"] == [2]

    def test_an_engine_that_does_not_answer_leaves_statuses_as_they_are(self, world: World) -> None:
        world.engine.reachable = False
        seen = self.look(world)
        assert self.ready(seen) == 2
        (node,) = [one for one in seen if one["kind"] == "Node"]
        condition = conditions.find(status_of(node), "Ready")
        assert condition is not None
        assert condition["status"] == "Unknown"

    def test_of_decisions_only_statuses_are_kept(self) -> None:
        known = {"kind": "Pod", "metadata": {"name": "p", "uid": "u"}, "spec": {"a": 1}, "status": {}}
        changed = {**known, "spec": {"a": 2}, "status": {"phase": "Running"}}
        new = {**known, "metadata": {"name": "new", "uid": "v"}}
        decision = Decision(look_again=5.0)
        decision.put(changed)
        decision.put(new)
        decision.remove(_key())
        decision.tell(known, "A", "b", "c")
        kept = only_statuses(View([known]), decision)
        assert kept == Decision(writes=[Put({**known, "status": {"phase": "Running"}})])


def _key() -> ObjectKey:
    return ObjectKey("Deployment", "default", "web")


def _scaled(count: int) -> Callable[[Object], Object]:
    return lambda obj: {**obj, "spec": {**obj["spec"], "replicas": count}}


# --- which engine


class FakeType:
    """A backend's type; endpoints that contain `dead` do not answer."""

    def __init__(self, name: str, *endpoints: str) -> None:
        self.name, self._endpoints = name, endpoints

    def endpoints(self, environ: Any) -> tuple[str, ...]:
        return self._endpoints

    def open(self, settings: Settings) -> Any:
        self.settings = settings
        return self

    def info(self) -> None:
        if "dead" in self.settings.endpoint:
            raise UnreachableError("no answer")

    def close(self) -> None:
        pass


SETTINGS = Settings("", "c")


class TestRegistry:
    @pytest.fixture
    def types(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeType]:
        types = {"memory": FakeType("memory", ""), "docker": FakeType("docker"), "podman": FakeType("podman")}
        monkeypatch.setattr(registry, "find", types.__getitem__)
        return types

    @pytest.mark.parametrize(
        ("docker", "podman", "expected"),
        [
            (("live",), ("live",), ("docker", "live")),
            (("dead",), ("dead", "live"), ("podman", "live")),
            (("dead", "live"), ("live",), ("docker", "live")),
            ((), ("dead",), ("memory", "")),
            ((), (), ("memory", "")),
        ],
    )
    def test_the_first_that_answers(
        self,
        types: dict[str, FakeType],
        docker: tuple[str, ...],
        podman: tuple[str, ...],
        expected: tuple[str, str],
    ) -> None:
        types["docker"]._endpoints, types["podman"]._endpoints = docker, podman
        choice = registry.detect({}, SETTINGS)
        assert (choice.backend, choice.endpoint) == expected

    @pytest.mark.parametrize(("variable", "kind"), [("DOCKER_HOST", "docker"), ("CONTAINER_HOST", "podman")])
    def test_one_that_the_environment_names_is_not_simulated(
        self, types: dict[str, FakeType], variable: str, kind: str
    ) -> None:
        types[kind]._endpoints = ("dead",)
        with pytest.raises(UnreachableError, match=rf"the {kind} engine that {variable} names .*\(dead\)"):
            registry.detect({variable: "dead"}, SETTINGS)
        types["podman"]._endpoints = ("dead", "live")
        assert registry.detect({variable: "dead"}, SETTINGS).endpoint == "live", "another one answers"

    def test_a_named_one_is_not_replaced_by_another(self, types: dict[str, FakeType]) -> None:
        types["docker"]._endpoints, types["podman"]._endpoints = ("dead-1", "dead-2"), ("live",)
        with pytest.raises(
            UnreachableError, match=r"docker engine does not answer \(dead-1: no answer; dead-2"
        ):
            registry.choose("docker", {}, SETTINGS)
        types["docker"]._endpoints = ()
        with pytest.raises(UnreachableError, match="no socket found"):
            registry.choose("docker", {}, SETTINGS)
        assert registry.choose("podman", {}, SETTINGS).endpoint == "live"

    def test_an_unknown_name_lists_the_known_ones(self) -> None:
        with pytest.raises(UsageError, match='unknown backend "dokcer"; there are: docker, podman, memory'):
            registry.find("dokcer")

    @pytest.mark.parametrize("name", list(registry.BUILT_IN))
    def test_the_built_in_ones_are_there(self, name: str) -> None:
        assert registry.find(name).name == name

    def test_others_come_by_entry_point(self, monkeypatch: pytest.MonkeyPatch) -> None:
        target = {"mine": "minikctl_memory:MemoryBackend"}
        monkeypatch.setattr(registry, "_entry_points", lambda: target)
        assert registry.find("mine") is registry.find("memory")


# --- the process

HOLDING = """
import json, sys, time
from pathlib import Path
from minikctl.store import AgentLock
lock = AgentLock(Path(sys.argv[1]))
lock.try_acquire(json.loads(sys.argv[2]))
print("ready", flush=True)
time.sleep(60)
"""


class TestProcess:
    @pytest.fixture
    def holder(self, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], subprocess.Popen[str]]]:
        started: list[subprocess.Popen[str]] = []

        def hold(facts: dict[str, Any]) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", HOLDING, str(tmp_path), json.dumps(facts)]
            environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)
            started.append(process)
            assert process.stdout and process.stdout.readline() == "ready\n"
            return process

        yield hold
        for process in started:
            process.kill()
            process.wait()

    def test_nobody(self, tmp_path: Path) -> None:
        for folder in (tmp_path, tmp_path / "missing"):
            status = agent_status(folder)
            assert (status.running, status.pid, status.role, status.started_at) == (False, None, "", None)
            assert not stop_agent(folder)

    def test_an_agent_is_seen_and_stopped(self, tmp_path: Path, holder: Any) -> None:
        process = holder({"role": "agent", "started": 12.5})
        status = agent_status(tmp_path)
        assert (status.running, status.pid, status.role) == (True, process.pid, "agent")
        assert (status.started_at, status.log) == (12.5, tmp_path / "agent.log")
        assert stop_agent(tmp_path)
        assert process.wait(timeout=5) == -15
        assert not agent_status(tmp_path).running

    def test_a_command_that_acts_is_no_agent(self, tmp_path: Path, holder: Any) -> None:
        process = holder({"role": "apply"})
        assert agent_status(tmp_path).role == "apply"
        assert not stop_agent(tmp_path)
        assert process.poll() is None
