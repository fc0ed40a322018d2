"""HorizontalPodAutoscalers: what they scale, within which limits, by which metrics, and how fast.

The server sees version 1 as version 2, and reports its one metric at version 2's path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import (
    check_syntax,
    forbidden,
    invalid,
    label_advice,
    path_segment_advice,
    required,
    unsupported,
)
from minikctl.manifests.rules.resource_names import amount, check_container_name, check_not_negative_amount
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_AUTOSCALER = frozenset({"HorizontalPodAutoscaler"})
_LONGEST_PERIOD = 1800
_LONGEST_WINDOW = 3600
_SELECT_POLICIES = ("Disabled", "Max", "Min")
_POLICY_TYPES = ("Percent", "Pods")
_TARGET_TYPES = ("Utilization", "Value", "AverageValue")
# In the server's order: of several sources only the first is looked into.
_SOURCES = {
    "Object": "object",
    "External": "external",
    "Pods": "pods",
    "Resource": "resource",
    "ContainerResource": "containerResource",
}


def limits(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield invalid("spec.maxReplicas", most, "must be greater than 0")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    if most == 0:
        yield required("spec.maxReplicas")


# --- references ------------------------------------------------------------------------------------


def target(obj: Object) -> Iterator[FieldProblem]:
    reference = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    yield from _reference(reference, "spec.scaleTargetRef")


def target_version(obj: Object) -> Iterator[FieldProblem]:
    """Only one kind that can be scaled is of no group."""
    reference = (obj.get("spec") or {}).get("scaleTargetRef") or {}
    grouped = reference.get("kind", "") != "ReplicationController"
    yield from _version(reference, "spec.scaleTargetRef", grouped=grouped)


def changed_target_version(old: Object, new: Object) -> Iterator[FieldProblem]:
    """What was invalid before there was such a rule may stay."""
    if not any(target_version(old)):
        yield from target_version(new)


def _reference(reference: Fields, path: str) -> Iterator[FieldProblem]:
    for name in ("kind", "name"):
        value = reference.get(name, "")
        if not value:
            yield required(f"{path}.{name}")
        else:
            yield from check_syntax(f"{path}.{name}", value, path_segment_advice)


def _version(reference: Fields, path: str, *, grouped: bool) -> Iterator[FieldProblem]:
    version = reference.get("apiVersion", "")
    group, slash, rest = version.partition("/")
    if "/" in rest:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    elif grouped and not (slash and group):
        yield invalid(f"{path}.apiVersion", version, "apiVersion must specify API group")


# --- metrics ---------------------------------------------------------------------------------------


def metrics(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    found = _metrics_of(spec)
    for index, metric in enumerate(found):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if spec.get("minReplicas") == 0 and not any(
        metric.get("type") in ("Object", "External") for metric in found
    ):
        yield forbidden(
            "spec.metrics",
            "must specify at least one Object or External metric to support scaling to zero replicas",
        )


def _metrics_of(spec: Fields) -> list[Fields]:
    utilization = spec.get("targetCPUUtilizationPercentage")
    if utilization is None:
        return spec.get("metrics") or []
    aim = {"type": "Utilization", "averageUtilization": utilization}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": aim}}]


def _metric(metric: Fields, path: str) -> Iterator[FieldProblem]:
    kind = metric.get("type", "")
    if not kind:
        yield required(f"{path}.type", "must specify a metric source type")
    if kind not in _SOURCES:
        yield unsupported(f"{path}.type", kind, _SOURCES)
    present = [name for name in _SOURCES.values() if name in metric]
    if present:
        yield from _CHECKS[present[0]](metric[present[0]], f"{path}.{present[0]}")
    expected = _SOURCES.get(kind)
    if expected is not None and expected not in present:
        yield required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(present) > 1:
        for name in present:
            if name != expected:
                yield forbidden(f"{path}.{name}", "must populate the given metric source only")


def _object_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    described = source.get("describedObject") or {}
    yield from _reference(described, f"{path}.describedObject")
    yield from _version(described, f"{path}.describedObject", grouped=False)
    yield from _identifier_and_target(source, path)
    aim = source.get("target") or {}
    if "value" not in aim and "averageValue" not in aim:
        yield required(f"{path}.target.averageValue", "must set either a target value or averageValue")


def _external_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _identifier_and_target(source, path)
    aim = source.get("target") or {}
    if "value" not in aim and "averageValue" not in aim:
        yield required(
            f"{path}.target.averageValue", "must set either a target value for metric or a per-pod target"
        )
    if "value" in aim and "averageValue" in aim:
        yield forbidden(
            f"{path}.target.value", "may not set both a target value for metric and a per-pod target"
        )


def _pods_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _identifier_and_target(source, path)
    if "averageValue" not in (source.get("target") or {}):
        yield required(f"{path}.target.averageValue", "must specify a positive target averageValue")


def _resource_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    if not source.get("name"):
        yield required(f"{path}.name", "must specify a resource name")
    yield from _utilization_target(source.get("target") or {}, f"{path}.target")


def _container_resource_source(source: Fields, path: str) -> Iterator[FieldProblem]:
    name, container = source.get("name", ""), source.get("container", "")
    if not name:
        yield required(f"{path}.name", "must specify a resource name")
    else:
        yield from check_container_name(name, f"{path}.name")
    if not container:
        yield required(f"{path}.container", "must specify a container")
    elif problem := label_advice(container):
        yield invalid(f"{path}.container", container, problem)
    yield from _utilization_target(source.get("target") or {}, f"{path}.target")


_CHECKS: dict[str, Callable[[Fields, str], Iterator[FieldProblem]]] = {
    "object": _object_source,
    "external": _external_source,
    "pods": _pods_source,
    "resource": _resource_source,
    "containerResource": _container_resource_source,
}


def _identifier_and_target(source: Fields, path: str) -> Iterator[FieldProblem]:
    name = (source.get("metric") or {}).get("name", "")
    if not name:
        yield required(f"{path}.metric.name", "must specify a metric name")
    else:
        yield from check_syntax(f"{path}.metric.name", name, path_segment_advice)
    yield from _target(source.get("target") or {}, f"{path}.target")


def _utilization_target(aim: Fields, path: str) -> Iterator[FieldProblem]:
    yield from _target(aim, path)
    if "averageUtilization" not in aim and "averageValue" not in aim:
        yield required(
            f"{path}.averageUtilization", "must set either a target raw value or a target utilization"
        )
    if "averageUtilization" in aim and "averageValue" in aim:
        yield forbidden(
            f"{path}.averageValue", "may not set both a target raw value and a target utilization"
        )


def _target(aim: Fields, path: str) -> Iterator[FieldProblem]:
    kind = aim.get("type", "")
    if not kind:
        yield required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGET_TYPES:
        yield invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if name in aim and amount(aim[name]) <= 0:
            yield invalid(f"{path}.{name}", aim[name], "must be positive")
    if aim.get("averageUtilization", 1) < 1:
        yield invalid(f"{path}.averageUtilization", aim["averageUtilization"], "must be greater than 0")


# --- behavior --------------------------------------------------------------------------------------


def behavior(obj: Object) -> Iterator[FieldProblem]:
    found = (obj.get("spec") or {}).get("behavior") or {}
    for name in ("scaleUp", "scaleDown"):
        if name in found:
            yield from _scaling_rules(found[name], f"spec.behavior.{name}")


def _scaling_rules(rules: Fields, path: str) -> Iterator[FieldProblem]:
    window, select = rules.get("stabilizationWindowSeconds", 0), rules.get("selectPolicy", "Max")
    if window < 0:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window > _LONGEST_WINDOW:
        detail = f"must be less than or equal to {_LONGEST_WINDOW}"
        yield invalid(f"{path}.stabilizationWindowSeconds", window, detail)
    if select not in _SELECT_POLICIES:
        yield unsupported(f"{path}.selectPolicy", select, _SELECT_POLICIES)
    policies = rules.get("policies") or ()
    if not policies:
        yield required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies):
        yield from _scaling_policy(policy, f"{path}.policies[{index}]")
    yield from check_not_negative_amount(rules.get("tolerance"), f"{path}.tolerance")


def _scaling_policy(policy: Fields, path: str) -> Iterator[FieldProblem]:
    kind, value, period = policy.get("type", ""), policy.get("value", 0), policy.get("periodSeconds", 0)
    if kind not in _POLICY_TYPES:
        yield unsupported(f"{path}.type", kind, _POLICY_TYPES)
    if value <= 0:
        yield invalid(f"{path}.value", value, "must be greater than zero")
    if period <= 0:
        yield invalid(f"{path}.periodSeconds", period, "must be greater than zero")
    if period > _LONGEST_PERIOD:
        yield invalid(f"{path}.periodSeconds", period, f"must be less than or equal to {_LONGEST_PERIOD}")


RULES = (
    Rule("autoscaler-limits", "it scales between one pod and more", limits, _AUTOSCALER),
    Rule("autoscaler-target", "what is scaled has a kind and a name", target, _AUTOSCALER),
    Rule(
        "autoscaler-target-version",
        "what is scaled is of a group",
        target_version,
        _AUTOSCALER,
        on_update=False,
    ),
    Rule("autoscaler-metrics", "each metric has one source, and a positive target", metrics, _AUTOSCALER),
    Rule("autoscaler-behavior", "policies and windows are within the limits", behavior, _AUTOSCALER),
    UpdateRule(
        "autoscaler-target-version-changed",
        "what is scaled is of a group",
        changed_target_version,
        _AUTOSCALER,
    ),
)
