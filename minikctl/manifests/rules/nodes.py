"""Nodes: taints, address ranges of their pods, and what they have."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.networks import check_network
from minikctl.manifests.rules.problems import (
    duplicate,
    forbidden,
    invalid,
    label_value_advice,
    qualified_name_advice,
    repeated_at,
    required,
    unsupported,
)
from minikctl.manifests.rules.resource_names import check_amount
from minikctl.manifests.rules.rule import Fields, Rule, UpdateRule
from minikctl.model import Object

_NODE = frozenset({"Node"})
_EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")


def taints(obj: Object) -> Iterator[FieldProblem]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate((obj.get("spec") or {}).get("taints") or ()):
        # The server says `metadata` here.
        path = f"metadata.taints[{index}]"
        yield from _taint(taint, path)
        identity = taint.get("effect", ""), taint.get("key", "")
        if identity in seen:
            yield duplicate(path, taint)
        seen.add(identity)


def _taint(taint: Fields, path: str) -> Iterator[FieldProblem]:
    key, value, effect = (taint.get(name, "") for name in ("key", "value", "effect"))
    if problem := qualified_name_advice(key):
        yield invalid(f"{path}.key", key, problem)
    if problem := label_value_advice(value):
        yield invalid(f"{path}.value", value, problem)
    if not effect:
        yield required(f"{path}.effect")
    elif effect not in _EFFECTS:
        yield unsupported(f"{path}.effect", effect, _EFFECTS)


def amounts(obj: Object) -> Iterator[FieldProblem]:
    status = obj.get("status") or {}
    for side in ("capacity", "allocatable"):
        for name, quantity in (status.get(side) or {}).items():
            yield from check_amount(name, quantity, f"status.{side}.{name}")


def ranges(obj: Object) -> Iterator[FieldProblem]:
    found = _ranges(obj)
    for index, value in enumerate(found):
        yield from check_network(f"spec.podCIDRs[{index}]", value)
    if len(found) > 1:
        families = {":" in value for value in found}
        if len(families) != len(found):
            yield invalid("spec.podCIDRs", found, "may specify no more than one CIDR for each IP family")
        again = repeated_at(found)
        for index, value in enumerate(found):
            if index in again:
                yield duplicate(f"spec.podCIDRs[{index}]", value)


def _ranges(obj: Object) -> list[str]:
    spec = obj.get("spec") or {}
    single = spec.get("podCIDR")
    return spec.get("podCIDRs") or ([single] if single else [])


def frozen(old: Object, new: Object) -> Iterator[FieldProblem]:
    if _ranges(old) and _ranges(old) != _ranges(new):
        detail = 'node updates may not change podCIDR except from "" to valid'
        yield forbidden("spec.podCIDRs", detail)
    was, now = ((obj.get("spec") or {}).get("providerID", "") for obj in (old, new))
    if was and was != now:
        detail = 'node updates may not change providerID except from "" to valid'
        yield forbidden("spec.providerID", detail)
    was, now = ((obj.get("spec") or {}).get("externalID", "") for obj in (old, new))
    if was != now:
        yield forbidden("spec.externalID", "may not be updated")


RULES = (
    Rule("node-taints", "taints are labels with an effect, each once", taints, _NODE),
    Rule("node-amounts", "what a node has is not negative", amounts, _NODE),
    Rule("node-ranges", "pods get addresses of one range of each family", ranges, _NODE, on_update=False),
    UpdateRule("node-frozen", "ranges and the provider's id stay", frozen, _NODE),
)
