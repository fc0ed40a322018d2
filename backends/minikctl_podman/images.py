"""Images on one engine: which are there, and pulling."""

from __future__ import annotations

from typing import Any

from minikctl.backend import ContainerSpec, Credentials, registry_auth
from minikctl.backend.users import needs_image_user
from minikctl.errors import PermanentError
from minikctl_podman import faults
from minikctl_podman.engine import Engine, expect, quoted


class Images:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def id_of(self, image: str) -> str | None:
        data = self._look(image)
        return str(data["Id"]) if data else None

    def user_for(self, spec: ContainerSpec) -> str:
        """The image's USER, only looked up where it matters."""
        if not needs_image_user(spec):
            return ""
        data = self._look(spec.image)
        if data is None:
            raise PermanentError(f"No such image: {spec.image}", reason="ImageNotFound")
        return str(data.get("User") or "")

    def pull(self, image: str, credentials: Credentials | None = None) -> str:
        # Quiet: one answer at the end instead of progress that nobody reads. Failures come as a 200, too.
        parameters = {"reference": image, "policy": "always", "quiet": "true"}
        told = {} if credentials is None else {registry_auth.HEADER: registry_auth.header_value(credentials)}
        reply = self._engine.post("/images/pull", parameters, headers=told, timeout=None)
        report = reply.body if isinstance(reply.body, dict) else {}
        if not reply.ok:
            raise faults.pull_error(reply.message)
        if report.get("error") or not report.get("id"):
            raise faults.pull_error(str(report.get("error") or "the engine pulled nothing"))
        return str(report["id"])

    def _look(self, image: str) -> dict[str, Any] | None:
        reply = self._engine.get(f"/images/{quoted(image)}/json")
        if reply.missing or (not reply.ok and faults.is_no_image(reply.message)):
            return None
        data: dict[str, Any] = expect(reply, reason="ImageInspectError").body
        return data
