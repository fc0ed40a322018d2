"""Whether an OCI runtime is honoured is tried once, whoever asks, and nothing of the try is left."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from minikctl_podman.engine import Reply
from minikctl_podman.runtimes import Runtimes

from minikctl.backend.labels import CLUSTER
from minikctl.errors import PermanentError


class Engine:
    """Says that containers run by `runtime`, whatever was asked for ("": by what was asked for)."""

    def __init__(self, runtime: str = "") -> None:
        self.runtime = runtime
        self.containers: dict[str, Any] = {}
        self.created = 0
        self._lock = threading.Lock()

    def post(self, path: str, body: Any) -> Reply:
        with self._lock:
            if body["name"] in self.containers:
                return Reply(500, {"message": f"the container name {body['name']!r} is already in use"})
            self.containers[body["name"]] = body
            self.created += 1
        return Reply(201, {"Id": "x"})

    def get(self, path: str) -> Reply:
        (body,) = self.containers.values()
        return Reply(200, {"OCIRuntime": self.runtime or body["oci_runtime"]})

    def delete(self, path: str, parameters: Any) -> Reply:
        self.containers.pop(path.rpartition("/")[2], None)
        return Reply(204, None)


def test_three_at_once_are_one_try() -> None:
    engine = Engine()
    runtimes = Runtimes(engine, "c1")  # type: ignore[arg-type]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: runtimes.check("kata", "busybox"), range(3))) == [None] * 3
    assert engine.created == 1
    assert engine.containers == {}


def test_one_that_is_not_honoured() -> None:
    engine = Engine("/usr/bin/runc")
    with pytest.raises(PermanentError, match="not supported") as caught:
        Runtimes(engine, "c1").check("kata", "busybox")  # type: ignore[arg-type]
    assert caught.value.reason == "CreateContainerError"
    assert engine.containers == {}


def test_what_an_interrupted_try_left_is_ours_and_goes() -> None:
    engine = Engine()
    runtimes = Runtimes(engine, "c1")  # type: ignore[arg-type]
    engine.post("", {"name": "minikctl-c1-runtime"})
    runtimes.check("runc", "busybox")
    assert engine.created == 2
    engine.post("", {"name": "other"})
    assert runtimes.check("", "busybox") is None


def test_the_try_carries_the_clusters_label(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, seen = Engine(), []
    post = engine.post
    monkeypatch.setattr(engine, "post", lambda path, body: (seen.append(body["labels"]), post(path, body))[1])
    Runtimes(engine, "c1").check("runc", "busybox")  # type: ignore[arg-type]
    assert seen == [{CLUSTER: "c1"}]
