"""What only goes on while somebody keeps looking: told where nobody does."""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.cli.session import Session, note
from minikctl.model import ObjectKey
from minikctl.model.kinds import KINDS

_NEEDS_AGENT = {"CronJob": "makes its Jobs", "HorizontalPodAutoscaler": "scales"}


def tell_timed(session: Session, keys: Iterable[ObjectKey]) -> None:
    """One line for each kind of these objects that time moves, unless something acts here."""
    first: dict[str, ObjectKey] = {}
    for key in keys:
        if key.kind in _NEEDS_AGENT:
            first.setdefault(key.kind, key)
    if first and session.cluster.lock_holder() is None:
        for kind, key in first.items():
            name = f"{KINDS[kind].qualified}/{key.name}"
            note(f"{name} {_NEEDS_AGENT[kind]} only while an agent is at work (minikctl agent start)")
