"""Which nodes a pod may go to by their labels and names: nodeSelector and node affinity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikctl.model import Object, labels_of, name_of, spec_of
from minikctl.model.field_names import PREFERRED, REQUIRED
from minikctl.model.selectors import Requirement

_NAME = "metadata.name"


def fits(pod: Object, node: Object) -> bool:
    """Whether the node is one that the pod asks for."""
    wanted = spec_of(pod).get("nodeSelector") or {}
    if not wanted.items() <= labels_of(node).items():
        return False
    required = _required(spec_of(pod).get("affinity"))
    if required is None:
        return True
    return any(_is_met(term, node) for term in required.get("nodeSelectorTerms") or ())


def is_met_by(selector: Mapping[str, Any], node: Object) -> bool:
    """Whether the node is one of a NodeSelector's, as a volume has it."""
    return any(_is_met(term, node) for term in selector.get("nodeSelectorTerms") or ())


def _required(affinity: Mapping[str, Any] | None) -> dict[str, Any] | None:
    nodes = (affinity or {}).get("nodeAffinity") or {}
    required: dict[str, Any] | None = nodes.get(REQUIRED)
    return required


def _is_met(term: dict[str, Any], node: Object) -> bool:
    """All of a term must hold; a term that asks for nothing is met by no node."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return all(_holds(one, labels_of(node)) for one in expressions) and all(
        _holds(one, {_NAME: name_of(node)}) for one in fields
    )


def _holds(asked: dict[str, Any], values: Mapping[str, str]) -> bool:
    return Requirement(asked["key"], asked["operator"], tuple(asked.get("values") or ())).matches(values)


def preference(pod: Object, node: Object) -> int:
    """The sum of the weights of the preferred terms that the node meets."""
    found = ((spec_of(pod).get("affinity") or {}).get("nodeAffinity") or {}).get(PREFERRED) or ()
    return sum(one["weight"] for one in found if _is_met(one.get("preference") or {}, node))


def named_nodes(pod: Object) -> frozenset[str] | None:
    """The nodes that the required affinity names. None: it names none, or another of its terms may do."""
    names: frozenset[str] | None = None
    for term in (_required(spec_of(pod).get("affinity")) or {}).get("nodeSelectorTerms") or ():
        fields = [frozenset(one["values"]) for one in term.get("matchFields") or () if _is_name_in(one)]
        if not fields:
            return None
        names = (names or frozenset()) | frozenset.intersection(*fields)
    return names


def _is_name_in(field: dict[str, Any]) -> bool:
    return bool(field["key"] == _NAME and field["operator"] == "In")


def pinned(spec: dict[str, Any], node: str) -> dict[str, Any]:
    """A pod's spec, for that node only: what it asked of nodes before is taken as met."""
    affinity = dict(spec.get("affinity") or {})
    terms = [{"matchFields": [{"key": _NAME, "operator": "In", "values": [node]}]}]
    others = dict(affinity.get("nodeAffinity") or {})
    required = {"nodeSelectorTerms": terms}
    affinity["nodeAffinity"] = {**others, REQUIRED: required}
    return {**spec, "affinity": affinity}


def unpinned(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec of a pod that was pinned, without that."""
    others = {name: value for name, value in spec.items() if name != "affinity"}
    affinity = dict(spec.get("affinity") or {})
    nodes = dict(affinity.pop("nodeAffinity", None) or {})
    nodes.pop(REQUIRED, None)
    if nodes:
        affinity["nodeAffinity"] = nodes
    return {**others, "affinity": affinity} if affinity else others


def pinned_to(pod: Object) -> str:
    """The node that a pod is bound to, or was pinned to; "" where it is neither."""
    if bound := spec_of(pod).get("nodeName"):
        return str(bound)
    for term in (_required(spec_of(pod).get("affinity")) or {}).get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == _NAME and field["operator"] == "In" and len(field["values"]) == 1:
                return str(field["values"][0])
    return ""
