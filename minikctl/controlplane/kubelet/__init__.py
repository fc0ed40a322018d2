"""The kubelet: what one pod's containers should do next, and what its status says.

Rules:
- `sync.sync_pod(pod, what the engine shows, memo, …) → PodSync`: the whole decision, pure.
- What must survive the agent is on the containers' labels (attempt, back-off, the pod itself), in the pod's
  status, or is safe to do twice (a stop signal). `PodMemo` holds the rest and may be lost at any moment.
- "Not listed" is not "gone": a container that was known is inspected before a new attempt replaces it.
- An engine that can't be asked is Unknown: nothing is decided and no status changes.
"""

from minikctl.controlplane.kubelet.actions import (
    Action,
    InspectContainer,
    PullImage,
    ReadMessage,
    RemoveContainer,
    RunContainer,
    RunHook,
    RunSandbox,
    SetUpVolumes,
    SignalContainer,
    StartContainer,
    TearDownVolumes,
)
from minikctl.controlplane.kubelet.images import ImageBook
from minikctl.controlplane.kubelet.memo import PodMemo, absorb
from minikctl.controlplane.kubelet.probes import ProbeKind, ProbePlan
from minikctl.controlplane.kubelet.status import NodeFacts
from minikctl.controlplane.kubelet.sync import PodSync, sync_pod

__all__ = [
    "Action",
    "ImageBook",
    "InspectContainer",
    "NodeFacts",
    "PodMemo",
    "PodSync",
    "ProbeKind",
    "ProbePlan",
    "PullImage",
    "ReadMessage",
    "RemoveContainer",
    "RunContainer",
    "RunHook",
    "RunSandbox",
    "SetUpVolumes",
    "SignalContainer",
    "StartContainer",
    "TearDownVolumes",
    "absorb",
    "sync_pod",
]
