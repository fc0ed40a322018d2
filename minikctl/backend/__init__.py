"""The backend port: what a container engine must do for minikctl, in CRI's vocabulary.

Rules:
- A backend is a dumb, honest hand. It decides nothing: restarts, back-off, ordering and adoption are the
  kubelet's. Containers are created with the engine's restart policy off.
- A call either does what it promises or raises one of the three errors of `minikctl.errors`
  (`TemporaryError`, `PermanentError`, `UnreachableError`); SDK errors never leave a backend.
- After `UnreachableError` or `TemporaryError` the call may or may not have taken effect. Hence every call
  is idempotent and may simply be made again.
- All methods may be called from several threads at once.
- Only containers whose labels carry this backend's cluster id are ever listed, stopped or removed.
"""

from minikctl.backend.fidelity import Fidelity, FidelityTable, Handling
from minikctl.backend.port import (
    Backend,
    BackendType,
    Capabilities,
    Container,
    ContainerSpec,
    ContainerState,
    EngineEvent,
    EngineInfo,
    LogLine,
    LogOptions,
    NetworkMode,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
    Settings,
)

__all__ = [
    "Backend",
    "BackendType",
    "Capabilities",
    "Container",
    "ContainerSpec",
    "ContainerState",
    "EngineEvent",
    "EngineInfo",
    "Fidelity",
    "FidelityTable",
    "Handling",
    "LogLine",
    "LogOptions",
    "NetworkMode",
    "PortMapping",
    "ResourceLimits",
    "SandboxSpec",
    "SecurityContext",
    "Settings",
]
