"""The Engine API's JSON as the port's values. Pure.

Rules:
- `list` leaves out the times, whether memory ran out, and the engine's own error. So a container is
  inspected, but only once for each state that it is in (see `Version`).
- Go's zero time stands for "never".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from minikctl.backend import Container, ContainerState, EngineInfo, Usage
from minikctl.backend.labels import TYPE, TYPE_SANDBOX
from minikctl.model.timestamps import parse_time
from minikctl_docker.faults import one_line

_STATES = {
    "created": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "exited": ContainerState.EXITED,
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_EXITED = re.compile(r"Exited \((-?\d+)\)")
_AGE = re.compile(r"(Less than )?(an?|\d+) (second|minute|hour|day|week|month|year)s?\b")
_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_KILLED = 137
_SETTLED = 3


class Version(Struct, frozen=True):
    """What `list` and `inspect` both tell of a container; as long as it is the same, so is the rest."""

    state: str
    exit_code: int | None


class Facts(Struct, frozen=True):
    """What never changes about a container of ours."""

    sandbox: bool
    tty: bool
    stop_signal: str = ""
    """"" where it is not known yet, as the image says it."""


class Seen(Struct, frozen=True):
    """What was last observed, and how long the container was then in that state, in seconds, roughly."""

    version: Version
    container: Container
    age: int = 0

    def holds_for(self, version: Version, age: int) -> bool:
        """Whether a row of the list with that version and age needs no inspect.

        A state that is younger than before was left and entered anew. That memory ran out is told a moment
        after the end, so an early look at a killed container is not the last.
        """
        killed = self.container.exit_code == _KILLED and not self.container.oom_killed
        return version == self.version and age >= self.age and not (killed and self.age < _SETTLED)


def version_of_row(row: Mapping[str, Any]) -> Version:
    state = str(row.get("State") or "")
    ended = _EXITED.match(str(row.get("Status") or "")) if state == "exited" else None
    return Version(state, int(ended[1]) if ended else None)


def version_of_inspect(data: Mapping[str, Any]) -> Version:
    told = data.get("State") or {}
    state = str(told.get("Status") or "")
    return Version(state, int(told.get("ExitCode") or 0) if state == "exited" else None)


def age_of_row(row: Mapping[str, Any]) -> int:
    """Seconds of "Up 3 minutes" or "Exited (0) About an hour ago", as coarse as the text; 0 for none."""
    found = _AGE.search(str(row.get("Status") or ""))
    if found is None or found[1]:
        return 0
    return _SECONDS[found[3]] * (1 if found[2].startswith("a") else int(found[2]))


def state_of(data: Mapping[str, Any]) -> ContainerState:
    """From /containers/{id}/json."""
    return _STATES.get(str((data.get("State") or {}).get("Status") or ""), ContainerState.UNKNOWN)


def container_from_inspect(data: Mapping[str, Any]) -> Container:
    """From /containers/{id}/json."""
    told = data.get("State") or {}
    state = state_of(data)
    ended = state is ContainerState.EXITED
    return Container(
        id=data["Id"],
        name=str(data.get("Name") or "").removeprefix("/"),
        labels=labels_of(data),
        state=state,
        image=str((data.get("Config") or {}).get("Image") or ""),
        image_id=str(data.get("Image") or ""),
        created_at=_time(data.get("Created")) or 0.0,
        started_at=_started(told),
        finished_at=_time(told.get("FinishedAt")) if ended else None,
        exit_code=int(told.get("ExitCode") or 0) if ended else None,
        oom_killed=ended and bool(told.get("OOMKilled")),
        ip=_address(data.get("NetworkSettings") or {}) if state is ContainerState.RUNNING else "",
        message=one_line(told["Error"]) if told.get("Error") else "",
    )


def facts_from_inspect(data: Mapping[str, Any]) -> Facts:
    config = data.get("Config") or {}
    return Facts(
        sandbox=labels_of(data).get(TYPE) == TYPE_SANDBOX,
        tty=bool(config.get("Tty")),
        stop_signal=str(config.get("StopSignal") or "SIGTERM"),
    )


def labels_of(data: Mapping[str, Any]) -> Mapping[str, str]:
    return (data.get("Config") or {}).get("Labels") or {}


def info_from(data: Mapping[str, Any], *, api_version: str, host_ip: str) -> EngineInfo:
    """From /info."""
    machine = str(data.get("Architecture") or "")
    return EngineInfo(
        name="docker",
        version=str(data.get("ServerVersion") or ""),
        api_version=api_version,
        operating_system=str(data.get("OSType") or "linux"),
        os_image=str(data.get("OperatingSystem") or ""),
        kernel_version=str(data.get("KernelVersion") or ""),
        architecture=_ARCHITECTURES.get(machine, machine),
        cpu_millicores=int(data.get("NCPU") or 0) * 1000,
        memory_bytes=int(data.get("MemTotal") or 0),
        host_ip=host_ip,
        rootless=any("rootless" in str(option) for option in data.get("SecurityOptions") or ()),
    )


def network_from(data: Any) -> str:
    """From /networks/NAME: its IPv4 network; "" where there is no such network, or it has none."""
    pools = ((data or {}).get("IPAM") or {}).get("Config") or ()
    subnets = (str(pool.get("Subnet") or "") for pool in pools)
    return next((subnet for subnet in subnets if "." in subnet), "")


class Network(Struct, frozen=True):
    """Where a running container is found."""

    address: str
    gateway: str
    """The bridge's own address on the engine's machine."""
    holder: str
    """The container whose namespace it is in, "" where it has one of its own."""
    is_host: bool


def network_of(data: Mapping[str, Any]) -> Network:
    """From /containers/{id}/json."""
    mode = str((data.get("HostConfig") or {}).get("NetworkMode") or "")
    networks = ((data.get("NetworkSettings") or {}).get("Networks") or {}).values()
    first: Mapping[str, Any] = next((one for one in networks if (one or {}).get("IPAddress")), {})
    holder = mode.partition(":")[2] if mode.startswith("container:") else ""
    return Network(
        str(first.get("IPAddress") or ""), str(first.get("Gateway") or ""), holder, is_host=mode == "host"
    )


def usage_from(data: Mapping[str, Any]) -> Usage | None:
    """From /containers/{id}/stats. The keys of what can be dropped are those of cgroups 1, then 2."""
    cpu = ((data.get("cpu_stats") or {}).get("cpu_usage") or {}).get("total_usage")
    memory = data.get("memory_stats") or {}
    if not cpu or not memory.get("usage"):
        return None
    detail = memory.get("stats") or {}
    droppable = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return Usage(int(cpu), max(int(memory["usage"]) - int(droppable), 0))


def _address(network: Mapping[str, Any]) -> str:
    """The first network's address. (The one beside the networks is gone since API 1.52.)"""
    networks = (network.get("Networks") or {}).values()
    return next((str(one["IPAddress"]) for one in networks if (one or {}).get("IPAddress")), "")


def _started(told: Mapping[str, Any]) -> float | None:
    """Older engines note the start a little late: a process that ended at once had begun before it."""
    started, finished = _time(told.get("StartedAt")), _time(told.get("FinishedAt"))
    if told.get("Status") == "exited" and started is not None and finished is not None:
        return min(started, finished)
    return started


def _time(text: Any) -> float | None:
    if not isinstance(text, str) or not text:
        return None
    seconds = parse_time(text)
    return seconds if seconds > 0 else None
