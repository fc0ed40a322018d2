"""One object, checked as the API server would: is the kind served, can it be decoded, do the rules hold?

Rules:
- All problems of an object are reported at once. Only where it can't be decoded (a wrong type, an unknown
  field) are the rules skipped, as in the server: they would speak of what is only misspelt.
- Required fields are the rules' business where they have one: the schema's word counts only where they are
  silent, so nothing is reported twice. Of a pod's spec and of some kinds the rules say all: what the schema
  calls required there (the value of a sysctl) is what somebody should write, not what the server insists on.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

import minikctl_schemas

from minikctl.errors import FieldProblem
from minikctl.manifests.loader import missing_type
from minikctl.manifests.rules import RULED, check_rules, check_update
from minikctl.manifests.rules.problems import first_of, show
from minikctl.manifests.rules.rule import pod_spec
from minikctl.manifests.structure import check_structure
from minikctl.model import Object
from minikctl.model.defaults import set_defaults

if TYPE_CHECKING:
    from minikctl.manifests.crds import Crds

_REQUEST = "is a request to the API server, not an object that is kept"
_REQUESTS = {
    "": ("Binding", "DeleteOptions"),
    "admission.k8s.io": ("AdmissionReview",),
    "authentication.k8s.io": ("TokenRequest",),
    "autoscaling": ("Scale",),
    "policy": ("Eviction",),
}
"""By group."""
_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")

# What the schema says of an object that can be decoded nevertheless.
_DECODABLE = "FieldValueRequired"


def validate(obj: Object, crds: Crds | None = None) -> list[FieldProblem]:
    """What the API server would refuse in `obj` on creation; empty when it would accept it.

    :param crds: the kinds that the server knows besides Kubernetes' own.
    """
    custom = None if crds is None else crds.lookup(obj.get("apiVersion"), obj.get("kind"))
    if custom is not None:
        return first_of(custom.validate(obj))
    structure = _structure(obj)
    if undecodable := _undecodable(structure):
        return undecodable
    with_defaults = set_defaults(obj)
    return _together(with_defaults, structure, check_rules(with_defaults))


def validate_update(old: Object, new: Object) -> list[FieldProblem]:
    """What the API server would refuse in the change from `old` (as stored) to `new`, of the same kind.

    As in the server the status stays what it is, whatever `new` says: what may change depends on how far
    the object has come, whether a claim is bound or a Job has begun.
    """
    structure = _structure(new)
    if undecodable := _undecodable(structure):
        return undecodable
    kept = {"status": old["status"]} if old.get("status") else {}
    with_defaults = set_defaults({**_without_status(new), **kept})
    return _together(with_defaults, structure, check_update(set_defaults(old), with_defaults))


def _without_status(obj: Object) -> Object:
    return {name: value for name, value in obj.items() if name != "status"}


def _structure(obj: Object) -> list[FieldProblem]:
    problem = _unknown_kind(obj)
    return [problem] if problem is not None else check_structure(obj)


def decoding_problems(obj: Object, crds: Crds | None = None) -> list[FieldProblem]:
    """What keeps the server from decoding `obj`, whatever the rules would say."""
    custom = None if crds is None else crds.lookup(obj.get("apiVersion"), obj.get("kind"))
    return _undecodable(_structure(obj)) if custom is None else first_of(custom.decoding_problems(obj))


def is_undecodable(problems: list[FieldProblem]) -> bool:
    """Whether `validate` found that no such kind is served, or values of wrong types: the fields
    say nothing then."""
    return any(problem.reason in ("UnknownKind", "FieldValueTypeInvalid") for problem in problems)


def _undecodable(structure: list[FieldProblem]) -> list[FieldProblem]:
    """The problems at which the server stops: it asks for no field of an object that it can't decode."""
    return first_of(problem for problem in structure if problem.reason != _DECODABLE)


def _together(
    obj: Object, structure: list[FieldProblem], problems: Iterable[FieldProblem]
) -> list[FieldProblem]:
    found = first_of(problems)
    told = sorted(problem.path for problem in found)
    pod = pod_spec(obj)
    inside = f"{pod[1]}." if pod is not None else None
    missing = (one for one in structure if not _is_told(one, told, inside, obj["kind"]))
    return [*first_of(missing), *found]


def _is_told(problem: FieldProblem, told: list[str], inside: str | None, kind: str) -> bool:
    """Whether the rules speak of the field that the schema misses, or have their say there: `inside` a
    pod's spec, and in the body of some kinds. The paths that are `told` are sorted."""
    if problem.path.startswith("status."):
        return True  # whoever creates an object can't set it
    if inside is not None and problem.path.startswith(inside):
        return True
    if kind in RULED and not problem.path.startswith("metadata."):
        return True
    place = bisect_left(told, problem.path)
    return place < len(told) and told[place].startswith(problem.path)


def _unknown_kind(obj: Object) -> FieldProblem | None:
    problem = missing_type(obj, "apiVersion", "apiVersion") or missing_type(obj, "kind", "Kind")
    if problem is not None:
        return problem
    api_version, kind = obj["apiVersion"], obj["kind"]
    served = minikctl_schemas.kinds()
    if (api_version, kind) in served:
        return None
    versions = [one.api_version for one in served.values() if one.kind == kind]
    if is_request(obj):
        return FieldProblem("kind", "UnknownKind", f"a {kind} {_REQUEST}")
    message = f"no matches for kind {show(kind)} in version {show(api_version)}"
    hint = _hint(kind, api_version, versions)
    return FieldProblem("apiVersion" if versions else "kind", "UnknownKind", message + hint)


def is_request(obj: Object) -> bool:
    """Whether an API server is asked something by such an object, and keeps it nowhere."""
    kind, group = obj.get("kind"), str(obj.get("apiVersion")).rpartition("/")[0]
    return kind in _REQUESTS.get(group, ())


def _hint(kind: str, api_version: str, versions: list[str]) -> str:
    if versions:
        return f'; did you mean apiVersion "{_nearest(api_version, versions)}"?'
    from difflib import get_close_matches

    lowered = {one.kind.lower(): one.kind for one in minikctl_schemas.kinds().values()}
    near = get_close_matches(kind.lower(), lowered, n=1, cutoff=0.8)
    return f'; did you mean "{lowered[near[0]]}"?' if near else ""


def _nearest(api_version: str, versions: list[str]) -> str:
    """Of the same group if there are some, of the same number (`v2beta2` → `v2`), the most stable one."""
    group, _, version = api_version.rpartition("/")
    number = (_VERSION.fullmatch(version) or [version, ""])[1]

    def rank(one: str) -> tuple[bool, bool, bool, int]:
        its_group, _, its_version = one.rpartition("/")
        match = _VERSION.fullmatch(its_version)
        stable, its_number = (match[2] is None, match[1]) if match else (False, "0")
        return its_group == group, its_number == number, stable, int(its_number)

    return max(versions, key=rank)
