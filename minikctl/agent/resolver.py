"""What this machine's resolver reads, for pods that add something to it (the kubelet's --resolv-conf).

Where names are asked of a program on the machine itself (systemd-resolved), which no pod reaches, the servers
that this one asks count.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from minikctl.backend import Dns

FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def machine_resolver(files: Sequence[Path] = FILES) -> Dns:
    """Of the first file that names a server which a pod could reach; of none, nothing."""
    for file in files:
        try:
            found = parsed(file.read_text(errors="replace"))
        except OSError:
            continue
        if found.servers:
            return found
    return Dns()


def parsed(text: str) -> Dns:
    """resolv.conf(5): the last `search` (or `domain`) counts, options add up."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        word, *values = line.split() or [""]
        if word == "nameserver" and values and not _is_local(values[0]):
            servers.append(values[0])
        elif word in ("search", "domain"):
            searches = tuple(one for one in values if one != ".")
        elif word == "options":
            options += values
    return Dns(tuple(servers), searches, tuple(dict.fromkeys(options)))


def _is_local(server: str) -> bool:
    return server.startswith("127.") or server == "::1"
