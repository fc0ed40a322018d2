"""What is done with a simulated container from the inside: commands, files, probes.

Rules:
- A command is acted out by the same simulated shell as the container's own process, on the same files. It
  takes no real time: one that would not end before its deadline has missed it at once.
- Probes of a running container succeed, unless its files say otherwise: as long as REFUSES is there nobody
  takes a connection, and STATUS holds the status that an HTTP probe is answered with. A program makes them
  (`touch /simulated/refuses`), or somebody does by exec. What an exec probe finds is the command's own doing.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from minikctl.backend import (
    Check,
    Checked,
    ContainerState,
    ExecCheck,
    ExecResult,
    GrpcCheck,
    HttpCheck,
)
from minikctl.backend.port import KEPT_OUTPUT
from minikctl.errors import PermanentError
from minikctl_memory.engine import MemoryEngine, not_found
from minikctl_memory.files import Files
from minikctl_memory.process import Executed, execute, missing
from minikctl_memory.program import Edits, Fate
from minikctl_memory.records import Record

REFUSES = "/simulated/refuses"
STATUS = "/simulated/http-status"

_NOT_FOUND = 127


def run_command(
    engine: MemoryEngine,
    cluster_id: str,
    container_id: str,
    command: Sequence[str],
    environment: Sequence[tuple[str, str]] = (),
    *,
    timeout: float,
    call: str = "exec_container",
) -> Executed:
    """`call` is the port's, for the journal.

    :raises PermanentError: reason `NotFound`, `NotRunning` or `DeadlineExceeded`."""
    with engine.inside(call, container_id, cluster_id) as (record, now):
        check_running(record, container_id, now)
        assert record is not None
        if missing(tuple(command)):
            name = command[0] if command else ""
            text = f'exec: "{name}": executable file not found in $PATH\n'.encode()
            return Executed(Fate(0.0, _NOT_FOUND), (("stdout", text),), ())
        program = replace(record.program, argv=tuple(command), env=(*record.program.env, *environment))
        done = execute(program, _files(record, now), now, timeout)
        if done.fate.seconds > timeout:
            raise PermanentError(f"timed out after {timeout:g}s", reason="DeadlineExceeded")
        if done.changes:
            engine.edit(record, done.changes, now)
        return done


def result_of(done: Executed) -> ExecResult:
    output = b"".join(data for _, data in done.pieces)
    return ExecResult(done.fate.exit_code, output[:KEPT_OUTPUT])


def probe(
    engine: MemoryEngine, cluster_id: str, container_id: str, check: Check, *, timeout: float
) -> Checked:
    if isinstance(check, ExecCheck):
        from minikctl.backend.probing import run_command as judge

        def run(command: Sequence[str], seconds: float) -> ExecResult:
            return result_of(run_command(engine, cluster_id, container_id, command, timeout=seconds))

        return judge(check.command, run, timeout)
    record, now = engine.record(container_id, cluster_id)
    check_running(record, container_id, now)
    assert record is not None
    files = _files(record, now)
    refused = f"dial tcp {record.address or 'localhost'}:{check.port}: connect: connection refused"
    if isinstance(files.read(REFUSES), bytes):
        return Checked(False, _as_told_by(check, refused))
    status = files.read(STATUS)
    if isinstance(check, HttpCheck) and isinstance(status, bytes) and status.strip().isdigit():
        code = int(status)
        return Checked(200 <= code < 400, "" if code < 400 else f"HTTP probe failed with statuscode: {code}")
    return Checked(True)


def read_archive(engine: MemoryEngine, cluster_id: str, container_id: str, path: str) -> Iterator[bytes]:
    record, now = engine.record(container_id, cluster_id)
    if record is None:
        raise not_found(container_id)
    files = _files(record, now)
    found = files.below(path)
    if not found:
        raise PermanentError(f"there is no {path!r} in the container", reason="NotFound")
    folder = posixpath.dirname(files.absolute(path))
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in sorted(found.items()):
            member = tarfile.TarInfo(posixpath.relpath(name, folder))
            member.size = len(content)
            member.mtime = int(now)
            tar.addfile(member, io.BytesIO(content))
    yield written.getvalue()


def write_archive(
    engine: MemoryEngine, cluster_id: str, container_id: str, path: str, data: Iterable[bytes] | bytes
) -> None:
    packed = data if isinstance(data, bytes) else b"".join(data)
    with engine.inside("put_archive", container_id, cluster_id) as (record, now):
        if record is None:
            raise not_found(container_id)
        if missing((path,)):
            raise PermanentError(f"there is no {path!r} in the container", reason="NotFound")
        engine.edit(record, _unpacked(packed, path), now)


def check_running(record: Record | None, container_id: str, now: float) -> None:
    if record is None:
        raise not_found(container_id)
    if record.state(now) is not ContainerState.RUNNING:
        raise PermanentError(f"container {record.name} is not running", reason="NotRunning")


def _files(record: Record, now: float) -> Files:
    files = Files(record.program, record.files(now))
    files.pass_to(0.0)
    return files


def _as_told_by(check: Check, refused: str) -> str:
    if isinstance(check, HttpCheck):
        path = check.path.removeprefix("/")
        return f'Get "{check.scheme.lower()}://localhost:{check.port}/{path}": {refused}'
    if isinstance(check, GrpcCheck):
        return f'error: failed to connect service at "localhost:{check.port}": {refused}'
    return refused


def _unpacked(packed: bytes, folder: str) -> Edits:
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            members = [(member, tar.extractfile(member)) for member in tar if member.isfile()]
            return tuple(
                (0.0, posixpath.normpath(posixpath.join(folder, member.name)), file.read() if file else b"")
                for member, file in members
            )
    except tarfile.TarError as error:
        raise PermanentError(f"not a tar archive: {error}", reason="BadArchive") from error
