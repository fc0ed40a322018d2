"""What a kubelet asks an engine to do: one closed set. Every action is safe to do twice."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from minikctl.backend import Check, ContainerSpec, SandboxSpec
from minikctl.controlplane.kubelet.hooks import HookKind


class PullImage(Struct, frozen=True):
    image: str


class RunSandbox(Struct, frozen=True):
    spec: SandboxSpec


class RunContainer(Struct, frozen=True):
    """Create, then start."""

    container: str
    """The container's name in the pod."""
    spec: ContainerSpec


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
    """Look whether a container that is not listed is really gone."""

    container_id: str


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
    | RunSandbox
    | RunContainer
    | StartContainer
    | SignalContainer
    | RemoveContainer
    | InspectContainer
)
