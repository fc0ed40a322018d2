"""With which credentials an image is pulled: the pod's pull secrets, matched as the kubelet's keyring does.

Rules:
- A key of a secret is a registry, perhaps with a path, perhaps with `*` for parts of the host's name. All
  that match are tried, the most specific first.
- Images without a registry are Docker Hub's.
- What can't be read in a secret is left out, and nothing that is in one is ever repeated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from minikctl.backend import Credentials
from minikctl.controlplane.kubelet.configuration import Missing, Surroundings, secret_files
from minikctl.model import Object, spec_of

DOCKER_HUB = "index.docker.io"
_FILES = {
    "kubernetes.io/dockerconfigjson": ".dockerconfigjson",
    "kubernetes.io/dockercfg": ".dockercfg",
}


class PullCredentials(Struct, frozen=True):
    """`unread` names the secrets that are not there."""

    found: tuple[Credentials, ...] = ()
    unread: tuple[str, ...] = ()


def pull_credentials(image: str, around: Surroundings) -> PullCredentials:
    """Those of the pod; of its service account where the pod names none, as the API server adds them."""
    spec = spec_of(around.pod)
    named = spec.get("imagePullSecrets")
    if not named:
        account = around.get("ServiceAccount", spec.get("serviceAccountName") or "default")
        named = (account or {}).get("imagePullSecrets")
    if not named:
        return PullCredentials()
    unread, entries = [], []
    for reference in named:
        secret = around.secret(reference.get("name", ""))
        if isinstance(secret, Missing):
            unread.append(reference.get("name", ""))
        else:
            entries += _entries(secret)
    return PullCredentials(tuple(_matching(image, entries)), tuple(unread))


def _entries(secret: Object) -> list[tuple[str, Credentials]]:
    """(registry as the keyring writes it, credentials)"""
    name = _FILES.get(str(secret.get("type")), "")
    try:
        content = json.loads(secret_files(secret).get(name, b"{}"))
        registries = content.get("auths", {}) if name == ".dockerconfigjson" else content
        return [(_place(server), _credentials(server, one)) for server, one in registries.items()]
    except (ValueError, AttributeError, TypeError):
        return []


def _credentials(server: str, entry: dict[str, Any]) -> Credentials:
    texts = {key: str(entry.get(key) or "") for key in ("username", "password", "auth")}
    return Credentials(identity_token=str(entry.get("identitytoken") or ""), server=server, **texts)


def _place(server: str) -> str:
    """`https://index.docker.io/v1/` is `index.docker.io`."""
    host, slash, path = (
        server.partition("://")[2].partition("/") if "://" in server else server.partition("/")
    )
    path = f"{slash}{path}"
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host if path == "/" else host + path


def _matching(image: str, entries: Iterable[tuple[str, Credentials]]) -> Iterator[Credentials]:
    ordered = sorted(entries, key=lambda entry: entry[0], reverse=True)
    found = [one for place, one in ordered if _matches(place, image)]
    if not found and _is_of_docker_hub(image):
        found = [one for place, one in ordered if place == DOCKER_HUB]
    yield from found


def _matches(place: str, image: str) -> bool:
    (host, port, path), (wanted_host, wanted_port, wanted_path) = _split(place), _split(image)
    parts, wanted = host.split("."), wanted_host.split(".")
    return (
        port == wanted_port
        and len(parts) == len(wanted)
        and wanted_path.startswith(path)
        and all(fnmatchcase(part, pattern) for pattern, part in zip(parts, wanted, strict=True))
    )


def _split(place: str) -> tuple[str, str, str]:
    """Host, port, path."""
    address, slash, path = place.partition("/")
    host, _, port = address.partition(":")
    return host, port, f"{slash}{path}"


def _is_of_docker_hub(image: str) -> bool:
    first, slash, _ = image.partition("/")
    return not slash or first in ("docker.io", DOCKER_HUB) or not ("." in first or ":" in first)
