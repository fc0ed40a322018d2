"""`minikctl create secret generic`, `tls` and `docker-registry`. No message shows a value."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.base import Entry
from minikctl.cli.create import Output, make
from minikctl.cli.create_configmap import AppendHash, EnvFiles, Files, Literals, Names
from minikctl.cli.key_sources import Wording, read_sources
from minikctl.cli.options import value
from minikctl.errors import UsageError
from minikctl.model import Object

_HERE = "minikctl.cli.create_secret"
ENTRIES = {
    "docker-registry": Entry(_HERE, "docker_registry", "Credentials for a container registry."),
    "generic": Entry(_HERE, "generic", "From literals, files or folders."),
    "tls": Entry(_HERE, "tls", "A TLS certificate with its key."),
}
DOCKER_HUB = "https://index.docker.io/v1/"
_DOCKER_KEY = ".dockerconfigjson"


def generic(
    context: typer.Context,
    names: Names = None,
    files: Files = None,
    literals: Literals = None,
    env_files: EnvFiles = None,
    kind: Annotated[str, value("--type", metavar="TYPE", text="The type of the Secret.")] = "",
    append_hash: AppendHash = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a Secret: `create secret generic db --from-literal=password=…`."""
    name = options.only_name(names)
    data = read_sources(Wording("Secret", name), files, literals, env_files)
    _make(context, name, kind, data, append_hash=append_hash, dry_run=dry_run, output=output)


def tls(
    context: typer.Context,
    names: Names = None,
    cert: Annotated[str, value("--cert", metavar="PATH", text="The certificate, PEM encoded.")] = "",
    key: Annotated[str, value("--key", metavar="PATH", text="Its private key.")] = "",
    append_hash: AppendHash = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a Secret with a certificate: `create secret tls web --cert=tls.crt --key=tls.key`."""
    name = options.only_name(names)
    if not cert or not key:
        raise UsageError("key and cert must be specified")
    data = {"tls.crt": _pem(cert), "tls.key": _pem(key)}
    _check_pair(cert, key, data)
    _make(context, name, "kubernetes.io/tls", data, append_hash=append_hash, dry_run=dry_run, output=output)


def docker_registry(
    context: typer.Context,
    names: Names = None,
    server: Annotated[str, value("--docker-server", metavar="URL", text="The registry.")] = DOCKER_HUB,
    username: Annotated[str, value("--docker-username", text="Who logs in.")] = "",
    password: Annotated[str, value("--docker-password", text="With which password.")] = "",
    email: Annotated[str, value("--docker-email", text="Kept beside them.")] = "",
    files: Files = None,
    append_hash: AppendHash = False,
    dry_run: options.DryRun = "none",
    output: Output = "",
) -> None:
    """Create a Secret to pull images with: `create secret docker-registry hub --docker-username=…`."""
    name = options.only_name(names)
    if files:
        named = [one if "=" in one else f"{_DOCKER_KEY}={one}" for one in files]
        data = read_sources(Wording("Secret", name), named, None, None)
    elif username and password and server:
        data = {_DOCKER_KEY: _docker_config(server, username, password, email)}
    else:
        raise UsageError(
            "either --from-file or the combination of --docker-username, --docker-password and"
            " --docker-server is required"
        )
    kind = "kubernetes.io/dockerconfigjson"
    _make(context, name, kind, data, append_hash=append_hash, dry_run=dry_run, output=output)


def _make(
    context: typer.Context,
    name: str,
    kind: str,
    data: dict[str, bytes],
    *,
    append_hash: bool,
    dry_run: str,
    output: str,
) -> None:
    manifest: Object = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}}
    if data:
        manifest["data"] = {key: b64encode(content).decode() for key, content in data.items()}
    if kind:
        manifest["type"] = kind
    if append_hash:
        from minikctl.cli.content_hash import with_hash

        manifest = with_hash(manifest)
    make(context, "create", manifest, dry_run=dry_run, output=output, wait=False, timeout=0)


def _docker_config(server: str, username: str, password: str, email: str) -> bytes:
    entry = {"username": username, "password": password}
    if email:
        entry["email"] = email
    entry["auth"] = b64encode(f"{username}:{password}".encode()).decode()
    text = json.dumps({"auths": {server: entry}}, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&\u2028\u2029":  # as Go writes JSON
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text.encode()


def _pem(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read file {path}, open {path}: {(error.strerror or '').lower()}") from None


def _check_pair(cert: str, key: str, data: dict[str, bytes]) -> None:
    """:raises UsageError: they are not PEM, or do not belong together."""
    import ssl

    if b"-----BEGIN" not in data["tls.crt"]:
        raise UsageError("tls: failed to find any PEM data in certificate input")
    if b"-----BEGIN" not in data["tls.key"]:
        raise UsageError("tls: failed to find any PEM data in key input")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError("tls: private key does not match public key") from None
        raise UsageError(f"tls: {cert} and {key} can't be used: {error.reason or error}") from None
