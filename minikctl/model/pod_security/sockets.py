"""Paths of the machine through which a pod could speak to an engine, and so be root on the machine."""

from __future__ import annotations

import posixpath

_SOCKETS = (
    "/run/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/docker.sock",
    "/run/podman/podman.sock",
    # Where rootless engines have theirs, one folder a user.
    "/run/user",
)
_NAMES = ("containerd.sock", "crio.sock", "docker.sock", "podman.sock")
# Links that every Linux has, and so another name for what lies behind.
_LINKS = {"/var/run": "/run"}


def holds_a_socket(path: str) -> bool:
    """Whether a path is that of an engine's socket, or of a folder that one lies in, however far below.

    By name alone: links of this machine's own are not followed.
    """
    plain = posixpath.normpath(f"/{path.lstrip('/')}")
    if any(link == plain or link.startswith(f"{plain.rstrip('/')}/") for link in _LINKS):
        return True
    for link, target in _LINKS.items():
        if plain.startswith(f"{link}/"):
            plain = target + plain.removeprefix(link)
    if plain.startswith("/run/user/") or posixpath.basename(plain) in _NAMES:
        return True
    return any(socket == plain or socket.startswith(f"{plain.rstrip('/')}/") for socket in _SOCKETS)
