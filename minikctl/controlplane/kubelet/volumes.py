"""A pod's volumes: what must be there before its containers are made, and what each container mounts.

Rules:
- Planned from the pod and the objects that it refers to; making is the agent's (`minikctl.agent.volumes`).
- What is missing and not optional keeps a new pod's containers from being made. A pod that has containers
  keeps the files that it has.
- `digest` changes exactly when the files may have to: it is made from revisions, never from content.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct, field

from minikctl.backend.labels import CLAIM, CLUSTER, POD_NAMESPACE
from minikctl.controlplane.kubelet.configuration import (
    Missing,
    Surroundings,
    config_map_files,
    secret_files,
)
from minikctl.controlplane.kubelet.downward import field_value, resource_value
from minikctl.controlplane.kubelet.environment import Environment, expand, references_in
from minikctl.controlplane.kubelet.tokens import token
from minikctl.controlplane.volumes import is_reached_from
from minikctl.model import (
    Object,
    ObjectKey,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    uid_of,
)
from minikctl.model.claims import is_anothers, is_bound, is_provisioned, not_its_own
from minikctl.model.hashing import spec_hash
from minikctl.model.pod_security import level_of
from minikctl.model.pod_security.sockets import holds_a_socket
from minikctl.model.references import claim_name, references

Files: TypeAlias = "tuple[File, ...]"
_PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}


class File(Struct, frozen=True):
    """One file of a volume. Its content may be a Secret's: no text of it shows any."""

    path: str
    """Relative, below the volume."""
    content: bytes
    mode: int

    def __repr__(self) -> str:
        return f"File({self.path!r}, {len(self.content)} bytes, {self.mode:o})"


class FileVolume(Struct, frozen=True):
    """configMap, secret, downwardAPI, projected."""

    name: str
    files: Files
    group: int | None = None
    """fsGroup: who may read, besides the owner."""


class EmptyDir(Struct, frozen=True):
    name: str
    in_memory: bool = False
    group: int | None = None


class HostPath(Struct, frozen=True):
    name: str
    path: str
    type: str = ""
    """"" checks nothing; else as Kubernetes has it: Directory, FileOrCreate, Socket, …"""
    may_hold_sockets: bool = False
    """Whether an engine's socket may be this, or in it: who reaches that is root on the machine."""


class ClaimVolume(Struct, frozen=True):
    """A bound claim: a volume of the engine."""

    name: str
    volume: str
    labels: tuple[tuple[str, str], ...] = ()
    group: int | None = None
    """fsGroup."""


Volume: TypeAlias = FileVolume | EmptyDir | HostPath | ClaimVolume


class VolumeMount(Struct, frozen=True):
    """One volume in one container."""

    volume: Volume
    """Without its files."""
    target: str
    sub_path: str = ""
    read_only: bool = False
    propagation: str = ""


class VolumePlan(Struct, frozen=True):
    volumes: tuple[Volume, ...] = ()
    missing: dict[str, str] = field(default_factory=dict)
    """By volume: why it can't be made, in the kubelet's words."""


def has_volumes(pod: Object) -> bool:
    return bool(spec_of(pod).get("volumes"))


def digest(around: Surroundings) -> str:
    """Of all that the volumes are made from."""
    pod = around.pod
    revisions = [
        (one.kind, one.name, *_revision(around.get(one.kind, one.name)))
        for one in references(pod)
        if one.kind != "PersistentVolumeClaim"
    ]
    facts = [labels_of(pod), annotations_of(pod), around.host_ip, dict(around.allocatable)]
    return spec_hash([revisions, facts, _may_hold_sockets(around)])


def _revision(obj: Object | None) -> tuple[str, str]:
    return (uid_of(obj), obj["metadata"].get("resourceVersion", "")) if obj is not None else ("", "")


def plan(around: Surroundings) -> VolumePlan:
    volumes: list[Volume] = []
    missing: dict[str, str] = {}
    for volume in spec_of(around.pod).get("volumes") or ():
        made = _planned(volume, around)
        if isinstance(made, Missing):
            missing[volume["name"]] = made.message
        else:
            volumes.append(made)
    return VolumePlan(tuple(volumes), missing)


def _planned(volume: dict[str, Any], around: Surroundings) -> Volume | Missing:
    bare = _bare(volume, around)
    if isinstance(bare, HostPath) and not bare.may_hold_sockets and holds_a_socket(bare.path):
        return socket_refusal(bare.path)
    if not isinstance(bare, FileVolume):
        return bare
    files = _files(volume, around)
    if isinstance(files, Missing):
        return files
    unique = {one.path: one for one in files}
    return FileVolume(bare.name, tuple(unique.values()), bare.group)


def socket_refusal(path: str) -> Missing:
    return Missing(
        f"hostPath {path} is or holds an engine's socket: only pods in a namespace labelled"
        " pod-security.kubernetes.io/enforce=privileged may have it"
    )


def _bare(volume: dict[str, Any], around: Surroundings) -> Volume | Missing:
    """A volume without its files."""
    name = volume["name"]
    group = (spec_of(around.pod).get("securityContext") or {}).get("fsGroup")
    if "emptyDir" in volume:
        return EmptyDir(name, volume["emptyDir"].get("medium") == "Memory", group)
    if "hostPath" in volume:
        source = volume["hostPath"]
        return HostPath(name, source["path"], source.get("type") or "", _may_hold_sockets(around))
    claim = claim_name(name_of(around.pod), volume)
    if claim is not None:
        return _claimed(volume, claim, around, group)
    return FileVolume(name, (), group)


def _claimed(volume: dict[str, Any], name: str, around: Surroundings, group: int | None) -> Volume | Missing:
    claim = around.get("PersistentVolumeClaim", name)
    if claim is None:
        return Missing(f'persistentvolumeclaim "{name}" not found')
    if is_anothers(claim, around.pod):
        return Missing(not_its_own(claim, around.pod))
    bound = around.find(ObjectKey("PersistentVolume", "", spec_of(claim).get("volumeName", "")))
    if bound is None or not is_bound(claim):
        return Missing(f'persistentvolumeclaim "{name}" is not bound')
    node = around.find(ObjectKey("Node", "", spec_of(around.pod).get("nodeName", "")))
    if node is not None and not is_reached_from(bound, node):
        why = f'volume "{name_of(bound)}" is not reached from node "{name_of(node)}"'
        return Missing(f"MountVolume.NodeAffinity check failed: {why}")
    if not is_provisioned(bound):
        return _folder_of_machine(volume["name"], spec_of(bound), around)
    own = ((CLUSTER, around.cluster_id), (POD_NAMESPACE, namespace_of(claim)), (CLAIM, name))
    return ClaimVolume(volume["name"], spec_of(bound)["csi"]["volumeHandle"], own, group)


def _folder_of_machine(name: str, source: dict[str, Any], around: Surroundings) -> HostPath | Missing:
    """Of a volume that somebody wrote. What is `local` must be there, as upstream."""
    path, kind = source.get("hostPath"), ""
    if "local" in source:
        path, kind = source["local"], "Directory"
    if not path:
        return Missing("the volume that it is bound to is neither hostPath nor local: nobody can mount it")
    return HostPath(name, path["path"], path.get("type") or kind, _may_hold_sockets(around))


def _may_hold_sockets(around: Surroundings) -> bool:
    """Only where somebody said so: a namespace without a label is not trusted that far."""
    home = around.find(ObjectKey("Namespace", "", namespace_of(around.pod)))
    labels = labels_of(home) if home is not None else {}
    return "pod-security.kubernetes.io/enforce" in labels and level_of(labels).name == "privileged"


# --- files ----------------------------------------------------------------------------------------------


def _files(volume: dict[str, Any], around: Surroundings) -> list[File] | Missing:
    if "projected" in volume:
        return _projected(volume["projected"], around)
    if "configMap" in volume:
        source = volume["configMap"]
        return _config_map(source, source.get("defaultMode", 0o644), around)
    if "secret" in volume:
        source = {"name": volume["secret"].get("secretName", ""), **volume["secret"]}
        return _secret(source, source.get("defaultMode", 0o644), around)
    source = volume["downwardAPI"]
    return list(_downward(source, source.get("defaultMode", 0o644), around))


def _projected(volume: dict[str, Any], around: Surroundings) -> list[File] | Missing:
    mode = volume.get("defaultMode", 0o644)
    files: list[File] = []
    for source in volume.get("sources") or ():
        found: list[File] | Missing = []
        if "configMap" in source:
            found = _config_map(source["configMap"], mode, around)
        elif "secret" in source:
            found = _secret(source["secret"], mode, around)
        elif "downwardAPI" in source:
            found = list(_downward(source["downwardAPI"], mode, around))
        elif "serviceAccountToken" in source:
            wanted = source["serviceAccountToken"]
            found = [File(wanted["path"], token(wanted, around), mode)]
        if isinstance(found, Missing):
            return found
        files.extend(found)
    return files


def _config_map(source: dict[str, Any], mode: int, around: Surroundings) -> list[File] | Missing:
    found = around.config_map(source.get("name", ""))
    if isinstance(found, Missing):
        return [] if source.get("optional") else found
    return _chosen(config_map_files(found), source, mode, "configmap references non-existent config key")


def _secret(source: dict[str, Any], mode: int, around: Surroundings) -> list[File] | Missing:
    found = around.secret(source.get("name", ""))
    if isinstance(found, Missing):
        return [] if source.get("optional") else found
    return _chosen(secret_files(found), source, mode, "references non-existent secret key")


def _chosen(
    data: dict[str, bytes], source: dict[str, Any], mode: int, complaint: str
) -> list[File] | Missing:
    if not source.get("items"):
        return [File(key, content, mode) for key, content in sorted(data.items())]
    files = []
    for item in source["items"]:
        if item["key"] in data:
            files.append(File(item["path"], data[item["key"]], item.get("mode", mode)))
        elif not source.get("optional"):
            return Missing(f"{complaint}: {item['key']}")
    return files


def _downward(source: dict[str, Any], mode: int, around: Surroundings) -> Iterator[File]:
    for item in source.get("items") or ():
        if "fieldRef" in item:
            text = field_value(item["fieldRef"]["fieldPath"], around)
        else:
            text = resource_value(item["resourceFieldRef"], {}, around)
        yield File(item["path"], text.encode(errors="surrogatepass"), item.get("mode", mode))


# --- mounts ---------------------------------------------------------------------------------------------


def mounts(
    container: dict[str, Any], around: Surroundings, values: Environment
) -> tuple[VolumeMount, ...] | Missing:
    """What the container mounts; `values` is its environment, which `subPathExpr` refers to."""
    volumes = {one["name"]: one for one in spec_of(around.pod).get("volumes") or ()}
    found = []
    for mount in container.get("volumeMounts") or ():
        volume = _bare(volumes[mount["name"]], around)
        if isinstance(volume, Missing):
            return volume
        sub_path = _sub_path(mount, values)
        if isinstance(sub_path, Missing):
            return sub_path
        found.append(
            VolumeMount(
                volume,
                mount["mountPath"],
                sub_path,
                bool(mount.get("readOnly"))
                or isinstance(volume, FileVolume)
                or _is_read_only(volumes[mount["name"]]),
                _PROPAGATION.get(mount.get("mountPropagation", ""), ""),
            )
        )
    return tuple(found)


def _is_read_only(volume: dict[str, Any]) -> bool:
    return bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))


def _sub_path(mount: dict[str, Any], values: Environment) -> str | Missing:
    expression = mount.get("subPathExpr")
    if not expression:
        return str(mount.get("subPath") or "")
    for name in references_in(expression):
        if name not in values:
            return Missing(f'missing value for "{name}"')
    path = expand(expression, values)
    if path.startswith("/"):
        return Missing(f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        return Missing(f"unable to provision SubPath `{path}`: must not contain '..'")
    return path
