"""As whom a container runs: OCI's `user[:group]`, and runAsNonRoot checked before the container is made."""

from __future__ import annotations

from minikctl.backend.specs import ContainerSpec, SecurityContext
from minikctl.errors import PermanentError

REASON = "CreateContainerConfigError"


def needs_image_user(spec: ContainerSpec) -> bool:
    """Whether the image's USER decides as whom the container runs, and that matters."""
    security = spec.security
    if security.run_as_user is not None:
        return False
    return security.run_as_non_root or security.run_as_group is not None


def process_user(security: SecurityContext, image_user: str) -> str:
    """OCI images' form `user[:group]`; "" is what the image says.

    `image_user` is the USER of the image, only looked at where the group is set and the user is not.
    """
    if security.run_as_group is None:
        return "" if security.run_as_user is None else str(security.run_as_user)
    if security.run_as_user is not None:
        return f"{security.run_as_user}:{security.run_as_group}"
    return f"{image_user.partition(':')[0] or '0'}:{security.run_as_group}"


def check_non_root(spec: ContainerSpec, image_user: str) -> None:
    """`image_user` is the USER of the image (`""`, `1000`, `nobody`, `1000:1000`).

    :raises PermanentError: reason CreateContainerConfigError; it would run as root, or nobody can tell.
    """
    security = spec.security
    if not security.run_as_non_root:
        return
    if security.run_as_user is not None:
        if security.run_as_user == 0:
            raise PermanentError("container's runAsUser breaks non-root policy", reason=REASON)
        return
    name = image_user.partition(":")[0]
    if name and not name.isdigit():
        text = (
            f"container has runAsNonRoot and image has non-numeric user ({name}),"
            " cannot verify user is non-root"
        )
        raise PermanentError(text, reason=REASON)
    if not name or int(name) == 0:
        raise PermanentError("container has runAsNonRoot and image will run as root", reason=REASON)
