"""Plays, by hand, what people do to an engine behind minikctl's back.

    python -m minikctl_memory STATE_DIR ps
    python -m minikctl_memory STATE_DIR stop|kill|rm CONTAINER

CONTAINER is a name or the beginning of an id. Errors are one line on stderr, exit code 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from minikctl.backend import ContainerState
from minikctl.errors import MinikctlError, UsageError
from minikctl_memory.engine import MemoryEngine
from minikctl_memory.records import Record
from minikctl_memory.shelf import FILE_NAME

_POLL_SECONDS = 0.1


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if not (options.state_dir / FILE_NAME).is_file():
            raise UsageError(f"nothing is simulated in {options.state_dir}: it has no {FILE_NAME}")
        _COMMANDS[options.command](options)
    except MinikctlError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minikctl_memory",
        description="Does to simulated containers what docker ps, stop, kill and rm -f do to real ones.",
    )
    parser.add_argument("state_dir", metavar="STATE_DIR", type=Path, help="minikctl's state directory")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("ps", help="list the containers, in every state")
    stop = commands.add_parser("stop", help="send the stop signal, and SIGKILL when that was not obeyed")
    stop.add_argument("-t", "--time", type=float, default=10.0, metavar="SECONDS", help="how long to wait")
    kill = commands.add_parser("kill", help="send SIGKILL")
    remove = commands.add_parser("rm", help="remove, running or not")
    for command in (stop, kill, remove):
        command.add_argument("container", metavar="CONTAINER", help="a name or the beginning of an id")
    return parser


def _list(options: argparse.Namespace) -> None:
    now = time.time()
    rows = [("CONTAINER ID", "IMAGE", "STATUS", "NAMES")]
    for record in MemoryEngine(state_dir=options.state_dir).every_record():
        rows.append((record.id[:12], record.image, _status(record, now), record.name))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        line = "   ".join(text.ljust(width) for text, width in zip(row, widths, strict=True))
        sys.stdout.write(f"{line.rstrip()}\n")


def _status(record: Record, now: float) -> str:
    match record.state(now):
        case ContainerState.EXITED:
            return f"Exited ({record.exit_code})"
        case ContainerState.RUNNING:
            return f"Up {now - (record.started_at or now):.0f} s"
        case _:
            return "Created"


def _kill(options: argparse.Namespace) -> None:
    engine, record = _find(options)
    _check_running(record)
    engine.signal(record.id, record.cluster_id, kill=True)
    sys.stdout.write(f"{options.container}\n")


def _stop(options: argparse.Namespace) -> None:
    engine, record = _find(options)
    engine.signal(record.id, record.cluster_id, kill=False)
    deadline = time.monotonic() + options.time
    while _runs(engine, record) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    engine.signal(record.id, record.cluster_id, kill=True)
    sys.stdout.write(f"{options.container}\n")


def _remove(options: argparse.Namespace) -> None:
    engine, record = _find(options)
    engine.remove(record.id, record.cluster_id)
    sys.stdout.write(f"{options.container}\n")


def _runs(engine: MemoryEngine, record: Record) -> bool:
    container = engine.container(record.id, record.cluster_id)
    return container is not None and container.state is ContainerState.RUNNING


def _check_running(record: Record) -> None:
    if record.state(time.time()) is not ContainerState.RUNNING:
        raise UsageError(f"container {record.name} is not running")


def _find(options: argparse.Namespace) -> tuple[MemoryEngine, Record]:
    """The one container that is meant, and an engine of the name that it is on."""
    wanted: str = options.container
    records = MemoryEngine(state_dir=options.state_dir).every_record()
    found = [record for record in records if record.name == wanted] or [
        record for record in records if wanted and record.id.startswith(wanted)
    ]
    if not found:
        raise UsageError(f"no such container: {wanted}")
    if len(found) > 1:
        raise UsageError(f"{wanted} is the beginning of {len(found)} ids: give more of it")
    return MemoryEngine(found[0].engine, state_dir=options.state_dir), found[0]


_COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "ps": _list,
    "stop": _stop,
    "kill": _kill,
    "rm": _remove,
}

if __name__ == "__main__":
    sys.exit(main())
