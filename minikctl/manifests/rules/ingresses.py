"""Ingresses and their classes: hosts, paths and what stands behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_port, check_port_name, parse_address
from minikctl.manifests.rules.problems import (
    check_domain_path,
    check_filled,
    check_syntax,
    forbidden,
    invalid,
    label_advice,
    path_segment_advice,
    required,
    subdomain_advice,
    too_long,
    unsupported,
)
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORBIDDEN_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_AT_THE_END = ("/..", "/.")
_MAX_CONTROLLER = 250
_SCOPES = ("Cluster", "Namespace")
_WILDCARD = re.compile(r"\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z", re.ASCII)
_WILDCARD_ADVICE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must "
    "consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. "
    r"'*.example.com', regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    r"(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


# --- Ingress --------------------------------------------------------------------------------------


def rules(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec", {})
    found: list[Fields] = spec.get("rules", [])
    if not found and "defaultBackend" not in spec:
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if "defaultBackend" in spec:
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(found):
        yield from _rule(rule, f"spec.rules[{index}]")


def tls(obj: Object) -> Iterator[FieldProblem]:
    for index, entry in enumerate(obj.get("spec", {}).get("tls", ())):
        path = f"spec.tls[{index}]"
        for position, host in enumerate(entry.get("hosts", ())):
            yield from check_syntax(f"{path}.hosts[{position}]", host, _host_advice)
        if secret := entry.get("secretName"):
            yield from check_syntax(f"{path}.secretName", secret, subdomain_advice)


def class_name(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec", {})
    if "ingressClassName" in spec:
        yield from check_syntax("spec.ingressClassName", spec["ingressClassName"], subdomain_advice)


def class_annotation(obj: Object) -> Iterator[FieldProblem]:
    name = obj.get("spec", {}).get("ingressClassName")
    annotation = obj.get("metadata", {}).get("annotations", {}).get(_CLASS_ANNOTATION)
    if name is not None and annotation is not None and name != annotation:
        yield invalid(
            f"annotations.{_CLASS_ANNOTATION}",
            annotation,
            "must match `ingressClassName` when both are specified",
        )


def _rule(rule: Fields, path: str) -> Iterator[FieldProblem]:
    if host := rule.get("host"):
        if parse_address(host) is not None:
            yield invalid(f"{path}.host", host, "must be a DNS name, not an IP address")
        yield from check_syntax(f"{path}.host", host, _host_advice)
    if "http" not in rule:
        return
    paths: list[Fields] = rule["http"].get("paths", [])
    yield from check_filled(f"{path}.http.paths", paths)
    for index, entry in enumerate(paths):
        yield from _path(entry, f"{path}.http.paths[{index}]")


def _host_advice(host: str) -> str | None:
    if "*" not in host:
        return subdomain_advice(host)
    if len(host) > 253:
        return "must be no more than 253 bytes"
    return None if _WILDCARD.match(host) else _WILDCARD_ADVICE


def _path(entry: Fields, path: str) -> Iterator[FieldProblem]:
    kind, value = entry.get("pathType"), entry.get("path", "")
    if kind is None:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    if kind not in _PATH_TYPES:
        yield unsupported(f"{path}.pathType", kind, _PATH_TYPES)
    elif not value.startswith("/") and (value or kind != "ImplementationSpecific"):
        yield invalid(f"{path}.path", value, "must be an absolute path")
    if kind in ("Exact", "Prefix"):
        for part in _FORBIDDEN_IN_PATHS:
            if part in value:
                yield invalid(f"{path}.path", value, f"must not contain '{part}'")
        for part in _FORBIDDEN_AT_THE_END:
            if value.endswith(part):
                yield invalid(f"{path}.path", value, f"cannot end with '{part}'")
    yield from _backend(entry.get("backend", {}), f"{path}.backend")


def _backend(backend: Fields, path: str) -> Iterator[FieldProblem]:
    if "resource" in backend and "service" in backend:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif "resource" in backend:
        yield from _reference(backend["resource"], f"{path}.resource")
    elif "service" in backend:
        yield from _service(backend["service"], path)
    else:
        yield invalid(path, "", "resource or service backend is required")


def _service(service: Fields, path: str) -> Iterator[FieldProblem]:
    if name := service.get("name"):
        yield from check_syntax(f"{path}.service.name", name, label_advice)
    else:
        yield required(f"{path}.service.name")
    port = service.get("port", {})
    name, number = port.get("name", ""), port.get("number", 0)
    if name and number:
        yield invalid(path, "", "cannot set both port name & port number")
    elif name:
        yield from check_port_name(f"{path}.service.port.name", name)
    elif number:
        yield from check_port(f"{path}.service.port.number", number)
    else:
        yield required(path, "port name or number is required")


def _reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    """A typed reference to an object of any kind."""
    if "apiGroup" in reference:
        yield from check_syntax(f"{path}.apiGroup", reference["apiGroup"], subdomain_advice)
    for field in ("kind", "name"):
        if value := reference.get(field):
            yield from check_syntax(f"{path}.{field}", value, path_segment_advice)
        else:
            yield required(f"{path}.{field}")


# --- IngressClass ---------------------------------------------------------------------------------


def controller(obj: Object) -> Iterator[FieldProblem]:
    """The controller's name: a domain, and a path in it."""
    path, name = "spec.controller", obj.get("spec", {}).get("controller", "")
    if not name:
        yield required(path)
        return
    if len(name.encode(errors="surrogatepass")) > _MAX_CONTROLLER:
        yield too_long(path, _MAX_CONTROLLER)
    yield from check_domain_path(path, name)


def parameters(obj: Object) -> Iterator[FieldProblem]:
    found = obj.get("spec", {}).get("parameters")
    if found is None:
        return
    path = "spec.parameters"
    yield from _reference(found, path)
    scope, namespace = found["scope"], found.get("namespace")
    if scope not in _SCOPES:
        yield unsupported(f"{path}.scope", scope, _SCOPES)
    elif scope == "Cluster":
        if namespace is not None:
            yield forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    elif namespace is None:
        yield required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    else:
        yield from check_syntax(f"{path}.namespace", namespace, label_advice)


def immutable_controller(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = (obj.get("spec", {}).get("controller", "") for obj in (old, new))
    if before != after:
        yield invalid("spec.controller", after, "field is immutable")


_INGRESS = frozenset(("Ingress",))
_CLASS = frozenset(("IngressClass",))

RULES = (
    Rule("ingress-rules", "every rule leads from a valid host and path to one backend", rules, _INGRESS),
    Rule("ingress-tls", "hosts and secrets of TLS are valid names", tls, _INGRESS),
    Rule("ingress-class-name", "the class is a valid name", class_name, _INGRESS),
    Rule(
        "ingress-class-annotation",
        "the old annotation of the class does not contradict the field",
        class_annotation,
        _INGRESS,
        on_update=False,
    ),
    Rule("ingress-class-controller", "the controller is a path in a domain", controller, _CLASS),
    Rule("ingress-class-parameters", "the parameters refer to one object", parameters, _CLASS),
    UpdateRule("ingress-class-controller-immutable", "the controller stays", immutable_controller, _CLASS),
)
