"""Probes and lifecycle hooks: one handler each, with what it needs."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_port_or_name
from minikctl.manifests.rules.pod.walk import Fields, is_sidecar
from minikctl.manifests.rules.problems import (
    check_filled,
    check_not_negative,
    check_syntax,
    forbidden,
    http_header_advice,
    invalid,
    required,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
# In the server's order: of several handlers the first one counts.
_PROBE_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_SCHEMES = ("HTTP", "HTTPS")
_HTTP_PROTOCOLS = ("HTTP1", "HTTP2")
_GRPC_MODES = ("Plaintext", "TLS")
_WINDOWS_SIGNALS = frozenset({"SIGKILL", "SIGTERM"})
_LINUX_SIGNALS = frozenset(
    (
        *("SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT", "SIGFPE", "SIGHUP", "SIGILL"),
        *("SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL", "SIGPROF", "SIGPWR", "SIGQUIT"),
        *("SIGRTMAX", "SIGRTMIN", "SIGSEGV", "SIGSTKFLT", "SIGSTOP", "SIGSYS", "SIGTERM", "SIGTRAP"),
        *("SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH"),
        *("SIGXCPU", "SIGXFSZ"),
        *(f"SIGRTMIN+{number}" for number in range(1, 16)),
        *(f"SIGRTMAX-{number}" for number in range(1, 15)),
    )
)


def handlers(spec: Fields, path: str) -> Iterator[FieldProblem]:
    grace, system = spec.get("terminationGracePeriodSeconds"), spec.get("os")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            if field == "containers" or is_sidecar(container):
                place = f"{path}.{field}[{index}]"
                yield from _lifecycle(container.get("lifecycle") or {}, f"{place}.lifecycle", grace, system)
                yield from _probes(container, place)


def _lifecycle(hooks: Fields, path: str, grace: int | None, system: Fields | None) -> Iterator[FieldProblem]:
    for hook in ("postStart", "preStop"):
        if (handler := hooks.get(hook)) is not None:
            yield from _one_handler(handler, _HOOK_HANDLERS, f"{path}.{hook}", grace)
    if (signal := hooks.get("stopSignal")) is not None:
        yield from _stop_signal(signal, f"{path}.stopSignal", system)


def _stop_signal(signal: str, path: str, system: Fields | None) -> Iterator[FieldProblem]:
    if system is None:
        yield forbidden(path, "may not be set for containers with empty `spec.os.name`")
        return
    known = {"windows": _WINDOWS_SIGNALS, "linux": _LINUX_SIGNALS}.get(system.get("name", ""))
    if known is not None and signal not in known:
        yield unsupported(path, signal, known)


def _probes(container: Fields, path: str) -> Iterator[FieldProblem]:
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            yield from _probe(probe, name, f"{path}.{name}")


def _probe(probe: Fields, name: str, path: str) -> Iterator[FieldProblem]:
    yield from _one_handler(probe, _PROBE_HANDLERS, path, None)
    for field in _NUMBERS:
        yield from check_not_negative(f"{path}.{field}", probe.get(field, 0))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")
    if name == "readinessProbe" and grace is not None:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes")


def _one_handler(
    found: Fields, kinds: tuple[str, ...], path: str, grace: int | None
) -> Iterator[FieldProblem]:
    present = [kind for kind in kinds if found.get(kind) is not None]
    if not present:
        yield required(path, "must specify a handler type")
        return
    first, *others = present
    yield from _handler(found[first], first, f"{path}.{first}", grace)
    for kind in others:
        yield forbidden(f"{path}.{kind}", "may not specify more than 1 handler type")


def _handler(handler: Fields, kind: str, path: str, grace: int | None) -> Iterator[FieldProblem]:
    match kind:
        case "exec":
            yield from check_filled(f"{path}.command", handler.get("command"))
        case "httpGet":
            yield from _http(handler, path)
        case "sleep":
            seconds = handler.get("seconds", 0)
            if grace is not None and not 0 <= seconds <= grace:
                detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
                yield invalid(path, seconds, detail)
        case _:
            yield from check_port_or_name(f"{path}.port", handler.get("port", 0))
            if kind == "grpc" and handler.get("mode", _GRPC_MODES[0]) not in _GRPC_MODES:
                yield unsupported(f"{path}.mode", handler["mode"], _GRPC_MODES)


def _http(handler: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_filled(f"{path}.path", handler.get("path"))
    yield from check_port_or_name(f"{path}.port", handler.get("port", 0))
    scheme, protocol = handler.get("scheme", ""), handler.get("protocol")
    if scheme not in _SCHEMES:
        yield unsupported(f"{path}.scheme", scheme, _SCHEMES)
    for header in handler.get("httpHeaders") or ():
        # The server leaves the index out here.
        yield from check_syntax(f"{path}.httpHeaders", header.get("name", ""), http_header_advice)
    if protocol is not None and protocol not in _HTTP_PROTOCOLS:
        yield unsupported(f"{path}.protocol", protocol, _HTTP_PROTOCOLS)
    elif protocol == "HTTP2" and scheme != "HTTP":
        yield invalid(f"{path}.protocol", protocol, "is only supported with HTTP (H2C)")
    elif protocol == "HTTP2" and handler.get("host"):
        yield invalid(f"{path}.host", handler["host"], 'must be empty when `protocol` is "HTTP2"')


RULES = (PodRule("container-handlers", "probes and hooks have one handler and sensible numbers", handlers),)
