"""What a probe asks of a container, and the answer. The words of answers are the kubelet's."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from msgspec import Struct


class TcpCheck(Struct, frozen=True):
    """A connection is taken."""

    port: int
    host: str = ""
    """"" is the pod's address, here and below."""


class HttpCheck(Struct, frozen=True):
    """GET answers with a status of 200 to 399."""

    port: int
    path: str = "/"
    scheme: str = "HTTP"
    """HTTP, or HTTPS: whose certificate is not checked, as the kubelet does it."""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """May name a header several times; `Host` is the virtual host that is asked for."""


class GrpcCheck(Struct, frozen=True):
    """grpc.health.v1.Health answers SERVING for `service`."""

    port: int
    service: str = ""


class ExecCheck(Struct, frozen=True):
    """A command in the container ends with exit code 0."""

    command: tuple[str, ...]


Check: TypeAlias = TcpCheck | HttpCheck | GrpcCheck | ExecCheck


class Checked(NamedTuple):
    """`message` is what the kubelet writes behind "Readiness probe failed: "; of a check that succeeded it
    is empty, or worth a warning."""

    ok: bool
    message: str = ""
