"""Which ports lead where, and how bytes get there.

Rules:
- A connection goes to the pod's address where that is within this machine's reach. Where it is not, or where
  nobody listens there (a process may listen inside of the pod only), it goes through a tool in a container.
- An address is within reach where the engine is here and this machine has an address in its pod network;
  elsewhere the same address may be somebody else's.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from minikctl.cli.containers import Place
from minikctl.cli.errors import Failed
from minikctl.errors import BackendError, UsageError
from minikctl.model import Object, name_of, spec_of

if TYPE_CHECKING:
    from minikctl.backend import Stream

CONNECT_SECONDS = 3.0
_PIECE = 64 * 1024
_MOST_PORT = 65535
_TOOL_SECONDS = 10.0
_FIND_TOOL = "for one in socat nc bash; do command -v $one >/dev/null 2>&1 && echo $one && exit; done"
_TOOLS = {
    "socat": ["socat", "-", "TCP:127.0.0.1:{port}"],
    "nc": ["nc", "127.0.0.1", "{port}"],
    "bash": [
        "bash",
        "-c",
        "exec 3<>/dev/tcp/127.0.0.1/{port} || exit 1; cat <&3 & {{ cat; exec 3>&-; }} >&3; wait",
    ],
}


class Mapping(NamedTuple):
    """`local` 0 is any port that is free."""

    local: int
    remote: int


# --- which ports -----------------------------------------------------------------------------------


def parse_mapping(text: str, target: Object, pod: Object) -> Mapping:
    """From `80`, `8080:80`, `:80` or `8443:https`. `target` is what was named: the pod, or a Service whose
    ports lead to others of the pod.

    :raises UsageError: it makes no sense, or there is no port of that name.
    """
    local_word, colon, remote_word = text.rpartition(":")
    remote = _service_port(target, remote_word, pod) if target["kind"] == "Service" else None
    number = remote if remote is not None else _port(remote_word, pod)
    if colon:
        return Mapping(_number(local_word) if local_word else 0, number)
    return Mapping(_number(remote_word) if remote_word.isdecimal() else number, number)


def _number(word: str) -> int:
    if not word.isdecimal() or int(word) > _MOST_PORT:
        raise UsageError(f"invalid port {word!r}: write it as [LOCAL_PORT:]REMOTE_PORT")
    return int(word)


def _port(word: str, pod: Object) -> int:
    if word.isdecimal():
        number = _number(word)
        if not number:
            raise UsageError("remote port must be > 0")
        return number
    for container in spec_of(pod).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == word:
                return int(port["containerPort"])
    raise UsageError(f"Pod '{name_of(pod)}' does not have a named port '{word}'")


def _service_port(service: Object, word: str, pod: Object) -> int:
    found: dict[str, Any] | None = next(
        (
            port
            for port in spec_of(service).get("ports") or ()
            if word in (port.get("name"), str(port["port"]))
        ),
        None,
    )
    if found is None:
        raise UsageError(f"Service {name_of(service)} does not have a service port {word}")
    if found.get("protocol", "TCP") != "TCP":
        raise UsageError(f"{found['protocol']} protocol is not supported for {word}")
    return _port(str(found.get("targetPort") or found["port"]), pod)


# --- listening -------------------------------------------------------------------------------------


def listen(address: str, port: int) -> list[socket.socket]:
    """Listens there; on `localhost` in both families, as far as there are both.

    :raises Failed: the port is in use, or the address is not ours.
    """
    hosts = ["127.0.0.1", "::1"] if address == "localhost" else [address]
    found: list[socket.socket] = []
    for host in hosts:
        try:
            found.append(_listening(host, found[0].getsockname()[1] if found else port))
        except OSError as error:
            if host == "::1" and found:
                continue
            raise Failed(f"unable to listen on port {port}: {_shown(host, port)}: {error.strerror}") from None
    return found


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def shown(listener: socket.socket) -> str:
    """`127.0.0.1:8080`, `[::1]:8080`."""
    host, port, *_ = listener.getsockname()
    return _shown(host, port)


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


# --- one connection --------------------------------------------------------------------------------


class Route(NamedTuple):
    """How a pod is reached: `address` "" is not within reach; `places` are its running containers."""

    address: str
    places: tuple[Place, ...]


def forward(client: socket.socket, route: Route, port: int) -> None:
    """Passes bytes to and fro until both sides are done. Closes the connection.

    :raises Failed: nobody listens there, or there is no way to the pod.
    """
    with client:
        if route.address:
            with suppress(OSError):
                server = socket.create_connection((route.address, port), timeout=CONNECT_SECONDS)
                server.settimeout(None)
                _join(client, server)
                return
        _forward_inside(client, route, port)


def _join(client: socket.socket, server: socket.socket) -> None:
    with server:
        upward = threading.Thread(target=_pump, args=(client, server), daemon=True)
        upward.start()
        _pump(server, client)
        upward.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _forward_inside(client: socket.socket, route: Route, port: int) -> None:
    """:raises Failed: there is no tool in the pod, or it could not connect."""
    for place in route.places:
        tool = _tool_of(place)
        if tool:
            command = [word.format(port=port) for word in _TOOLS[tool]]
            _talk(client, place.backend.open_exec(place.identifier, command, stdin=True, tty=False))
            return
    raise Failed(
        "the pod's address is not within reach from here, and none of its containers has a shell with socat,"
        " nc or bash to go through"
    )


_known_tools: dict[str, str] = {}


def _tool_of(place: Place) -> str:
    """By which a container can be passed through; "" is none. Looked for once."""
    if place.identifier not in _known_tools:
        try:
            result = place.backend.exec_container(
                place.identifier, ["sh", "-c", _FIND_TOOL], timeout=_TOOL_SECONDS
            )
        except BackendError:
            return ""
        word = result.output.decode(errors="replace").strip()
        _known_tools[place.identifier] = word if word in _TOOLS else ""
    return _known_tools[place.identifier]


def _talk(client: socket.socket, stream: Stream) -> None:
    """:raises Failed: the tool ended badly before anything came."""
    complaints = b""
    has_output = False
    upward = threading.Thread(target=_pump_into, args=(client, stream), daemon=True)
    upward.start()
    try:
        for name, data in stream.frames():
            if name == "stdout":
                has_output = True
                client.sendall(data)
            else:
                complaints += data[: _PIECE - len(complaints)]
        code = stream.exit_code() or 0
    except OSError:  # Whoever asked has gone.
        return
    finally:
        stream.close()
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)
        upward.join()
    if code and not has_output:
        lines = complaints.decode(errors="replace").strip().splitlines()
        raise Failed(lines[-1] if lines else "connection refused")


def _pump_into(client: socket.socket, stream: Stream) -> None:
    with suppress(OSError):
        while data := client.recv(_PIECE):
            stream.send(data)
    stream.close_input()


def routes_through(places: Sequence[Place], address: str, pod_network: str) -> Route:
    """:param address: the pod's.
    :param pod_network: that of its engine, as CIDR; "" where it has none.
    """
    backend = places[0].backend if places else None
    is_near = backend is not None and backend.endpoint.startswith("unix:")
    return Route(address if is_near and _is_here(pod_network) else "", tuple(places))


def _is_here(pod_network: str) -> bool:
    """Whether the bridge of that network is this machine's: it has the network's first address."""
    from ipaddress import ip_network

    from minikctl.backend.probing import is_ours

    if not pod_network:
        return False
    return is_ours(str(next(ip_network(pod_network, strict=False).hosts(), "")))
