"""The one error of this room: a patch that can't be applied."""

from __future__ import annotations

from minikctl.errors import ApiError


class PatchError(ApiError):
    """The patch does not fit: malformed, or made for another object.

    `reason` is the API server's: `BadRequest` (400) where the patch itself is malformed,
    `Invalid` (422) where it does not fit this object.
    """

    def __init__(self, message: str, *, reason: str = "BadRequest") -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return self.message
