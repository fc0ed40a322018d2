"""Checks against small servers in this process: the kubelet's words, deadlines, redirects, TLS, gRPC."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection

from minikctl.backend import Check, Checked, ExecCheck, ExecResult, GrpcCheck, HttpCheck, TcpCheck
from minikctl.backend.probing import is_ours, probe
from minikctl.errors import PermanentError

HERE = "127.0.0.1"


def no_command(command: Sequence[str], timeout: float) -> ExecResult:
    raise AssertionError(f"{command} was run")


def check(wanted: Check, *, timeout: float = 2) -> Checked:
    return probe(wanted, address=HERE, run=no_command, timeout=timeout)


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A TCP server whose connections are given to `answer`, one after the other; its port."""
    with socket.create_server((HERE, 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server((HERE, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Handler(BaseHTTPRequestHandler):
    asked: list[tuple[str, dict[str, str]]]
    redirects: dict[str, str]

    def do_GET(self) -> None:
        self.asked.append((self.path, dict(self.headers)))
        status = self.path.strip("/").partition("?")[0]
        if location := self.redirects.get(self.path):
            self.send_response(302)
            self.send_header("Location", location)
        else:
            self.send_response(int(status) if status.isdigit() else 200)
        self.end_headers()
        self.wfile.write(b"the body")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer((HERE, 0), Handler)
    Handler.asked, Handler.redirects = [], {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


# --- TCP ---------------------------------------------------------------------------------------


def test_a_connection_is_taken() -> None:
    with listening(lambda _: None) as port:
        assert check(TcpCheck(port)) == (True, "")
        assert check(TcpCheck(port, host="localhost")).ok


def test_a_connection_is_refused() -> None:
    port = free_port()
    assert check(TcpCheck(port)) == (False, f"dial tcp {HERE}:{port}: connect: connection refused")


def test_nobody_answers() -> None:
    with socket.socket() as full:
        full.bind((HERE, 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex((HERE, port))
        assert check(TcpCheck(port), timeout=0.3) == (False, f"dial tcp {HERE}:{port}: i/o timeout")
        for one in waiting:
            one.close()


def test_a_name_that_nobody_knows() -> None:
    found = check(TcpCheck(80, host="nowhere.invalid"))
    assert found == (False, "dial tcp: lookup nowhere.invalid: no such host")


# --- HTTP --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, (True, "")),
        (204, (True, "")),
        (304, (True, "Probe terminated redirects, Response body: ")),
        (399, (True, "Probe terminated redirects, Response body: the body")),
        (400, (False, "HTTP probe failed with statuscode: 400")),
        (503, (False, "HTTP probe failed with statuscode: 503")),
    ],
)
def test_statuses(web: ThreadingHTTPServer, status: int, expected: tuple[bool, str]) -> None:
    assert check(HttpCheck(web.server_port, f"/{status}")) == expected


def test_what_is_sent(web: ThreadingHTTPServer) -> None:
    assert check(HttpCheck(web.server_port, "healthz?a=b c", headers=(("X-One", "1"), ("Accept", "")))).ok
    ((path, headers),) = Handler.asked
    assert path == "/healthz?a=b%20c"
    assert headers == {
        "Host": f"{HERE}:{web.server_port}",
        "User-Agent": "kube-probe/1.34",
        "Connection": "close",
        "X-One": "1",
    }
    assert check(HttpCheck(web.server_port, headers=(("Host", "app.example"), ("User-Agent", "me")))).ok
    assert (Handler.asked[1][1]["Host"], Handler.asked[1][1]["User-Agent"]) == ("app.example", "me")


def test_proxies_are_not_asked(web: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{HERE}:{free_port()}")
    assert check(HttpCheck(web.server_port, "/")).ok


def test_redirects(web: ThreadingHTTPServer) -> None:
    port = web.server_port
    Handler.redirects = {
        "/here": "/503",
        "/absolute": f"http://{HERE}:{port}/200",
        "/elsewhere": "http://elsewhere.invalid/503",
        "/round": "/round",
    }
    assert check(HttpCheck(port, "/here")) == (False, "HTTP probe failed with statuscode: 503")
    assert check(HttpCheck(port, "/absolute")) == (True, "")
    assert check(HttpCheck(port, "/elsewhere")) == (
        True,
        "Probe terminated redirects, Response body: the body",
    )
    assert check(HttpCheck(port, "/round")) == (
        False,
        f'Get "http://{HERE}:{port}/round": stopped after 10 redirects',
    )


def trickle(connection: socket.socket) -> None:
    try:
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(100):
            connection.sendall(f"X-{number}: y\r\n".encode())
            time.sleep(0.1)
    except OSError:
        pass


def test_one_deadline_however_slowly_it_trickles() -> None:
    with listening(trickle) as port:
        began = time.monotonic()
        found = check(HttpCheck(port, "/x"), timeout=0.5)
        assert time.monotonic() - began < 2
    late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert found == (False, f'Get "http://{HERE}:{port}/x": {late}')


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"", "EOF"),
        (b"220 smtp ready\r\n", "net/http: HTTP/1.x transport connection broken: malformed HTTP response"),
    ],
)
def test_what_is_no_web_server(said: bytes, why: str) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(10_000)
        connection.sendall(said)

    with listening(answer) as port:
        found = check(HttpCheck(port, "/"))
    assert found.ok is False
    assert found.message.startswith(f'Get "http://{HERE}:{port}/": {why}')


def test_tls_without_looking_at_the_certificate(web: ThreadingHTTPServer, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=nobody", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    web.socket = context.wrap_socket(web.socket, server_side=True)
    assert check(HttpCheck(web.server_port, "/200", scheme="HTTPS")) == (True, "")


def test_tls_to_a_server_without(web: ThreadingHTTPServer) -> None:
    found = check(HttpCheck(web.server_port, "/", scheme="HTTPS"))
    assert found.message.endswith("http: server gave HTTP response to HTTPS client")


# --- gRPC --------------------------------------------------------------------------------------


class Health:
    """Answers one call as a gRPC server would."""

    def __init__(self, status: int | None, code: int = 0, told: str = "") -> None:
        self.status, self.code, self.told = status, code, told
        self.asked: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, connection: socket.socket) -> None:
        state = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        headers: dict[str, str] = {}
        body = b""
        while received := connection.recv(65536):
            for event in state.receive_data(received):
                if isinstance(event, events.RequestReceived):
                    headers = {str(name): str(value) for name, value in event.headers or ()}
                elif isinstance(event, events.DataReceived):
                    body += event.data or b""
                elif isinstance(event, events.StreamEnded):
                    self.asked.append((headers, body))
                    self.answer(state, event.stream_id)
            connection.sendall(state.data_to_send())

    def answer(self, state: H2Connection, stream: int) -> None:
        state.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
        if self.status is not None:
            message = bytes([8, self.status]) if self.status else b""
            state.send_data(stream, b"\0" + len(message).to_bytes(4) + message)
        trailers = [("grpc-status", str(self.code)), ("grpc-message", self.told)]
        state.send_headers(stream, trailers, end_stream=True)


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(1), (True, "")),
        (Health(2), (False, 'service unhealthy (responded with "NOT_SERVING")')),
        (Health(0), (False, 'service unhealthy (responded with "UNKNOWN")')),
        (
            Health(None, 12, "unknown service"),
            (
                False,
                "error: this server does not implement the grpc health protocol (grpc.health.v1.Health):"
                " unknown service",
            ),
        ),
        (
            Health(None, 5, "unknown%20service"),
            (
                False,
                "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service",
            ),
        ),
    ],
)
def test_grpc(health: Health, expected: tuple[bool, str]) -> None:
    with listening(health) as port:
        assert check(GrpcCheck(port, "")) == expected
        assert check(GrpcCheck(port, "my.Service")) == expected
    headers, body = health.asked[0]
    assert (headers[":path"], headers["content-type"]) == ("/grpc.health.v1.Health/Check", "application/grpc")
    assert body == bytes(5)
    assert health.asked[1][1] == b"\0\0\0\0\x0c\x0a\x0amy.Service"


def test_grpc_where_nobody_speaks_it(web: ThreadingHTTPServer) -> None:
    assert "error: health rpc probe failed" in check(GrpcCheck(web.server_port)).message
    port = free_port()
    refused = f'error: failed to connect service at "{HERE}:{port}"'
    assert check(GrpcCheck(port)).message.startswith(refused)
    with listening(lambda connection: time.sleep(2)) as port:
        late = "timeout: health rpc did not complete within 0.3s"
        assert check(GrpcCheck(port), timeout=0.3) == (False, late)


# --- from inside -------------------------------------------------------------------------------


class Inside:
    """A container with a shell: runs here what would be run there."""

    def __init__(self, path: str = "/bin:/usr/bin") -> None:
        self.path = path

    def __call__(self, command: Sequence[str], timeout: float) -> ExecResult:
        try:
            program = shutil.which(command[0], path=self.path) or "/bin/sh"
            wanted = [program, *command[1:]] if program.endswith(command[0]) else [program, "-c", "exit 127"]
            done = subprocess.run(
                wanted,
                env={"PATH": self.path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise PermanentError("late", reason="DeadlineExceeded") from None
        return ExecResult(done.returncode, done.stdout)


def inside(wanted: Check, path: str = "/bin:/usr/bin", timeout: float = 2) -> Checked:
    return probe(wanted, address="", run=Inside(path), timeout=timeout)


def test_checks_from_inside(web: ThreadingHTTPServer) -> None:
    port, closed = web.server_port, free_port()
    assert inside(TcpCheck(port)) == (True, "")
    assert inside(TcpCheck(closed)) == (False, f"dial tcp {HERE}:{closed}: connect: connection refused")
    assert inside(HttpCheck(port, "/200", headers=(("X-One", "it's"),))) == (True, "")
    assert Handler.asked[0][1]["X-One"] == "it's"
    assert inside(HttpCheck(port, "/503")) == (False, "HTTP probe failed with statuscode: 503")
    assert inside(HttpCheck(closed, "/")).message.startswith(f'Get "http://{HERE}:{closed}/": ')


@pytest.mark.parametrize("wanted", [TcpCheck(80), HttpCheck(80), GrpcCheck(80)])
def test_an_image_without_tools(wanted: Check, tmp_path: Path) -> None:
    with pytest.raises(PermanentError) as caught:
        inside(wanted, str(tmp_path))
    assert caught.value.reason == "NotSupported"


def test_a_tool_that_hangs() -> None:
    def hang(command: Sequence[str], timeout: float) -> ExecResult:
        raise PermanentError("late", reason="DeadlineExceeded")

    found = probe(TcpCheck(80), address="", run=hang, timeout=1)
    assert found == (False, f"dial tcp {HERE}:80: i/o timeout")


def test_commands() -> None:
    def ended(code: int) -> Checked:
        return probe(ExecCheck(("x",)), address="", run=lambda *_: ExecResult(code, b"said\n"), timeout=1)

    assert ended(0) == (True, "")
    assert ended(1) == (False, "said\n")


def test_addresses_of_this_machine() -> None:
    assert is_ours("127.0.0.1")
    assert is_ours("::1")
    assert not is_ours("192.0.2.1")
    assert not is_ours("")
