"""Whether a pod's volumes are there, and what brings them up to date."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from minikctl.controlplane.kubelet.actions import SetUpVolumes
from minikctl.controlplane.kubelet.configuration import Surroundings
from minikctl.controlplane.kubelet.instances import Instances
from minikctl.controlplane.kubelet.memo import VOLUMES, PodMemo
from minikctl.controlplane.kubelet.volumes import digest, has_volumes, plan


class Provision(Struct, frozen=True):
    memo: PodMemo
    is_ready: bool = True
    """Whether containers may be run: the volumes are there, or are made in the same go, before."""
    actions: tuple[SetUpVolumes, ...] = ()
    complaints: tuple[str, ...] = ()
    """What can't be made and was not told yet; whoever changes the cause has the pod looked at."""
    look_again: float | None = None


def provision(around: Surroundings, instances: Instances, memo: PodMemo, now: float) -> Provision:
    """A pod that has containers has its volumes; what changed is brought up to date beside them."""
    if not has_volumes(around.pod):
        return Provision(memo)
    wanted = digest(around)
    if wanted == memo.volumes:
        return Provision(memo)
    was_made = bool(memo.volumes or instances.apps())
    trouble = memo.troubles.get(VOLUMES)
    if trouble is not None and trouble.retry_at > now:
        return Provision(memo, was_made, look_again=trouble.retry_at)
    planned = plan(around)
    if not planned.missing:
        return Provision(memo, True, (SetUpVolumes(planned.volumes, wanted),))
    texts = tuple(
        f'MountVolume.SetUp failed for volume "{name}" : {why}' for name, why in planned.missing.items()
    )
    known, memo = memo.complaint, replace(memo, complaint="\n".join(texts))
    return Provision(memo, was_made, complaints=texts if memo.complaint != known else ())
