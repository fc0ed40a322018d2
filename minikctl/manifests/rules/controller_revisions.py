"""ControllerRevisions: some state, which stays, and its number."""

from __future__ import annotations

from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import check_not_negative, invalid, required
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object

_REVISION = frozenset({"ControllerRevision"})


def state(obj: Object) -> Iterator[FieldProblem]:
    if obj.get("data") is None:
        yield required("data", "data is mandatory")
    yield from check_not_negative("revision", obj.get("revision", 0))


def fixed_state(old: Object, new: Object) -> Iterator[FieldProblem]:
    if old.get("data") != new.get("data"):
        yield invalid("data", new.get("data"), "field is immutable")


RULES = (
    Rule("controller-revision", "there is a state, and its number is not negative", state, _REVISION),
    UpdateRule("controller-revision-immutable", "the state stays", fixed_state, _REVISION),
)
