"""Where the data of a volume lies, as pods and PersistentVolumes say it alike: one check a sort of source.

Each is `check(source, path of the source)`. Most are of plug-ins that Kubernetes gave up long ago; the server
still looks at their fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    check_filled,
    check_range,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields

Check = Callable[[Fields, str], Iterator[FieldProblem]]

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
_MAX_TENANT = 64
_MAX_DRIVER = 63


def needs(*names: str) -> Check:
    """All that is asked of a source: these fields are filled."""

    def check(source: Fields, path: str) -> Iterator[FieldProblem]:
        for name in names:
            yield from check_filled(f"{path}.{name}", source.get(name))

    return check


def check_secret(source: Fields, path: str, *names: str) -> Iterator[FieldProblem]:
    """Where the source refers to a Secret, these fields of the reference are filled."""
    if (reference := source.get("secretRef")) is not None:
        yield from needs(*names)(reference, f"{path}.secretRef")


# --- files and their paths ----------------------------------------------------------------------------


def check_no_backsteps(value: str, path: str) -> Iterator[FieldProblem]:
    if ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")


def check_host_path(source: Fields, path: str) -> Iterator[FieldProblem]:
    where, kind = source.get("path", ""), source.get("type") or ""
    if not where:
        yield required(f"{path}.path")
        return
    yield from check_no_backsteps(where, f"{path}.path")
    if kind not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", kind, _HOST_PATH_TYPES)


def check_nfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from needs("server", "path")(source, path)
    if not source.get("path", "").startswith("/"):
        yield invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


def check_flocker(source: Fields, path: str) -> Iterator[FieldProblem]:
    name, identity = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not identity:
        yield required(path, "one of datasetName and datasetUUID is required")
    if name and identity:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        yield invalid(path, "resource", detail)
    if "/" in name:
        yield invalid(f"{path}.datasetName", name, "must not contain '/'")


_PAIRS = "must be a host:port pair or multiple pairs separated by commas"
# Patterns are texts: few manifests ever need them compiled.
_PAIR = r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*"


def check_quobyte(source: Fields, path: str) -> Iterator[FieldProblem]:
    registry, tenant = source.get("registry", ""), source.get("tenant", "")
    if not registry:
        yield required(f"{path}.registry", _PAIRS)
    elif len(tenant.encode(errors="surrogatepass")) > _MAX_TENANT:
        yield required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    elif not all(re.fullmatch(_PAIR, pair) for pair in registry.split(",")):
        yield invalid(f"{path}.registry", registry, _PAIRS)
    yield from needs("volume")(source, path)


# --- disks of clouds and storage networks ------------------------------------------------------------------


def check_disk(name: str) -> Check:
    """A disk that is called by that field, and may have partitions."""

    def check(source: Fields, path: str) -> Iterator[FieldProblem]:
        yield from needs(name)(source, path)
        partition = source.get("partition", 0)
        if not 0 <= partition <= _MAX_PARTITION:
            detail = f"must be between 1 and {_MAX_PARTITION}, inclusive"
            yield invalid(f"{path}.partition", partition, detail)

    return check


_CACHING_MODES = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def check_azure_disk(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from needs("diskName", "diskURI")(source, path)
    kind, address = source.get("kind"), source.get("diskURI", "")
    for field, choices in (("cachingMode", _CACHING_MODES), ("kind", _DISK_KINDS)):
        if source.get(field) is not None and source[field] not in choices:
            yield unsupported(f"{path}.{field}", source[field], choices)
    if kind == "Managed" and not address.startswith("/subscriptions/"):
        yield unsupported(f"{path}.diskURI", address, (_MANAGED,))
    elif kind not in (None, "Managed") and not address.startswith("https://"):
        yield unsupported(f"{path}.diskURI", address, (_BLOB,))


def check_fibre_channel(source: Fields, path: str) -> Iterator[FieldProblem]:
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


_ISCSI_NAMES = {
    "iqn": r"iqn\.[0-9]{4}-[0-9]{2}\.([0-9A-Za-z.-]+)(:[^,;*&$|\t\n\f\r ]+)\Z",
    "eui": r"\Aeui.[0-9A-Za-z]{16}\Z",
    "naa": r"\Anaa.[0-9A-Za-z]{32}\Z",
}


def check_iscsi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from needs("targetPortal", "iqn")(source, path)
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
    elif not re.search(form, name):
        yield invalid(path, name, "must be valid format")


def check_storage_os(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from needs("volumeName")(source, path)
    for field in ("volumeName", "volumeNamespace"):
        if (value := source.get(field)) and (problem := label_advice(value)):
            yield invalid(f"{path}.{field}", value, problem)


# --- plug-ins ------------------------------------------------------------------------------------------


def check_flex(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from needs("driver")(source, path)
    for key in source.get("options") or ():
        domain = f".{key.partition('/')[0].lower()}"
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            yield invalid(f"{path}.options[{key}]", key, detail)


def check_driver_name(name: str, path: str) -> Iterator[FieldProblem]:
    """Of a CSI driver."""
    if not name:
        yield required(path)
    if len(name.encode(errors="surrogatepass")) > _MAX_DRIVER:
        yield too_long(path, _MAX_DRIVER)
    if problem := subdomain_advice(name.lower()):
        yield invalid(path, name, problem)


check_azure_file = needs("secretName", "shareName")
check_ceph_fs = needs("monitors")
check_cinder = needs("volumeID")
check_glusterfs = needs("endpoints", "path")
check_photon = needs("pdID")
check_portworx = needs("volumeID")
check_rbd = needs("monitors", "image")
check_scale_io = needs("gateway", "system", "volumeName")
check_vsphere = needs("volumePath")
