"""The one door to the podman SDK: requests and streams against one endpoint, from any number of threads.

Rules:
- A client (a requests session with its connection) serves one call at a time: a call takes an idle one or
  makes one. So there are as many as calls ever ran at once, however many threads come and go.
- A stream has a client of its own, and `close` cuts its socket: a reader blocked in another thread wakes up.
- Requests ask for API 4.0.0, the oldest that every supported Podman serves: its answers have one form then.
- Whatever keeps an answer from arriving is an `UnreachableError`. An answer of any status is a `Reply`.
"""

from __future__ import annotations

import json
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from minikctl.backend.imports import importing_sdk
from minikctl.errors import TemporaryError, UnreachableError
from minikctl_podman import faults

if TYPE_CHECKING:
    from podman.api.client import APIClient

API_VERSION = "4.0.0"
CONNECT_TIMEOUT = 5.0
"""Seconds to connect; a socket-activated service is connected at once and answers a second later."""
READ_TIMEOUT = 60.0
"""Seconds without an answer after which an engine counts as unreachable."""
_JSON = {"Content-Type": "application/json"}
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}

Params = Mapping[str, str]


class Reply(Struct, frozen=True):
    """An answer. `body` is its JSON, None where it has none; `date` the engine's clock (RFC 9110)."""

    status: int
    body: Any = None
    text: str = ""
    date: str = ""

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def missing(self) -> bool:
        """There is no such thing: 404, or a 500 where it went away while the engine looked at it."""
        return self.status == 404 or (not self.ok and "no such container" in self.message)

    @property
    def message(self) -> str:
        """What the engine says went wrong."""
        found = self.body.get("message") or self.body.get("cause") if isinstance(self.body, dict) else ""
        return str(found or self.text or f"HTTP status {self.status}")


class Upgraded(Struct, frozen=True):
    """A raw connection: `response`, whose body nobody has read, where the reply is good."""

    reply: Reply
    response: Any
    hang_up: Callable[[], None]


class Stream:
    """The body of an answer that does not end by itself."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self._cut = False

    def chunks(self) -> Iterator[bytes]:
        """As they arrive. Ends where the engine ends it, and after `cut`; raises what urllib3 raises."""
        try:
            yield from self._response.raw.stream(65536, decode_content=True)
        except Exception:
            if not self._cut:
                raise

    def cut(self) -> None:
        """Ends `chunks`, also when another thread is blocked in it."""
        self._cut = True
        raw = self._response.raw
        with suppress(Exception):
            if hasattr(raw, "shutdown"):  # urllib3 2.3 and newer
                raw.shutdown()
            else:
                raw._connection.sock.shutdown(socket.SHUT_RDWR)


class Engine:
    def __init__(self, endpoint: str, *, identity: str = "") -> None:
        self.endpoint = endpoint
        self._identity = identity
        self._idle: deque[APIClient] = deque()
        self._streams: set[Stream] = set()
        self._closed = False
        self.version = ""
        """The engine's, of its last answer; "" before the first."""

    def get(self, path: str, params: Params | None = None, *, timeout: float = READ_TIMEOUT) -> Reply:
        return self._call("get", path, params=params, timeout=(CONNECT_TIMEOUT, timeout))

    def head(self, path: str, params: Params) -> Reply:
        return self._call("head", path, params=params, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))

    def post(
        self,
        path: str,
        params: Params | None = None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = READ_TIMEOUT,
    ) -> Reply:
        """`timeout` None waits for the answer for as long as it takes."""
        data = None if body is None else json.dumps(body)
        all_headers = {**_JSON, **(headers or {})}
        return self._call(
            "post", path, params=params, data=data, headers=all_headers, timeout=(CONNECT_TIMEOUT, timeout)
        )

    def put(self, path: str, params: Params, data: Iterable[bytes] | bytes) -> Reply:
        return self._call("put", path, params=params, data=data, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))

    def upgrade(self, path: str, params: Params | None = None, *, body: Any = None) -> Upgraded:
        """Asks for a raw connection, on a client of its own. `body` is sent as JSON."""
        client = self._connect()
        data = None if body is None else json.dumps(body)
        limits = (CONNECT_TIMEOUT, READ_TIMEOUT)
        try:
            with self._reachable():
                response = client.post(
                    path, params=params, data=data, headers={**_JSON, **_UPGRADE}, stream=True, timeout=limits
                )
                reply = _reply(response) if response.status_code >= 400 else Reply(response.status_code)
        except BaseException:
            client.close()
            raise
        return Upgraded(reply, response, client.close)

    def unreachable(self, error: Exception) -> UnreachableError:
        """The error for an engine that went away."""
        return UnreachableError(
            f"podman at {self.endpoint} can't be reached: {_root_cause(error)}", reason="EngineUnreachable"
        )

    def delete(self, path: str, params: Params | None = None) -> Reply:
        return self._call("delete", path, params=params, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT))

    @contextmanager
    def stream(self, path: str, params: Params) -> Iterator[tuple[Reply, Stream]]:
        """The answer without its body where that is good, and the stream of it."""
        client = self._connect()
        try:
            with self._reachable():
                response = client.get(path, params=params, stream=True, timeout=(CONNECT_TIMEOUT, None))
                reply = _reply(response) if response.status_code >= 400 else Reply(response.status_code)
            stream = Stream(response)
            self._streams.add(stream)
            try:
                if self._closed:
                    stream.cut()
                with self._reachable():
                    yield reply, stream
            finally:
                self._streams.discard(stream)
                response.close()
        finally:
            client.close()

    def close(self) -> None:
        self._closed = True
        for stream in tuple(self._streams):
            stream.cut()
        while self._idle:
            self._idle.pop().close()

    def _call(self, method: str, path: str, **arguments: Any) -> Reply:
        client = self._take()
        try:
            with self._reachable():
                response = getattr(client, method)(path, **arguments)
                reply = _reply(response)
        except BaseException:
            client.close()  # its connection may be in the middle of an answer
            raise
        self._idle.append(client)
        self.version = response.headers.get("Libpod-API-Version", "")
        return reply

    def _take(self) -> APIClient:
        with suppress(IndexError):
            return self._idle.pop()
        return self._connect()

    def _connect(self) -> APIClient:
        client_class = _client_class()
        options: dict[str, Any] = {"identity": self._identity} if self._identity else {}
        with self._reachable():
            client = client_class(base_url=self.endpoint, version=API_VERSION, **options)
        client.trust_env = False  # a proxy for the web is none for an engine
        return client

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if not _is_transport_error(error):
                raise
            raise self.unreachable(error) from error


@cache
def _client_class() -> type[APIClient]:
    with importing_sdk("podman"):
        from podman.api.client import APIClient
    return APIClient


def expect(reply: Reply, reason: str = "") -> Reply:
    """The answer, where the engine did what it was asked; else it may work later."""
    if not reply.ok:
        raise TemporaryError(faults.one_line(reply.message), reason=reason)
    return reply


def quoted(name: str) -> str:
    """As one part of a path."""
    return quote(name, safe="")


def _reply(response: Any) -> Reply:
    text = response.text
    try:
        body = json.loads(text) if text else None
    except ValueError:
        body = None
    return Reply(response.status_code, body, text, response.headers.get("Date", ""))


def _is_transport_error(error: Exception) -> bool:
    from subprocess import SubprocessError

    from podman.errors import PodmanError
    from urllib3.exceptions import HTTPError

    # ValueError: the SDK on an endpoint that it does not understand.
    return isinstance(error, OSError | HTTPError | PodmanError | SubprocessError | ValueError)


def _root_cause(error: BaseException) -> str:
    """The words of the operating system where there are any: the SDK wraps them four deep."""
    seen: list[BaseException] = []
    queue: list[BaseException] = [error]
    while queue:
        current = queue.pop(0)
        if current in seen:
            continue
        seen.append(current)
        if isinstance(current, OSError) and current.errno and current.strerror:
            return current.strerror.lower()
        if "timed out" in str(current).lower():
            return "no answer in time"
        nested = (current.__cause__, current.__context__, *current.args)
        queue += [item for item in nested if isinstance(item, BaseException)]
    return " ".join(str(seen[-1]).split()) or type(error).__name__
