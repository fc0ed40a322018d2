"""What a kubelet asks an engine to do: one closed set. Every action is safe to do twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from minikctl.backend import ContainerSpec, SandboxSpec


@dataclass(frozen=True, slots=True)
class PullImage:
    image: str


@dataclass(frozen=True, slots=True)
class RunSandbox:
    spec: SandboxSpec


@dataclass(frozen=True, slots=True)
class RunContainer:
    """Create, then start."""

    container: str
    """The container's name in the pod."""
    spec: ContainerSpec


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Start one that was created earlier."""

    container: str
    container_id: str


@dataclass(frozen=True, slots=True)
class SignalContainer:
    container_id: str


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove, running or not (SIGKILL)."""

    container_id: str


@dataclass(frozen=True, slots=True)
class InspectContainer:
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
