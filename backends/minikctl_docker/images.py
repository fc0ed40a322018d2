"""Images on one engine: which are there, pulling, and the one that sandboxes are made from."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from minikctl.backend import ContainerSpec, Credentials
from minikctl.backend.registry_auth import auth_config
from minikctl.backend.users import needs_image_user
from minikctl.errors import PermanentError, TemporaryError
from minikctl_docker import faults, pause
from minikctl_docker.engine import Engine, expect
from minikctl_docker.references import is_lookup_key, split_reference


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
        return str((data.get("Config") or {}).get("User") or "")

    def pull(self, image: str, credentials: Credentials | None = None) -> str:
        reference = split_reference(image)
        if reference is None:
            raise PermanentError(f"{image!r} is not an image reference", reason="InvalidImageName")
        auth = None if credentials is None else auth_config(credentials)
        failure = self._engine.pull(*reference, auth=auth)
        if failure is not None:
            raise faults.pull_error(failure)
        image_id = self.id_of(image)
        if image_id is None:
            raise TemporaryError(f"{image!r} was pulled and is gone again", reason="ErrImagePull")
        return image_id

    def provide_pause(self, image: str, architecture: str) -> None:
        """Makes the image of sandboxes be there."""
        if image == pause.FALLBACK_REFERENCE:
            self.pull(image)
            return
        archive = pause.archive(architecture)
        reply = self._engine.post("/images/load", {"quiet": "1"}, data=archive)
        if not reply.ok:
            raise faults.container_error(reply.message, "CreateContainerError")

    def _look(self, image: str) -> dict[str, Any] | None:
        if not is_lookup_key(image):
            return None
        reply = self._engine.get(f"/images/{quote(image, safe='/:@')}/json")
        if reply.missing:
            return None
        data: dict[str, Any] = expect(reply, reason="ImageInspectError").body
        return data
