"""One object, checked as the API server would: is the kind served, can it be decoded, do the rules hold?

Rules:
- All problems of an object are reported at once; only where a value has the wrong type are the rules skipped,
  since they read values.
- Required fields are the rules' business where they have one: the schema's word counts only where they are
  silent, so nothing is reported twice.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from minikctl.errors import FieldProblem
from minikctl.manifests.rules import check_rules
from minikctl.manifests.rules.updates import check_update
from minikctl.manifests.structure import check_structure
from minikctl.model import Object
from minikctl.model.defaults import set_defaults
from minikctl.model.kinds import KINDS


def validate(obj: Object) -> list[FieldProblem]:
    """What the API server would refuse in `obj` on creation; empty when it would accept it."""
    problem = _unknown_kind(obj.get("kind"), obj.get("apiVersion"))
    if problem is not None:
        return [problem]
    structure = check_structure(obj)
    missing = [problem for problem in structure if problem.reason == "FieldValueRequired"]
    unknown = [problem for problem in structure if problem.reason == "UnknownField"]
    if len(missing) + len(unknown) < len(structure):
        return structure
    found = list(dict.fromkeys(check_rules(set_defaults(obj))))
    told = [problem.path for problem in found]
    silent = [one for one in missing if not any(path.startswith(one.path) for path in told)]
    return [*unknown, *silent, *found]


def validate_update(old: Object, new: Object) -> list[FieldProblem]:
    """What the API server would refuse in the change from `old` (as stored) to `new`."""
    problems = validate(new)
    if any(problem.reason in ("FieldValueTypeInvalid", "UnknownKind") for problem in problems):
        return problems
    return [*problems, *check_update(set_defaults(old), set_defaults(new))]


def _unknown_kind(kind: Any, api_version: Any) -> FieldProblem | None:
    if not isinstance(api_version, str) or not api_version:
        return FieldProblem("apiVersion", "FieldValueRequired", "Object 'apiVersion' is missing")
    if not isinstance(kind, str) or not kind:
        return FieldProblem("kind", "FieldValueRequired", "Object 'Kind' is missing")
    known = KINDS.get(kind)
    if known is not None and known.api_version == api_version:
        return None
    message = f'no matches for kind "{kind}" in version "{api_version}"'
    path = "kind" if known is None else "apiVersion"
    return FieldProblem(path, "UnknownKind", message + _hint(kind, known))


def _hint(kind: str, known: Any) -> str:
    if known is not None:
        return f'; did you mean apiVersion "{known.api_version}"?'
    lowered = {name.lower(): name for name in KINDS}
    near = get_close_matches(kind.lower(), lowered, n=1, cutoff=0.8)
    if near:
        return f'; did you mean "{lowered[near[0]]}"?'
    return f"; this version runs {', '.join(name for name, one in KINDS.items() if one.declarable)}"
