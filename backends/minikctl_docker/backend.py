"""`DockerBackend`: the port's calls as Engine API requests, with as few round trips as they can be made with.

Rules:
- Nothing is believed to be ours before its cluster label was seen: by creating it, or by an inspect.
- What was seen is remembered (`minikctl.backend.remembered`), so that a pass over containers that did
  nothing is one request.
- Docker's own waiting is never used: no /stop, no /wait; a removal kills.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from minikctl.backend import (
    Capabilities,
    Container,
    ContainerSpec,
    ContainerState,
    Credentials,
    EngineEvent,
    EngineInfo,
    FidelityTable,
    LogLine,
    LogOptions,
    SandboxSpec,
    Settings,
)
from minikctl.backend.attempts import check_not_ended
from minikctl.backend.json_lines import json_lines
from minikctl.backend.labels import CLUSTER
from minikctl.backend.of_parts import BackendOfParts
from minikctl.backend.remembered import Remembered
from minikctl.backend.users import check_non_root
from minikctl.errors import PermanentError, TemporaryError
from minikctl_docker import endpoints, faults, logs, observation, pause, payload
from minikctl_docker.engine import PROMPT_TIMEOUT, Engine, expect, parsed, quoted
from minikctl_docker.images import Images
from minikctl_docker.inside import Inside
from minikctl_docker.observation import Facts, Seen
from minikctl_docker.volumes import Volumes

_CREATE_TRIES = 3
_SUB_PATHS = (1, 45)
_SETTLE_SECONDS = 10.0
_SETTLE_POLL = 0.05


class DockerBackend(BackendOfParts):
    """One Docker engine. See `minikctl.backend.Backend` for what each call promises."""

    name: ClassVar[str] = "docker"

    def __init__(self, settings: Settings) -> None:
        found = [settings.endpoint] if settings.endpoint else endpoints.find_endpoints(os.environ)
        self.endpoint = found[0] if found else f"unix://{endpoints.ROOTFUL_SOCKET}"
        self.capabilities = Capabilities()
        self._cluster = settings.cluster_id
        self._engine = Engine(self.endpoint)
        self._known: Remembered[Facts, Seen] = Remembered()
        self._images = Images(self._engine)
        self._inside = Inside(self._engine)
        self._volumes = Volumes(self._engine, self._cluster)
        self._architecture = ""

    @classmethod
    def endpoints(cls, environ: Mapping[str, str]) -> Sequence[str]:
        return endpoints.find_endpoints(environ)

    @classmethod
    def open(cls, settings: Settings) -> DockerBackend:
        return cls(settings)

    @classmethod
    def fidelity(cls) -> FidelityTable:
        from minikctl_docker.fidelity import TABLE

        return TABLE

    # --- the engine ------------------------------------------------------------------------------

    def ping(self) -> None:
        self._engine.ping()

    def info(self) -> EngineInfo:
        reply = expect(self._engine.get("/info", timeout=PROMPT_TIMEOUT))
        version = self._engine.version()
        info = observation.info_from(reply.body, api_version=version, host_ip=_host_ip(self.endpoint))
        self._architecture = info.architecture
        network = self._engine.get("/networks/bridge", timeout=PROMPT_TIMEOUT)
        return replace(info, pod_network=observation.network_from(network.body))

    def close(self) -> None:
        self._engine.close()

    # --- looking ---------------------------------------------------------------------------------

    def list_containers(self) -> list[Container]:
        rows = expect(self._engine.get("/containers/json", {"all": "1", "filters": self._filters()})).body
        self._known.forget_all_but({row["Id"] for row in rows})
        found = (self._container_of_row(row) for row in rows)
        return [container for container in found if container is not None]

    def inspect_container(self, container_id: str) -> Container | None:
        return self._inspect(container_id, age=0)

    def _container_of_row(self, row: Mapping[str, Any]) -> Container | None:
        """None where it went away since the list was made."""
        seen, age = self._known.seen.get(row["Id"]), observation.age_of_row(row)
        if seen is None or not seen.holds_for(observation.version_of_row(row), age):
            return self._inspect(row["Id"], age)
        self._known.seen[row["Id"]] = Seen(seen.version, seen.container, age)
        return seen.container

    def _inspect(self, name_or_id: str, age: int) -> Container | None:
        reply = self._engine.get(f"/containers/{quoted(name_or_id)}/json")
        if reply.missing:
            self._known.forget(name_or_id)
            return None
        data = expect(reply).body
        if observation.labels_of(data).get(CLUSTER) != self._cluster:
            return None
        container = observation.container_from_inspect(data)
        self._known.facts[container.id] = observation.facts_from_inspect(data)
        self._known.seen[container.id] = Seen(observation.version_of_inspect(data), container, age)
        return container

    def _facts_of(self, container_id: str) -> Facts | None:
        """None when the engine has no such container of this cluster."""
        return self._known.facts_of(container_id, self.inspect_container)

    def _stop_signal(self, container_id: str) -> str | None:
        """None when there is no such container. One that was only created here must be asked for it."""
        facts = self._known.facts_of(container_id, self.inspect_container, lambda one: bool(one.stop_signal))
        return facts.stop_signal if facts else None

    def _filters(self, **more: list[str]) -> str:
        return json.dumps({"label": [f"{CLUSTER}={self._cluster}"], **more})

    # --- images ----------------------------------------------------------------------------------

    def image_id(self, image: str) -> str | None:
        return self._images.id_of(image)

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        return self._images.pull(image, credentials)

    # --- making ----------------------------------------------------------------------------------

    def create_container(self, spec: ContainerSpec) -> str:
        image_user = self._images.user_for(spec)
        check_non_root(spec, image_user)
        self._check_sub_paths(spec)
        body = payload.container_payload(spec, image_user=image_user, seccomp=_seccomp_of(spec))
        return self._create(spec.name, body, Facts(sandbox=False, tty=spec.tty))

    def _check_sub_paths(self, spec: ContainerSpec) -> None:
        """An older API takes what it does not know, and would mount the whole volume."""
        version = self._engine.version()
        if any(mount.sub_path for mount in spec.mounts) and parsed(version) < _SUB_PATHS:
            raise PermanentError(
                f"subPath of a volume needs Docker 26 (API 1.45), and this one speaks API {version}",
                reason="CreateContainerConfigError",
            )

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        architecture = self._architecture or self.info().architecture
        image = pause.reference(architecture)
        body = payload.sandbox_payload(spec, image=image)
        return self.start_container(self._create_with_image(spec.name, body, image, architecture))

    def _create_with_image(self, name: str, body: Mapping[str, Any], image: str, architecture: str) -> str:
        """People may prune the image away at any moment."""
        for _ in range(_CREATE_TRIES):
            try:
                return self._create(name, body, Facts(sandbox=True, tty=False))
            except PermanentError as error:
                if error.reason != "ImageNotFound":
                    raise
            self._images.provide_pause(image, architecture)
        raise TemporaryError(f"the sandbox image {image} does not stay", reason="CreateContainerError")

    def _create(self, name: str, body: Mapping[str, Any], facts: Facts) -> str:
        """The id of what was made, or of what stands there under this name and is ours.

        The engine gives the name away before the container can be found by it, and takes it back when the
        creation fails: as long as there is no such container, it is tried again.
        """
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            reply = self._engine.post("/containers/create", {"name": name}, body=body)
            if reply.ok:
                container_id = str(reply.body["Id"])
                self._known.facts.setdefault(container_id, facts)
                return container_id
            if reply.missing and faults.is_no_image(reply.message):
                raise PermanentError(faults.one_line(reply.message), reason="ImageNotFound")
            if reply.status != 409:
                raise faults.container_error(reply.message, "CreateContainerError")
            if (existing := self._named(name)) is not None:
                if not facts.sandbox:
                    check_not_ended(name, observation.state_of(existing))
                return str(existing["Id"])
            if time.monotonic() > deadline:
                raise TemporaryError(faults.one_line(reply.message), reason="CreateContainerError")
            time.sleep(_SETTLE_POLL)

    def _named(self, name: str) -> dict[str, Any] | None:
        """As inspected; None where nothing has this name (yet)."""
        reply = self._engine.get(f"/containers/{quoted(name)}/json")
        if reply.missing or (reply.ok and reply.body["Name"] != f"/{name}"):
            return None
        data = expect(reply, reason="CreateContainerError").body
        if observation.labels_of(data).get(CLUSTER) != self._cluster:
            raise PermanentError(
                f"the name {name!r} is taken by a container that this cluster did not make",
                reason="CreateContainerError",
            )
        self._known.facts[data["Id"]] = observation.facts_from_inspect(data)
        found: dict[str, Any] = data
        return found

    # --- running ---------------------------------------------------------------------------------

    def start_container(self, container_id: str) -> Container:
        if self._facts_of(container_id) is None:
            raise _not_found(container_id)
        reply = self._engine.post(f"/containers/{quoted(container_id)}/start")
        if reply.missing and faults.is_no_container(reply.message, container_id):
            self._known.forget(container_id)
            raise _not_found(container_id)
        if not reply.ok:
            self._known.seen.pop(container_id, None)  # it has a message now, and is else as it was
            raise faults.container_error(reply.message, "RunContainerError")
        container = self.inspect_container(container_id)
        if container is None:
            raise _not_found(container_id)
        return container

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        if kill:
            signal = "SIGKILL" if self._facts_of(container_id) else None
        else:
            signal = self._stop_signal(container_id)
        if signal is None:
            return
        reply = self._engine.post(f"/containers/{quoted(container_id)}/kill", {"signal": signal})
        if not (reply.ok or reply.missing or faults.is_not_running(reply.message)):
            raise faults.container_error(reply.message, "KillContainerError")

    def remove_container(self, container_id: str) -> None:
        facts = self._facts_of(container_id)
        if facts is None:
            return
        reply = self._engine.delete(f"/containers/{quoted(container_id)}", {"force": "1", "v": "1"})
        if faults.is_being_removed(reply.message):
            self._wait_until_gone(container_id)
        elif not reply.ok and not reply.missing:
            raise faults.container_error(reply.message, "RemoveContainerError")
        self._known.forget(container_id)

    def _wait_until_gone(self, container_id: str) -> None:
        """Somebody else is removing it already."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while self.inspect_container(container_id) is not None:
            if time.monotonic() > deadline:
                raise TemporaryError(
                    f"container {container_id!r} is still being removed", reason="RemoveContainerError"
                )
            time.sleep(_SETTLE_POLL)

    # --- streams ---------------------------------------------------------------------------------

    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        facts = self._facts_of(container_id)
        if facts is None:
            raise _not_found(container_id)
        parameters = _log_parameters(options, follow=options.follow and self._may_write(container_id))
        with self._engine.stream(f"/containers/{quoted(container_id)}/logs", parameters) as stream:
            if stream.reply.missing:
                raise _not_found(container_id)
            if not stream.reply.ok:
                raise faults.container_error(stream.reply.message, "")
            yield from logs.lines(stream.chunks(), tty=facts.tty)

    def _may_write(self, container_id: str) -> bool:
        """Following what has ended must end; some engines and log drivers wait for ever."""
        container = self.inspect_container(container_id)
        return container is not None and container.state is not ContainerState.EXITED

    def events(self) -> Iterator[EngineEvent]:
        from email.utils import parsedate_to_datetime  # slow to import, and the CLI seldom listens

        # The engine answers a moment before it listens: what happens between is asked for by time, and the
        # time is the engine's (the clock of a virtual machine may be anywhere).
        if self._engine.closed:
            return
        date = expect(self._engine.get("/_ping", timeout=PROMPT_TIMEOUT)).date
        since = int(parsedate_to_datetime(date).timestamp()) if date else int(time.time())
        parameters = {"since": str(since), "filters": self._filters(type=["container"])}
        with self._engine.stream("/events", parameters) as stream:
            expect(stream.reply)
            yield EngineEvent("")
            yield from _hints(stream.chunks())


def _hints(chunks: Iterable[bytes]) -> Iterator[EngineEvent]:
    for told in json_lines(chunks):
        container_id = (told.get("Actor") or {}).get("ID") or told.get("id")
        if container_id:
            # "exec_create: COMMAND" and the like: the command is nobody's business.
            yield EngineEvent(str(container_id), str(told.get("Action") or "").partition(":")[0])


def _host_ip(endpoint: str) -> str:
    """Where published ports are: on the engine's machine."""
    host = urlsplit(endpoint).hostname if not endpoint.startswith("unix:") else None
    try:
        return socket.gethostbyname(host) if host else "127.0.0.1"
    except OSError:
        return "127.0.0.1"


def _seccomp_of(spec: ContainerSpec) -> str:
    """The text of its profile: Docker wants the rules, not the path."""
    profile = spec.security.seccomp_profile
    if not profile.startswith(payload.LOCALHOST):
        return ""
    path = Path("/", profile.removeprefix(payload.LOCALHOST))
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise PermanentError(
            f"the seccomp profile {path} can't be read: {error}", reason="CreateContainerError"
        ) from error


def _not_found(container_id: str) -> PermanentError:
    return PermanentError(f"there is no container {container_id!r}", reason="NotFound")


def _log_parameters(options: LogOptions, *, follow: bool) -> dict[str, str]:
    parameters = {"stdout": "1", "stderr": "1", "timestamps": "1", "follow": "1" if follow else "0"}
    if options.tail is not None:
        parameters["tail"] = str(options.tail)
    if options.since is not None:
        parameters["since"] = f"{options.since:.9f}"
    return parameters
