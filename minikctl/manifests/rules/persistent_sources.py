"""Where the data of a PersistentVolume lies: exactly one source, and what each of them needs.

The server looks at the sources in the order below; the second one and all after it are forbidden without a
look inside, except a flex volume.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import volume_sources as sources
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    required,
    subdomain_advice,
)
from minikctl.manifests.rules.rule import Fields
from minikctl.manifests.rules.volume_sources import (
    Check,
    check_driver_name,
    check_no_backsteps,
    check_secret,
    needs,
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


def _local(source: Fields, path: str) -> Iterator[FieldProblem]:
    if not source.get("path"):
        yield required(f"{path}.path")
    else:
        yield from check_no_backsteps(source["path"], f"{path}.path")


def _glusterfs(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_glusterfs(source, path)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        yield invalid(f"{path}.endpointsNamespace", namespace, detail)
    elif namespace is not None and (problem := label_advice(namespace)):
        yield invalid(f"{path}.endpointsNamespace", namespace, problem)


def _iscsi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_iscsi(source, path)
    yield from check_secret(source, path, "name")


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
    yield from sources.check_cinder(source, path)
    yield from check_secret(source, path, "name", "namespace")


def _storage_os(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_storage_os(source, path)
    yield from check_secret(source, path, "name", "namespace")


def _azure_file(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from sources.check_azure_file(source, path)
    if source.get("secretNamespace") == "":
        yield required(f"{path}.secretNamespace")


_CSI_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def _csi(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_driver_name(source.get("driver", ""), f"{path}.driver")
    yield from needs("volumeHandle")(source, path)
    for name in _CSI_SECRETS:
        if source.get(name) is not None:
            yield from _secret_reference(source[name], f"{path}.{name}")


def _secret_reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    for field, advice in (("name", subdomain_advice), ("namespace", label_advice)):
        value = reference.get(field, "")
        if not value:
            yield required(f"{path}.{field}")
        elif problem := advice(value):
            yield invalid(f"{path}.{field}", value, problem)


_SOURCES: dict[str, Check] = {
    "hostPath": sources.check_host_path,
    "gcePersistentDisk": sources.check_disk("pdName"),
    "awsElasticBlockStore": sources.check_disk("volumeID"),
    "glusterfs": _glusterfs,
    "flocker": sources.check_flocker,
    "nfs": sources.check_nfs,
    "rbd": sources.check_rbd,
    "quobyte": sources.check_quobyte,
    "cephfs": sources.check_ceph_fs,
    "iscsi": _iscsi,
    "cinder": _cinder,
    "fc": sources.check_fibre_channel,
    "flexVolume": sources.check_flex,
    "azureFile": _azure_file,
    "vsphereVolume": sources.check_vsphere,
    "photonPersistentDisk": sources.check_photon,
    "portworxVolume": sources.check_portworx,
    "azureDisk": sources.check_azure_disk,
    "scaleIO": sources.check_scale_io,
    "local": _local,
    "storageos": _storage_os,
    "csi": _csi,
}
SOURCES = frozenset(_SOURCES)
