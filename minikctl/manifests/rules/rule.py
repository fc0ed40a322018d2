"""What a rule is, and which part of an object rules on pods look at.

A rule sees the object with its defaults set and of the types that the schema says; it never raises. It yields
problems in the order of the API server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from minikctl.errors import FieldProblem
from minikctl.model import Object

Fields = dict[str, Any]

CEL_RULES = "cel-rules"
"""The `rule` of a problem that only says that the server did not come to a definition's rules in CEL."""

EVERY_KIND: frozenset[str] = frozenset()


class Rule(Struct, frozen=True):
    """A rule on whole objects of some kinds; no `kinds` means every kind.

    :param about: one line for people: what must hold.
    :param on_update: whether the server asks again when the object is changed. Of some kinds it then looks
        only at what changed.
    :param alone: whether its problems are reported without any others: the server meets them before it
        validates, while it allocates what the object asks for.
    """

    id: str
    about: str
    check: Callable[[Object], Iterable[FieldProblem]]
    kinds: frozenset[str] = EVERY_KIND
    on_update: bool = True
    alone: bool = False


class PodRule(Struct, frozen=True):
    """A rule on a pod's spec, wherever it stands: `check(spec, path of the spec)`."""

    id: str
    about: str
    check: Callable[[Fields, str], Iterable[FieldProblem]]


class UpdateRule(Struct, frozen=True):
    """A rule on a change: `check(old, new)`, both with their defaults. `alone`: see `Rule`."""

    id: str
    about: str
    check: Callable[[Object, Object], Iterable[FieldProblem]]
    kinds: frozenset[str] = EVERY_KIND
    alone: bool = False


class Preparation(Struct, frozen=True):
    """What the server makes of a change before it validates it: `apply(old, new)` gives both anew.

    A client may leave out of `new` what the server allocated for `old`.
    """

    kinds: frozenset[str]
    apply: Callable[[Object, Object], tuple[Object, Object]]


AnyRule = Rule | PodRule | UpdateRule

# Where the template of a pod stands in a kind; its spec is one step below.
TEMPLATE_PATHS: dict[str, tuple[str, ...]] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "PodTemplate": ("template",),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}


def pod_template(obj: Object) -> tuple[Fields, str] | None:
    """The template of a workload's pods with its path; None where there is none."""
    steps = TEMPLATE_PATHS.get(obj["kind"])
    if steps is None:
        return None
    found = obj
    for step in steps[:-1]:
        found = found.get(step) or {}
    # Only of one kind may the template be missing: everywhere else it is what Go makes of nothing.
    if obj["kind"] == "ReplicationController" and found.get("template") is None:
        return None
    return found.get(steps[-1]) or {}, ".".join(steps)


def pod_spec(obj: Object) -> tuple[Fields, str] | None:
    """The pod's spec in a Pod or in a workload's template, with its path; None where there is none.

    A StatefulSet's has a volume for each claim, before its own.
    """
    if obj["kind"] == "Pod":
        return obj.get("spec") or {}, "spec"
    template = pod_template(obj)
    if template is None:
        return None
    found, path = template
    spec = found.get("spec") or {}
    if obj["kind"] == "StatefulSet":
        spec = _with_claims(spec, obj)
    return spec, f"{path}.spec"


def _with_claims(spec: Fields, stateful_set: Object) -> Fields:
    claims = (stateful_set.get("spec") or {}).get("volumeClaimTemplates") or ()
    names = dict.fromkeys((claim.get("metadata") or {}).get("name", "") for claim in claims)
    volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in names]
    own = [volume for volume in spec.get("volumes") or () if volume.get("name", "") not in names]
    return {**spec, "volumes": [*volumes, *own]}
