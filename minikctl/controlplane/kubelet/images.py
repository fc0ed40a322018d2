"""What is known about the images of one engine: present, being pulled, or failed and when to try again.

A pull is one for all pods that want the image at the same time.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.controlplane.kubelet.backoff import retry_wait


class ImageState(Struct, frozen=True):
    missing: bool = False
    """The engine said that it does not have it."""
    pulling: bool = False
    pulled_at: float | None = None
    failures: int = 0
    retry_at: float = 0.0
    reason: str = ""
    message: str = ""


class ImageBook(Struct):
    """By image reference. Lost with the agent; nothing but a little time is lost with it."""

    states: dict[str, ImageState] = field(default_factory=dict)

    def get(self, image: str) -> ImageState:
        return self.states.get(image) or ImageState()

    def mark_missing(self, image: str) -> None:
        self.states[image] = replace(self.get(image), missing=True, pulled_at=None)

    def mark_pulling(self, image: str) -> None:
        self.states[image] = replace(self.get(image), pulling=True)

    def mark_pulled(self, image: str, now: float) -> None:
        self.states[image] = ImageState(pulled_at=now)

    def mark_failed(self, image: str, now: float, reason: str, message: str) -> None:
        state = self.get(image)
        failures = state.failures + 1
        self.states[image] = replace(
            state,
            pulling=False,
            failures=failures,
            retry_at=now + retry_wait(failures),
            reason=reason or "ErrImagePull",
            message=message,
        )

    def is_idle(self) -> bool:
        return not any(state.pulling for state in self.states.values())
