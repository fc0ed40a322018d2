"""Whether a container's image is there, and what leads there: the pull policies, and their back-off."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from minikctl.controlplane.kubelet.actions import PullImage
from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.credentials import pull_credentials
from minikctl.controlplane.kubelet.images import ImageBook
from minikctl.controlplane.kubelet.memo import PodMemo
from minikctl.controlplane.kubelet.status import Waiting

STILL_MISSING = "ErrImageNeverPull"


class Pulling(Struct):
    """The decision about one container's image."""

    memo: PodMemo
    is_there: bool = True
    """As far as anybody knows: nobody asks beforehand, creating the container says it."""
    waiting: Waiting | None = None
    pull: PullImage | None = None
    unread: tuple[str, ...] = ()
    """Pull secrets that are not there, where a pull begins without them."""
    look_again: float | None = None


def pulling(
    container: dict[str, Any], around: Surroundings, images: ImageBook, memo: PodMemo, now: float
) -> Pulling:
    name, image = container["name"], container["image"]
    policy = container.get("imagePullPolicy", "IfNotPresent")
    is_missing = images.is_missing(image)
    if policy == "Never":
        if not is_missing:
            return Pulling(memo)
        text = f'Container image "{image}" is not present with pull policy of Never'
        return Pulling(memo, False, Waiting(STILL_MISSING, text))
    if policy != "Always" and not is_missing:
        return Pulling(memo)
    credentials = pull_credentials(image, around)
    wanted = PullImage(image, credentials.found)
    state = images.get(image, wanted.who)
    if policy == "Always":
        memo = memo.wanting(name, now)
        if state.pulled_at is not None and state.pulled_at >= memo.waiting_since[name]:
            return Pulling(memo)
    made = Pulling(memo, False)
    if state.failures:
        if state.pulling or state.retry_at <= now:
            made.waiting = Waiting(state.reason, state.message)
        else:
            cause = f"{state.reason}: {state.message}"
            made.waiting = Waiting("ImagePullBackOff", f'Back-off pulling image "{image}": {cause}')
            made.look_again = state.retry_at
    if state.pulling or not state.failures or state.retry_at <= now:
        # Also while it is being pulled for another pod: who asks hears of the result.
        made.pull = wanted
        made.unread = () if state.pulling else credentials.unread
    return made
