"""Pulls that failed before this agent was: known from their events, so that their back-off goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from minikctl.controlplane.kubelet.backoff import FORGET_AFTER_SECONDS, retry_wait
from minikctl.controlplane.kubelet.images import ImageState
from minikctl.model import Object
from minikctl.model.timestamps import parse_time

_FAILED = re.compile(r'Failed to pull image "([^"]+)": (.*)', re.DOTALL)


def failed_pulls(events: Iterable[Object], now: float) -> dict[str, ImageState]:
    """By image, those of the last ten minutes that no success has followed.

    A failed pull is told to each pod that waited for it: it counts as often as it did for one of them.
    """
    counts: dict[tuple[str, str], int] = {}
    newest: dict[str, tuple[float, str]] = {}
    pulled: dict[str, float] = {}
    for event in events:
        moment = parse_time(event["lastTimestamp"])
        if event["reason"] == "Pulled":
            image = str(event["message"]).partition('"')[2].rpartition('"')[0]
            pulled[image] = max(moment, pulled.get(image, 0.0))
        elif (found := _FAILED.fullmatch(event["message"])) and moment + FORGET_AFTER_SECONDS > now:
            image, told = found.groups()
            uid = event["involvedObject"].get("uid", "")
            counts[image, uid] = counts.get((image, uid), 0) + event["count"]
            newest[image] = max((moment, told), newest.get(image, (0.0, "")))
    failures: dict[str, int] = {}
    for (image, _), count in counts.items():
        failures[image] = max(count, failures.get(image, 0))
    return {
        image: ImageState(
            failures=count,
            retry_at=newest[image][0] + retry_wait(count),
            reason="ErrImagePull",
            message=newest[image][1],
        )
        for image, count in failures.items()
        if pulled.get(image, 0.0) <= newest[image][0]
    }
