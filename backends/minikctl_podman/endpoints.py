"""Where Podman may be reached, from the environment and the files that Podman itself keeps.

Rules:
- What the environment names comes first and is not checked: whoever named it wants to hear that it is gone.
- On Linux `podman` works on this machine unless told otherwise, and so do we: the local sockets come before
  the default of `podman system connection`. Elsewhere it is the other way round (the engine is in a machine).
- A file that can't be read or understood is as good as missing: detection never fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from minikctl.backend.discovery import as_mapping, is_usable_socket, load_mapping

ROOTFUL_SOCKET = Path("/run/podman/podman.sock")
_UNIX = "unix://"


class Connection(Struct, frozen=True):
    """One entry of `podman system connection`. `identity` is the path of its SSH key, "" where none."""

    uri: str
    identity: str = ""


def find_endpoints(
    environ: Mapping[str, str],
    *,
    platform: str = sys.platform,
    rootful_socket: Path = ROOTFUL_SOCKET,
) -> list[str]:
    """Most likely first, each once."""
    named = [*_named_by_environment(environ)]
    local = [*_local_sockets(environ, rootful_socket)]
    default = [*_default_connection(environ)]
    found = [*named, *local, *default] if platform == "linux" else [*named, *default, *local]
    return list(dict.fromkeys(found))


def identity_for(endpoint: str, environ: Mapping[str, str]) -> str:
    """The SSH key that `podman` would use for an `ssh://` endpoint; "" leaves it to the SSH client."""
    if not endpoint.startswith("ssh://"):
        return ""
    if key := environ.get("CONTAINER_SSHKEY"):
        return key
    connections, _ = _read_connections(environ)
    return next((known.identity for known in connections.values() if known.uri == endpoint), "")


def _named_by_environment(environ: Mapping[str, str]) -> Iterator[str]:
    if host := environ.get("CONTAINER_HOST"):
        yield host
    if name := environ.get("CONTAINER_CONNECTION"):
        connections, _ = _read_connections(environ)
        if name in connections:
            yield connections[name].uri


def _local_sockets(environ: Mapping[str, str], rootful_socket: Path) -> Iterator[str]:
    candidates = []
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime, "podman", "podman.sock"))
    candidates.append(rootful_socket)
    candidates += _machine_sockets(environ)
    yield from (f"{_UNIX}{path}" for path in candidates if is_usable_socket(path))


def _machine_sockets(environ: Mapping[str, str]) -> list[Path]:
    """Where `podman machine` forwards its API to: the temporary folder since 5.0, the data folder before."""
    found: list[Path] = []
    if temporary := environ.get("TMPDIR"):
        found += sorted(Path(temporary, "podman").glob("*-api.sock"))
    if home := environ.get("HOME"):
        machines = Path(home, ".local", "share", "containers", "podman", "machine")
        found += [machines / "podman.sock", machines / "qemu" / "podman.sock"]
    return found


def _default_connection(environ: Mapping[str, str]) -> Iterator[str]:
    connections, default = _read_connections(environ)
    known = connections.get(default)
    if known is None:
        return
    if not known.uri.startswith(_UNIX) or is_usable_socket(Path(known.uri.removeprefix(_UNIX))):
        yield known.uri


def _read_connections(environ: Mapping[str, str]) -> tuple[dict[str, Connection], str]:
    """All connections by name, and the default's name. podman-connections.json wins over containers.conf."""
    folder = _config_folder(environ)
    if folder is None:
        return {}, ""
    json_file = Path(environ.get("PODMAN_CONNECTIONS_CONF") or folder / "podman-connections.json")
    toml_file = Path(environ.get("CONTAINERS_CONF") or folder / "containers.conf")
    newer = as_mapping(load_mapping(json_file, json.loads).get("Connection"))
    older = as_mapping(load_mapping(toml_file, _toml).get("engine"))
    connections = {
        **_parse_connections(older.get("service_destinations")),
        **_parse_connections(newer.get("Connections")),
    }
    return connections, str(newer.get("Default") or older.get("active_service") or "")


def _toml(text: str) -> Any:
    import tomllib  # only where there is such a file: this module is on the CLI's way

    return tomllib.loads(text)


def _config_folder(environ: Mapping[str, str]) -> Path | None:
    if folder := environ.get("XDG_CONFIG_HOME"):
        return Path(folder, "containers")
    if home := environ.get("HOME"):
        return Path(home, ".config", "containers")
    return None


def _parse_connections(entries: Any) -> dict[str, Connection]:
    found = {}
    for name, entry in as_mapping(entries).items():
        fields = {str(key).lower(): value for key, value in as_mapping(entry).items()}
        if fields.get("uri"):
            found[name] = Connection(str(fields["uri"]), str(fields.get("identity") or ""))
    return found
