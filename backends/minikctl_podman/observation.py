"""libpod's JSON as the port's values. Pure.

Rules:
- `list` leaves out the address, the image as it was asked for, whether memory ran out, and the engine's own
  error. So a container is inspected, but only once for each state that it is in (see `Version`).
- Go's zero time stands for "never".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from minikctl.backend import Container, ContainerState, EngineInfo, Usage
from minikctl.model.timestamps import parse_time
from minikctl_podman.faults import one_line
from minikctl_podman.payload import IMAGE_ANNOTATION, INFRA_SUFFIX

_STATES = {
    "configured": ContainerState.CREATED,
    "created": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "stopping": ContainerState.RUNNING,
    # The process is gone, the engine has not tidied up yet: the exit code is known already.
    "stopped": ContainerState.EXITED,
    "exited": ContainerState.EXITED,
}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Version(Struct, frozen=True):
    """What `list` and `inspect` both tell of a container; as long as it is the same, so is the rest."""

    state: str
    started: int
    pid: int


class Facts(Struct, frozen=True):
    """What never changes about a container of ours."""

    pod_id: str
    sandbox: bool
    stop_signal: str = ""
    tty: bool = False


def state_of(word: str) -> ContainerState:
    return _STATES.get(word.lower(), ContainerState.UNKNOWN)


def version_of_row(row: Mapping[str, Any]) -> Version:
    return Version(str(row.get("State") or ""), int(row.get("StartedAt") or 0), int(row.get("Pid") or 0))


def version_of_inspect(data: Mapping[str, Any]) -> Version:
    state = data.get("State") or {}
    started = state.get("StartedAt") or ""
    seconds = int(parse_time(started)) if started else 0
    return Version(str(state.get("Status") or ""), seconds, int(state.get("Pid") or 0))


def container_from_inspect(data: Mapping[str, Any]) -> Container:
    """From /containers/{id}/json."""
    told = data.get("State") or {}
    state = state_of(str(told.get("Status") or ""))
    ended = state is ContainerState.EXITED
    annotations = (data.get("Config") or {}).get("Annotations") or {}
    started, finished = _time(told.get("StartedAt")), _time(told.get("FinishedAt"))
    if started and finished:
        finished = max(started, finished)  # what ends at once has ended before its start was written down
    return Container(
        id=data["Id"],
        name=_name(data.get("Name") or "", sandbox=bool(data.get("IsInfra"))),
        labels=labels_of(data),
        state=state,
        image=annotations.get(IMAGE_ANNOTATION) or data.get("ImageName") or "",
        image_id=data.get("Image") or "",
        created_at=_time(data.get("Created")) or 0.0,
        started_at=started,
        finished_at=finished if ended else None,
        exit_code=int(told.get("ExitCode") or 0) if ended else None,
        oom_killed=ended and bool(told.get("OOMKilled")),
        ip=_address(data.get("NetworkSettings") or {}) if state is ContainerState.RUNNING else "",
        # After a start that worked it is about something else ("container is running").
        message=one_line(told["Error"]) if state is ContainerState.CREATED and told.get("Error") else "",
    )


def host_port_in_use(rows: Sequence[Mapping[str, Any]], name_or_id: str) -> int | None:
    """A host port of that container which a running one publishes already, from /containers/json.

    The other containers of a pod are listed with the ports of its infra container: only that one counts.
    """
    holders = [row for row in rows if row.get("IsInfra") or not row.get("Pod")]
    mine = [row for row in holders if name_or_id in (row["Id"], *(row.get("Names") or ()))]
    running = [row for row in holders if row.get("State") == "running" and row not in mine]
    taken = [port for row in running for port in _host_ports(row)]
    wanted = [port for row in mine for port in _host_ports(row)]
    return next((port[2] for port in wanted for other in taken if _collide(port, other)), None)


def facts_from_inspect(data: Mapping[str, Any]) -> Facts:
    config = data.get("Config") or {}
    return Facts(
        pod_id=data.get("Pod") or "",
        sandbox=bool(data.get("IsInfra")),
        stop_signal=str(config.get("StopSignal") or "TERM"),
        tty=bool(config.get("Tty")),
    )


def labels_of(data: Mapping[str, Any]) -> Mapping[str, str]:
    return (data.get("Config") or {}).get("Labels") or {}


def info_from(data: Mapping[str, Any], host_ip: str) -> EngineInfo:
    """From /info."""
    host = data.get("host") or {}
    version = data.get("version") or {}
    distribution = host.get("distribution") or {}
    machine = str(host.get("arch") or "")
    return EngineInfo(
        name="podman",
        version=str(version.get("Version") or ""),
        api_version=str(version.get("APIVersion") or ""),
        operating_system=str(host.get("os") or "linux"),
        os_image=f"{distribution.get('distribution', '')} {distribution.get('version', '')}".strip(),
        kernel_version=str(host.get("kernel") or ""),
        architecture=_ARCHITECTURES.get(machine, machine),
        cpu_millicores=int(host.get("cpus") or 0) * 1000,
        memory_bytes=int(host.get("memTotal") or 0),
        host_ip=host_ip,
        rootless=bool((host.get("security") or {}).get("rootless")),
    )


def network_from(data: Any) -> str:
    """From /networks/NAME/json: its IPv4 network; "" where there is no such network, or it has none."""
    subnets = (str(one.get("subnet") or "") for one in (data or {}).get("subnets") or ())
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
    settings = data.get("NetworkSettings") or {}
    mode = str((data.get("HostConfig") or {}).get("NetworkMode") or "")
    holder = mode.partition(":")[2] if mode.startswith("container:") else ""
    networks = (one or {} for one in (settings.get("Networks") or {}).values())
    gateway = settings.get("Gateway") or next((one["Gateway"] for one in networks if one.get("Gateway")), "")
    return Network(_address(settings), str(gateway), holder, is_host=mode == "host")


def usage_from(data: Mapping[str, Any]) -> Usage | None:
    """From /containers/stats, whose memory is without what could be dropped already."""
    told = next(iter(data.get("Stats") or ()), None) or {}
    if data.get("Error") or not told.get("CPUNano"):
        return None
    return Usage(int(told["CPUNano"]), int(told.get("MemUsage") or 0))


def _host_ports(row: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """(host IP, protocol, host port), "" for all addresses."""
    return [
        ((port.get("host_ip") or "").replace("0.0.0.0", ""), port.get("protocol") or "tcp", port["host_port"])
        for port in row.get("Ports") or ()
        if port.get("host_port")
    ]


def _collide(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    same_address = one[0] == other[0] or "" in (one[0], other[0])
    return same_address and one[1:] == other[1:]


def _name(name: str, *, sandbox: bool) -> str:
    return name.removesuffix(INFRA_SUFFIX) if sandbox else name


def _address(network: Mapping[str, Any]) -> str:
    """The first network's address; rootless user-mode networks have none."""
    if address := network.get("IPAddress"):
        return str(address)
    networks = (network.get("Networks") or {}).values()
    return next((str(one["IPAddress"]) for one in networks if (one or {}).get("IPAddress")), "")


def _time(text: Any) -> float | None:
    if not isinstance(text, str) or not text:
        return None
    seconds = parse_time(text)
    return seconds if seconds > 0 else None
