"""`minikctl run --attach`, `-i`, `-it`, `--rm`: a pod for the time of one conversation.

Rules:
- Without a terminal the output is read from the log, from its first byte, so that a command that is quick
  loses nothing; our input goes to the process. With one, what was written before we came is shown first.
- The pod is acted for until it runs, and again when the conversation is over; meanwhile an agent, where one
  runs, sees to it.
- With --rm the pod goes, whatever happened. The command's exit code is the container's, where the pod is not
  restarted.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from minikctl.cli.attach import talk
from minikctl.cli.containers import Place, existing_container, identifier_of, status_of_container
from minikctl.cli.delete import Manner, delete_objects
from minikctl.cli.errors import Failed, Reported, complain, text_of
from minikctl.cli.goals import REACHED, GoneGoal, Verdict, WorkloadGoal
from minikctl.cli.resources import look_up
from minikctl.cli.session import Session
from minikctl.cli.terminal import DETACH_KEYS, Ending, has_terminal, send_input, write_bytes
from minikctl.cli.waiting import accomplish, agent_runs
from minikctl.errors import MinikctlError
from minikctl.model import Object, ObjectKey, key_of, name_of, spec_of, status_of
from minikctl.model.pods import is_finished, phase


class Attachment(Struct, frozen=True):
    """What the flags say of the conversation."""

    stdin: bool
    tty: bool
    remove: bool
    quiet: bool
    leave_stdin_open: bool = False
    detach_keys: str = DETACH_KEYS
    start_timeout: float = 60.0


def run_attached(session: Session, pod: Object, wish: Attachment) -> None:
    """From a created pod to its end.

    :raises Reported: the container ended with another exit code than 0.
    :raises Failed: it did not start.
    """
    key = key_of(pod)
    with _removed_at_the_end(session, key, wish.remove):
        accomplish(session, "run", _Started(session, key), wish.start_timeout)
        ending = _converse(session, _now(session, key), wish)
        if ending.has_detached or wish.leave_stdin_open or spec_of(pod)["restartPolicy"] == "Always":
            return
        accomplish(session, "run", _Ended(session, key), 0)
        ended = _now(session, key)
    _report(ended)


def _now(session: Session, key: ObjectKey) -> Object:
    session.observed(fresh=True)
    pod = look_up(session, key)
    if pod is None:
        raise Failed(f"pod/{key.name} was deleted meanwhile")
    return pod


def _report(pod: Object) -> None:
    if phase(pod) != "Failed":
        return
    name = f"{pod['metadata']['namespace']}/{name_of(pod)}"
    statuses = status_of(pod).get("containerStatuses") or ()
    ended = (statuses[0].get("state") or {}).get("terminated") if statuses else None
    code = (ended or {}).get("exitCode") or 0
    if not code:
        raise Failed(f"pod {name} failed with unknown exit code")
    complain(f"pod {name} terminated ({(ended or {}).get('reason', 'Error')})")
    raise Reported(code)


@contextmanager
def _removed_at_the_end(session: Session, key: ObjectKey, wanted: bool) -> Iterator[None]:
    try:
        yield
    finally:
        if wanted:
            sys.stdout.flush()
            before = session.api.store.list()
            deleted = delete_objects(session, [key], Manner(grace_seconds=1), [], True)
            if deleted and not agent_runs(session):
                accomplish(session, "run", GoneGoal(session, deleted, before), 0)


# --- the conversation ------------------------------------------------------------------------------


def _converse(session: Session, pod: Object, wish: Attachment) -> Ending:
    container = str(spec_of(pod)["containers"][0]["name"])
    if not identifier_of(status_of_container(pod, container)):
        return Ending(None)
    place = existing_container(session, pod, container)
    if is_finished(pod) or not (wish.tty and wish.stdin and has_terminal()):
        return _by_log(place, wish)
    try:
        _show_log(place, follow=False)
        return talk(
            session,
            pod,
            container,
            stdin=wish.stdin,
            tty=wish.tty,
            quiet=wish.quiet,
            detach_keys=wish.detach_keys,
            resumable=not wish.remove,
        )
    except MinikctlError as error:
        why = text_of(error)
        complain(f"warning: couldn't attach to pod/{name_of(pod)}, falling back to streaming logs: {why}")
        return _by_log(place, wish)


def _by_log(place: Place, wish: Attachment) -> Ending:
    if wish.stdin and not is_finished(place.pod):
        threading.Thread(target=_feed, args=(place,), name="input", daemon=True).start()
    _show_log(place, follow=True)
    return Ending(None)


def _feed(place: Place) -> None:
    """Our input goes to the process. What it writes is in the log; here it is only taken off."""
    try:
        tty = bool((spec_of(place.pod)["containers"][0]).get("tty"))
        stream = place.backend.open_attach(place.identifier, stdin=True, tty=tty)
    except MinikctlError:
        return  # It ended meanwhile: nobody reads any more.
    threading.Thread(target=lambda: [None for _ in stream.frames()], name="drain", daemon=True).start()
    send_input(stream)


def _show_log(place: Place, *, follow: bool) -> None:
    from minikctl.backend import LogOptions

    outputs = {"stdout": sys.stdout, "stderr": sys.stderr}
    for line in place.backend.logs(place.identifier, LogOptions(follow=follow)):
        write_bytes(outputs.get(line.stream, sys.stdout), line.text + b"\n")


# --- goals -----------------------------------------------------------------------------------------


class _Started(WorkloadGoal):
    """The pod's container runs, or did."""

    def __init__(self, session: Session, key: ObjectKey) -> None:
        super().__init__(session, [key])
        self._api, self._key = session.api, key

    def verdict(self) -> Verdict | None:
        pod = self._api.find(self._key)
        if pod is not None and phase(pod) != "Pending":
            return REACHED
        return super().verdict()


class _Ended(_Started):
    """The pod is over."""

    def verdict(self) -> Verdict | None:
        pod = self._api.find(self._key)
        return REACHED if pod is None or is_finished(pod) else None
