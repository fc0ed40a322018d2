"""What a kubelet asks an engine to do: one closed set. Every action is safe to do twice."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import astuple

from minikctl.backend import Check, ContainerSpec, Credentials, SandboxSpec
from minikctl.controlplane.kubelet.hooks import HookKind
from minikctl.controlplane.kubelet.volumes import Volume, VolumeMount
from minikctl.model.hashing import canonical


class PullImage(Struct, frozen=True):
    image: str
    credentials: tuple[Credentials, ...] = ()
    """Tried one after the other; none are those that the engine is set up with."""

    @property
    def who(self) -> str:
        """ "" without credentials; else a text that is the same for the same ones, and tells nothing."""
        if not self.credentials:
            return ""
        return hashlib.sha256(canonical([list(astuple(one)) for one in self.credentials])).hexdigest()[:16]


class SetUpVolumes(Struct, frozen=True):
    """Make the pod's volumes, or bring their files up to date. No container is run after it failed."""

    volumes: tuple[Volume, ...]
    digest: str
    """What `volumes.digest` said of them."""


class TearDownVolumes(Struct, frozen=True):
    """Remove all that was made for the pod. It has no containers any more."""


class RunSandbox(Struct, frozen=True):
    spec: SandboxSpec


class RunContainer(Struct, frozen=True):
    """Create, then start."""

    container: str
    """The container's name in the pod."""
    spec: ContainerSpec
    mounts: tuple[VolumeMount, ...] = ()
    """Of the pod's volumes; where they are is found out just before."""
    attempt: int = 0
    message_path: str = ""
    """Where the container finds the file for its termination message; "" for none."""


class StartContainer(Struct, frozen=True):
    """Start one that was created earlier."""

    container: str
    container_id: str


class SignalContainer(Struct, frozen=True):
    """Its stop signal, or SIGKILL."""

    container_id: str
    kill: bool = False


class RemoveContainer(Struct, frozen=True):
    """Remove, running or not (SIGKILL)."""

    container_id: str


class InspectContainer(Struct, frozen=True):
    """Look whether a container that is not listed is really gone. `container_id` may be its name."""

    container_id: str


class ReadMessage(Struct, frozen=True):
    """What a container that has ended left as its termination message."""

    container: str
    container_id: str
    attempt: int
    path: str
    falls_back: bool
    """Whether the end of its log will do where it left none."""


class RunHook(Struct, frozen=True):
    """A lifecycle hook that is a command or a request. Beside the pod's other actions: it may take long.

    One that is under way is not begun again.
    """

    container: str
    container_id: str
    kind: HookKind
    check: Check | str
    """Text says why it can't be run."""
    timeout: float
    """Seconds after which it has failed."""


Action: TypeAlias = (
    PullImage
    | RunHook
    | ReadMessage
    | SetUpVolumes
    | TearDownVolumes
    | RunSandbox
    | RunContainer
    | StartContainer
    | SignalContainer
    | RemoveContainer
    | InspectContainer
)
