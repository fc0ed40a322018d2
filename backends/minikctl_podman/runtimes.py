"""Whether this Podman runs a container by the OCI runtime that is asked for.

Its API took the name and ignored it for years. Who asks for a sandboxed runtime must not run without one, so
it is tried on a container that is never started, before one is made that could be.
"""

from __future__ import annotations

import threading
from pathlib import PurePosixPath

from minikctl.backend.labels import CLUSTER
from minikctl.errors import PermanentError
from minikctl_podman import faults
from minikctl_podman.engine import Engine, expect, quoted


class Runtimes:
    def __init__(self, engine: Engine, cluster_id: str) -> None:
        self._engine = engine
        self._cluster = cluster_id
        self._name = f"minikctl-{cluster_id}-runtime"
        self._honoured: set[str] = set()
        self._trying = threading.Lock()

    def check(self, handler: str, image: str) -> None:
        """:raises PermanentError: reason `CreateContainerError`: containers would not run by it."""
        if not handler:
            return
        with self._trying:  # containers of a pod are made side by side
            if handler not in self._honoured:
                try:
                    self._try(handler, image)
                finally:
                    self._remove()

    def _try(self, handler: str, image: str) -> None:
        self._remove()  # of an earlier try that was cut off
        labels = {CLUSTER: self._cluster}
        body = {"name": self._name, "image": image, "oci_runtime": handler, "labels": labels}
        reply = self._engine.post("/containers/create", body=body)
        if not reply.ok and faults.is_no_image(reply.message):
            return  # who makes the container is told so
        if not reply.ok:
            raise faults.container_error(reply.message, "CreateContainerError")
        found = str(expect(self._engine.get(f"/containers/{self._name}/json")).body.get("OCIRuntime") or "")
        if handler not in (found, PurePosixPath(found).name):
            raise PermanentError(
                f"RuntimeHandler {handler!r} not supported: this Podman's API runs all by {found!r}",
                reason="CreateContainerError",
            )
        self._honoured.add(handler)

    def _remove(self) -> None:
        self._engine.delete(f"/containers/{quoted(self._name)}", {"force": "true"})
