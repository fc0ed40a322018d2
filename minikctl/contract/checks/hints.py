"""Events: a hint for each change within seconds, and an end when the backend is closed."""

from __future__ import annotations

import threading

import pytest

from minikctl.backend import Backend, EngineEvent
from minikctl.contract.base import ContractBase, MakeBackend
from minikctl.contract.bench import Bench
from minikctl.contract.bench import shell as sh
from minikctl.errors import UnreachableError


class Listener:
    """Collects the hints of a backend in a thread of its own."""

    def __init__(self, backend: Backend) -> None:
        self.events: list[EngineEvent] = []
        self.failure: BaseException | None = None
        self._backend = backend
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        try:
            for event in self._backend.events():
                self.events.append(event)
        except UnreachableError:
            pass
        except BaseException as failure:
            self.failure = failure

    def heard(self, container_id: str) -> int:
        return sum(event.container_id == container_id for event in self.events)


class HintChecks(ContractBase):
    def test_hints(self, bench: Bench, make_backend: MakeBackend) -> None:
        backend = make_backend(bench.cluster_id)
        listener = Listener(backend)
        bench.until(lambda: listener.events, "the first hint")
        assert listener.events[0].container_id == "", "first comes: list now"

        container_id = bench.backend.create_container(bench.spec(*sh("exit 5")))
        bench.until(lambda: listener.heard(container_id), "a hint of the creation")
        heard = listener.heard(container_id)
        bench.backend.start_container(container_id)
        bench.until_exited(container_id)
        bench.until(lambda: listener.heard(container_id) >= heard + 2, "hints of the start and of the end")
        heard = listener.heard(container_id)
        bench.backend.remove_container(container_id)
        bench.until(lambda: listener.heard(container_id) > heard, "a hint of the removal")

        backend.close()
        listener.thread.join(10)
        assert not listener.thread.is_alive(), "close ends the stream of hints"
        if listener.failure is not None:
            pytest.fail(f"events raised {listener.failure!r}")

    def test_two_listeners_hear_the_same(self, bench: Bench, make_backend: MakeBackend) -> None:
        backends = [make_backend(bench.cluster_id) for _ in range(2)]
        listeners = [Listener(backend) for backend in backends]
        bench.until(lambda: all(listener.events for listener in listeners), "both listen")
        container_id = bench.backend.create_container(bench.spec("true"))
        bench.until(lambda: all(each.heard(container_id) for each in listeners), "both hear it")
        for backend in backends:
            backend.close()
