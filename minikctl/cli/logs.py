"""`minikctl logs`: what containers wrote.

Bytes go out as they were written. On a terminal, control sequences other than colours are made visible: a log
line is written by whoever runs the container, and must not be able to forge what stands above it.
"""

from __future__ import annotations

import queue
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from minikctl.cli import options
from minikctl.cli.containers import (
    container_names,
    container_of,
    default_container,
    identifier_of,
    named_object,
    pods_of,
    status_of_container,
)
from minikctl.cli.errors import BadRequest, complain, text_of
from minikctl.cli.options import flag, seconds, value
from minikctl.cli.resources import Query, Target, find, parse_selector
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import MinikctlError, UsageError
from minikctl.model import Object, name_of, spec_of
from minikctl.model.kinds import KINDS

if TYPE_CHECKING:
    from minikctl.backend import Backend, LogLine, LogOptions

_TAIL_OF_MANY = 10
_FIRST_POD_SECONDS = 20.0
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_USAGE = "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'"


class Source(Struct, frozen=True):
    """One container's log."""

    pod: Object
    container: str
    identifier: str
    backend: Backend
    limit: int
    """Bytes, with timestamps and line ends; 0 is all."""

    @property
    def prefix(self) -> str:
        return f"[pod/{name_of(self.pod)}/{self.container}] "


class Wish(Struct, frozen=True):
    """Which logs, as the flags say it."""

    container: str
    all_containers: bool
    previous: bool
    limit: int
    ignore_errors: bool


def logs(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="POD | TYPE/NAME [CONTAINER]", show_default=False)
    ] = None,
    container: Annotated[str, value("--container", "-c", metavar="NAME", text="Of this container.")] = "",
    all_containers: Annotated[bool, flag("--all-containers", text="Of all containers.")] = False,
    all_pods: Annotated[bool, flag("--all-pods", text="Of all pods of TYPE/NAME; with --prefix.")] = False,
    follow: Annotated[bool, flag("--follow", "-f", text="Go on as more is written.")] = False,
    previous: Annotated[
        bool, flag("--previous", "-p", text="Of the container before the last restart.")
    ] = False,
    tail: Annotated[int, value("--tail", metavar="LINES", text="Only the last; with -l 10 by default.")] = -1,
    since: Annotated[
        float, value("--since", metavar="DURATION", parser=seconds, text="Not older than 5s, 2m, 3h.")
    ] = 0.0,
    since_time: Annotated[str, value("--since-time", metavar="TIME", text="Not older (RFC 3339).")] = "",
    timestamps: Annotated[bool, flag("--timestamps", text="The time before each line.")] = False,
    prefix: Annotated[bool, flag("--prefix", text="Pod and container before each line.")] = False,
    selector: options.Selector = "",
    max_log_requests: Annotated[int, value("--max-log-requests", text="Most logs to follow at once: 5.")] = 5,
    limit_bytes: Annotated[
        int | None, value("--limit-bytes", metavar="BYTES", text="Of each log at most so much.")
    ] = None,
    ignore_errors: Annotated[
        bool, flag("--ignore-errors", text="A log that can't be had does not end the others.")
    ] = False,
    pod_running_timeout: Annotated[
        float,
        value("--pod-running-timeout", metavar="DURATION", parser=seconds, text="For a first pod: 20s."),
    ] = _FIRST_POD_SECONDS,
) -> None:
    """Print the logs of a container in a pod: `logs web-0`, `logs deploy/web -f`, `logs -l app=web`."""
    _check(since, since_time, tail, limit_bytes, all_containers and bool(container))
    words = list(names or ())
    if len(words) == 2 and "/" not in words[1] and not container:
        container = words.pop()
    wish = Wish(container, all_containers, previous, limit_bytes or 0, ignore_errors)
    with open_session(context) as session:
        pods = _pods(session, words, selector, all_pods, pod_running_timeout)
        sources = _sources(session, pods, wish)
        if follow and len(sources) > max_log_requests:
            raise UsageError(
                f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is"
                f" {max_log_requests}, use --max-log-requests to increase the limit"
            )
        start = _start(session.now(), since, since_time)
        wanted = _TAIL_OF_MANY if tail < 0 and selector else tail
        writer = _Writer(timestamps=timestamps, prefix=prefix or all_pods)
        _print_all(sources, _log_options(follow, wanted, start), writer, ignore_errors)


def _check(since: float, since_time: str, tail: int, limit: int | None, both: bool) -> None:
    if since and since_time:
        raise UsageError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if since < 0:
        raise UsageError("--since must be greater than 0")
    if tail < -1:
        raise UsageError("--tail must be greater than or equal to -1")
    if limit is not None and limit < 1:
        raise UsageError("--limit-bytes must be greater than 0")
    if both:
        raise UsageError("--all-containers=true should not be specified with container name")


def _log_options(follow: bool, tail: int, since: float | None) -> LogOptions:
    from minikctl.backend import LogOptions

    return LogOptions(follow=follow, tail=None if tail < 0 else tail, since=since)


def _start(now: float, since: float, since_time: str) -> float | None:
    from minikctl.model.timestamps import parse_time

    if since:
        return now - since
    if not since_time:
        return None
    try:
        return parse_time(since_time)
    except ValueError:
        raise UsageError(f'invalid --since-time "{since_time}": write it as 2026-01-31T12:00:00Z') from None


# --- which containers ------------------------------------------------------------------------------


def _pods(
    session: Session, words: Sequence[str], selector: str, all_pods: bool, timeout: float
) -> list[Object]:
    if selector:
        if words:
            raise UsageError("only a selector (-l) or a POD name is allowed")
        query = Query(session.namespace, parse_selector(selector))
        found, _ = find(session, [Target(KINDS["Pod"])], query)
        if not found:
            complain(f"No resources found in {session.namespace} namespace.")
        return found
    if not words:
        raise UsageError(_USAGE)
    if len(words) > 1:
        raise UsageError("expected one POD or TYPE/NAME; for several pods use -l")
    pods = pods_of(session, named_object(session, words[0]), "get the logs from", timeout)
    if len(pods) > 1 and not all_pods:
        complain(f"Found {len(pods)} pods, using pod/{name_of(pods[0])}")
    return pods if all_pods else pods[:1]


def _sources(session: Session, pods: Sequence[Object], wish: Wish) -> list[Source]:
    found = []
    for pod in pods:
        for name in _chosen(pod, wish, quiet=len(pods) > 1):
            try:
                found.append(_source(session, pod, name, wish))
            except BadRequest as error:
                if not wish.ignore_errors:
                    raise
                out(f"{text_of(error)}\n")
    return found


def _chosen(pod: Object, wish: Wish, *, quiet: bool) -> list[str]:
    if wish.all_containers:
        return container_names(pod)
    if not wish.container:
        return [default_container(pod, quiet=quiet)]
    if container_of(pod, wish.container) is None:
        raise BadRequest(f"container {wish.container} is not valid for pod {name_of(pod)}")
    return [wish.container]


def _source(session: Session, pod: Object, container: str, wish: Wish) -> Source:
    """:raises BadRequest: there is no such container (yet)."""
    status = status_of_container(pod, container)
    before = (status.get("lastState") or {}).get("terminated") or {}
    identifier = identifier_of(before if wish.previous else status)
    node = spec_of(pod).get("nodeName")
    if identifier and node:
        return Source(pod, container, identifier, session.cluster.backend_of(node), wish.limit)
    if wish.previous:
        raise BadRequest(f'previous terminated container "{container}" in pod "{name_of(pod)}" not found')
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason") or "ContainerCreating"
    raise BadRequest(f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {waiting}')


# --- writing ---------------------------------------------------------------------------------------


class _Writer:
    def __init__(self, *, timestamps: bool, prefix: bool) -> None:
        self._timestamps = timestamps
        self._prefix = prefix
        self._is_terminal = sys.stdout.isatty()
        self._left: dict[tuple[str, str], int] = {}

    def line(self, source: Source, line: LogLine) -> bool:
        """False: the log's limit is reached."""
        text = f"{_stamp(line.time)} ".encode() + line.text if self._timestamps else line.text
        head = source.prefix if self._prefix else ""
        if not source.limit:
            self._write(head, text + b"\n")
            return True
        which = source.identifier, source.container
        left = self._left.get(which, source.limit)
        kept = (text + b"\n")[:left]
        self._left[which] = left - len(kept)
        if kept:
            self._write(head, kept)
        return self._left[which] > 0

    def flush(self) -> None:
        sys.stdout.flush()

    def _write(self, head: str, text: bytes) -> None:
        buffer = getattr(sys.stdout, "buffer", None)
        if self._is_terminal:
            sys.stdout.write(f"{head}{visible(text.decode(errors='replace'))}")
        elif buffer is None:
            sys.stdout.write(f"{head}{text.decode(errors='replace')}")
        else:
            buffer.write(head.encode() + text)


def _stamp(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def visible(text: str) -> str:
    """The text for a terminal: colours and tabs stay, all other control characters become visible."""
    from minikctl.render.escape import escape_lines

    parts = _COLOUR.split(text)
    return "".join(part if index % 2 else escape_lines(part) for index, part in enumerate(parts))


def _print_all(
    sources: Sequence[Source], log_options: LogOptions, writer: _Writer, ignore_errors: bool
) -> None:
    is_merged = log_options.follow and len(sources) > 1
    arrivals = _merged(sources, log_options) if is_merged else _one_by_one(sources, log_options)
    sys.stdout.flush()
    full: set[str] = set()
    for source, line in arrivals:
        if isinstance(line, MinikctlError):
            if not ignore_errors:
                raise line
            out(f"{text_of(line)}\n")
        elif source.identifier not in full and not writer.line(source, line):
            full.add(source.identifier)
            if len(full) == len(sources):
                return
        if log_options.follow:
            writer.flush()


def _one_by_one(
    sources: Sequence[Source], log_options: LogOptions
) -> Iterator[tuple[Source, LogLine | MinikctlError]]:
    """The lines of one log after the other; an error ends its log."""
    for source in sources:
        try:
            for line in source.backend.logs(source.identifier, log_options):
                yield source, line
        except MinikctlError as error:
            yield source, error


def _merged(
    sources: Sequence[Source], log_options: LogOptions
) -> Iterator[tuple[Source, LogLine | MinikctlError]]:
    """The lines of several logs as they come, a thread for each; ends when all have ended."""
    arrivals: queue.Queue[tuple[Source, LogLine | MinikctlError] | Exception | None] = queue.Queue(
        maxsize=1000
    )

    def pump(source: Source) -> None:
        try:
            for arrival in _one_by_one([source], log_options):
                arrivals.put(arrival)
            arrivals.put(None)
        except Exception as error:
            arrivals.put(error)

    for source in sources:
        threading.Thread(target=pump, args=(source,), daemon=True).start()
    left = len(sources)
    while left:
        arrival = arrivals.get()
        if isinstance(arrival, Exception):
            raise arrival
        if arrival is None:
            left -= 1
        else:
            yield arrival
