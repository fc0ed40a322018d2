"""Projected volumes: several sources in one tree, without two files of one path."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.volumes.files import (
    check_downward_item,
    check_inner_path,
    check_items,
    check_mode,
)
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import (
    MAX_INT32,
    check_filled,
    check_range,
    forbidden,
    invalid,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.selectors import check_selector

_KINDS = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
_MIN_TOKEN_SECONDS, _MAX_TOKEN_SECONDS = 600, 2**32
_KEY_TYPES = ("ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096")
_CERTIFICATE_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")
_MIN_CERTIFICATE, _MAX_CERTIFICATE, _MAX_OF_KUBERNETES = 3600, 91 * 24 * 3600, 24 * 3600
_CONFLICT = "conflicting duplicate paths"


def projected(volume: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_mode(volume, "default", path)
    taken: set[str] = set()
    for index, source in enumerate(volume.get("sources") or ()):
        yield from _source(source, f"{path}.sources[{index}]", path, taken)


def _source(source: Fields, path: str, parent: str, taken: set[str]) -> Iterator[FieldProblem]:
    present = [kind for kind in _KINDS if source.get(kind) is not None]
    for kind in present:
        found, place = source[kind], f"{path}.{kind}"
        match kind:
            case "secret" | "configMap":
                yield from check_filled(f"{place}.name", found.get("name"))
                yield from check_items(found, place)
                yield from _paths(found, parent, taken, shown=found.get("name", ""))
            case "downwardAPI":
                for item in found.get("items") or ():
                    yield from check_downward_item(item, place)
                yield from _paths(found, parent, taken)
            case "serviceAccountToken":
                yield from _token(found, place, parent)
            case "clusterTrustBundle":
                yield from _trust_bundle(found, place)
                yield from _free(found.get("path", ""), parent, taken)
            case _:
                yield from _certificate(found, place, parent, taken)
    if len(present) > 1:
        yield forbidden(path, "may not specify more than 1 volume type per source")


def _paths(found: Fields, path: str, taken: set[str], shown: str | None = None) -> Iterator[FieldProblem]:
    for item in found.get("items") or ():
        if item.get("path"):
            yield from _free(item["path"], path, taken, shown)


def _free(value: str, path: str, taken: set[str], shown: str | None = None) -> Iterator[FieldProblem]:
    if value in taken:
        yield invalid(path, value if shown is None else shown, _CONFLICT)
    taken.add(value)


def _token(token: Fields, path: str, parent: str) -> Iterator[FieldProblem]:
    seconds = token.get("expirationSeconds")
    if seconds is None:
        yield required(f"{path}.expirationSeconds")
    elif seconds < _MIN_TOKEN_SECONDS:
        yield invalid(f"{path}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    elif seconds > _MAX_TOKEN_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
        yield invalid(f"{path}.expirationSeconds", seconds, detail)
    # The server names the volume's path here, not the token's.
    yield from check_filled(f"{parent}.path", token.get("path"))
    yield from check_inner_path(token.get("path", ""), f"{parent}.path")
    if "user" in token:
        yield from check_range(f"{path}.user", token["user"], 0, MAX_INT32)


def _trust_bundle(bundle: Fields, path: str) -> Iterator[FieldProblem]:
    name, signer = bundle.get("name"), bundle.get("signerName")
    if name is not None and signer is not None:
        yield invalid(path, bundle, "only one of name and signerName may be used")
    elif name is not None:
        if not name:
            yield required(f"{path}.name", "must be a valid object name")
        if problem := _bundle_name_advice(name):
            yield invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {problem}")
        if bundle.get("labelSelector") is not None:
            detail = "labelSelector must be unset if name is specified"
            yield invalid(f"{path}.labelSelector", bundle["labelSelector"], detail)
    elif signer is not None:
        if not signer:
            yield required(f"{path}.signerName", "must be a valid signer name")
        yield from _signer(signer, f"{path}.signerName")
        yield from check_selector(bundle.get("labelSelector") or {}, f"{path}.labelSelector")
    else:
        yield required(path, "either name or signerName must be specified")
    yield from check_filled(f"{path}.path", bundle.get("path"))
    yield from check_inner_path(bundle.get("path", ""), f"{path}.path")


def _bundle_name_advice(name: str) -> str | None:
    """`example.com:signer:name`, or without a signer one plain name."""
    return subdomain_advice(name.rpartition(":")[2])


def _signer(name: str, path: str) -> Iterator[FieldProblem]:
    domain, slash, rest = name.partition("/")
    if not name:
        yield required(path)
    elif not slash or "/" in rest:
        yield invalid(
            path, name, 'must be a fully qualified domain and path of the form "example.com/signer-name"'
        )
    else:
        if problem := subdomain_advice(domain):
            yield invalid(path, domain, f"validating signer domain: {problem}")
        if problem := subdomain_advice(rest):
            yield invalid(path, rest, f"validating signer name: {problem}")


def _certificate(found: Fields, path: str, parent: str, taken: set[str]) -> Iterator[FieldProblem]:
    yield from _signer(found.get("signerName", ""), f"{path}.signerName")
    if found.get("keyType", "") not in _KEY_TYPES:
        yield unsupported(f"{path}.keyType", found.get("keyType", ""), _KEY_TYPES)
    if (seconds := found.get("maxExpirationSeconds")) is not None:
        ours = found.get("signerName", "").startswith("kubernetes.io/")
        most = _MAX_OF_KUBERNETES if ours else _MAX_CERTIFICATE
        if not _MIN_CERTIFICATE <= seconds <= most:
            limit = f">= {_MIN_CERTIFICATE}" if seconds < _MIN_CERTIFICATE else f"<= {most}"
            detail = f"if provided, maxExpirationSeconds must be {limit}"
            yield invalid(f"{path}.maxExpirationSeconds", seconds, detail)
    files = [field for field in _CERTIFICATE_PATHS if found.get(field)]
    for field in files:
        yield from check_inner_path(found[field], f"{path}.{field}")
        yield from _free(found[field], parent, taken)
    if not files:
        yield required(
            path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        )
