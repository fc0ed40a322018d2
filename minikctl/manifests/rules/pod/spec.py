"""The pod's own fields: policies, grace, placement and identity."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.metadata import check_labels
from minikctl.manifests.rules.networks import check_address, check_port_or_name
from minikctl.manifests.rules.pod.containers import Fields, check_ids
from minikctl.manifests.rules.problems import (
    forbidden,
    invalid,
    label_advice,
    label_value_advice,
    qualified_name_advice,
    required,
    subdomain_advice,
    unsupported,
)
from minikctl.manifests.rules.rule import PodRule
from minikctl.manifests.rules.workloads import NOT_NEGATIVE

_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
_TAINT_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_MAX_SECONDS = 2**31 - 1


def policies(spec: Fields, path: str) -> Iterator[FieldProblem]:
    restart, dns = spec.get("restartPolicy", ""), spec.get("dnsPolicy", "")
    if restart not in _RESTART_POLICIES:
        yield unsupported(f"{path}.restartPolicy", restart, _RESTART_POLICIES)
    if dns not in _DNS_POLICIES:
        yield unsupported(f"{path}.dnsPolicy", dns, _DNS_POLICIES)
    grace, deadline = spec.get("terminationGracePeriodSeconds"), spec.get("activeDeadlineSeconds")
    if grace is not None and grace < 0:
        yield invalid(f"{path}.terminationGracePeriodSeconds", grace, NOT_NEGATIVE)
    if deadline is not None and not 1 <= deadline <= _MAX_SECONDS:
        yield invalid(
            f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {_MAX_SECONDS}, inclusive"
        )


def identity(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for name in ("hostname", "subdomain"):
        if (value := spec.get(name)) and (problem := label_advice(value)):
            yield invalid(f"{path}.{name}", value, problem)
    for name in ("serviceAccountName", "nodeName", "priorityClassName", "schedulerName"):
        if (value := spec.get(name)) and (problem := subdomain_advice(value)):
            yield invalid(f"{path}.{name}", value, problem)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        yield from _host_alias(alias, f"{path}.hostAliases[{index}]")


def _host_alias(alias: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_address(f"{path}.ip", alias.get("ip", ""))
    for index, name in enumerate(alias.get("hostnames") or ()):
        if problem := subdomain_advice(name):
            yield invalid(f"{path}.hostnames[{index}]", name, problem)


def security(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_ids(spec.get("securityContext") or {}, f"{path}.securityContext")


def placement(spec: Fields, path: str) -> Iterator[FieldProblem]:
    yield from check_labels(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    for index, toleration in enumerate(spec.get("tolerations") or ()):
        yield from _toleration(toleration, f"{path}.tolerations[{index}]")


def _toleration(toleration: Fields, path: str) -> Iterator[FieldProblem]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "Equal")
    effect = toleration.get("effect", "")
    if key and (problem := qualified_name_advice(key)):
        yield invalid(f"{path}.key", key, problem)
    if not key and operator != "Exists":
        yield invalid(
            f"{path}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        )
    if "tolerationSeconds" in toleration and effect != "NoExecute":
        yield invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    yield from _toleration_operator(toleration, path)
    if effect and effect not in _TAINT_EFFECTS:
        yield unsupported(f"{path}.effect", effect, _TAINT_EFFECTS)


def _toleration_operator(toleration: Fields, path: str) -> Iterator[FieldProblem]:
    operator, value = toleration.get("operator", "Equal"), toleration.get("value", "")
    if operator == "Equal":
        if problem := label_value_advice(value):
            yield invalid(f"{path}.operator", value, problem)
    elif operator == "Exists":
        if value:
            yield invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'")
    elif operator not in ("Gt", "Lt"):
        yield unsupported(f"{path}.operator", operator, ("Equal", "Exists"))


_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")


def probes(spec: Fields, path: str) -> Iterator[FieldProblem]:
    for index, container in enumerate(spec.get("containers") or ()):
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            if (probe := container.get(name)) is not None:
                yield from _probe(probe, name, f"{path}.containers[{index}].{name}")


def _probe(probe: Fields, name: str, path: str) -> Iterator[FieldProblem]:
    handlers = [handler for handler in _HANDLERS if probe.get(handler) is not None]
    if not handlers:
        yield required(path, "must specify a handler type")
    for handler in handlers[1:]:
        yield forbidden(f"{path}.{handler}", "may not specify more than 1 handler type")
    for handler in handlers:
        yield from check_handler(probe[handler], handler, f"{path}.{handler}")
    for field in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        value = probe.get(field, 0)
        if value < 0:
            yield invalid(f"{path}.{field}", value, NOT_NEGATIVE)
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def check_handler(handler: Fields, kind: str, path: str) -> Iterator[FieldProblem]:
    """One of a probe's or hook's actions."""
    if kind == "exec":
        if not handler.get("command"):
            yield required(f"{path}.command")
        return
    yield from check_port_or_name(f"{path}.port", handler.get("port", 0))
    if kind == "httpGet" and handler.get("scheme", "HTTP") not in ("HTTP", "HTTPS"):
        yield unsupported(f"{path}.scheme", handler["scheme"], ("HTTP", "HTTPS"))


RULES = (
    PodRule("container-probes", "probes and hooks have one handler and sensible numbers", probes),
    PodRule("pod-policies", "restart and DNS policy, grace period and deadline are valid", policies),
    PodRule("pod-identity", "host name, aliases, account and node are valid names", identity),
    PodRule("pod-security", "the pod's security context is within the allowed ranges", security),
    PodRule("pod-placement", "node selector and tolerations are well formed", placement),
)
