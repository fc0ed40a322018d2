"""APIServices and CertificateSigningRequests: what extends the server, and what asks it for a signature."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_port
from minikctl.manifests.rules.problems import (
    duplicate,
    invalid,
    repeated_at,
    required,
    service_label_advice,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule
from minikctl.model import Object

_SERVICE = frozenset({"APIService"})
_REQUEST = frozenset({"CertificateSigningRequest"})


def service(obj: Object) -> Iterator[FieldProblem]:
    spec, name = obj.get("spec") or {}, (obj.get("metadata") or {}).get("name", "")
    group, version = spec.get("group", ""), spec.get("version", "")
    if name and name != f"{version}.{group}":
        yield invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{version}.{group}"')
    if not group and version != "v1":
        yield required("spec.group", "only v1 may have an empty group and it better be legacy kube")
    if group and (problem := subdomain_advice(group)):
        yield invalid("spec.group", group, problem)
    if problem := service_label_advice(version):
        yield invalid("spec.version", version, problem)
    for field, most in (("groupPriorityMinimum", 20000), ("versionPriority", 1000)):
        if not 0 < spec.get(field, 0) <= most:
            yield invalid(f"spec.{field}", spec.get(field, 0), f"must be positive and less than {most}")
    yield from _backend(spec)


def _backend(spec: Fields) -> Iterator[FieldProblem]:
    backend, unverified = spec.get("service"), spec.get("insecureSkipTLSVerify", False)
    if backend is None:
        for field in ("caBundle", "insecureSkipTLSVerify"):
            if spec.get(field):
                yield invalid(f"spec.{field}", "", f"local APIServices may not have {field}")
        return
    for field in ("namespace", "name"):
        if not backend.get(field):
            yield required(f"spec.service.{field}")
    yield from check_port("spec.service.port", backend.get("port", 443))
    if unverified and spec.get("caBundle"):
        yield invalid("spec.insecureSkipTLSVerify", unverified, "may not be true if caBundle is present")


_USAGES = (
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
)
_SHORTEST = 600


def signing_request(obj: Object) -> Iterator[FieldProblem]:
    """What stands inside the request is not read, only that it is one."""
    spec = obj.get("spec") or {}
    if not _is_request(spec.get("request")):
        yield invalid("spec.request", "", "PEM block type must be CERTIFICATE REQUEST")
    usages = spec.get("usages") or []
    if not usages:
        yield required("spec.usages")
    again = repeated_at(usages)
    for index, usage in enumerate(usages):
        if usage not in _USAGES:
            yield unsupported(f"spec.usages[{index}]", usage, _USAGES)
        if index in again:
            yield duplicate(f"spec.usages[{index}]", usage)
    yield from _signer_name(spec.get("signerName", ""), "spec.signerName")
    seconds = spec.get("expirationSeconds")
    if seconds is not None and seconds < _SHORTEST:
        detail = "may not specify a duration less than 600 seconds (10 minutes)"
        yield invalid("spec.expirationSeconds", seconds, detail)


def _is_request(encoded: object) -> bool:
    from base64 import b64decode

    return isinstance(encoded, str) and b"-----BEGIN CERTIFICATE REQUEST-----" in b64decode(encoded)


def _signer_name(name: str, path: str) -> Iterator[FieldProblem]:
    if not name:
        yield required(path)
        return
    if name == "kubernetes.io/legacy-unknown":
        yield invalid(path, name, "the legacy signerName is not allowed via this API version")
        return
    domain, slash, rest = name.partition("/")
    if not slash or "/" in rest:
        yield invalid(
            path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        )
    elif problem := subdomain_advice(domain):
        yield invalid(path, domain, f"must be a fully qualified domain: {problem}")
    elif "." not in domain:
        yield invalid(path, name, "should be a domain with at least two segments separated by dots")
    elif problem := subdomain_advice(rest):
        yield invalid(path, rest, problem)


RULES = (
    Rule("api-service", "an API's service is named for its group and version", service, _SERVICE),
    Rule(
        "signing-request",
        "a request for a certificate is one, with usages and a signer",
        signing_request,
        _REQUEST,
        on_update=False,
    ),
)
