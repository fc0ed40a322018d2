"""A pod's volumes one by one: names that differ, and one source each.

As in the server, a volume that is wrong in any way is none: a mount of it is then a mistake too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import volume_sources
from minikctl.manifests.rules.pod.volumes import files, projected, sources
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    check_syntax,
    duplicate,
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import PodRule, Rule
from minikctl.model import Object

# In the server's order: of several sources the first one counts.
_CHECKS: dict[str, volume_sources.Check] = {
    "emptyDir": sources.empty_dir,
    "hostPath": volume_sources.check_host_path,
    "gitRepo": sources.git_repo,
    "gcePersistentDisk": volume_sources.check_disk("pdName"),
    "awsElasticBlockStore": volume_sources.check_disk("volumeID"),
    "secret": files.secret,
    "nfs": volume_sources.check_nfs,
    "iscsi": volume_sources.check_iscsi,
    "glusterfs": volume_sources.check_glusterfs,
    "flocker": volume_sources.check_flocker,
    "persistentVolumeClaim": sources.claim,
    "rbd": volume_sources.check_rbd,
    "cinder": sources.cinder,
    "cephfs": volume_sources.check_ceph_fs,
    "quobyte": volume_sources.check_quobyte,
    "downwardAPI": files.downward_api,
    "fc": volume_sources.check_fibre_channel,
    "flexVolume": volume_sources.check_flex,
    "configMap": files.config_map,
    "azureFile": volume_sources.check_azure_file,
    "vsphereVolume": volume_sources.check_vsphere,
    "photonPersistentDisk": volume_sources.check_photon,
    "portworxVolume": volume_sources.check_portworx,
    "azureDisk": volume_sources.check_azure_disk,
    "storageos": sources.storage_os,
    "projected": projected.projected,
    "scaleIO": volume_sources.check_scale_io,
    "csi": sources.csi,
    "ephemeral": sources.ephemeral,
    "image": sources.image,
}
# Where the server's path is not the field's name.
_PLACES = {"gcePersistentDisk": "persistentDisk"}
_SECOND_PLACES = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
_MAX_ISCSI_NAME = 64


def volumes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    seen: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        problems = list(_volume(volume, f"{path}.volumes[{index}]", seen))
        yield from problems
        if not problems:
            seen.add(volume.get("name", ""))


def mountable(spec: Fields) -> dict[str, Fields]:
    """The volumes that the server would let a container use, by name."""
    found: dict[str, Fields] = {}
    for volume in spec.get("volumes") or ():
        name = volume.get("name", "")
        if not any(_volume(volume, "", found)):
            found[name] = volume
    return found


def _volume(volume: Fields, path: str, seen: Collection[str]) -> Iterator[FieldProblem]:
    yield from _sources(volume, path)
    name = volume.get("name", "")
    if not name:
        yield required(f"{path}.name")
    else:
        yield from check_syntax(f"{path}.name", name, label_advice)
    if name in seen:
        yield duplicate(f"{path}.name", name)


def _sources(volume: Fields, path: str) -> Iterator[FieldProblem]:
    present = [kind for kind in _CHECKS if volume.get(kind) is not None]
    if not present:
        yield required(path, "must specify a volume type")
    for kind in present[:1]:
        yield from _CHECKS[kind](volume[kind], f"{path}.{_PLACES.get(kind, kind)}")
    for kind in present[1:]:
        yield forbidden(f"{path}.{_SECOND_PLACES.get(kind, kind)}", "may not specify more than 1 volume type")
    yield from _iscsi_name(volume, path)


def _iscsi_name(volume: Fields, path: str) -> Iterator[FieldProblem]:
    disk, name = volume.get("iscsi") or {}, volume.get("name", "")
    if "initiatorName" in disk and len(f"{name}:{disk.get('targetPortal', '')}") > _MAX_ISCSI_NAME:
        detail = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
            "iscsi.initiatorName is specified."
        )
        yield invalid(f"{path}.name", name, detail)


def claims_of_volumes(obj: Object) -> Iterator[FieldProblem]:
    """The claims that come to be with a Pod: their names are its name and the volume's."""
    name, spec = (obj.get("metadata") or {}).get("name"), obj.get("spec") or {}
    if not name:
        return
    created = {
        f"{name}-{volume.get('name', '')}" for volume in spec.get("volumes") or () if volume.get("ephemeral")
    }
    for index, volume in enumerate(spec.get("volumes") or ()):
        path, own = f"spec.volumes[{index}]", volume.get("name", "")
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if claim in created:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            yield invalid(f"{path}.persistentVolumeClaim.claimName", claim, detail)
        if volume.get("ephemeral") is not None and own and (problem := subdomain_advice(f"{name}-{own}")):
            yield invalid(f"{path}.name", own, f'PVC name "{name}-{own}": {problem}')


RULES = (
    PodRule("pod-volumes", "volumes have names of their own and one complete source each", volumes),
    Rule(
        "pod-volume-claims",
        "claims of ephemeral volumes get valid names",
        claims_of_volumes,
        frozenset({"Pod"}),
    ),
)
