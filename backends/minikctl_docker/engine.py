"""The one door to the docker SDK: requests and streams on the API version that both sides know.

Rules:
- One `APIClient` per thread: a requests session is not made for several. It brings the transports (unix,
  TCP, TLS) and the credentials of ~/.docker/config.json; the requests themselves are made here, because the
  SDK's own calls hide the status, add inspects and check versions.
- The version is agreed on once, by each ping anew, and again when the engine says that it does not know it
  any more (it was replaced by another while we ran).
- What keeps the engine from answering becomes `UnreachableError` here; an answer that says no is a `Reply`.
- The SDK is imported at the first call: it costs more than a whole `minikctl get`.
"""

from __future__ import annotations

import os
import re
import threading
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct

from minikctl.backend.imports import importing_sdk
from minikctl.errors import PermanentError, TemporaryError, UnreachableError
from minikctl_docker import faults
from minikctl_docker.endpoints import tls_files

if TYPE_CHECKING:
    import requests
    from docker.api.client import APIClient

TIMEOUT = 60.0
"""Seconds for a call that changes something; a busy engine takes its time."""
LOOK_TIMEOUT = 20.0
"""Seconds for a call that only asks."""
PROMPT_TIMEOUT = 5.0
"""Seconds for a call that people wait for to learn whether there is an engine."""

_VERSION = re.compile(r"\d+(\.\d+)?")
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}
_OLDEST_API = (1, 41)
_NEWEST_API = (1, 51)
"""What this backend was written against; an engine that is newer is spoken to in this."""


class Reply(Struct, frozen=True):
    """An answer of the engine. `body` is its JSON, None where it has none."""

    status: int
    body: Any
    date: str = ""
    api_version: str = ""
    """The newest that the engine speaks."""

    @property
    def ok(self) -> bool:
        return self.status < 400

    @property
    def missing(self) -> bool:
        return self.status == 404

    @property
    def message(self) -> str:
        told = self.body.get("message") if isinstance(self.body, dict) else self.body
        return str(told or f"the engine answered with status {self.status}")


class Upgraded(Struct, frozen=True):
    """A raw connection: `response`, whose body nobody has read, where the reply is good."""

    reply: Reply
    response: requests.Response


class Stream:
    """An answer that goes on. `cancel` ends it from any thread."""

    def __init__(self, response: requests.Response, endpoint: str) -> None:
        self.reply = _reply(response) if response.status_code >= 400 else Reply(response.status_code, None)
        self._response = response
        self._endpoint = endpoint
        self._cancelled = False

    def chunks(self) -> Iterator[bytes]:
        """The bytes as they come. Ends with the answer, raises when the engine goes away in the middle."""
        try:
            yield from self._response.iter_content(chunk_size=None)
        except Exception as error:
            if not self._cancelled:
                raise faults.unreachable(self._endpoint, error) from error

    def cancel(self) -> None:
        from docker.types import CancellableStream

        self._cancelled = True
        try:
            CancellableStream(iter(()), self._response).close()
        except (OSError, AttributeError):  # it had ended by itself
            self._response.close()

    def close(self) -> None:
        self._response.close()


class Engine:
    """A connection to one engine, for any number of threads."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._local = threading.local()
        self._lock = threading.Lock()
        self._version = ""
        """What both sides know, as agreed on with the engine; "" before."""
        self._clients: weakref.WeakSet[APIClient] = weakref.WeakSet()
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self.closed = False

    # --- requests --------------------------------------------------------------------------------

    def get(
        self, path: str, parameters: Mapping[str, str] | None = None, *, timeout: float = LOOK_TIMEOUT
    ) -> Reply:
        return self._call("GET", path, params=parameters, timeout=timeout)

    def post(
        self, path: str, parameters: Mapping[str, str] | None = None, *, body: Any = None, data: Any = None
    ) -> Reply:
        """`body` is sent as JSON, `data` as it is."""
        return self._call("POST", path, params=parameters, json=body, data=data, timeout=TIMEOUT)

    def delete(self, path: str, parameters: Mapping[str, str] | None = None) -> Reply:
        return self._call("DELETE", path, params=parameters, timeout=TIMEOUT)

    def put(self, path: str, parameters: Mapping[str, str], data: Iterable[bytes] | bytes) -> Reply:
        return self._call("PUT", path, params=parameters, data=data, timeout=TIMEOUT)

    def upgrade(
        self, path: str, parameters: Mapping[str, str] | None = None, *, body: Any = None
    ) -> Upgraded:
        """Asks for a raw connection. `body` is sent as JSON."""
        response = self._send(
            "POST", path, params=parameters, json=body, headers=_UPGRADE, timeout=TIMEOUT, stream=True
        )
        with self._reaching():
            reply = _reply(response) if response.status_code >= 400 else Reply(response.status_code, None)
        return Upgraded(reply, response)

    def pull(self, name: str, tag: str, auth: Mapping[str, str] | None = None) -> str | None:
        """Pulls, with the user's own credentials where none are given; what went wrong, or None. Failures
        come as a 200, too."""
        from docker.errors import APIError, DockerException

        try:
            with self._reaching():
                client = self._client()
                given = None if auth is None else dict(auth)
                for progress in client.pull(name, tag=tag, stream=True, decode=True, auth_config=given):
                    if "error" in progress:
                        return str(progress["error"])
        except APIError as error:
            return str(error.explanation or error)
        except DockerException as error:  # credentials that can't be read, an odd registry name
            return str(error)
        return None

    @contextmanager
    def stream(self, path: str, parameters: Mapping[str, str]) -> Iterator[Stream]:
        """An answer without a time limit between its parts, closed at the end."""
        response = self._send("GET", path, params=parameters, timeout=(PROMPT_TIMEOUT, None), stream=True)
        stream = Stream(response, self.endpoint)
        self._streams.add(stream)
        try:
            if self.closed:
                stream.cancel()
            yield stream
        finally:
            stream.close()

    def version(self) -> str:
        """Of the API, as agreed on with the engine; asks it where that is not known."""
        with self._lock:
            if not self._version:
                self._version = self._negotiate()
            return self._version

    def ping(self) -> None:
        """Asks whether it is there, and so agrees on the version anew."""
        version = self._negotiate()
        with self._lock:
            self._version = version

    def close(self) -> None:
        self.closed = True
        for stream in list(self._streams):
            stream.cancel()
        for client in list(self._clients):
            client.close()

    # --- how -------------------------------------------------------------------------------------

    def _call(self, method: str, path: str, **options: Any) -> Reply:
        response = self._send(method, path, **options)
        with self._reaching():
            reply = _reply(response)
        if reply.status == 400 and faults.is_version_refused(reply.message):
            self._forget_version()
            with self._reaching():
                reply = _reply(self._send(method, path, **options))
        return reply

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        with self._reaching():
            client = self._client()
            response: requests.Response = client.request(
                method, f"{client.base_url}/v{client.api_version}{path}", **options
            )
            return response

    def _client(self) -> APIClient:
        """This thread's client."""
        version = self.version()
        client: APIClient | None = getattr(self._local, "client", None)
        if client is None or client.api_version != version:
            client = self._connect(version)
            self._local.client = client
        return client

    def _connect(self, version: str) -> APIClient:
        from docker.api.client import APIClient
        from docker.errors import DockerException

        try:
            client = APIClient(self.endpoint, version=version, tls=self._tls(), user_agent="minikctl")
        except DockerException as error:
            raise PermanentError(f"can't use the endpoint {self.endpoint}: {error}") from error
        if self.endpoint.startswith("unix:"):
            from minikctl_docker.transport import reuse_connections

            # A socket has no proxy and no password file; looking for them at each request costs half of it.
            client.trust_env = False
            reuse_connections(client, self.endpoint)
        self._clients.add(client)
        return client

    def _tls(self) -> Any:
        files = tls_files(self.endpoint, os.environ)
        if files is None:
            return False
        from docker.tls import TLSConfig

        pair = (files.cert, files.key) if files.cert and files.key else None
        return TLSConfig(client_cert=pair, ca_cert=files.ca or None, verify=files.verify)

    def _negotiate(self) -> str:
        """By a ping: `/version` costs the engine more than making a container does, so only one that is newer
        than this backend is asked for the oldest that it speaks."""
        client = self._connect(_text(_OLDEST_API))
        told = self._ask(client, "/_ping")
        newest = oldest = self._version_in(told, told.api_version)
        if newest < _OLDEST_API:
            raise PermanentError(
                f"the Docker engine at {self.endpoint} speaks API {_text(newest)}; "
                f"{_text(_OLDEST_API)} (Docker 20.10) is the oldest that is supported"
            )
        if newest > _NEWEST_API:
            told = self._ask(client, "/version")
            said = told.body.get("MinAPIVersion") or "0" if isinstance(told.body, dict) else ""
            oldest = self._version_in(told, str(said))
            newest = _NEWEST_API
        return _text(max(newest, oldest))

    def _version_in(self, told: Reply, text: str) -> tuple[int, int]:
        if not told.ok or not _VERSION.fullmatch(text):
            raise UnreachableError(f"what answers at {self.endpoint} is no Docker engine: {told.message}")
        return parsed(text)

    def _ask(self, client: APIClient, path: str) -> Reply:
        with self._reaching():
            return _reply(client.request("GET", f"{client.base_url}{path}", timeout=PROMPT_TIMEOUT))

    def _forget_version(self) -> None:
        with self._lock:
            self._version = ""

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Whatever keeps the engine from answering; an answer that says no passes."""
        _import_sdk()
        from docker.errors import APIError
        from requests.exceptions import RequestException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except APIError:
            raise
        except (RequestException, HTTPError, OSError) as error:
            raise faults.unreachable(self.endpoint, error) from error


@cache
def _import_sdk() -> None:
    with importing_sdk("docker"):
        import docker.api.client  # noqa: F401


def _reply(response: requests.Response) -> Reply:
    body: Any = None
    if response.content:
        try:
            body = response.json()
        except ValueError:
            body = response.text
    said = response.headers
    return Reply(response.status_code, body, said.get("Date", ""), said.get("Api-Version", ""))


def expect(reply: Reply, reason: str = "") -> Reply:
    """The answer, where the engine did what it was asked; else it may work later."""
    if not reply.ok:
        raise TemporaryError(faults.one_line(reply.message), reason=reason)
    return reply


def quoted(name: str) -> str:
    """As one part of a path."""
    return quote(name, safe="")


def parsed(version: str) -> tuple[int, int]:
    """An API's version, to be compared."""
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
