"""What the API server makes of a patch, or of an edited object, before it is checked and stored. Pure.

Rules:
- The three forms are kubectl's: strategic merge patch, JSON merge patch (RFC 7386), JSON patch (RFC 6902).
- A field that the kind has not got is left out and told, as the server does it for kubectl's patches; a
  directive of a strategic patch in a merge patch is such a field.
- Who an object is can't be patched: kind, name and namespace stay. What the server owns (uid,
  resourceVersion) may be named only as it is: a patch that names another one was made for another object.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minikctl.api.admission import merge_table
from minikctl.apply.failure import PatchError
from minikctl.apply.patch import json_patch, merge_patch
from minikctl.apply.strategic import strategic_merge
from minikctl.apply.threeway import three_way_patch
from minikctl.errors import ApiError, Conflict, FieldProblem
from minikctl.model import Object, copy, name_of
from minikctl.model.kinds import KINDS

FORMS = ("json", "merge", "strategic")


class Patched(NamedTuple):
    obj: Object
    """Not yet checked, without defaults."""
    unknown: tuple[str, ...]
    """Paths of fields that the kind has not got; they are not in `obj`."""


class BadPatch(ApiError):
    """The request changes what no request may change."""

    reason = "BadRequest"


def patched(live: Object, patch: Any, form: str) -> Patched:
    """`live` with the patch applied. `form` is one of FORMS.

    :raises PatchError: the patch is malformed or does not fit this object.
    :raises BadPatch: it makes another object of it.
    :raises Conflict: it was made for another revision.
    """
    result = merged(live, patch, form)
    if not isinstance(result, dict) or not isinstance(result.get("metadata"), dict):
        raise PatchError("the result of the patch is no object", reason="Invalid")
    metadata = result["metadata"]
    if "namespace" in live["metadata"] and not metadata.get("namespace"):
        metadata["namespace"] = live["metadata"]["namespace"]
    keep_identity(live, result)
    return Patched(*_without_unknown(result))


def merged(live: Object, patch: Any, form: str) -> Any:
    """The bare merge, of what need not be an object yet.

    :raises PatchError: the patch is malformed or does not fit.
    """
    if form == "json":
        return json_patch(live, patch)
    if not isinstance(patch, dict):
        raise PatchError("the patch must be an object")
    if form == "merge":
        return merge_patch(live, patch)
    return strategic_merge(live, patch, merge_table(live["kind"]))


def edited(before: Object, after: Object, live: Object) -> Object:
    """`live` with what somebody changed from `before` to `after`; what changed meanwhile elsewhere stays.

    :raises PatchError: an item of a merged list has no merge key.
    :raises BadPatch: it makes another object of it.
    """
    keep_identity(before, after)
    table = merge_table(live["kind"])
    changed: Object = strategic_merge(live, three_way_patch(before, before, after, table), table)
    return changed


def replaced(live: Object, manifest: Object) -> Object:
    """The manifest in the live object's place. Who owns it stays, where the manifest does not say.

    :raises BadPatch: the manifest is that of another object.
    :raises Conflict: it names another uid or revision than the live object has.
    """
    owners = live["metadata"].get("ownerReferences")
    metadata = {**({"ownerReferences": owners} if owners else {}), **manifest["metadata"]}
    result = {**manifest, "metadata": metadata}
    keep_identity(live, result)
    return result


def keep_identity(live: Object, changed: Object) -> None:
    """:raises BadPatch: apiVersion, kind, name, namespace or owners are others.
    :raises Conflict: it names another uid or revision than the live object has.
    """
    for field in ("apiVersion", "kind"):
        if changed.get(field) != live[field]:
            raise BadPatch(f"{field} in the data ({changed.get(field)}) does not match {live[field]}")
    ours, theirs = live["metadata"], changed.get("metadata") or {}
    for field in ("name", "namespace"):
        if theirs.get(field) != ours.get(field):
            raise BadPatch(
                f"the {field} of the object ({theirs.get(field, '')}) does not match the {field} on the URL"
                f" ({ours.get(field, '')})"
            )
    for field in ("uid", "resourceVersion"):
        if theirs.get(field) not in (None, ours.get(field)):
            kind = KINDS.get(live["kind"])
            raise Conflict(kind.resource if kind else live["kind"], name_of(live))
    if (theirs.get("ownerReferences") or None) != (ours.get("ownerReferences") or None):
        raise BadPatch("metadata.ownerReferences belong to the controllers here and can't be changed")


def _without_unknown(obj: Object) -> tuple[Object, tuple[str, ...]]:
    try:
        unknown = [problem for problem in _problems(obj) if problem.reason == "UnknownField"]
    except KeyError:  # a kind without a schema: nothing is known about its fields
        return obj, ()
    if not unknown:
        return obj, ()
    from minikctl.manifests.paths import parse_path

    cleaned: Object = copy(obj)
    for problem in unknown:
        _drop(cleaned, parse_path(problem.path))
    return cleaned, tuple(problem.path for problem in unknown)


def _problems(obj: Object) -> list[FieldProblem]:
    from minikctl.manifests.structure import check_structure

    return check_structure({name: value for name, value in obj.items() if name != "status"})


def _drop(obj: Any, path: tuple[str | int, ...]) -> None:
    for step in path[:-1]:
        obj = obj[step]
    del obj[path[-1]]
