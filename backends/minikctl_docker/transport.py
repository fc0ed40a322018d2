"""Connections to a socket that are used again.

The SDK keeps its connections by whole URL, so a client that asks after many containers opens one for each
request, and keeps as many open as it has room for. All of them lead to the same socket.

Imported by `engine` at the first call, as the rest of the SDK is.
"""

from __future__ import annotations

from typing import Any

from docker.api.client import APIClient
from docker.transport import UnixHTTPAdapter


class SocketAdapter(UnixHTTPAdapter):
    """One pool of connections for everything that is asked of an engine."""

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        return super().get_connection(self.socket_path, proxies)


def reuse_connections(client: APIClient, endpoint: str) -> None:
    """Lets a client of a `unix:` endpoint use its connections again."""
    path = endpoint.removeprefix("unix:").removeprefix("//")
    client.mount(client.base_url, SocketAdapter(f"http+unix://{path}", client.timeout))
