"""What a kubelet asks an engine to do: one closed set. Every action is safe to do twice."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from minikctl.backend import ContainerSpec, SandboxSpec


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


Action: TypeAlias = (
    PullImage
    | RunSandbox
    | RunContainer
    | StartContainer
    | SignalContainer
    | RemoveContainer
    | InspectContainer
)
