"""Where a Docker engine may be reached, found as the `docker` command finds it, and with which TLS files.

Rules:
- The order is docker's: DOCKER_HOST, the context of DOCKER_CONTEXT or of ~/.docker/config.json, the
  usual sockets.
- What the environment names is believed. Of everything else only a socket that is there and may be opened
  counts, so that "no engine" is known without asking one.
- A file that can't be read or parsed is as good as none: finding an engine never fails.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from minikctl.backend.discovery import as_mapping, is_usable_socket, load_mapping

ROOTFUL_SOCKET = Path("/var/run/docker.sock")
_UNIX = "unix://"
_DEFAULT_CONTEXT = "default"


class TlsFiles(Struct, frozen=True):
    """PEM files; "" where there is none."""

    ca: str
    cert: str
    key: str
    verify: bool


def find_endpoints(environ: Mapping[str, str], rootful_socket: Path = ROOTFUL_SOCKET) -> Sequence[str]:
    """Most likely first, each once."""
    found = [
        *_explicit(environ),
        *_configured_context(environ),
        *(f"{_UNIX}{path}" for path in _usual_sockets(environ, rootful_socket) if is_usable_socket(path)),
    ]
    return list(dict.fromkeys(found))


def tls_files(endpoint: str, environ: Mapping[str, str]) -> TlsFiles | None:
    """What a TLS connection to this endpoint needs; None where it is not one."""
    if endpoint.startswith(_UNIX):
        return None
    if endpoint == environ.get("DOCKER_HOST"):
        return _environment_tls(environ)
    folder = _config_folder(environ)
    if folder is None:
        return None
    for meta in sorted(folder.glob("contexts/meta/*/meta.json")):
        context = _docker_endpoint(meta)
        if context.get("Host") == endpoint:
            return _context_tls(folder / "contexts" / "tls" / meta.parent.name / "docker", context)
    return None


def _explicit(environ: Mapping[str, str]) -> Iterator[str]:
    if host := environ.get("DOCKER_HOST"):
        yield host
    if name := environ.get("DOCKER_CONTEXT"):
        yield from _context_host(environ, name)


def _configured_context(environ: Mapping[str, str]) -> Iterator[str]:
    folder = _config_folder(environ)
    name = load_mapping(folder / "config.json", json.loads).get("currentContext") if folder else None
    for host in _context_host(environ, str(name)) if name else ():
        if not host.startswith(_UNIX) or is_usable_socket(Path(host.removeprefix(_UNIX))):
            yield host


def _context_host(environ: Mapping[str, str], name: str) -> Iterator[str]:
    folder = _config_folder(environ)
    if folder is None or name == _DEFAULT_CONTEXT:
        return
    digest = hashlib.sha256(name.encode()).hexdigest()
    if host := _docker_endpoint(folder / "contexts" / "meta" / digest / "meta.json").get("Host"):
        yield str(host)


def _docker_endpoint(meta: Path) -> dict[str, Any]:
    return as_mapping(as_mapping(load_mapping(meta, json.loads).get("Endpoints")).get("docker"))


def _usual_sockets(environ: Mapping[str, str], rootful_socket: Path) -> Iterator[Path]:
    yield rootful_socket
    if runtime := environ.get("XDG_RUNTIME_DIR"):
        yield Path(runtime, "docker.sock")
    if home := environ.get("HOME"):
        yield Path(home, ".docker", "run", "docker.sock")
        yield Path(home, ".docker", "desktop", "docker.sock")
        yield Path(home, ".colima", "default", "docker.sock")
        yield Path(home, ".rd", "docker.sock")
        yield Path(home, ".orbstack", "run", "docker.sock")


def _environment_tls(environ: Mapping[str, str]) -> TlsFiles | None:
    verify = bool(environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not environ.get("DOCKER_TLS"):
        return None
    folder = environ.get("DOCKER_CERT_PATH") or _config_folder(environ)
    return _pem_files(Path(folder), verify=verify) if folder else TlsFiles("", "", "", verify)


def _context_tls(folder: Path, context: Mapping[str, Any]) -> TlsFiles | None:
    files = _pem_files(folder, verify=not context.get("SkipTLSVerify"))
    return files if files.ca or files.cert else None


def _pem_files(folder: Path, *, verify: bool) -> TlsFiles:
    ca, cert, key = (str(path) if path.is_file() else "" for path in _pem_paths(folder))
    return TlsFiles(ca, cert, key, verify)


def _pem_paths(folder: Path) -> Iterator[Path]:
    return (folder / f"{name}.pem" for name in ("ca", "cert", "key"))


def _config_folder(environ: Mapping[str, str]) -> Path | None:
    if folder := environ.get("DOCKER_CONFIG"):
        return Path(folder)
    return Path(environ["HOME"], ".docker") if environ.get("HOME") else None
