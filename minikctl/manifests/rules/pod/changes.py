"""What may change in a Pod that exists: images and little else.

Rules:
- The server compares the new spec, with all that may change put back, to the stored one.
- It stops where its questions make no sense any more: another number of containers, a longer deadline.
- `old` is a Pod as stored. One that never was (it has no uid) is taken as a server would have stored it: the
  admission of service accounts mounts a volume with a name that nobody can know beforehand, so whoever puts a
  manifest in its place changes the spec. Only a Pod without the account's token goes without it.
"""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.pod.walk import Fields
from minikctl.manifests.rules.problems import MAX_INT32, check_range, forbidden, invalid
from minikctl.manifests.rules.rule import UpdateRule
from minikctl.model import Object, copy
from minikctl.model.field_names import REQUIRED

_LISTS = ("containers", "initContainers")
_UPDATABLE = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)


def immutable(old: Object, new: Object) -> Iterator[FieldProblem]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    for field in _LISTS:
        if len(before.get(field) or ()) != len(after.get(field) or ()):
            yield forbidden(f"spec.{field}", "pod updates may not add or remove containers")
            return
    deadline = list(_deadline(before.get("activeDeadlineSeconds"), after.get("activeDeadlineSeconds")))
    yield from deadline
    if deadline and "activeDeadlineSeconds" in after:
        return
    yield from _tolerations(before.get("tolerations") or [], after.get("tolerations") or [])
    yield from _gates(before.get("schedulingGates") or [], after.get("schedulingGates") or [])
    if before.get("schedulingGates"):
        yield from _of_gated(before, after)
    if _gains_token(old) or _put_back(before, after) != before:
        yield forbidden("spec", f"pod updates may not change fields other than {','.join(_UPDATABLE)}")


def _gains_token(pod: Object) -> bool:
    stored = bool((pod.get("metadata") or {}).get("uid"))
    return not stored and (pod.get("spec") or {}).get("automountServiceAccountToken", True)


def _deadline(old: int | None, new: int | None) -> Iterator[FieldProblem]:
    path = "spec.activeDeadlineSeconds"
    if new is None:
        if old is not None:
            yield invalid(path, None, "must not update from a positive integer to nil value")
    elif not 0 <= new <= MAX_INT32:
        yield from check_range(path, new, 0, MAX_INT32)
    elif old is not None and new > old:
        yield invalid(path, new, "must be less than or equal to previous value")


def _tolerations(old: list[Fields], new: list[Fields]) -> Iterator[FieldProblem]:
    kept = [_without_seconds(toleration) for toleration in new]
    if any(_without_seconds(toleration) not in kept for toleration in old):
        detail = "existing toleration can not be modified except its tolerationSeconds"
        yield forbidden("spec.tolerations", detail)


def _without_seconds(toleration: Fields) -> Fields:
    return {name: value for name, value in toleration.items() if name != "tolerationSeconds"}


def _gates(old: list[Fields], new: list[Fields]) -> Iterator[FieldProblem]:
    names = [gate.get("name", "") for gate in old]
    for index, gate in enumerate(new):
        if (name := gate.get("name", "")) not in names:
            detail = f"only deletion is allowed, but found new scheduling gate '{name}'"
            yield forbidden(f"spec.schedulingGates[{index}].name", detail)


# --- what a pod with gates may still become --------------------------------------------------------


def _of_gated(old: Fields, new: Fields) -> Iterator[FieldProblem]:
    before, after = old.get("nodeSelector") or {}, new.get("nodeSelector") or {}
    if any(after.get(key) != value for key, value in before.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield invalid("spec.nodeSelector", after, detail)
    yield from _terms(_node_terms(old), _node_terms(new))


def _node_terms(spec: Fields) -> list[Fields]:
    affinity: Fields = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return (affinity.get(REQUIRED) or {}).get("nodeSelectorTerms") or []


def _terms(old: list[Fields], new: list[Fields]) -> Iterator[FieldProblem]:
    path = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    if old and len(old) != len(new):
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        yield invalid(path, new, detail)
        return
    for index, before in enumerate(old):
        if not _has_only_additions(before, new[index]):
            detail = "only additions are allowed (no mutations or deletions)"
            yield invalid(f"{path}[{index}]", new[index], detail)


def _has_only_additions(old: Fields, new: Fields) -> bool:
    # A term that selects nothing would select something with its first condition.
    if not any(old.values()) and any(new.values()):
        return False
    return all(
        (new.get(field) or [])[: len(old.get(field) or [])] == (old.get(field) or [])
        for field in ("matchExpressions", "matchFields")
    )


# --- the comparison -------------------------------------------------------------------------------


def _put_back(old: Fields, new: Fields) -> Fields:
    """`new` with all that may change as it was."""
    result: Fields = copy(new)
    for field in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
        _restore(result, old, field)
    for field in _LISTS:
        for container, before in zip(result.get(field) or (), old.get(field) or (), strict=True):
            _restore(container, before, "image")
    # Which node it is is the scheduler's word: a manifest that does not name one takes nothing back.
    if "nodeName" not in result:
        _restore(result, old, "nodeName")
    if old.get("terminationGracePeriodSeconds", 0) < 0 and result.get("terminationGracePeriodSeconds") == 1:
        _restore(result, old, "terminationGracePeriodSeconds")
    if old.get("schedulingGates"):
        _restore(result, old, "nodeSelector")
        _restore_node_affinity(result, old)
    return result


def _restore(spec: Fields, old: Fields, field: str) -> None:
    spec.pop(field, None)
    if field in old:
        spec[field] = old[field]


def _restore_node_affinity(spec: Fields, old: Fields) -> None:
    affinity = dict(spec.get("affinity") or {})
    _restore(affinity, old.get("affinity") or {}, "nodeAffinity")
    if affinity or "affinity" in old:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)


RULES = (
    UpdateRule(
        "pod-immutable",
        "a Pod's spec is fixed, but for images and little else",
        immutable,
        frozenset({"Pod"}),
    ),
)
