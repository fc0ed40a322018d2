"""Startup, readiness and liveness probes: what to ask of whom and when, and what the answers mean.

Rules (the kubelet's prober, as pure bookkeeping):
- A probe belongs to one container id: a restarted container begins anew.
- The startup probe gates the two others. Readiness begins as failure and restarts nothing; liveness begins
  as success; either changes when its threshold of equal answers in a row is reached.
- An answer that could not be had (the engine does not answer, the container is just ending) is no answer.
- What a lost memo knew stands in the pod's status: a new agent takes started and ready from there until the
  first verdict of its own, and counts failures of liveness from the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct

from minikctl.backend import Check, Checked, ExecCheck, GrpcCheck, HttpCheck, TcpCheck
from minikctl.controlplane.kubelet.instances import Instance
from minikctl.errors import BackendError, PermanentError

FIRST_TICK_SECONDS = 1.0
"""The kubelet's ticks begin at a random moment of the first period. Ours begin here, since most servers
listen by then."""

LONG_SECONDS = 5.0
"""Probes of such a period tick at whole seconds, so that those of many pods are made in one go."""


class ProbeKind(Enum):
    """The value is its name in the kubelet's events."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"


FIELDS = {
    ProbeKind.STARTUP: "startupProbe",
    ProbeKind.LIVENESS: "livenessProbe",
    ProbeKind.READINESS: "readinessProbe",
}


class ProbeRecord(Struct, frozen=True):
    """The answers so far to one probe of one container."""

    last: bool | None = None
    run: int = 0
    """How many answers in a row were as the last one."""
    verdict: bool | None = None
    """None until a threshold was reached."""

    def after(self, succeeded: bool, success_threshold: int, failure_threshold: int) -> ProbeRecord:
        run = self.run + 1 if self.last is succeeded else 1
        enough = run >= (success_threshold if succeeded else failure_threshold)
        return ProbeRecord(succeeded, run, succeeded if enough else self.verdict)


ProbeKey: TypeAlias = tuple[str, ProbeKind]
"""A container's id, and which of its probes."""
ProbeRecords: TypeAlias = Mapping[ProbeKey, ProbeRecord]


class ProbePlan(Struct, frozen=True):
    """One probe that is to be made again and again, for as long as the plan stands. Times are seconds."""

    container_id: str
    kind: ProbeKind
    container: str
    check: Check | str
    """Text says why there is nothing to ask (a port of that name is not there)."""
    first_at: float
    tick_at: float
    """The first tick; the next ones are a period apart."""
    period: float
    timeout: float
    success_threshold: int
    failure_threshold: int

    @property
    def key(self) -> ProbeKey:
        return self.container_id, self.kind

    def next_after(self, moment: float) -> float:
        """The first tick later than that."""
        if moment < self.tick_at:
            return self.tick_at
        base = float(int(self.tick_at)) if self.period >= LONG_SECONDS else self.tick_at
        ticks = int((moment - base) / self.period) + 1
        found = base + self.period * ticks
        return found if found > moment else base + self.period * (ticks + 1)


class Health(Struct, frozen=True):
    """What a container's status says of it."""

    started: bool
    ready: bool


def health(
    container: dict[str, Any],
    instance: Instance,
    known: dict[str, Any],
    records: ProbeRecords,
    is_begun: bool,
) -> Health:
    """`known` is the container's status as it was written last; `is_begun` says that its postStart hook,
    where it has one, is over."""
    if not instance.is_running or not is_begun:
        return Health(False, False)
    is_same = known.get("containerID", "").endswith(f"//{instance.id}")
    before = Health(*(is_same and bool(known.get(name)) for name in ("started", "ready")))
    started = _verdict(ProbeKind.STARTUP, container, instance, records, before.started)
    ready = _verdict(ProbeKind.READINESS, container, instance, records, before.ready)
    return Health(started, started and ready)


def _verdict(
    kind: ProbeKind, container: dict[str, Any], instance: Instance, records: ProbeRecords, before: bool
) -> bool:
    if not container.get(FIELDS[kind]):
        return True
    record = records.get((instance.id, kind))
    return before if record is None or record.verdict is None else record.verdict


def failed_probe(instance: Instance, container: dict[str, Any], records: ProbeRecords) -> ProbeKind | None:
    """The probe because of which the container must be restarted."""
    for kind in (ProbeKind.LIVENESS, ProbeKind.STARTUP):
        record = records.get((instance.id, kind))
        if record is not None and record.verdict is False and container.get(FIELDS[kind]):
            return kind
    return None


_JUST_ENDING = ("NotFound", "NotRunning")


def probe_problem(
    kind: ProbeKind, checked: Checked | None, error: BackendError | None
) -> tuple[str, str] | None:
    """The event that an answer is worth: its reason and message."""
    if checked is not None:
        if not checked.ok:
            return "Unhealthy", f"{kind.value} probe failed: {checked.message}"
        return ("ProbeWarning", f"{kind.value} probe warning: {checked.message}") if checked.message else None
    if isinstance(error, PermanentError) and error.reason not in _JUST_ENDING:
        return "Unhealthy", f"{kind.value} probe errored and resulted in unknown state: {error}"
    return None


def plans(
    container: dict[str, Any], instance: Instance, state: Health, *, is_begun: bool, is_ending: bool
) -> list[ProbePlan]:
    """The probes that should be going on now: none before the postStart hook is over; of a pod that ends,
    readiness only."""
    if not instance.is_running or not is_begun:
        return []
    if not state.started:
        wanted: tuple[ProbeKind, ...] = () if is_ending else (ProbeKind.STARTUP,)
    else:
        wanted = (ProbeKind.READINESS,) if is_ending else (ProbeKind.LIVENESS, ProbeKind.READINESS)
    return [
        _plan(kind, container[FIELDS[kind]], container, instance)
        for kind in wanted
        if container.get(FIELDS[kind])
    ]


def _plan(kind: ProbeKind, probe: dict[str, Any], container: dict[str, Any], instance: Instance) -> ProbePlan:
    begun = (instance.container.started_at or 0.0) + (probe.get("initialDelaySeconds") or 0)
    period = float(probe.get("periodSeconds") or 10)
    tick = begun + (period if kind is ProbeKind.LIVENESS else min(FIRST_TICK_SECONDS, period))
    return ProbePlan(
        container_id=instance.id,
        kind=kind,
        container=container["name"],
        check=check_of(probe, container),
        # As the kubelet looks at a container that is not ready as soon as it runs.
        first_at=begun if kind is ProbeKind.READINESS else tick,
        tick_at=tick,
        period=period,
        timeout=float(probe.get("timeoutSeconds") or 1),
        success_threshold=probe.get("successThreshold") or 1,
        failure_threshold=probe.get("failureThreshold") or 3,
    )


def check_of(handler: dict[str, Any], container: dict[str, Any]) -> Check | str:
    """Of a probe, or of a hook that asks; text where there is nothing to ask, in the kubelet's words."""
    if "exec" in handler:
        return ExecCheck(tuple(handler["exec"].get("command") or ()))
    for name in ("httpGet", "tcpSocket", "grpc"):
        if name not in handler:
            continue
        asked = handler[name]
        port = _port(asked.get("port"), container)
        if port is None:
            return f"couldn't find port: {asked.get('port')} for container {container['name']}"
        if name == "httpGet":
            return _http(asked, port)
        if name == "tcpSocket":
            return TcpCheck(port, asked.get("host") or "")
        return GrpcCheck(port, asked.get("service") or "")
    return f"missing probe handler for container {container['name']}"


def _http(asked: dict[str, Any], port: int) -> HttpCheck:
    headers = tuple((one["name"], one.get("value", "")) for one in asked.get("httpHeaders") or ())
    path = asked.get("path") or "/"
    scheme = asked.get("scheme") or "HTTP"
    return HttpCheck(
        port, path if path.startswith("/") else f"/{path}", scheme, asked.get("host") or "", headers
    )


def _port(port: int | str | None, container: dict[str, Any]) -> int | None:
    if isinstance(port, str) and not port.isdigit():
        named = (one for one in container.get("ports") or () if one.get("name") == port)
        return next((int(one["containerPort"]) for one in named), None)
    return int(port) if port else None
