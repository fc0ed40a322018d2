"""What the names of ExternalName Services stand for: asked of this machine's resolver, again and again.

Rules:
- Only where pods have hosts files of ours. All names that are due are one job.
- A name that can't be resolved keeps the addresses that it had; an event on its Services says so, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from minikctl.agent.engine import Engine
from minikctl.agent.ports import Executor, Resolved
from minikctl.controlplane.decision import Decision
from minikctl.controlplane.names import outer_names
from minikctl.controlplane.view import View
from minikctl.model.services import external_name

RESOLVE_SECONDS = 30.0
MOST_ADDRESSES = 8
COMPONENT = "service-controller"


class ExternalNames:
    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self.addresses: dict[str, tuple[str, ...]] = {}
        """By name; the hosts files are written from it."""
        self._due: dict[str, float] = {}
        """When each is asked for next; the names of now."""
        self._under_way: set[str] = set()
        self._unknown: set[str] = set()
        """Names that nobody knew when they were asked for."""
        self._serial = -1

    def act(self, engines: Iterable[Engine], view: View, serial: int, now: float) -> None:
        """`serial` changes with the names of Services."""
        if serial != self._serial:
            self._serial = serial
            self._due = {name: self._due.get(name, 0.0) for name in sorted(outer_names(view))}
        due = {name for name, moment in self._due.items() if moment <= now} - self._under_way
        asking = next((one for one in engines if one.state_dir is not None), None) if due else None
        if asking is None:
            return
        self._under_way |= due
        self._executor.submit(f"{asking.name}:hook", partial(resolve, asking.name, tuple(sorted(due))))

    def learn(self, news: Resolved, view: View, now: float) -> tuple[bool, Decision]:
        """Whether a name stands for something else now, and what is to be told."""
        before, decision = dict(self.addresses), Decision()
        self._under_way.difference_update(news.names)
        for name in news.names:
            self._due.update({name: now + RESOLVE_SECONDS} if name in self._due else {})
            if name in news.addresses:
                self.addresses[name] = news.addresses[name]
                self._unknown.discard(name)
            elif name not in self._unknown:
                self._unknown.add(name)
                _tell(name, view, decision)
        self.addresses = {name: found for name, found in self.addresses.items() if name in self._due}
        return before != self.addresses, decision

    def next_moment(self) -> float | None:
        """A name without an engine to ask for is asked for when there is one."""
        known = (moment for name, moment in self._due.items() if moment and name not in self._under_way)
        return min(known, default=None)

    def is_idle(self) -> bool:
        """Every name was asked for once."""
        return not any(not self._due.get(name, 0.0) for name in self._under_way)


def _tell(name: str, view: View, decision: Decision) -> None:
    for service in view.list("Service"):
        if external_name(service) == name:
            text = f"{name} can't be resolved on this machine: pods don't know the Service's name"
            decision.tell(service, "ExternalNameNotResolved", text, COMPONENT, "Warning")


def resolve(engine: str, names: tuple[str, ...]) -> Resolved:
    """A job. Pods have IPv4 addresses, and so only those are asked for."""
    import socket

    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        try:
            answers = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            continue
        addresses = sorted({str(answer[4][0]) for answer in answers})
        found[name] = tuple(addresses[:MOST_ADDRESSES])
    return Resolved(engine, names, found)
