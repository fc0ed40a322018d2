"""The schedule of probes, the lanes' threads, and what jobs make of hooks and probes."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.agent import executor, jobs
from minikctl.agent.executor import ThreadExecutor
from minikctl.agent.ports import Woken
from minikctl.agent.prober import Prober
from minikctl.backend import Checked, ExecCheck, ExecResult, HttpCheck, TcpCheck
from minikctl.controlplane.kubelet import ProbeKind, ProbePlan, RunHook
from minikctl.controlplane.kubelet.hooks import HookKind
from minikctl.errors import PermanentError, TemporaryError, UnreachableError
from minikctl.model import ObjectKey

KEY = ObjectKey("Pod", "default", "p")


def plan(name: str = "a", first: float = 0.0, period: float = 10.0, **facts: Any) -> ProbePlan:
    given = {"check": TcpCheck(1), "timeout": 1.0, "success_threshold": 1, "failure_threshold": 3, **facts}
    return ProbePlan(
        container_id=name,
        kind=ProbeKind.LIVENESS,
        container=name,
        first_at=first,
        tick_at=first,
        period=period,
        **given,
    )


def taken(prober: Prober, now: float) -> list[str]:
    return [due.plan.container_id for due in prober.take_due(now)]


class TestProber:
    def test_ticks(self) -> None:
        prober, one = Prober(), plan(first=5.0)
        prober.keep("uid", [one], 0.0)
        assert (prober.next_due(), taken(prober, 4.0)) == (5.0, [])
        assert taken(prober, 5.0) == ["a"]
        assert (prober.next_due(), taken(prober, 6.0)) == (15.0, [])
        assert prober.answered(one)
        assert taken(prober, 36.0) == ["a"], "ticks that were missed are not made up for"
        assert prober.next_due() == 45.0

    def test_one_is_under_way_at_most_once(self) -> None:
        prober, one = Prober(), plan(period=1.0)
        prober.keep("uid", [one], 0.0)
        assert taken(prober, 0.0) == ["a"]
        assert taken(prober, 1.0) == []
        prober.answered(one)
        assert taken(prober, 2.0) == ["a"]

    def test_what_is_near_is_taken_together_but_wakes_nobody(self) -> None:
        prober = Prober()
        prober.keep("uid", [plan("a", 10.0), plan("b", 10.05), plan("c", 10.5)], 0.0)
        assert taken(prober, 9.95) == []
        assert taken(prober, 10.0) == ["a", "b"]
        assert prober.next_due() == 10.5

    def test_the_same_plans_change_nothing(self) -> None:
        prober = Prober()
        prober.keep("uid", [plan(first=5.0)], 0.0)
        taken(prober, 5.0)
        prober.keep("uid", [plan(first=5.0)], 6.0)
        assert prober.next_due() == 15.0

    def test_a_plan_of_the_past_is_due_now(self) -> None:
        prober = Prober()
        prober.keep("uid", [plan(first=5.0)], 100.0)
        assert taken(prober, 100.0) == ["a"]
        assert prober.next_due() == 105.0

    def test_what_is_dropped_is_neither_asked_nor_heard(self) -> None:
        prober, one = Prober(), plan()
        prober.keep("uid", [one], 0.0)
        taken(prober, 0.0)
        prober.keep("uid", [], 1.0)
        assert not prober.answered(one)
        assert taken(prober, 100.0) == []
        prober.keep("uid", [one], 200.0)
        prober.forget("uid")
        assert taken(prober, 300.0) == []

    def test_an_answer_to_an_older_plan_is_nobodys(self) -> None:
        prober, old = Prober(), plan()
        prober.keep("uid", [old], 0.0)
        taken(prober, 0.0)
        prober.keep("uid", [plan(first=3.0)], 1.0)
        assert not prober.answered(old)

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50), st.integers(1, 20)), max_size=6))
    def test_each_is_asked_once_a_period(self, wanted: list[tuple[str, float, int]]) -> None:
        plans = {name: plan(name, first, float(period)) for name, first, period in wanted}
        prober = Prober()
        prober.keep("uid", list(plans.values()), 0.0)
        asked: list[str] = []
        for tick in range(1001):
            for due in prober.take_due(tick / 10):
                asked.append(due.plan.container_id)
                prober.answered(due.plan)
        for name, one in plans.items():
            ticks = int((100 - one.first_at) / one.period) + 1
            assert ticks - 1 <= asked.count(name) <= ticks + 1


class TestLanes:
    def test_threads_are_made_as_they_are_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(executor.WORKERS, "probe", 3)
        threads = ThreadExecutor({})
        lane = "memory:probe"
        gate, running = threading.Event(), threading.Semaphore(0)

        def job() -> Woken:
            running.release()
            assert gate.wait(5)
            return Woken()

        for _ in range(7):
            threads.submit(lane, job)
        for _ in range(3):
            assert running.acquire(timeout=5)
        assert not running.acquire(timeout=0.05), "no more at a time than there may be"
        assert len(threads._lanes[lane].threads) == 3
        gate.set()
        heard: list[Any] = []
        deadline = time.monotonic() + 5
        while len(heard) < 7 and time.monotonic() < deadline:
            heard += threads.wait(0.1)
        assert len(heard) == 7
        threads.close()

    def test_one_after_the_other_needs_one_thread(self) -> None:
        threads = ThreadExecutor({})
        for _ in range(5):
            threads.submit("memory:probe", Woken)
            assert threads.wait(5)
            deadline = time.monotonic() + 5
            while threads._lanes["memory:probe"].idle < 1 and time.monotonic() < deadline:
                time.sleep(0.001)
        assert len(threads._lanes["memory:probe"].threads) == 1
        threads.close()


class Engine:
    """Answers what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def probe(self, container_id: str, check: Any, *, timeout: float) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    exec_container = probe


def hook(check: Any) -> RunHook:
    return RunHook("app", "app-0", HookKind.POST_START, check, 5.0)


@pytest.mark.parametrize(
    ("check", "answer", "failed", "heard"),
    [
        (ExecCheck(("a",)), ExecResult(0, b""), False, True),
        (ExecCheck(("a",)), ExecResult(1, b"secret"), True, True),
        (ExecCheck(("a",)), PermanentError("too long", reason="DeadlineExceeded"), True, True),
        (ExecCheck(("a",)), UnreachableError("gone"), False, False),
        (ExecCheck(("a",)), TemporaryError("busy"), False, False),
        (HttpCheck(80), Checked(True), False, True),
        (HttpCheck(80), Checked(False, "HTTP probe failed with statuscode: 500"), False, True),
        (HttpCheck(80), Checked(False, "connection refused"), True, True),
        ("invalid handler: tcpSocket", None, True, True),
    ],
)
def test_hooks(check: Any, answer: Any, failed: bool, heard: bool) -> None:
    news = jobs.run_hook("memory", Engine(answer), "uid", KEY, hook(check))  # type: ignore[arg-type]
    assert (news.failed, news.failed or news.error is None) == (failed, heard)


def test_a_probe_without_a_port_is_not_asked() -> None:
    news = jobs.probe("memory", Engine(None), "uid", plan(check="couldn't find port"))  # type: ignore[arg-type]
    assert news.checked is None
    assert str(news.error) == "couldn't find port"
