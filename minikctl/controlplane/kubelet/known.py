"""What a pod's status, as it was written last, says of one of its containers."""

from __future__ import annotations

from typing import Any

from minikctl.model import Object, status_of


def known_status(pod: Object, name: str) -> dict[str, Any]:
    """{} where it says nothing yet."""
    status = status_of(pod)
    for group in ("initContainerStatuses", "containerStatuses"):
        for one in status.get(group) or ():
            if one["name"] == name:
                known: dict[str, Any] = one
                return known
    return {}


def restart_counts(pod: Object) -> dict[str, int]:
    """By container, the newest attempt that the status knows of."""
    status = status_of(pod)
    groups = ("initContainerStatuses", "containerStatuses")
    return {
        one["name"]: int(one.get("restartCount", 0)) for group in groups for one in status.get(group) or ()
    }
