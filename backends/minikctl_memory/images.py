"""Image references, and which of them the imagined registries have: all, except those that say otherwise."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from msgspec import Struct

from minikctl.errors import BackendError, PermanentError, TemporaryError

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = (
    r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
)
_REFERENCE = re.compile(
    rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MAXIMUM_LENGTH = 255

_NEVER_RESOLVES = (".invalid", ".test", ".example")
"""The top-level domains that RFC 6761 reserves."""
_NOBODY_PUSHED = "does-not-exist"
"""The tag (or last part of the name) that no registry has."""


class ImageConfig(Struct, frozen=True):
    """What an image says about the containers made from it, in the words of the OCI image configuration."""

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    stop_signal: str = "TERM"
    user: str = ""


class Reference(Struct, frozen=True):
    """A reference with its defaults filled in: `docker.io/library/nginx`, `1.27`."""

    domain: str
    path: str
    tag: str
    digest: str

    def __str__(self) -> str:
        version = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.domain}/{self.path}{version}"

    @property
    def id(self) -> str:
        return "sha256:" + hashlib.sha256(str(self).encode()).hexdigest()


@lru_cache(maxsize=4096)
def parse_reference(image: str) -> Reference | None:
    """None where an engine would answer "invalid reference format"."""
    found = _REFERENCE.fullmatch(image)
    if not found or len(image) > _MAXIMUM_LENGTH:
        return None
    domain, path = found["domain"] or "", found["path"]
    if domain and not ("." in domain or ":" in domain or domain == "localhost"):
        if domain != domain.lower():
            return None
        domain, path = "", f"{domain}/{path}"
    if not domain:
        domain, path = "docker.io", path if "/" in path else f"library/{path}"
    tag = found["tag"] or ("" if found["digest"] else "latest")
    return Reference(domain, path, tag, found["digest"] or "")


def invalid_name(image: str) -> PermanentError:
    return PermanentError(f"invalid reference format: {image!r}", reason="InvalidImageName")


def pull_failure(reference: Reference) -> BackendError | None:
    """Why the image can't be pulled, in the words of a real engine; None when it can."""
    host = reference.domain.partition(":")[0]
    if host.endswith(_NEVER_RESOLVES):
        return TemporaryError(
            f'failed to do request: Head "https://{reference.domain}/v2/{reference.path}/manifests/{reference.tag}":'
            f" dial tcp: lookup {host}: no such host",
            reason="ErrImagePull",
        )
    if _NOBODY_PUSHED in (reference.tag, reference.path.rpartition("/")[2]):
        return PermanentError(f"manifest for {reference} not found: manifest unknown", reason="ErrImagePull")
    return None


_SHELL_IMAGES = frozenset({"alpine", "bash", "busybox", "centos", "debian", "fedora", "ubuntu"})


def default_config(reference: Reference) -> ImageConfig:
    """Images that are made for giving them a command end at once without one; the others are servers."""
    name = reference.path.rpartition("/")[2]
    if name in _SHELL_IMAGES:
        return ImageConfig(cmd=("sh",))
    if name == "hello-world":
        return ImageConfig(cmd=("echo", "Hello from Docker!"))
    return ImageConfig(cmd=(f"/{name}",))
