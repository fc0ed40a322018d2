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
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from minikctl.cli import options
from minikctl.cli.errors import BadRequest, complain
from minikctl.cli.options import flag, seconds, value
from minikctl.cli.resources import Query, Target, find, parse_selector, parse_targets
from minikctl.cli.session import Session, open_session
from minikctl.errors import MinikctlError, UsageError
from minikctl.model import Object, annotations_of, labels_of, name_of, selectors, spec_of, status_of
from minikctl.model.kinds import KINDS
from minikctl.model.pods import is_ready, phase

if TYPE_CHECKING:
    from minikctl.backend import Backend, LogLine, LogOptions

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_TAIL_OF_MANY = 10
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")


class Source(Struct, frozen=True):
    """One container's log."""

    pod: Object
    container: str
    identifier: str
    backend: Backend

    @property
    def prefix(self) -> str:
        return f"[pod/{name_of(self.pod)}/{self.container}] "


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
) -> None:
    """Print the logs of a container in a pod: `logs web-0`, `logs deploy/web -f`, `logs -l app=web`."""
    if since and since_time:
        raise UsageError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    words = list(names or ())
    if len(words) == 2 and "/" not in words[1] and not container:
        container = words.pop()
    with open_session(context) as session:
        pods = _pods(session, words, selector, all_pods)
        sources = [
            source
            for pod in pods
            for source in _sources(session, pod, container, all_containers, previous, quiet=len(pods) > 1)
        ]
        if follow and len(sources) > max_log_requests:
            raise UsageError(
                f"you are attempting to follow {len(sources)} log streams, but maximum allowed concurrency is"
                f" {max_log_requests}, use --max-log-requests to increase the limit"
            )
        start = _start(session.now(), since, since_time)
        wanted = _TAIL_OF_MANY if tail < 0 and selector else tail
        writer = _Writer(timestamps=timestamps, prefix=prefix or all_pods)
        _print_all(sources, _log_options(follow, wanted, start), writer)


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


def _pods(session: Session, words: Sequence[str], selector: str, all_pods: bool) -> list[Object]:
    if selector:
        if words:
            raise UsageError("only a selector (-l) or a POD name is allowed")
        query = Query(session.namespace, parse_selector(selector))
        found, _ = find(session, [Target(KINDS["Pod"])], query)
        if not found:
            complain(f"No resources found in {session.namespace} namespace.")
        return found
    if not words:
        raise UsageError("expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'")
    if len(words) > 1:
        raise UsageError("expected one POD or TYPE/NAME; for several pods use -l")
    target = parse_targets(words)[0] if "/" in words[0] else Target(KINDS["Pod"], words[0])
    found, missing = find(session, [target], Query(session.namespace))
    if missing:
        raise missing[0]
    obj = found[0]
    return [obj] if obj["kind"] == "Pod" else _pods_of(session, obj, all_pods)


def _pods_of(session: Session, obj: Object, all_pods: bool) -> list[Object]:
    selector = spec_of(obj).get("selector")
    if not selector:
        raise UsageError(f"cannot get the logs from a {obj['kind']}")
    matching = [
        pod
        for pod in session.listed("Pod", obj["metadata"]["namespace"])
        if selectors.matches(selectors.from_object(selector), labels_of(pod))
    ]
    if not matching:
        raise MinikctlError(f"no pods of {KINDS[obj['kind']].qualified}/{name_of(obj)} yet")
    if all_pods:
        return matching
    # As kubectl: one that runs and is ready before others, then the one that started first.
    matching.sort(key=lambda pod: (not is_ready(pod), phase(pod) != "Running", _started(pod), name_of(pod)))
    if len(matching) > 1:
        complain(f"Found {len(matching)} pods, using pod/{name_of(matching[0])}")
    return matching[:1]


def _started(pod: Object) -> str:
    return str(status_of(pod).get("startTime") or "~")


def _sources(
    session: Session, pod: Object, container: str, all_containers: bool, previous: bool, *, quiet: bool
) -> list[Source]:
    known = [
        one["name"] for group in ("initContainers", "containers") for one in spec_of(pod).get(group) or ()
    ]
    if all_containers:
        chosen = known
    elif container:
        if container not in known:
            raise BadRequest(f"container {container} is not valid for pod {name_of(pod)}")
        chosen = [container]
    else:
        chosen = [_default_container(pod, known, quiet)]
    return [_source(session, pod, name, previous) for name in chosen]


def _default_container(pod: Object, known: list[str], quiet: bool) -> str:
    annotated = annotations_of(pod).get(_DEFAULT_CONTAINER)
    if annotated in known:
        return str(annotated)
    first = str(spec_of(pod)["containers"][0]["name"])
    if len(known) > 1 and not quiet:
        complain(f'Defaulted container "{first}" out of: {", ".join(known)}')
    return first


def _source(session: Session, pod: Object, container: str, previous: bool) -> Source:
    """:raises BadRequest: there is no such container (yet)."""
    statuses = [
        *(status_of(pod).get("containerStatuses") or ()),
        *(status_of(pod).get("initContainerStatuses") or ()),
    ]
    status: dict[str, Any] = next((one for one in statuses if one["name"] == container), {})
    identifier = _previous_id(status) if previous else _current_id(status)
    node = spec_of(pod).get("nodeName")
    if identifier and node:
        return Source(pod, container, identifier, session.cluster.backend_of(node))
    if previous:
        raise BadRequest(f'previous terminated container "{container}" in pod "{name_of(pod)}" not found')
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason") or "ContainerCreating"
    raise BadRequest(f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {waiting}')


def _current_id(status: dict[str, Any]) -> str:
    return str(status.get("containerID") or "").partition("://")[2]


def _previous_id(status: dict[str, Any]) -> str:
    ended = (status.get("lastState") or {}).get("terminated") or {}
    return str(ended.get("containerID") or "").partition("://")[2]


# --- writing ---------------------------------------------------------------------------------------


class _Writer:
    def __init__(self, *, timestamps: bool, prefix: bool) -> None:
        self._timestamps = timestamps
        self._prefix = prefix
        self._is_terminal = sys.stdout.isatty()

    def line(self, source: Source, line: LogLine) -> None:
        head = source.prefix if self._prefix else ""
        if self._timestamps:
            head += f"{datetime.fromtimestamp(line.time, UTC).strftime('%Y-%m-%dT%H:%M:%S.%fZ')} "
        self._write(head, line.text)

    def flush(self) -> None:
        sys.stdout.flush()

    def _write(self, head: str, text: bytes) -> None:
        if self._is_terminal:
            sys.stdout.write(f"{head}{visible(text.decode(errors='replace'))}\n")
            return
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:
            sys.stdout.write(f"{head}{text.decode(errors='replace')}\n")
        else:
            buffer.write(head.encode() + text + b"\n")


def visible(text: str) -> str:
    """The text for a terminal: colours and tabs stay, all other control characters become visible."""
    from minikctl.render.escape import escape_lines

    parts = _COLOUR.split(text)
    return "".join(part if index % 2 else escape_lines(part) for index, part in enumerate(parts))


def _print_all(sources: Sequence[Source], log_options: LogOptions, writer: _Writer) -> None:
    if log_options.follow and len(sources) > 1:
        lines: Iterator[tuple[Source, LogLine]] = _merged(sources, log_options)
    else:
        lines = (
            (source, line)
            for source in sources
            for line in source.backend.logs(source.identifier, log_options)
        )
    sys.stdout.flush()
    for source, line in lines:
        writer.line(source, line)
        if log_options.follow:
            writer.flush()


def _merged(sources: Sequence[Source], log_options: LogOptions) -> Iterator[tuple[Source, LogLine]]:
    """The lines of several logs as they come, a thread for each; ends when all have ended."""
    arrivals: queue.Queue[tuple[Source, LogLine] | Exception | None] = queue.Queue(maxsize=1000)

    def pump(source: Source) -> None:
        try:
            for line in source.backend.logs(source.identifier, log_options):
                arrivals.put((source, line))
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
