"""What is known about the images of one engine: present, being pulled, or failed and when to try again.

A pull is one for all pods that want the image at the same time.
"""

from __future__ import annotations

from msgspec import Struct, field
from msgspec.structs import replace

from minikctl.controlplane.kubelet.backoff import retry_wait


class ImageState(Struct, frozen=True):
    """Of pulling one image with the same credentials."""

    pulling: bool = False
    pulled_at: float | None = None
    failures: int = 0
    retry_at: float = 0.0
    reason: str = ""
    message: str = ""


class ImageBook(Struct):
    """By image reference and `who` asks: "" for everybody without credentials of their own, so that what
    the registry says to one is no answer to the other. Lost with the process; an agent takes over what
    failed before it was, a command tries at once."""

    states: dict[tuple[str, str], ImageState] = field(default_factory=dict)
    failed_before: dict[str, ImageState] = field(default_factory=dict)
    """By image: what failed before this process was, whoever asked."""
    missing: set[str] = field(default_factory=set)
    """Images that the engine said it does not have."""

    def get(self, image: str, who: str = "") -> ImageState:
        return self.states.get((image, who)) or self.failed_before.get(image) or ImageState()

    def is_missing(self, image: str) -> bool:
        return image in self.missing

    def mark_missing(self, image: str) -> None:
        self.missing.add(image)
        for key in [key for key in self.states if key[0] == image]:
            self.states[key] = replace(self.states[key], pulled_at=None)

    def mark_pulling(self, image: str, who: str = "") -> None:
        self.states[image, who] = replace(self.get(image, who), pulling=True)

    def mark_pulled(self, image: str, now: float, who: str = "") -> None:
        self.missing.discard(image)
        self.states[image, who] = ImageState(pulled_at=now)

    def mark_failed(self, image: str, now: float, reason: str, message: str, who: str = "") -> None:
        state = self.get(image, who)
        failures = state.failures + 1
        self.states[image, who] = replace(
            state,
            pulling=False,
            failures=failures,
            retry_at=now + retry_wait(failures),
            reason=reason or "ErrImagePull",
            message=message,
        )

    def is_idle(self) -> bool:
        return not any(state.pulling for state in self.states.values())
