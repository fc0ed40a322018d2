"""A container registry that asks for a name and a password, for one test: a process on a free port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from engines import rig

from e2e.stage import until

USER, PASSWORD = "ci", "open sesame"
_HASHED = "$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW"
_CONFIGURATION = """version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{address}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@contextlib.contextmanager
def private_registry(engine: str, folder: Path) -> Iterator[str]:
    """Its address, `127.0.0.1:PORT`. The folder is below /tmp, which engines see too."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir()
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    (folder / "config.yml").write_text(_CONFIGURATION.format(folder=folder, address=address))
    command = ["chroot", str(rig.root_of(engine)), "docker-registry", "serve", str(folder / "config.yml")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        until(f"the registry answers; see {folder}/log", lambda: _answers(address), seconds=10)
        yield address
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
