"""`PodmanBackend`: the port's calls as libpod requests, with as few round trips as they can be made with.

Rules:
- Nothing is believed to be ours before its cluster label was seen: by creating it, or by an inspect.
- What was seen is remembered (`minikctl.backend.remembered`), so that a pass over containers that did
  nothing is one request.
- Podman's own waiting is never used: no /stop, and a forced removal has the time-out 0.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar
from urllib.parse import urlsplit

from msgspec.structs import replace

from minikctl.backend import (
    Capabilities,
    Container,
    ContainerSpec,
    Credentials,
    EngineEvent,
    EngineInfo,
    FidelityTable,
    LogLine,
    LogOptions,
    NetworkMode,
    SandboxSpec,
    Settings,
)
from minikctl.backend.attempts import check_not_ended
from minikctl.backend.json_lines import json_lines
from minikctl.backend.labels import CLUSTER
from minikctl.backend.log_frames import framed_lines
from minikctl.backend.of_parts import BackendOfParts
from minikctl.backend.remembered import Remembered
from minikctl.backend.users import check_non_root
from minikctl.errors import PermanentError, TemporaryError, UnreachableError
from minikctl_podman import endpoints, faults, observation, payload
from minikctl_podman.engine import Engine, Reply, Stream, expect, quoted
from minikctl_podman.images import Images
from minikctl_podman.inside import Inside
from minikctl_podman.observation import Facts, Version
from minikctl_podman.runtimes import Runtimes
from minikctl_podman.volumes import Volumes

_INFO_TIMEOUT = 5.0
_INSPECT_TRIES = 3
_FORCE = {"force": "true", "timeout": "0"}
# libpod's words in the engines' common ones; events that change nothing we observe are left out.
_ACTIONS = {
    "create": "create",
    "start": "start",
    "died": "die",
    "cleanup": "cleanup",
    "remove": "destroy",
    "oom": "oom",
    "pause": "pause",
    "unpause": "unpause",
}


class PodmanBackend(BackendOfParts):
    """One Podman service. See `minikctl.backend.Backend` for what each call promises."""

    name: ClassVar[str] = "podman"

    def __init__(self, settings: Settings) -> None:
        found = [settings.endpoint] if settings.endpoint else endpoints.find_endpoints(os.environ)
        self.endpoint = found[0] if found else f"unix://{endpoints.ROOTFUL_SOCKET}"
        self.capabilities = Capabilities(native_pods=True)
        self._cluster = settings.cluster_id
        self._engine = Engine(self.endpoint, identity=endpoints.identity_for(self.endpoint, os.environ))
        self._known: Remembered[Facts, tuple[Version, Container]] = Remembered()
        self._images = Images(self._engine)
        self._inside = Inside(self._engine)
        self._volumes = Volumes(self._engine, self._cluster)
        self._runtimes = Runtimes(self._engine, self._cluster)

    @classmethod
    def endpoints(cls, environ: Mapping[str, str]) -> Sequence[str]:
        return endpoints.find_endpoints(environ)

    @classmethod
    def open(cls, settings: Settings) -> PodmanBackend:
        return cls(settings)

    @classmethod
    def fidelity(cls) -> FidelityTable:
        from minikctl_podman.fidelity import TABLE

        return TABLE

    # --- the engine ------------------------------------------------------------------------------

    def ping(self) -> None:
        reply = self._engine.get("/_ping", timeout=_INFO_TIMEOUT)
        if not reply.ok or not self._engine.version:
            raise UnreachableError(
                f"what answers at {self.endpoint} is no Podman: {faults.one_line(reply.message)}"
            )

    def info(self) -> EngineInfo:
        reply = expect(self._engine.get("/info", timeout=_INFO_TIMEOUT))
        info = observation.info_from(reply.body, _host_ip(self.endpoint))
        network = self._engine.get("/networks/podman/json", timeout=_INFO_TIMEOUT)
        return replace(info, pod_network=observation.network_from(network.body))

    def close(self) -> None:
        self._engine.close()

    # --- looking ---------------------------------------------------------------------------------

    def list_containers(self) -> list[Container]:
        reply = expect(self._engine.get("/containers/json", {"all": "true", "filters": self._filters()}))
        rows = reply.body or []
        self._known.forget_all_but({row["Id"] for row in rows})
        found = (self._container_of_row(row) for row in rows)
        return [container for container in found if container is not None]

    def inspect_container(self, container_id: str) -> Container | None:
        reply = self._inspect(container_id)
        if reply.missing:
            self._known.forget(container_id)
            return None
        data = expect(reply).body
        if observation.labels_of(data).get(CLUSTER) != self._cluster:
            return None
        container = observation.container_from_inspect(data)
        self._known.facts[container.id] = observation.facts_from_inspect(data)
        self._known.seen[container.id] = (observation.version_of_inspect(data), container)
        return container

    def _inspect(self, container_id: str) -> Reply:
        """Podman looks into /proc for it, and fails where the process ends just then: look again."""
        path = f"/containers/{quoted(container_id)}/json"
        for _ in range(_INSPECT_TRIES - 1):
            reply = self._engine.get(path)
            if reply.ok or "/proc/" not in reply.message:
                return reply
        return self._engine.get(path)

    def _container_of_row(self, row: Mapping[str, Any]) -> Container | None:
        """None where it went away since the list was made."""
        version, seen = self._known.seen.get(row["Id"], (None, None))
        if version == observation.version_of_row(row):
            return seen
        return self.inspect_container(row["Id"])

    def _facts_of(self, container_id: str) -> Facts | None:
        """None when the engine has no such container of this cluster."""
        # A container that was only created here is known to be ours, not how it wants to be stopped.
        return self._known.facts_of(container_id, self.inspect_container, lambda one: bool(one.stop_signal))

    def _is_ours(self, container_id: str) -> bool:
        return container_id in self._known.facts or self._facts_of(container_id) is not None

    def _filters(self, **more: list[str]) -> str:
        return json.dumps({"label": [f"{CLUSTER}={self._cluster}"], **more})

    # --- images ----------------------------------------------------------------------------------

    def image_id(self, image: str) -> str | None:
        return self._images.id_of(image)

    def pull_image(self, image: str, credentials: Credentials | None = None) -> str:
        return self._images.pull(image, credentials)

    # --- making ----------------------------------------------------------------------------------

    def create_sandbox(self, spec: SandboxSpec) -> Container:
        reply = self._engine.post("/pods/create", body=payload.sandbox_payload(spec))
        if not reply.ok:
            self._check_existing_pod(spec.name, reply)
        return self._start(spec.name + payload.INFRA_SUFFIX)

    def _check_existing_pod(self, name: str, refusal: Reply) -> None:
        """Returns when the pod that stands in the way is ours and whole."""
        if not faults.is_name_taken(refusal.message):
            raise faults.container_error(refusal.message, "CreateContainerError")
        reply = self._engine.get(f"/pods/{quoted(name)}/json")
        if reply.missing:
            raise TemporaryError(f"pod {name!r} is still being removed", reason="CreateContainerError")
        pod = reply.body if reply.ok else {}
        if (pod.get("Labels") or {}).get(CLUSTER) != self._cluster:
            raise PermanentError(
                f"the name {name!r} is taken by something that this cluster did not make",
                reason="CreateContainerError",
            )
        if not pod.get("InfraContainerID"):  # its creation was cut short
            self._remove_pod(pod["Id"])
            raise TemporaryError(f"pod {name!r} was half made and is removed", reason="CreateContainerError")

    def create_container(self, spec: ContainerSpec) -> str:
        pod_id = self._pod_of(spec.sandbox_id) if spec.network is NetworkMode.SANDBOX else ""
        image_user = self._images.user_for(spec)
        check_non_root(spec, image_user)
        self._runtimes.check(spec.pod.runtime_handler, spec.image)
        self._check_sub_paths(spec)
        body = payload.container_payload(spec, pod_id=pod_id, image_user=image_user)
        reply = self._engine.post("/containers/create", body=body)
        if reply.ok:
            container_id = str(reply.body["Id"])
            self._known.facts.setdefault(container_id, Facts(pod_id, sandbox=False))
            return container_id
        if faults.is_no_image(reply.message):
            raise PermanentError(faults.one_line(reply.message), reason="ImageNotFound")
        if faults.is_name_taken(reply.message):
            existing = self._named(spec.name)
            check_not_ended(spec.name, existing.state)
            return existing.id
        raise faults.container_error(reply.message, "CreateContainerError")

    def _check_sub_paths(self, spec: ContainerSpec) -> None:
        """Podman 4 may mount the whole volume instead, or follow a link out of it."""
        if not any(mount.sub_path for mount in spec.mounts):
            return
        version = self._engine.version or self.info().version
        if version.startswith("4."):
            why = f"subPath of a volume needs Podman 5, and this is {version}"
            raise PermanentError(why, reason="CreateContainerConfigError")

    def _named(self, name: str) -> Container:
        existing = self.inspect_container(name)
        if existing is None or existing.name != name:
            raise PermanentError(
                f"the name {name!r} is taken by a container that this cluster did not make",
                reason="CreateContainerError",
            )
        return existing

    def _pod_of(self, sandbox_id: str) -> str:
        facts = self._facts_of(sandbox_id)
        if facts is None or not facts.sandbox:
            raise PermanentError(f"there is no sandbox {sandbox_id!r}", reason="CreateContainerError")
        return facts.pod_id

    # --- running ---------------------------------------------------------------------------------

    def start_container(self, container_id: str) -> Container:
        if not self._is_ours(container_id):
            raise _not_found(container_id)
        return self._start(container_id)

    def _start(self, name_or_id: str) -> Container:
        if self._engine.version.startswith("4."):
            self._check_host_ports(name_or_id)
        reply = self._engine.post(f"/containers/{quoted(name_or_id)}/start")
        if reply.missing:
            self._known.forget(name_or_id)
            raise _not_found(name_or_id)
        if not reply.ok:
            self._known.seen.pop(name_or_id, None)  # it has a message now, and is else as it was
            raise faults.container_error(reply.message, "RunContainerError")
        container = self.inspect_container(name_or_id)
        if container is None:
            raise _not_found(name_or_id)
        return container

    def _check_host_ports(self, name_or_id: str) -> None:
        """Podman 4 refuses a taken port, too, but tears down the forwarding of the one who has it."""
        rows = expect(self._engine.get("/containers/json", {"all": "true"})).body
        if port := observation.host_port_in_use(rows or [], name_or_id):
            raise PermanentError(f"host port {port} is in use", reason="RunContainerError")

    def signal_container(self, container_id: str, *, kill: bool) -> None:
        if kill:
            facts = self._known.facts.get(container_id) or self._facts_of(container_id)
        else:
            facts = self._facts_of(container_id)
        if facts is None:
            return
        signal = "KILL" if kill else facts.stop_signal
        reply = self._engine.post(f"/containers/{quoted(container_id)}/kill", {"signal": signal})
        if reply.ok or reply.missing or _is_not_running(reply.message):
            return
        raise faults.container_error(reply.message, "KillContainerError")

    def remove_container(self, container_id: str) -> None:
        facts = self._known.facts.get(container_id) or self._facts_of(container_id)
        if facts is None:
            return
        if facts.sandbox:
            self._remove_pod(facts.pod_id)
        else:
            self._remove(f"/containers/{quoted(container_id)}", {**_FORCE, "v": "true"})
        self._known.forget(container_id)

    def _remove_pod(self, pod_id: str) -> None:
        self._remove(f"/pods/{quoted(pod_id)}", _FORCE)

    def _remove(self, path: str, parameters: Mapping[str, str]) -> None:
        reply = self._engine.delete(path, parameters)
        if not reply.ok and not reply.missing:
            raise faults.container_error(reply.message, "RemoveContainerError")

    # --- streams ---------------------------------------------------------------------------------

    def logs(self, container_id: str, options: LogOptions) -> Iterator[LogLine]:
        facts = self._facts_of(container_id)
        if facts is None:
            raise _not_found(container_id)
        if options.tail is None:
            yield from self._read_log(container_id, facts, options)
        elif not options.follow:
            yield from deque(self._read_log(container_id, facts, options), maxlen=options.tail)
        else:
            until_now = sum(1 for _ in self._read_log(container_id, facts, replace(options, follow=False)))
            followed = self._read_log(container_id, facts, options)
            yield from islice(followed, max(until_now - options.tail, 0), None)

    def _read_log(self, container_id: str, facts: Facts, options: LogOptions) -> Iterator[LogLine]:
        """At least the last `options.tail` lines.

        Podman does not count a last line without an end; before 5.0 it joins what it should not when it is
        asked for a tail, so there the whole log is read.
        """
        parameters = _log_parameters(options)
        if self._engine.version.startswith("4."):
            parameters.pop("tail", None)
        path = f"/containers/{quoted(container_id)}/logs"
        with self._engine.stream(path, parameters) as (reply, stream):
            if reply.missing:
                raise _not_found(container_id)
            expect(reply)
            yield from framed_lines(stream.chunks(), tty=facts.tty)

    def events(self) -> Iterator[EngineEvent]:
        from email.utils import parsedate_to_datetime  # slow to import, and the CLI seldom listens

        # The stream starts a moment after its headers: what happens between is asked for by time, and the
        # time is the engine's (the clock of a virtual machine may be anywhere).
        since = parsedate_to_datetime(expect(self._engine.get("/_ping", timeout=_INFO_TIMEOUT)).date)
        parameters = {
            "stream": "true",
            "since": str(int(since.timestamp())),
            "filters": self._filters(type=["container"]),
        }
        with self._engine.stream("/events", parameters) as (reply, stream):
            expect(reply)
            yield EngineEvent("")
            yield from _hints(stream)


def _host_ip(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return parts.hostname or "127.0.0.1" if parts.scheme in ("tcp", "http", "ssh") else "127.0.0.1"


def _not_found(container_id: str) -> PermanentError:
    return PermanentError(f"there is no container {container_id!r}", reason="NotFound")


def _is_not_running(message: str) -> bool:
    lowered = message.lower()
    return "can only kill running containers" in lowered or "no such process" in lowered


def _log_parameters(options: LogOptions) -> dict[str, str]:
    parameters = {"stdout": "true", "stderr": "true", "timestamps": "true"}
    if options.follow:
        parameters["follow"] = "true"
    if options.tail is not None:
        parameters["tail"] = str(options.tail)
    if options.since is not None:
        parameters["since"] = f"{options.since:.6f}"
    return parameters


def _hints(stream: Stream) -> Iterator[EngineEvent]:
    for event in json_lines(stream.chunks()):
        action = _ACTIONS.get(str(event.get("Action") or event.get("status")))
        container_id = (event.get("Actor") or {}).get("ID") or event.get("id")
        if action and container_id:
            yield EngineEvent(str(container_id), action)
