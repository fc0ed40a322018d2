"""The gRPC health protocol (grpc.health.v1), spoken as the kubelet does it: one request over h2.

The two messages of the protocol have one field each; a protobuf library would be a hundred times their size.
"""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import unquote

from minikctl.backend.checks import Checked
from minikctl.backend.probing import DialError, dial, host_and_port

_STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
_SERVING = 1
_CODES = {
    1: "Canceled",
    2: "Unknown",
    5: "NotFound",
    7: "PermissionDenied",
    13: "Internal",
    14: "Unavailable",
}
_DEADLINE_EXCEEDED, _UNIMPLEMENTED = 4, 12
_PREFIX = 5
"""Bytes before a message: whether it is compressed, and its length."""


def check_grpc(host: str, port: int, service: str, timeout: float) -> Checked:
    where = host_and_port(host, port)
    deadline = time.monotonic() + timeout
    try:
        connection = dial(host, port, timeout)
    except DialError as error:
        if str(error).endswith("i/o timeout"):
            late = f'timeout: failed to connect service "{where}" within {timeout:g}s'
            return Checked(False, f"{late}: context deadline exceeded")
        return Checked(False, f'error: failed to connect service at "{where}": {error}')
    with connection:
        try:
            headers, body = _ask(connection, where, service, deadline)
        except TimeoutError:
            return Checked(False, f"timeout: health rpc did not complete within {timeout:g}s")
        except (OSError, _Broken) as error:
            return Checked(False, f"error: health rpc probe failed: {error}")
    return _judged(headers, body, timeout)


class _Broken(Exception):
    """What answers does not speak gRPC."""


def _ask(
    connection: socket.socket, authority: str, service: str, deadline: float
) -> tuple[dict[str, str], bytes]:
    """(all headers and trailers of the answer, its body)"""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.exceptions import H2Error

    name = service.encode()
    message = (b"\x0a" + _varint(len(name)) + name) if name else b""
    state = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
    state.initiate_connection()
    stream = state.get_next_available_stream_id()
    state.send_headers(
        stream,
        [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("user-agent", "kube-probe/1.34"),
            ("te", "trailers"),
        ],
    )
    state.send_data(stream, b"\0" + len(message).to_bytes(4) + message, end_stream=True)
    headers: dict[str, str] = {}
    body = bytearray()
    try:
        while True:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            connection.sendall(state.data_to_send())
            received = connection.recv(65536)
            if not received:
                raise _Broken("the connection was closed")
            for event in state.receive_data(received):
                if _take(event, state, headers, body):
                    return headers, bytes(body)
    except H2Error as error:
        raise _Broken(f"no HTTP/2: {str(error) or type(error).__name__}") from error


def _take(event: Any, state: Any, headers: dict[str, str], body: bytearray) -> bool:
    """Whether the answer is complete."""
    from h2 import events

    if isinstance(event, events.ResponseReceived | events.TrailersReceived):
        headers.update((str(name), str(value)) for name, value in event.headers or ())
    elif isinstance(event, events.DataReceived):
        body += event.data or b""
        state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
    elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
        raise _Broken(f"the server ended the call with HTTP/2 error {event.error_code}")
    return isinstance(event, events.StreamEnded)


def _judged(headers: dict[str, str], body: bytes, timeout: float) -> Checked:
    told = unquote(headers.get("grpc-message", ""))
    code = int(headers["grpc-status"]) if headers.get("grpc-status", "").isdigit() else -1
    if code == _UNIMPLEMENTED:
        return Checked(
            False,
            f"error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {told}",
        )
    if code == _DEADLINE_EXCEEDED:
        return Checked(False, f"timeout: health rpc did not complete within {timeout:g}s")
    if code != 0:
        what = f"code = {_CODES.get(code, code)} desc = {told}"
        if code < 0:
            what = f"unexpected HTTP status code {headers.get(':status', '')}"
        return Checked(False, f"error: health rpc probe failed: rpc error: {what}")
    status = _status_of(body[_PREFIX:])
    if status != _SERVING:
        return Checked(False, f'service unhealthy (responded with "{_STATUSES.get(status, str(status))}")')
    return Checked(True)


def _status_of(message: bytes) -> int:
    """Field 1, a varint below 128; a message without it means 0."""
    return message[1] if len(message) >= 2 and message[0] == 0x08 else 0


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
