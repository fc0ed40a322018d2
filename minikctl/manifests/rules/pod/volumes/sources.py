"""What each other sort of volume needs: one check a sort, `check(source, path of the source)`.

Most are of plug-ins that Kubernetes gave up long ago; the server still looks at their fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.claims import check_claim_spec
from minikctl.manifests.rules.metadata import check_annotations, check_labels
from minikctl.manifests.rules.pod.containers import PULL_POLICIES
from minikctl.manifests.rules.pod.volumes.files import check_local_path, check_no_backsteps
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    check_choice,
    check_filled,
    check_range,
    check_syntax,
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.resource_names import amount

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MAX_PARTITION, _MAX_LUN = 255, 255
_CACHING_MODES = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_MANAGED_DISK = (
    "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
)
_BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
_ISCSI_NAMES = {
    "iqn": re.compile(r"iqn\.[0-9]{4}-[0-9]{2}\.([0-9A-Za-z.-]+)(:[^,;*&$|\s]+)\Z"),
    "eui": re.compile(r"\Aeui.[0-9A-Za-z]{16}\Z"),
    "naa": re.compile(r"\Anaa.[0-9A-Za-z]{32}\Z"),
}
# The server makes the path of its own type's name.
_GO_NAMES = {"uid": "uID"}
_MAX_TENANT = 64
_MAX_DRIVER = 63


def _needs(source: Fields, path: str, *names: str) -> Iterator[FieldProblem]:
    for name in names:
        yield from check_filled(f"{path}.{name}", source.get(name))


def _secret(source: Fields, path: str) -> Iterator[FieldProblem]:
    if (reference := source.get("secretRef")) is not None:
        yield from check_filled(f"{path}.secretRef.name", reference.get("name"))


def empty_dir(source: Fields, path: str) -> Iterator[FieldProblem]:
    if amount(source.get("sizeLimit")) < 0:
        yield forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def host_path(source: Fields, path: str) -> Iterator[FieldProblem]:
    where, kind = source.get("path", ""), source.get("type", "")
    if not where:
        yield required(f"{path}.path")
        return
    yield from check_no_backsteps(where, f"{path}.path")
    if kind not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", kind, _HOST_PATH_TYPES)


def claim(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "claimName")


def ephemeral(source: Fields, path: str) -> Iterator[FieldProblem]:
    template, place = source.get("volumeClaimTemplate"), f"{path}.volumeClaimTemplate"
    if template is None:
        yield required(place)
        return
    metadata = template.get("metadata") or {}
    yield from check_annotations(metadata.get("annotations") or {}, f"{place}.metadata.annotations")
    yield from check_labels(metadata.get("labels") or {}, f"{place}.metadata.labels")
    for field, value in metadata.items():
        if field not in ("annotations", "labels") and value:
            yield forbidden(f"{place}.metadata.{_GO_NAMES.get(field, field)}", "cannot be set")
    yield from check_claim_spec(template.get("spec") or {}, f"{place}.spec")


def csi(source: Fields, path: str) -> Iterator[FieldProblem]:
    driver, reference = source.get("driver", ""), source.get("nodePublishSecretRef")
    if not driver:
        yield required(f"{path}.driver")
    else:
        if len(driver) > _MAX_DRIVER:
            yield too_long(f"{path}.driver", _MAX_DRIVER)
        if problem := subdomain_advice(driver.lower()):
            yield invalid(f"{path}.driver", driver, problem)
    if reference is None:
        return
    if name := reference.get("name", ""):
        # The server names the volume's source here, not the reference.
        yield from check_syntax(f"{path}.name", name, subdomain_advice)
    else:
        yield required(f"{path}.nodePublishSecretRef.name")


def image(source: Fields, path: str) -> Iterator[FieldProblem]:
    # Of a template the server does not say it: something may fill it in before there are pods.
    if path.startswith("spec.volumes["):
        yield from _needs(source, path, "reference")
    yield from check_choice(f"{path}.pullPolicy", source.get("pullPolicy", ""), PULL_POLICIES)


def nfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "server", "path")
    if not source.get("path", "").startswith("/"):
        yield invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


def git_repo(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "repository")
    yield from check_local_path(source.get("directory", ""), f"{path}.directory")


# --- disks of clouds and storage networks ---------------------------------------------------------


def gce_disk(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "pdName")
    yield from _partition(source, path)


def aws_disk(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "volumeID")
    yield from _partition(source, path)


def _partition(source: Fields, path: str) -> Iterator[FieldProblem]:
    partition = source.get("partition", 0)
    if not 0 <= partition <= _MAX_PARTITION:
        yield invalid(f"{path}.partition", partition, f"must be between 1 and {_MAX_PARTITION}, inclusive")


def azure_disk(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "diskName", "diskURI")
    kind, address = source.get("kind"), source.get("diskURI", "")
    for field, choices in (("cachingMode", _CACHING_MODES), ("kind", _DISK_KINDS)):
        if field in source and source[field] not in choices:
            yield unsupported(f"{path}.{field}", source[field], choices)
    if kind == "Managed" and not address.startswith("/subscriptions/"):
        yield unsupported(f"{path}.diskURI", address, (_MANAGED_DISK,))
    elif kind not in (None, "Managed") and not address.startswith("https://"):
        yield unsupported(f"{path}.diskURI", address, (_BLOB_DISK,))


def azure_file(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "secretName", "shareName")


def cinder(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "volumeID")
    yield from _secret(source, path)


def vsphere(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "volumePath")


def photon(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "pdID")


def portworx(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "volumeID")


def scale_io(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "gateway", "system", "volumeName")


def storage_os(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "volumeName")
    for field in ("volumeName", "volumeNamespace"):
        if value := source.get(field):
            yield from check_syntax(f"{path}.{field}", value, label_advice)
    yield from _secret(source, path)


def fibre_channel(source: Fields, path: str) -> Iterator[FieldProblem]:
    names, wide_names, lun = source.get("targetWWNs"), source.get("wwids"), source.get("lun")
    if not names and not wide_names:
        yield required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if names and wide_names:
        detail = "targetWWNs and wwids can not be specified simultaneously"
        yield invalid(f"{path}.targetWWNs", names, detail)
    if names and lun is None:
        yield required(f"{path}.lun", "lun is required if targetWWNs is specified")
    elif names and lun is not None:
        yield from check_range(f"{path}.lun", lun, 0, _MAX_LUN)


def iscsi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "targetPortal", "iqn")
    if name := source.get("iqn", ""):
        yield from _iscsi_name(name, f"{path}.iqn")
    yield from check_range(f"{path}.lun", source.get("lun", 0), 0, _MAX_LUN)
    authenticated = source.get("chapAuthDiscovery") or source.get("chapAuthSession")
    if authenticated and source.get("secretRef") is None:
        yield required(f"{path}.secretRef")
    if (initiator := source.get("initiatorName")) is not None:
        yield from _iscsi_name(initiator, f"{path}.initiatorname")


def _iscsi_name(name: str, path: str) -> Iterator[FieldProblem]:
    form = _ISCSI_NAMES.get(name[:3])
    if form is None:
        yield invalid(path, name, "must be valid format starting with iqn, eui, or naa")
    elif not form.search(name):
        yield invalid(path, name, "must be valid format")


# --- distributed file systems ---------------------------------------------------------------------


def cephfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "monitors")


def rbd(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "monitors", "image")


def glusterfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "endpoints", "path")


def flocker(source: Fields, path: str) -> Iterator[FieldProblem]:
    name, identity = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not identity:
        yield required(path, "one of datasetName and datasetUUID is required")
    if name and identity:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        yield invalid(path, "resource", detail)
    if "/" in name:
        yield invalid(f"{path}.datasetName", name, "must not contain '/'")


def quobyte(source: Fields, path: str) -> Iterator[FieldProblem]:
    registry, detail = (
        source.get("registry", ""),
        "must be a host:port pair or multiple pairs separated by commas",
    )
    if not registry:
        yield required(f"{path}.registry", detail)
    elif len(source.get("tenant", "")) > _MAX_TENANT:
        yield required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in registry.split(","):
            if not re.match(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*\Z", pair):
                yield invalid(f"{path}.registry", registry, detail)
    yield from _needs(source, path, "volume")


def flex(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs(source, path, "driver")
    for key in source.get("options") or ():
        domain = f".{key.partition('/')[0].lower()}"
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            yield invalid(f"{path}.options[{key}]", key, detail)
