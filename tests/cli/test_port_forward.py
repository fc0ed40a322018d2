"""port-forward: which ports lead where, and bytes that get there and back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from cli_rig import Cli

from minikctl.backend import ExecResult
from minikctl.cli import forwarding
from minikctl.cli.containers import Place
from minikctl.cli.errors import Failed
from minikctl.cli.forwarding import Mapping, Route, forward, listen, parse_mapping, routes_through
from minikctl.errors import UsageError

POD = {
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "web"},
    "spec": {
        "ports": [
            {"name": "plain", "port": 80, "targetPort": "http"},
            {"name": "tls", "port": 443, "targetPort": 8443},
            {"port": 9000},
            {"name": "dns", "port": 53, "protocol": "UDP"},
        ]
    },
}


@pytest.mark.parametrize(
    ("target", "text", "expected"),
    [
        (POD, "80", Mapping(80, 80)),
        (POD, "8080:80", Mapping(8080, 80)),
        (POD, ":80", Mapping(0, 80)),
        (POD, "0:80", Mapping(0, 80)),
        (POD, "http", Mapping(8080, 8080)),
        (POD, "5000:http", Mapping(5000, 8080)),
        (SERVICE, "80", Mapping(80, 8080)),
        (SERVICE, "5000:443", Mapping(5000, 8443)),
        (SERVICE, "5000:plain", Mapping(5000, 8080)),
        (SERVICE, "9000", Mapping(9000, 9000)),
    ],
)
def test_ports(target: dict[str, Any], text: str, expected: Mapping) -> None:
    assert parse_mapping(text, target, POD) == expected


@pytest.mark.parametrize(
    ("target", "text", "message"),
    [
        (POD, "https", "Pod 'web' does not have a named port 'https'"),
        (POD, "99999", "invalid port '99999'"),
        (POD, "x:80", "invalid port 'x'"),
        (POD, "80:0", "remote port must be > 0"),
        (SERVICE, "81", "Service web does not have a service port 81"),
        (SERVICE, "53", "UDP protocol is not supported for 53"),
    ],
)
def test_ports_that_make_no_sense(target: dict[str, Any], text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_mapping(text, target, POD)


def test_a_port_in_use_is_one_line() -> None:
    (first, *more) = listen("localhost", 0)
    port = first.getsockname()[1]
    with pytest.raises(
        Failed, match=f"unable to listen on port {port}: 127.0.0.1:{port}: Address already in use"
    ):
        listen("localhost", port)
    with pytest.raises(Failed, match=r"192\.0\.2\.1:0"):
        listen("192.0.2.1", 0)
    for one in (first, *more):
        assert one.getsockname()[1] == port
        one.close()


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says each connection's bytes again, in capitals."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with client:
                    while data := client.recv(4096):
                        client.sendall(data.upper())

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def talk(route: Route, port: int, text: bytes) -> bytes:
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    failures: list[Failed] = []

    def serve() -> None:
        try:
            forward(theirs, route, port)
        except Failed as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    with suppress(OSError):  # the other side may have given up already
        ours.sendall(text)
        ours.shutdown(socket.SHUT_WR)
    answer = b""
    with suppress(ConnectionError):
        while data := ours.recv(4096):
            answer += data
    thread.join(10)
    assert not thread.is_alive()
    ours.close()
    if failures:
        raise failures[0]
    return answer


def test_through_the_pod_s_address(echo: int) -> None:
    big = b"abc" * 100_000
    assert talk(Route("127.0.0.1", ()), echo, big) == big.upper()


class FakeTool:
    """A container in which `tools` are, and a `Stream` to one of them."""

    endpoint = "tcp://elsewhere"

    def __init__(self, tools: str, answers: list[tuple[str, bytes]], code: int = 0) -> None:
        self.tools, self.answers, self.code = tools, answers, code
        self.asked: list[list[str]] = []
        self.heard = b""
        self._over = threading.Event()

    def exec_container(self, identifier: str, command: list[str], *, timeout: float) -> ExecResult:
        return ExecResult(0, f"{self.tools}\n".encode())

    def open_exec(self, identifier: str, command: list[str], *, stdin: bool, tty: bool) -> FakeTool:
        self.asked.append(list(command))
        return self

    def frames(self) -> Iterator[tuple[str, bytes]]:
        self._over.wait(5)
        yield from self.answers

    def send(self, data: bytes) -> None:
        self.heard += data

    def close_input(self) -> None:
        self._over.set()

    def exit_code(self) -> int:
        return self.code

    def close(self) -> None:
        pass


def place(tool: FakeTool, name: str) -> Place:
    return Place({}, name, name, tool)  # type: ignore[arg-type]


def test_through_a_tool_where_the_address_is_not_within_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "_known_tools", {})
    without, tool = (
        FakeTool("", []),
        FakeTool("nc", [("stdout", b"hel"), ("stderr", b"x"), ("stdout", b"lo")]),
    )
    assert talk(Route("", (place(without, "a"), place(tool, "b"))), 80, b"GET /") == b"hello"
    assert tool.asked == [["nc", "127.0.0.1", "80"]]
    assert tool.heard == b"GET /"
    assert without.asked == []


def test_what_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "_known_tools", {})
    refused = FakeTool("nc", [("stderr", b"nc: 127.0.0.1: Connection refused\n")], code=1)
    with pytest.raises(Failed, match="Connection refused"):
        talk(Route("", (place(refused, "a"),)), 80, b"x")
    with pytest.raises(Failed, match="none of its containers has a shell"):
        talk(Route("", (place(FakeTool("", []), "b"),)), 80, b"x")


def test_addresses_within_reach() -> None:
    here, there = SimpleNamespace(endpoint="unix:///x"), SimpleNamespace(endpoint="tcp://host:2375")
    near, far = (Place({}, "c", "c", one) for one in (here, there))  # type: ignore[arg-type]
    assert routes_through([near], "127.0.0.9", "127.0.0.0/8").address == "127.0.0.9"
    assert routes_through([far], "127.0.0.9", "127.0.0.0/8").address == ""
    assert routes_through([near], "192.0.2.9", "192.0.2.0/24").address == ""
    assert routes_through([near], "192.0.2.9", "").address == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "error: TYPE/NAME and list of ports are required for port-forward"),
        (["deploy/web"], "error: TYPE/NAME and list of ports are required for port-forward"),
        (["nope", "80"], 'Error from server (NotFound): pods "nope" not found'),
        (["deploy/web", "x:80"], "error: invalid port 'x'"),
        (["ns/default", "80"], "error: cannot forward to a Namespace"),
        (["deploy/web", "80"], "error: nothing listens in the containers of the memory backend"),
    ],
    ids=str,
)
def test_the_command(cli: Cli, web: str, words: list[str], message: str) -> None:
    result = cli("port-forward", *words)
    assert result.code == 1
    assert result.err.startswith(message)
