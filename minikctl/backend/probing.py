"""Makes the checks of probes as the kubelet makes them, and says what it says.

Rules:
- From this process to the pod's address where that leads there; else from inside of the container, by exec.
- One deadline for a whole check, however slowly an answer trickles. No proxies, no certificate checks.
- Redirects are followed on the same host; one to another host is a success with a warning.
- Imported with the first probe: HTTP and TLS cost more than the rest of a backend.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import quote, urljoin, urlsplit

from minikctl.backend.checks import Check, Checked, ExecCheck, GrpcCheck, HttpCheck, TcpCheck
from minikctl.backend.observed import ExecResult
from minikctl.backend.port import KEPT_OUTPUT
from minikctl.errors import PermanentError

USER_AGENT = "kube-probe/1.34"
_KEPT_BODY = 10 * 1024
_MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

Run = Callable[[Sequence[str], float], ExecResult]
"""`exec_container` of the container that is probed: (command, timeout). It keeps `NEEDED_OUTPUT`."""
NEEDED_OUTPUT = 1 << 20
"""Bytes: the kernel's list of connections is long on a busy server."""


def probe(check: Check, *, address: str, run: Run, timeout: float) -> Checked:
    """`address` is the pod's, as it can be reached from here; "" where it can't."""
    match check:
        case ExecCheck(command):
            return run_command(command, run, timeout)
        case TcpCheck(port, host) if host or address:
            return check_tcp(host or address, port, timeout)
        case HttpCheck(host=host) if host or address:
            return check_http(check, host or address, timeout)
        case GrpcCheck(port, service) if address:
            from minikctl.backend.grpc_health import check_grpc

            return check_grpc(address, port, service, timeout)
        case _:
            from minikctl.backend.probing_inside import check_inside

            return check_inside(check, run, timeout)


def needs_address(check: Check) -> bool:
    """Whether it is asked at the pod's address."""
    return isinstance(check, GrpcCheck) or (isinstance(check, TcpCheck | HttpCheck) and not check.host)


def is_ours(address: str) -> bool:
    """Whether this machine (as this process sees it) has that address: then the network behind a bridge
    with it is here, and not in an engine's virtual machine or on another host."""
    if not address:
        return False
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((address, 0))
    except OSError:
        return False
    return True


def text_of(output: bytes) -> str:
    return output.decode("utf-8", errors="replace")


def run_command(command: Sequence[str], run: Run, timeout: float) -> Checked:
    try:
        result = run(command, timeout)
    except PermanentError as error:
        if error.reason != "DeadlineExceeded":
            raise
        return Checked(False, f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s')
    return Checked(result.exit_code == 0, text_of(result.output[:KEPT_OUTPUT]) if result.exit_code else "")


# --- TCP ---------------------------------------------------------------------------------------


def check_tcp(host: str, port: int, timeout: float) -> Checked:
    try:
        dial(host, port, timeout).close()
    except DialError as error:
        return Checked(False, str(error))
    return Checked(True)


class DialError(Exception):
    """A connection that did not come about, in Go's words."""


def dial(host: str, port: int, timeout: float) -> socket.socket:
    """:raises DialError: nobody takes the connection in time."""
    where = f"dial tcp {host_and_port(host, port)}"
    try:
        return socket.create_connection((host, port), timeout=timeout)
    except socket.gaierror:
        raise DialError(f"dial tcp: lookup {host}: no such host") from None
    except TimeoutError:
        raise DialError(f"{where}: i/o timeout") from None
    except OSError as error:
        raise DialError(f"{where}: connect: {(error.strerror or str(error)).lower()}") from None


def host_and_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- HTTP --------------------------------------------------------------------------------------


def url_of(check: HttpCheck, host: str) -> str:
    path = quote(check.path, safe="/?&=%#:@!$'()*+,;~[]")
    return f"{check.scheme.lower()}://{host_and_port(host, check.port)}/{path.removeprefix('/')}"


def check_http(check: HttpCheck, host: str, timeout: float) -> Checked:
    """One deadline over all redirects: a timer cuts the connection that is open at that moment."""
    fetch = _Fetch(check.headers, timeout)
    timer = threading.Timer(timeout, fetch.cut)
    timer.daemon = True
    timer.start()
    try:
        return fetch.get(url_of(check, host))
    finally:
        timer.cancel()


class _Fetch:
    """One GET with what it is redirected to."""

    def __init__(self, headers: Sequence[tuple[str, str]], timeout: float) -> None:
        self._headers = headers
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._late = False

    def cut(self) -> None:
        self._late = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def get(self, first: str) -> Checked:
        url = first
        for _ in range(_MOST_REDIRECTS):
            try:
                status, location, body = self._get_one(url)
            except DialError as error:
                why = str(error)
                return self._failed(url, f"{_LATE}connections)" if why.endswith("timeout") else why)
            except (OSError, http.client.HTTPException) as error:
                return self._failed(url, _go_words(error))
            if self._late:  # what was cut off may look like an answer
                return self._failed(url, "")
            if status not in _REDIRECTS or not location:
                return _judged(status, body)
            url = urljoin(url, location)
            if urlsplit(url).hostname != urlsplit(first).hostname:
                return _judged(status, body)
        return self._failed(url, f"stopped after {_MOST_REDIRECTS} redirects")

    def _failed(self, url: str, why: str) -> Checked:
        if self._late:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Checked(False, f'Get "{url}": {why}')

    def _get_one(self, url: str) -> tuple[int, str, bytes]:
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        connection = http.client.HTTPConnection(parts.hostname or "", port, timeout=self._timeout)
        try:
            connected = dial(parts.hostname or "", port, self._timeout)
            self._socket = connection.sock = connected
            if is_tls:
                self._socket = connection.sock = _unchecked_tls().wrap_socket(
                    connected, server_hostname=parts.hostname
                )
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.putrequest("GET", target or "/", skip_host=True, skip_accept_encoding=True)
            for name, value in self._all_headers(parts.netloc):
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location", ""), answer.read(_KEPT_BODY)
        finally:
            connection.close()

    def _all_headers(self, netloc: str) -> list[tuple[str, str]]:
        """A default that is given as empty is left out, as the kubelet does it."""
        given = {name.lower() for name, _ in self._headers}
        usual = [("Host", netloc), ("User-Agent", USER_AGENT), ("Accept", "*/*"), ("Connection", "close")]
        kept = [(name, value) for name, value in usual if name.lower() not in given]
        return [*kept, *((name, value) for name, value in self._headers if value)]


_LATE = "context deadline exceeded (Client.Timeout exceeded while awaiting "


def _judged(status: int, body: bytes) -> Checked:
    if not HTTPStatus.OK <= status < HTTPStatus.BAD_REQUEST:
        return Checked(False, f"HTTP probe failed with statuscode: {status}")
    if status >= HTTPStatus.MULTIPLE_CHOICES:
        return Checked(True, f"Probe terminated redirects, Response body: {text_of(body)}")
    return Checked(True)


def _go_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(error):
        return "http: server gave HTTP response to HTTPS client"
    if isinstance(error, http.client.RemoteDisconnected | ssl.SSLEOFError):
        return "EOF"
    if isinstance(error, TimeoutError):
        return f"{_LATE}headers)"
    if isinstance(error, http.client.BadStatusLine):
        return f"net/http: HTTP/1.x transport connection broken: malformed HTTP response {str(error)!r}"
    if isinstance(error, OSError) and error.strerror:
        return f"read: {error.strerror.lower()}"
    return str(error) or type(error).__name__


def _unchecked_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
