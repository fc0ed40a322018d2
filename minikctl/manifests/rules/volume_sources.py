"""Where the data of a PersistentVolume lies: exactly one source, and what each of them needs.

The server looks at the sources in the order below; the second one and all after it are forbidden without a
look inside, except a flex volume.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields

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


def check_sources(spec: Fields, name: str, path: str) -> Iterator[FieldProblem]:
    """`name` is the volume's, `path` that of its spec."""
    found = sources_of(spec)
    for place, source in enumerate(found):
        if place and source != "flexVolume":
            where = _TOLD_OF.get(source, source)
            yield forbidden(f"{path}.{where}", "may not specify more than 1 volume type")
            continue
        where = f"{path}.{_LOOKED_AT.get(source, source)}"
        yield from _SOURCES[source](spec[source], where)
        if source == "iscsi":
            yield from _portal_length(spec[source], name, where)
    if not found:
        yield required(path, "must specify a volume type")


def sources_of(spec: Fields) -> list[str]:
    """The sources that a volume's spec names, in the server's order."""
    return [source for source in _SOURCES if spec.get(source) is not None]


# The names of two sources in the server's paths are not those of their fields.
_TOLD_OF = {"cephfs": "cephFS"}
_LOOKED_AT = {"gcePersistentDisk": "persistentDisk"}

_Check = Callable[[Fields, str], Iterator[FieldProblem]]


def _needs(*names: str) -> _Check:
    def check(source: Fields, path: str) -> Iterator[FieldProblem]:
        for name in names:
            if not source.get(name):
                yield required(f"{path}.{name}")

    return check


def check_host_path(source: Fields, path: str) -> Iterator[FieldProblem]:
    if not source.get("path"):
        yield required(f"{path}.path")
        return
    yield from _no_backsteps(source["path"], f"{path}.path")
    if (kind := source.get("type") or "") not in _HOST_PATH_TYPES:
        yield unsupported(f"{path}.type", kind, _HOST_PATH_TYPES)


def _local(source: Fields, path: str) -> Iterator[FieldProblem]:
    if not source.get("path"):
        yield required(f"{path}.path")
    else:
        yield from _no_backsteps(source["path"], f"{path}.path")


def _no_backsteps(value: str, path: str) -> Iterator[FieldProblem]:
    if ".." in value.split("/"):
        yield invalid(path, value, "must not contain '..'")


def _disk(name: str) -> _Check:
    def check(source: Fields, path: str) -> Iterator[FieldProblem]:
        yield from _needs(name)(source, path)
        partition = source.get("partition", 0)
        if not 0 <= partition <= 255:
            yield invalid(f"{path}.partition", partition, "must be between 1 and 255, inclusive")

    return check


def _glusterfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("endpoints", "path")(source, path)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        yield invalid(f"{path}.endpointsNamespace", namespace, detail)
    elif namespace is not None and (problem := label_advice(namespace)):
        yield invalid(f"{path}.endpointsNamespace", namespace, problem)


def _flocker(source: Fields, path: str) -> Iterator[FieldProblem]:
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uuid:
        yield required(path, "one of datasetName and datasetUUID is required")
    if name and uuid:
        yield invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        yield invalid(f"{path}.datasetName", name, "must not contain '/'")


def _nfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("server", "path")(source, path)
    if not source.get("path", "").startswith("/"):
        yield invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


_PAIRS = "must be a host:port pair or multiple pairs separated by commas"
# Patterns are texts: few manifests ever need them compiled.
_PAIR = r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*"


def _quobyte(source: Fields, path: str) -> Iterator[FieldProblem]:
    registry = source.get("registry", "")
    if not registry:
        yield required(f"{path}.registry", _PAIRS)
    elif len(source.get("tenant", "").encode(errors="surrogatepass")) >= 65:
        yield required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    elif not all(re.fullmatch(_PAIR, pair) for pair in registry.split(",")):
        yield invalid(f"{path}.registry", registry, _PAIRS)
    yield from _needs("volume")(source, path)


_QUALIFIED_NAMES = (
    ("iqn", r"iqn\.[0-9]{4}-[0-9]{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\t\n\f\r ]+)\Z"),
    ("eui", r"\Aeui.[A-Za-z0-9]{16}\Z"),
    ("naa", r"\Anaa.[A-Za-z0-9]{32}\Z"),
)


def _iscsi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("targetPortal", "iqn")(source, path)
    if source.get("iqn"):
        yield from _iscsi_name(source["iqn"], f"{path}.iqn")
    if not 0 <= source.get("lun", 0) <= 255:
        yield invalid(f"{path}.lun", source["lun"], "must be between 0 and 255, inclusive")
    secret = source.get("secretRef")
    if secret is None and (source.get("chapAuthDiscovery") or source.get("chapAuthSession")):
        yield required(f"{path}.secretRef")
    if secret is not None:
        yield from _needs("name")(secret, f"{path}.secretRef")
    if source.get("initiatorName") is not None:
        yield from _iscsi_name(source["initiatorName"], f"{path}.initiatorname")


def _iscsi_name(value: str, path: str) -> Iterator[FieldProblem]:
    forms = [form for prefix, form in _QUALIFIED_NAMES if value.startswith(prefix)]
    if not forms or not re.search(forms[0], value):
        yield invalid(path, value, "must be valid format")


def _portal_length(source: Fields, name: str, path: str) -> Iterator[FieldProblem]:
    portal = source.get("targetPortal", "")
    length = len(f"{name}:{portal}".encode(errors="surrogatepass"))
    if source.get("initiatorName") is not None and length > 64:
        detail = (
            "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
            "iscsi.initiatorName is specified."
        )
        yield invalid(f"{path}.targetportal", portal, detail)


def _cinder(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("volumeID")(source, path)
    if source.get("secretRef") is not None:
        yield from _needs("name", "namespace")(source["secretRef"], f"{path}.secretRef")


def _fibre_channel(source: Fields, path: str) -> Iterator[FieldProblem]:
    names, lun = source.get("targetWWNs") or (), source.get("lun")
    if bool(names) == bool(source.get("wwids")):
        if names:
            detail = "targetWWNs and wwids can not be specified simultaneously"
            yield invalid(f"{path}.targetWWNs", names, detail)
        else:
            yield required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if names and lun is None:
        yield required(f"{path}.lun", "lun is required if targetWWNs is specified")
    if names and lun is not None and not 0 <= lun <= 255:
        yield invalid(f"{path}.lun", lun, "must be between 0 and 255, inclusive")


def _flex(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("driver")(source, path)
    for key in source.get("options") or ():
        owner = f".{key.split('/')[0].lower()}"
        if owner.endswith((".kubernetes.io", ".k8s.io")):
            yield invalid(f"{path}.options[{key}]", key, "kubernetes.io and k8s.io namespaces are reserved")


def _azure_file(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("secretName", "shareName")(source, path)
    if source.get("secretNamespace") == "":
        yield required(f"{path}.secretNamespace")


_CACHING_MODES = ("None", "ReadOnly", "ReadWrite")
_DISK_KINDS = ("Dedicated", "Managed", "Shared")
_MANAGED = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def _azure_disk(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("diskName", "diskURI")(source, path)
    kind, address = source.get("kind"), source.get("diskURI", "")
    for name, supported in (("cachingMode", _CACHING_MODES), ("kind", _DISK_KINDS)):
        if source.get(name) is not None and source[name] not in supported:
            yield unsupported(f"{path}.{name}", source[name], supported)
    if kind == "Managed" and not address.startswith("/subscriptions/"):
        yield unsupported(f"{path}.diskURI", address, (_MANAGED,))
    if kind is not None and kind != "Managed" and not address.startswith("https://"):
        yield unsupported(f"{path}.diskURI", address, (_BLOB,))


def _storage_os(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _needs("volumeName")(source, path)
    for name in ("volumeName", "volumeNamespace"):
        if source.get(name) and (problem := label_advice(source[name])):
            yield invalid(f"{path}.{name}", source[name], problem)
    if source.get("secretRef") is not None:
        yield from _needs("name", "namespace")(source["secretRef"], f"{path}.secretRef")


_CSI_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def _csi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_driver_name(source.get("driver", ""), f"{path}.driver")
    yield from _needs("volumeHandle")(source, path)
    for name in _CSI_SECRETS:
        if source.get(name) is not None:
            yield from _secret_reference(source[name], f"{path}.{name}")


def check_driver_name(name: str, path: str) -> Iterator[FieldProblem]:
    """Of a CSI driver."""
    if not name:
        yield required(path)
    if len(name.encode(errors="surrogatepass")) > 63:
        yield too_long(path, 63)
    if problem := subdomain_advice(name.lower()):
        yield invalid(path, name, problem)


def _secret_reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    for field, advice in (("name", subdomain_advice), ("namespace", label_advice)):
        value = reference.get(field, "")
        if not value:
            yield required(f"{path}.{field}")
        elif problem := advice(value):
            yield invalid(f"{path}.{field}", value, problem)


_SOURCES: dict[str, _Check] = {
    "hostPath": check_host_path,
    "gcePersistentDisk": _disk("pdName"),
    "awsElasticBlockStore": _disk("volumeID"),
    "glusterfs": _glusterfs,
    "flocker": _flocker,
    "nfs": _nfs,
    "rbd": _needs("monitors", "image"),
    "quobyte": _quobyte,
    "cephfs": _needs("monitors"),
    "iscsi": _iscsi,
    "cinder": _cinder,
    "fc": _fibre_channel,
    "flexVolume": _flex,
    "azureFile": _azure_file,
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": _azure_disk,
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "local": _local,
    "storageos": _storage_os,
    "csi": _csi,
}
SOURCES = frozenset(_SOURCES)
