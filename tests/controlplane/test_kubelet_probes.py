"""Probes: what is asked when, what answers change, and what a new agent takes from the status."""

from __future__ import annotations

from typing import Any

import pytest
from controlplane_builders import NOW
from hypothesis import given
from hypothesis import strategies as st
from test_kubelet_initialization import started, with_inits
from test_kubelet_sync import (
    EXITED,
    asked,
    attempts,
    bound,
    going,
    known,
    look,
    on_engine,
    sandbox_of,
    status_after,
)

from minikctl.backend import Checked, ExecCheck, GrpcCheck, HttpCheck, TcpCheck
from minikctl.controlplane.kubelet import PodMemo, PodSync, ProbeKind, ProbePlan, SignalContainer
from minikctl.controlplane.kubelet.probes import ProbeRecord, check_of, probe_problem
from minikctl.errors import PermanentError, TemporaryError, UnreachableError
from minikctl.model import Object, conditions

STARTUP, LIVENESS, READINESS = ProbeKind.STARTUP, ProbeKind.LIVENESS, ProbeKind.READINESS


def probed(*fields: str, policy: str = "Always", **settings: Any) -> Object:
    pod = bound(policy=policy)
    for name in fields:
        pod["spec"]["containers"][0][name] = {"tcpSocket": {"port": 80}, **settings}
    return pod


def kinds(sync: PodSync) -> list[ProbeKind]:
    return [plan.kind for plan in sync.probes]


def plan_of(sync: PodSync, kind: ProbeKind) -> ProbePlan:
    return next(plan for plan in sync.probes if plan.kind is kind)


def answered(sync: PodSync, kind: ProbeKind, *answers: bool) -> PodMemo:
    memo = sync.memo
    for answer in answers:
        memo = memo.answered(plan_of(sync, kind), answer)
    return memo


def app(sync: PodSync) -> tuple[bool, bool]:
    status = status_after(sync)["containerStatuses"][0]
    return status["started"], status["ready"]


class TestWhatIsAsked:
    def test_without_probes_nothing_and_all_is_well(self) -> None:
        pod = bound()
        sync = look(pod, on_engine(pod))
        assert sync.probes == []
        assert app(sync) == (True, True)

    def test_the_startup_probe_gates_the_others(self) -> None:
        pod = probed("startupProbe", "livenessProbe", "readinessProbe")
        sync = look(pod, on_engine(pod))
        assert kinds(sync) == [STARTUP]
        assert app(sync) == (False, False)
        begun = look(pod, on_engine(pod), memo=answered(sync, STARTUP, True))
        assert kinds(begun) == [LIVENESS, READINESS]
        assert app(begun) == (True, False)

    def test_of_a_pod_that_ends_only_readiness(self) -> None:
        pod = going()
        pod["spec"]["containers"][0] |= {
            name: {"tcpSocket": {"port": 80}} for name in ("livenessProbe", "readinessProbe")
        }
        assert kinds(look(pod, on_engine(pod))) == [READINESS]

    def test_nothing_of_what_does_not_run(self) -> None:
        pod = probed("readinessProbe")
        assert look(pod, on_engine(pod, state=EXITED)).probes == []
        assert look(pod).probes == []

    def test_when(self) -> None:
        pod = probed("readinessProbe", "livenessProbe", initialDelaySeconds=7, periodSeconds=5)
        sync = look(pod, on_engine(pod, ran=2.0))
        readiness, liveness = plan_of(sync, READINESS), plan_of(sync, LIVENESS)
        assert (readiness.first_at, readiness.next_after(readiness.first_at)) == (NOW + 5, NOW + 6)
        assert [liveness.first_at, liveness.next_after(NOW + 10), liveness.next_after(NOW + 14.9)] == [
            NOW + 10,
            NOW + 15,
            NOW + 15,
        ]

    def test_the_plan_does_not_change_from_look_to_look(self) -> None:
        pod = probed("readinessProbe", "livenessProbe")
        first = look(pod, on_engine(pod))
        assert look(pod, on_engine(pod), memo=first.memo, now=NOW + 77).probes == first.probes

    @given(st.floats(0, 1e5), st.integers(1, 300))
    def test_the_next_tick_is_later_and_at_most_a_period_away(self, ago: float, period: int) -> None:
        pod = probed("livenessProbe", periodSeconds=period)
        plan = plan_of(look(pod, on_engine(pod, ran=ago)), LIVENESS)
        moment = max(NOW, plan.tick_at)
        assert moment < plan.next_after(moment) <= moment + period + 1e-3

    @pytest.mark.parametrize(
        ("handler", "check"),
        [
            ({"exec": {"command": ["a", "b"]}}, ExecCheck(("a", "b"))),
            ({"tcpSocket": {"port": "web"}}, TcpCheck(8080)),
            ({"tcpSocket": {"port": 1, "host": "h"}}, TcpCheck(1, "h")),
            ({"grpc": {"port": 9, "service": "s"}}, GrpcCheck(9, "s")),
            ({"httpGet": {"port": 80}}, HttpCheck(80)),
            (
                {
                    "httpGet": {
                        "port": "web",
                        "path": "ok?a=b",
                        "scheme": "HTTPS",
                        "host": "h",
                        "httpHeaders": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
                    }
                },
                HttpCheck(8080, "/ok?a=b", "HTTPS", "h", (("A", "1"), ("A", "2"))),
            ),
            ({"tcpSocket": {"port": "nope"}}, "couldn't find port: nope for container app"),
        ],
    )
    def test_checks(self, handler: dict[str, Any], check: object) -> None:
        container = {"name": "app", "ports": [{"name": "web", "containerPort": 8080}]}
        assert check_of(handler, container) == check


class TestAnswers:
    def test_thresholds(self) -> None:
        record = ProbeRecord()
        verdicts = []
        for answer in (True, True, False, False, True, False, False, False, True, True):
            record = record.after(answer, 2, 3)
            verdicts.append(record.verdict)
        assert verdicts == [None, True, True, True, True, True, True, False, False, True]

    def test_readiness_changes_the_status_and_restarts_nothing(self) -> None:
        pod = probed("readinessProbe")
        sync = look(pod, on_engine(pod))
        assert app(sync) == (True, False)
        ready = look(pod, on_engine(pod), memo=answered(sync, READINESS, True))
        assert app(ready) == (True, True)
        assert conditions.is_true(status_after(ready), "Ready")
        failing = look(pod, on_engine(pod), memo=answered(sync, READINESS, True, *[False] * 3))
        assert app(failing) == (True, False)
        assert failing.actions == []

    @pytest.mark.parametrize(
        ("field", "kind", "word"),
        [("livenessProbe", LIVENESS, "liveness"), ("startupProbe", STARTUP, "startup")],
    )
    @pytest.mark.parametrize(("policy", "tail"), [("Always", ", will be restarted"), ("Never", "")])
    def test_a_failed_one_ends_the_container(
        self, field: str, kind: ProbeKind, word: str, policy: str, tail: str
    ) -> None:
        pod = probed(field, policy=policy)
        sync = look(pod, on_engine(pod))
        enough = look(pod, on_engine(pod), memo=answered(sync, kind, False, False))
        assert enough.actions == []
        failed = look(pod, on_engine(pod), memo=answered(sync, kind, False, False, False))
        assert failed.actions == [SignalContainer("app-0")]
        told = failed.decision.happenings[0]
        assert (told.reason, told.message) == ("Killing", f"Container app failed {word} probe{tail}")
        assert failed.probes == [], "nobody asks it any more"

    def test_it_has_its_grace_period_and_is_then_killed(self) -> None:
        pod = probed("livenessProbe", terminationGracePeriodSeconds=4)
        sync = look(pod, on_engine(pod))
        memo = answered(sync, LIVENESS, False, False, False)
        begun = look(pod, on_engine(pod), memo=memo)
        assert begun.decision.look_again == NOW + 4
        memo = PodMemo(asked("app-0", ago=0).troubles, {"app-0": NOW}, {"app-0": NOW}, memo.probes)
        again = look(pod, on_engine(pod), memo=memo, now=NOW + 3)
        assert (again.actions, again.decision.happenings) == ([], [])
        late = look(pod, on_engine(pod), memo=memo, now=NOW + 4)
        assert late.actions == [SignalContainer("app-0", kill=True)]

    def test_the_next_attempt_begins_anew(self) -> None:
        pod = probed("livenessProbe", "readinessProbe")
        sync = look(pod, on_engine(pod))
        memo = answered(sync, LIVENESS, False, False, False)
        ended = on_engine(pod, state=EXITED, code=143)
        assert attempts(look(pod, ended, memo=memo).actions) == [("app", "1", "0")]
        fresh = look(pod, ended, on_engine(pod, attempt=1, backoff=0), memo=memo)
        assert [plan.container_id for plan in fresh.probes] == ["app-1", "app-1"]
        assert fresh.actions == []

    def test_the_memo_forgets_containers_that_are_gone(self) -> None:
        pod = probed("livenessProbe")
        sync = look(pod, on_engine(pod))
        memo = answered(sync, LIVENESS, False)
        assert look(pod, on_engine(pod), memo=memo).memo.probes
        assert not look(pod, on_engine(pod, attempt=1), memo=memo).memo.probes

    @pytest.mark.parametrize(
        ("checked", "error", "expected"),
        [
            (Checked(True), None, None),
            (Checked(False, "no"), None, ("Unhealthy", "Liveness probe failed: no")),
            (Checked(True, "moved"), None, ("ProbeWarning", "Liveness probe warning: moved")),
            (None, UnreachableError("gone"), None),
            (None, TemporaryError("busy"), None),
            (None, PermanentError("ended", reason="NotRunning"), None),
            (
                None,
                PermanentError("no way", reason="NotSupported"),
                ("Unhealthy", "Liveness probe errored and resulted in unknown state: no way"),
            ),
        ],
    )
    def test_events(self, checked: Any, error: Any, expected: Any) -> None:
        assert probe_problem(LIVENESS, checked, error) == expected


class TestANewAgent:
    """What it knows stands in the status."""

    def ready(self, *fields: str) -> Object:
        pod = probed(*fields)
        sync = look(pod, on_engine(pod))
        memo = sync.memo
        if "startupProbe" in fields:
            memo = answered(sync, STARTUP, True)
            sync = look(pod, on_engine(pod), memo=memo)
        memo = answered(sync, READINESS, True)
        return {**pod, "status": status_after(look(pod, on_engine(pod), memo=memo))}

    def test_a_ready_container_stays_ready_until_a_verdict(self) -> None:
        pod = self.ready("startupProbe", "readinessProbe", "livenessProbe")
        sync = look(pod, on_engine(pod), now=NOW + 5)
        assert (sync.actions, sync.decision.writes) == ([], [])
        assert kinds(sync) == [LIVENESS, READINESS], "the startup probe is over"
        still = look(pod, on_engine(pod), memo=answered(sync, READINESS, False, False), now=NOW + 5)
        assert still.decision.writes == []
        failed = look(pod, on_engine(pod), memo=answered(sync, READINESS, *[False] * 3), now=NOW + 5)
        assert app(failed) == (True, False)

    def test_liveness_counts_from_the_beginning(self) -> None:
        pod = probed("livenessProbe")
        first = look(pod, on_engine(pod))
        assert first.memo.probes == {}
        lost = look(known(pod, on_engine(pod)), on_engine(pod), memo=PodMemo())
        assert look(pod, on_engine(pod), memo=answered(lost, LIVENESS, False, False)).actions == []

    def test_another_container_takes_nothing_over(self) -> None:
        pod = self.ready("readinessProbe")
        ended = on_engine(pod, state=EXITED)
        assert app(look(pod, ended, on_engine(pod, attempt=1, backoff=0))) == (True, False)


def test_a_startup_probe_gates_the_next_init_container() -> None:
    pod = with_inits("a-sidecar", "work")
    pod["spec"]["initContainers"][0]["startupProbe"] = {"tcpSocket": {"port": 1}}
    sync = look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar"))
    assert started(sync) == []
    assert kinds(sync) == [STARTUP]
    assert started(
        look(pod, sandbox_of(pod), on_engine(pod, "a-sidecar"), memo=answered(sync, STARTUP, True))
    ) == ["work"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            [],
            (
                "False",
                "ReadinessGatesNotReady",
                'corresponding condition of pod readiness gate "a/b" does not exist.',
            ),
        ),
        (
            [{"type": "a/b", "status": "False"}],
            (
                "False",
                "ReadinessGatesNotReady",
                'the status of pod readiness gate "a/b" is not "True", but False',
            ),
        ),
        ([{"type": "a/b", "status": "True"}], ("True", None, None)),
    ],
)
def test_readiness_gates(written: list[dict[str, str]], expected: tuple[str, str | None, str | None]) -> None:
    pod = bound()
    pod["spec"]["readinessGates"] = [{"conditionType": "a/b"}]
    pod["status"] = {"phase": "Pending", "conditions": written}
    status = status_after(look(pod, on_engine(pod)))
    ready = conditions.find(status, "Ready") or {}
    assert (ready["status"], ready.get("reason"), ready.get("message")) == expected
    assert conditions.is_true(status, "ContainersReady")
