"""In which order a pod's containers are asked to end: apps first, then sidecars, the last one first."""

from __future__ import annotations

from collections.abc import Sequence

from minikctl.controlplane.kubelet.instances import Instance
from minikctl.model import Object, spec_of
from minikctl.model.pods import is_sidecar


def next_to_stop(pod: Object, running: Sequence[Instance]) -> list[Instance]:
    """Of what runs: what should end now, because nothing that runs needs it any more."""
    sidecars = [one["name"] for one in spec_of(pod).get("initContainers") or () if is_sidecar(one)]
    others = [one for one in running if one.identity.container not in sidecars]
    if others or not running:
        return others
    last = max(running, key=lambda one: sidecars.index(one.identity.container)).identity.container
    return [one for one in running if one.identity.container == last]
