"""What is allowed and yet worth a word: the API server's warnings, and what a pod could do to the machine.

Rules:
- A warning is a `FieldProblem` with the reason `Warning`: it refuses nothing.
- The API server's words where it has a warning (what is deprecated, what has no effect, what hides another).
- What a server may refuse by what only it knows (its range of node ports, its classes) is a warning too.
- In a namespace without a Pod Security level everything is allowed; then what is risky is named, field by
  field. With a level the level speaks, and `privileged` says that somebody has thought of it.
- Objects are those that `validate` accepts, as they were written or as they are stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import first_of
from minikctl.manifests.rules.rule import pod_template
from minikctl.manifests.warnings import objects, pods, risks
from minikctl.model import Object
from minikctl.model.defaults import set_defaults
from minikctl.model.pod_security import level_of, told, violations

_ENFORCE = "pod-security.kubernetes.io/enforce"


def warnings_of(
    obj: Object, namespace_labels: Mapping[str, str] | None, *, to_create: bool = False
) -> list[FieldProblem]:
    """What to say about `obj`, which is valid, in a namespace with these labels (None: there are none).

    :param to_create: also what keeps it from being created though a dry run would take it.
    """
    with_defaults = set_defaults(obj)
    found: Iterator[FieldProblem] = objects.warnings(with_defaults)
    if to_create:
        found = chain(objects.creation_warnings(obj), found)
    place = _pods_in(with_defaults)
    if place is not None:
        pod, path = place
        found = chain(found, pods.warnings(pod, path), _security(pod, path, namespace_labels or {}))
    return first_of(found, "Warning")


def _pods_in(obj: Object) -> tuple[Object, str] | None:
    """The pod that `obj` is, or the template of those that it makes, with the path of its spec's owner."""
    if obj["kind"] == "Pod":
        return obj, ""
    found = pod_template(obj)
    return None if found is None else (found[0], f"{found[1]}.")


def _security(pod: Object, path: str, labels: Mapping[str, str]) -> Iterator[FieldProblem]:
    # A Pod that its namespace's level forbids is refused; of a template it is only said.
    modes = ("enforce", "warn") if path else ("warn",)
    for level in dict.fromkeys(level_of(labels, mode) for mode in modes):
        found = violations(pod.get("spec") or {}, pod.get("metadata") or {}, level.name)
        if found:
            yield FieldProblem(
                f"{path}spec", "Warning", f'would violate PodSecurity "{level}": {told(found)}'
            )
    if _ENFORCE not in labels:
        yield from risks.warnings(pod.get("spec") or {}, f"{path}spec")
