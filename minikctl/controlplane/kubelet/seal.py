"""The seal on a container's labels, and reading labels back: whose container is this?

A label set without a valid seal is not ours, whatever it says: somebody copied or forged it, and it is never
touched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

from msgspec import Struct

from minikctl.backend import Container, labels
from minikctl.model import Object
from minikctl.model.hashing import canonical


def seal(name: str, values: Mapping[str, str], key: bytes) -> str:
    """HMAC-SHA256 over the container's name and all of our labels, in hexadecimal."""
    relevant = {label: value for label, value in values.items() if _is_ours(label)}
    return hmac.new(key, canonical([name, relevant]), hashlib.sha256).hexdigest()


def _is_ours(label: str) -> bool:
    return label != labels.SEAL and label.startswith(("minikctl.io/", "io.kubernetes."))


def is_sealed(container: Container, key: bytes) -> bool:
    try:
        expected = seal(container.name, container.labels, key)
    except UnicodeEncodeError:
        return False  # half a surrogate pair: nothing that we ever wrote
    claimed = container.labels.get(labels.SEAL, "")
    return hmac.compare_digest(claimed.encode(errors="replace"), expected.encode())


class Identity(Struct, frozen=True):
    """What the labels say: which pod's which container, in which attempt."""

    uid: str
    container: str
    attempt: int
    backoff: int | None
    spec_hash: str
    is_sandbox: bool


def identity(container: Container) -> Identity:
    values = container.labels
    backoff = values.get(labels.BACKOFF, "")
    return Identity(
        uid=values.get(labels.POD_UID, ""),
        container=values.get(labels.CONTAINER_NAME, ""),
        attempt=int(values.get(labels.RESTART_COUNT, "0")),
        backoff=int(backoff) if backoff else None,
        spec_hash=values.get(labels.SPEC_HASH, ""),
        is_sandbox=values.get(labels.TYPE) == labels.TYPE_SANDBOX,
    )


def recorded_pod(container: Container) -> Object | None:
    """The pod as it was written on its container; None when nothing (readable) is there."""
    try:
        pod = json.loads(container.labels[labels.POD])
        return {"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"], "spec": pod["spec"]}
    except (KeyError, ValueError, TypeError):
        return None
