"""`minikctl port-forward`: local ports that lead to a pod's.

The pod is looked for anew as connections come, so that a container that was restarted, or a workload's pod
that was replaced, is reached without starting this command again.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from typing import Annotated, Any

import typer

from minikctl.cli.containers import (
    existing_container,
    named_object,
    pods_of,
    running_pod,
    status_of_container,
)
from minikctl.cli.errors import Failed, complain
from minikctl.cli.exec import START_SECONDS, PodRunningTimeout
from minikctl.cli.forwarding import Mapping, Route, forward, listen, parse_mapping, routes_through, shown
from minikctl.cli.options import comma_separated, value
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import MinikctlError, NotFound, UsageError
from minikctl.model import Object, name_of, spec_of, status_of
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_active, phase

_USAGE = (
    "TYPE/NAME and list of ports are required for port-forward\n"
    "See 'minikctl port-forward -h' for help and examples"
)
_KNOWN_SECONDS = 1.0
"""For so long the pod that was found is taken for the one that is there."""


def port_forward(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TYPE/NAME [LOCAL_PORT:]REMOTE_PORT...", show_default=False),
    ] = None,
    address: Annotated[
        list[str] | None,
        value("--address", metavar="ADDRESS", text="Where to listen: localhost (the default), 0.0.0.0, …"),
    ] = None,
    pod_running_timeout: PodRunningTimeout = START_SECONDS,
) -> None:
    """Forward local ports to a pod: `port-forward svc/web 8080:80`, `port-forward pod/web-0 :80`.

    Until Ctrl-C. Without a LOCAL_PORT the same number, with `:` any that is free.
    """
    if not words or len(words) < 2:
        raise UsageError(_USAGE)
    word, *ports = words
    with open_session(context) as session:
        target = named_object(session, word)
        pod = running_pod(session, word, "forward to", pod_running_timeout)
        _need_running(pod)
        mappings = [parse_mapping(port, target, pod) for port in ports]
        if session.cluster.is_simulated:
            raise Failed("nothing listens in the containers of the memory backend: they are simulated")
        forwarder = _Forwarder(session, word)
        forwarder.route()
        for one in mappings:
            for host in comma_separated(address) or ["localhost"]:
                forwarder.listen(host, one)
        try:
            forwarder.run()
        except KeyboardInterrupt:
            return


def _need_running(pod: Object) -> None:
    if phase(pod) != "Running":
        raise Failed(f"unable to forward port because pod is not running. Current status={phase(pod)}")


class _Forwarder:
    """Accepts, and has each connection served by a thread of its own."""

    def __init__(self, session: Session, word: str) -> None:
        self._session = session
        self._word = word
        self._selector = selectors.DefaultSelector()
        self._route: tuple[float, Route] | None = None

    def listen(self, host: str, mapping: Mapping) -> None:
        """:raises Failed: that port is in use."""
        for listener in listen(host, mapping.local):
            listener.setblocking(False)
            self._selector.register(listener, selectors.EVENT_READ, mapping)
            out(f"Forwarding from {shown(listener)} -> {mapping.remote}\n")

    def run(self) -> None:
        """:raises NotFound: what was forwarded to is not there any more."""
        import sys

        while True:
            sys.stdout.flush()
            for key, _ in self._selector.select():
                self._accept(key.fileobj, key.data)

    def _accept(self, listener: Any, mapping: Mapping) -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return  # It was gone before we came.
        client.setblocking(True)
        local = listener.getsockname()[1]
        out(f"Handling connection for {local}\n")
        try:
            route = self.route()
        except NotFound:
            client.close()
            raise
        except MinikctlError as error:
            client.close()
            _complain(local, mapping, error)
            return
        threading.Thread(target=_serve, args=(client, route, local, mapping), daemon=True).start()

    def route(self) -> Route:
        """:raises Failed: no pod runs there now."""
        now = time.monotonic()
        if self._route is None or now - self._route[0] > _KNOWN_SECONDS:
            self._route = now, self._found()
        return self._route[1]

    def _found(self) -> Route:
        self._session.observed(fresh=True)
        pods = pods_of(self._session, named_object(self._session, self._word), "forward to", 0)
        pod = next((one for one in pods if is_active(one)), pods[0])
        _need_running(pod)
        names = [one["name"] for one in spec_of(pod).get("containers") or ()]
        running = [
            existing_container(self._session, pod, name)
            for name in names
            if "running" in (status_of_container(pod, name).get("state") or {})
        ]
        if not running:
            raise Failed(f"unable to forward port because no container of pod/{name_of(pod)} runs")
        node = self._session.api.find(self._session.key(KINDS["Node"], spec_of(pod)["nodeName"])) or {}
        return routes_through(
            running, str(status_of(pod).get("podIP") or ""), str(spec_of(node).get("podCIDR") or "")
        )


def _serve(client: socket.socket, route: Route, local: int, mapping: Mapping) -> None:
    try:
        forward(client, route, mapping.remote)
    except MinikctlError as error:
        _complain(local, mapping, error)


def _complain(local: int, mapping: Mapping, error: MinikctlError) -> None:
    complain(f"error: an error occurred forwarding {local} -> {mapping.remote}: {error}")
