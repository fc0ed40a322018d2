"""Who an engine is: asked beside, and once."""

from __future__ import annotations

import threading

import pytest
from minikctl_memory import MemoryBackend

from minikctl.agent import jobs
from minikctl.agent.greeting import Greeting
from minikctl.agent.volumes import ImaginedVolumes
from minikctl.backend import EngineInfo
from minikctl.errors import UnreachableError


class SlowBackend(MemoryBackend):
    def __init__(self) -> None:
        super().__init__("c1")
        self.may_answer = threading.Event()
        self.asked = 0
        self.fails = False

    def info(self) -> EngineInfo:
        self.asked += 1
        self.may_answer.wait(5)
        if self.fails:
            raise UnreachableError("gone")
        return super().info()


def test_the_answer_is_waited_for_by_who_needs_it() -> None:
    backend = SlowBackend()
    greeting = Greeting(backend)
    greeting.check()
    threading.Timer(0.1, backend.may_answer.set).start()
    known = greeting.info()
    assert known is not None
    assert known.name == "memory"
    news = jobs.introduce("memory", backend, ImaginedVolumes(), greeting.info)
    assert news.info == known
    assert backend.asked == 1


def test_one_that_has_gone_since_is_asked_again_and_says_why() -> None:
    backend = SlowBackend()
    backend.fails = True
    backend.may_answer.set()
    greeting = Greeting(backend)
    assert greeting.info() is None
    with pytest.raises(UnreachableError, match="gone"):
        greeting.check()
    news = jobs.introduce("memory", backend, ImaginedVolumes(), greeting.info)
    assert str(news.error) == "gone"
    assert backend.asked == 2


def test_one_that_does_not_answer_is_not_asked() -> None:
    backend = SlowBackend()
    backend.engine.reachable = False
    greeting = Greeting(backend)
    with pytest.raises(UnreachableError):
        greeting.check()
    assert greeting.info() is None
    assert backend.asked == 0


def test_one_that_went_away_since_is_found_out() -> None:
    backend = SlowBackend()
    backend.may_answer.set()
    greeting = Greeting(backend)
    assert greeting.info() is not None
    backend.engine.reachable = False
    with pytest.raises(UnreachableError):
        greeting.check()
