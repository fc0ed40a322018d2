"""Lifecycle hooks: postStart before a container counts as started, preStop before it is asked to end.

Rules:
- A hook runs at least once: one that was under way when the agent died is run again.
- `sleep` is no job: nobody waits for it but the memo.
- A hook that fails tells nobody why in an event: what it says may hold secrets, as in the kubelet.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct

from minikctl.backend import Check
from minikctl.controlplane.kubelet.probes import check_of

LONGEST_POST_START_SECONDS = 3600.0
"""The kubelet waits for ever; a hook that takes longer than this counts as failed here."""


class HookKind(Enum):
    """The value is its field under `lifecycle`."""

    POST_START = "postStart"
    PRE_STOP = "preStop"


HookKey: TypeAlias = tuple[str, HookKind]
"""A container's id, and which of its hooks."""


class HookRun(Struct, frozen=True):
    """One run of a hook; `ended` is None while it lasts."""

    began: float
    ended: float | None = None
    failed: bool = False


HookRuns: TypeAlias = Mapping[HookKey, HookRun]


def handler_of(container: dict[str, Any], kind: HookKind) -> dict[str, Any]:
    """The hook's handler; {} where the container has none."""
    return (container.get("lifecycle") or {}).get(kind.value) or {}


def sleep_of(handler: dict[str, Any]) -> float | None:
    """Seconds, of a hook that only sleeps."""
    sleep = handler.get("sleep")
    return None if sleep is None else float(sleep.get("seconds") or 0)


def hook_check(handler: dict[str, Any], container: dict[str, Any]) -> Check | str:
    """What the hook asks; text says why it can't."""
    if "tcpSocket" in handler or "grpc" in handler:
        return f"invalid handler: {', '.join(handler)}"  # the kubelet runs neither of them as a hook
    return check_of(handler, container)


def is_begun(container: dict[str, Any], container_id: str, known: dict[str, Any], runs: HookRuns) -> bool:
    """Whether postStart is over, if there is one. `known` is the container's status as written last: one
    that has started is through its hook, whoever ran it."""
    if not handler_of(container, HookKind.POST_START):
        return True
    run = runs.get((container_id, HookKind.POST_START))
    if run is not None:
        return run.ended is not None and not run.failed
    return bool(known.get("started")) and known.get("containerID", "").endswith(f"//{container_id}")
