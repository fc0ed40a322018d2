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

from minikctl.backend.checks import Check, Checked, ExecCheck, GrpcCheck, HttpCheck, TcpCheck
from minikctl.backend.fidelity import Fidelity, FidelityTable, Handling
from minikctl.backend.observed import (
    Capabilities,
    Container,
    ContainerState,
    EngineEvent,
    EngineInfo,
    ExecResult,
    LogLine,
    LogOptions,
    Stream,
    Usage,
    Volume,
)
from minikctl.backend.port import Backend, BackendType, Settings
from minikctl.backend.specs import (
    ContainerSpec,
    Credentials,
    Dns,
    HostAlias,
    Mount,
    MountKind,
    NetworkMode,
    PodOptions,
    PortMapping,
    ResourceLimits,
    SandboxSpec,
    SecurityContext,
    SelinuxOptions,
    VolumeSpec,
)

__all__ = [
    "Backend",
    "BackendType",
    "Capabilities",
    "Check",
    "Checked",
    "Container",
    "ContainerSpec",
    "ContainerState",
    "Credentials",
    "Dns",
    "EngineEvent",
    "EngineInfo",
    "ExecCheck",
    "ExecResult",
    "Fidelity",
    "FidelityTable",
    "GrpcCheck",
    "Handling",
    "HostAlias",
    "HttpCheck",
    "LogLine",
    "LogOptions",
    "Mount",
    "MountKind",
    "NetworkMode",
    "PodOptions",
    "PortMapping",
    "ResourceLimits",
    "SandboxSpec",
    "SecurityContext",
    "SelinuxOptions",
    "Settings",
    "Stream",
    "TcpCheck",
    "Usage",
    "Volume",
    "VolumeSpec",
]
