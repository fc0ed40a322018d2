"""What a pod may find out: its ConfigMaps and Secrets, itself, and what its node says of itself.

Rules:
- Missing things are told in the kubelet's own words.
- A Secret's values leave this module as bytes for a container's environment or files, and nowhere else.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from minikctl.model import Object, ObjectKey, namespace_of

ROOT_AUTHORITY = "kube-root-ca.crt"
"""Who vouches for the API server: a ConfigMap that every namespace has. Here it is empty unless declared."""
Find: TypeAlias = Callable[[ObjectKey], Object | None]
"""An object as the store has it now."""


def nothing(key: ObjectKey) -> Object | None:
    """A `Find` that knows no object."""
    return None


class Missing(Struct, frozen=True):
    """Why a value can't be had, as the kubelet says it."""

    message: str


class Surroundings(Struct, frozen=True):
    """One pod with all that is known around it."""

    pod: Object
    find: Find = nothing
    pod_ip: str = ""
    host_ip: str = ""
    allocatable: Mapping[str, str] = field(default_factory=dict)
    """The node's: what a container without limits may use."""
    links: Mapping[str, str] = field(default_factory=dict)
    """What the environment says of Services."""
    cluster_id: str = ""

    def get(self, kind: str, name: str) -> Object | None:
        return self.find(ObjectKey(kind, namespace_of(self.pod), name))

    def config_map(self, name: str) -> Object | Missing:
        found = self.get("ConfigMap", name)
        if found is None and name == ROOT_AUTHORITY:
            return {"data": {"ca.crt": ""}}
        return found or Missing(f'configmap "{name}" not found')

    def secret(self, name: str) -> Object | Missing:
        return self.get("Secret", name) or Missing(f'secret "{name}" not found')


def texts(config_map: Object) -> dict[str, str]:
    """What an environment takes of a ConfigMap: binary data is for files only."""
    found: dict[str, str] = config_map.get("data") or {}
    return found


def config_map_files(config_map: Object) -> dict[str, bytes]:
    files = {key: text.encode(errors="surrogatepass") for key, text in texts(config_map).items()}
    binary = config_map.get("binaryData") or {}
    return files | {key: b64decode(encoded) for key, encoded in binary.items()}


def secret_files(secret: Object) -> dict[str, bytes]:
    return {key: b64decode(encoded) for key, encoded in (secret.get("data") or {}).items()}
