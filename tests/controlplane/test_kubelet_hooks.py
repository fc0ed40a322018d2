"""postStart and preStop hooks, the order of an end, and pods that are out of time."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW
from test_kubelet_initialization import signalled, started, with_inits
from test_kubelet_sync import EXITED, bound, going, look, on_engine, sandbox_of, status_after

from minikctl.backend import ExecCheck, HttpCheck
from minikctl.controlplane.kubelet import PodMemo, PodSync, RunHook, SignalContainer
from minikctl.controlplane.kubelet.hooks import HookKind
from minikctl.model import Object
from minikctl.model.timestamps import format_time

POST, PRE = HookKind.POST_START, HookKind.PRE_STOP
COMMAND = {"exec": {"command": ["do", "it"]}}


def hooked(pod: Object, kind: HookKind, handler: dict[str, Any], index: int = 0) -> Object:
    pod["spec"]["containers"][index]["lifecycle"] = {kind.value: handler}
    return pod


def hooks(sync: PodSync) -> list[RunHook]:
    return [one for one in sync.actions if isinstance(one, RunHook)]


def after(sync: PodSync, *, failed: bool = False, now: float = NOW) -> PodMemo:
    (hook,) = hooks(sync)
    return sync.memo.hook_ended((hook.container_id, hook.kind), now, failed=failed)


class TestPostStart:
    def test_before_it_is_over_nothing_has_started(self) -> None:
        pod = hooked(bound(), POST, COMMAND)
        pod["spec"]["containers"][0]["livenessProbe"] = {"tcpSocket": {"port": 1}}
        sync = look(pod, on_engine(pod))
        (hook,) = hooks(sync)
        assert (hook.container_id, hook.kind, hook.check) == ("app-0", POST, ExecCheck(("do", "it")))
        (one,) = status_after(sync)["containerStatuses"]
        assert (one["started"], one["ready"], sync.probes) == (False, False, [])
        done = look(pod, on_engine(pod), memo=after(sync))
        (one,) = status_after(done)["containerStatuses"]
        assert (one["started"], one["ready"], len(done.probes)) == (True, True, 1)
        assert hooks(done) == []

    def test_a_new_agent_does_not_run_it_again(self) -> None:
        pod = hooked(bound(), POST, COMMAND)
        status = status_after(look(pod, on_engine(pod), memo=after(look(pod, on_engine(pod)))))
        assert look({**pod, "status": status}, on_engine(pod)).actions == []

    def test_it_holds_back_later_containers(self) -> None:
        pod = hooked(bound("a", "b"), POST, COMMAND)
        assert started(look(pod, sandbox_of(pod))) == ["a"]
        sync = look(pod, sandbox_of(pod), on_engine(pod, "a"))
        assert started(sync) == []
        assert started(look(pod, sandbox_of(pod), on_engine(pod, "a"), memo=after(sync))) == ["b"]

    def test_a_failed_one_ends_the_container_and_holds_nobody(self) -> None:
        pod = hooked(bound("a", "b"), POST, COMMAND)
        sync = look(pod, sandbox_of(pod), on_engine(pod, "a"))
        failed = look(pod, sandbox_of(pod), on_engine(pod, "a"), memo=after(sync, failed=True))
        assert signalled(failed) == ["a-0"]
        assert started(failed) == ["b"]
        assert [one.message for one in failed.decision.happenings] == ["FailedPostStartHook"]

    def test_sleep_needs_nobody(self) -> None:
        pod = hooked(bound(), POST, {"sleep": {"seconds": 5}})
        sync = look(pod, on_engine(pod))
        assert (sync.actions, sync.decision.look_again) == ([], NOW + 5)
        early = look(pod, on_engine(pod), memo=sync.memo, now=NOW + 4)
        assert early.decision.look_again == NOW + 5
        over = look(pod, on_engine(pod), memo=early.memo, now=NOW + 5)
        assert status_after(over)["containerStatuses"][0]["started"]

    @pytest.mark.parametrize(
        ("handler", "check"),
        [
            ({"httpGet": {"port": 80}}, HttpCheck(80)),
            ({"tcpSocket": {"port": 80}}, "invalid handler: tcpSocket"),
        ],
    )
    def test_handlers(self, handler: dict[str, Any], check: object) -> None:
        pod = hooked(bound(), POST, handler)
        (hook,) = hooks(look(pod, on_engine(pod)))
        assert hook.check == check


class TestPreStop:
    def test_it_comes_before_the_signal(self) -> None:
        pod = hooked(going(30), PRE, COMMAND)
        sync = look(pod, on_engine(pod))
        (hook,) = sync.actions
        assert isinstance(hook, RunHook)
        assert (hook.kind, hook.timeout) == (PRE, 30)
        assert sync.decision.look_again == NOW + 30
        for failed in (False, True):
            over = look(pod, on_engine(pod), memo=after(sync, failed=failed), now=NOW + 9)
            assert over.actions == [SignalContainer("app-0")]

    def test_one_that_takes_too_long_is_left_behind(self) -> None:
        pod = hooked(going(30), PRE, COMMAND)
        sync = look(pod, on_engine(pod))
        late = look(pod, on_engine(pod), memo=sync.memo, now=NOW + 30)
        assert late.actions == [SignalContainer("app-0")]
        assert late.decision.look_again is None, "the loop would turn until the signal is heard of"

    def test_sleep(self) -> None:
        pod = hooked(going(30), PRE, {"sleep": {"seconds": 3}})
        sync = look(pod, on_engine(pod))
        assert (sync.actions, sync.decision.look_again) == ([], NOW + 3)
        later = look(pod, on_engine(pod), memo=sync.memo, now=NOW + 3)
        assert later.actions == [SignalContainer("app-0")]

    def test_without_grace_there_is_none(self) -> None:
        pod = hooked(going(30, 0), PRE, COMMAND)
        assert hooks(look(pod, on_engine(pod))) == []

    def test_before_a_restart_too(self) -> None:
        pod = hooked(bound(), PRE, COMMAND)
        running = on_engine(pod)
        pod["spec"]["containers"][0]["image"] = "app:2"
        sync = look(pod, running)
        assert [one.kind for one in hooks(sync)] == [PRE]
        assert look(pod, running, memo=after(sync)).actions == [SignalContainer("app-0")]

    def test_all_hooks_begin_at_once_and_signals_come_in_order(self) -> None:
        deadline = {"deletionTimestamp": format_time(NOW + 30), "deletionGracePeriodSeconds": 30}
        pod = hooked(with_inits("a-sidecar", **deadline), PRE, COMMAND)
        pod["spec"]["initContainers"][0]["lifecycle"] = {"preStop": COMMAND}
        containers = [sandbox_of(pod), on_engine(pod, "a-sidecar"), on_engine(pod, "app")]
        sync = look(pod, *containers)
        assert {one.container for one in hooks(sync)} == {"a-sidecar", "app"}
        memo = sync.memo
        for one in hooks(sync):
            memo = memo.hook_ended((one.container_id, PRE), NOW, failed=False)
        assert signalled(look(pod, *containers, memo=memo)) == ["app-0"]
        late = look(pod, *containers, memo=memo, now=NOW + 30)
        assert sorted(signalled(late)) == ["a-sidecar-0", "app-0"], "nobody's turn comes after the deadline"


class TestOutOfTime:
    def limited(self, ago: float, *names: str) -> Object:
        pod = bound(*names)
        pod["spec"] |= {"activeDeadlineSeconds": 60, "terminationGracePeriodSeconds": 5}
        pod["status"] = {"phase": "Running", "startTime": format_time(NOW - ago)}
        return pod

    def test_it_is_looked_at_then(self) -> None:
        pod = self.limited(50)
        sync = look(pod, on_engine(pod))
        assert (sync.actions, sync.decision.look_again) == ([], NOW + 10)

    def test_all_of_it_ends_and_then_it_has_failed(self) -> None:
        pod = self.limited(60, "a", "b")
        sync = look(pod, sandbox_of(pod), on_engine(pod, "a"), on_engine(pod, "b"))
        assert signalled(sync) == ["a-0", "b-0"]
        assert sync.decision.happenings[0].reason == "DeadlineExceeded"
        ended = [on_engine(pod, name, EXITED, code=143) for name in "ab"]
        over = look(pod, sandbox_of(pod), *ended, memo=sync.memo)
        status = status_after(over)
        assert (status["phase"], status["reason"]) == ("Failed", "DeadlineExceeded")
        assert status["message"] == "Pod was active on the node longer than the specified deadline"
        assert [one.reason for one in over.decision.happenings] == []

    def test_also_one_that_never_began(self) -> None:
        sync = look(self.limited(61))
        assert status_after(sync)["phase"] == "Failed"
        assert sync.actions == []
        assert [one.reason for one in sync.decision.happenings] == ["DeadlineExceeded"]
