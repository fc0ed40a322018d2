"""Which object a manifest speaks of, as kubectl finds it out: kind, namespace and name, and -n.

Rules:
- An object without a namespace is in that of -n, else in `default`; one of a cluster-wide kind is in none.
- kubectl applies what it is given in turn, so of two manifests of one object the last one counts. It is
  hardly ever meant: people are warned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import minikctl_schemas

from minikctl.cli.problems import name_in
from minikctl.errors import FieldProblem, UsageError
from minikctl.manifests.loader import Document
from minikctl.model import Object
from minikctl.model.kinds import DEFAULT_NAMESPACE

if TYPE_CHECKING:
    from minikctl.manifests.crds import Crds


class Identity(NamedTuple):
    """A group (`apps`, empty for `v1`), a kind, a namespace (empty where there is none), a name."""

    group: str
    kind: str
    namespace: str
    name: str


def identity(obj: Object, namespace: str, crds: Crds | None = None) -> Identity | None:
    """None for what has no name of its own (`generateName`).

    :param namespace: that of -n, or empty.
    """
    name = name_in(obj)
    if not name:
        return None
    version = obj.get("apiVersion")
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    own = name_in(obj, "namespace") or namespace or DEFAULT_NAMESPACE
    return Identity(group, obj["kind"], own if is_namespaced(obj, crds) else "", name)


def is_namespaced(obj: Object, crds: Crds | None = None) -> bool:
    """Whether objects of the kind live in namespaces; those of an unknown kind may."""
    version, kind = obj.get("apiVersion"), obj["kind"]
    known = minikctl_schemas.kinds().get((version, kind)) if isinstance(version, str) else None
    if known is None and crds is not None:
        custom = crds.lookup(version, kind)
        return custom is None or custom.namespaced
    return known is None or known.namespaced


def repeats(
    documents: Sequence[Document], namespace: str, crds: Crds | None = None
) -> dict[int, FieldProblem]:
    """A warning for each document that speaks of the same object as one before it, by the `id` of the
    document."""
    found: dict[int, FieldProblem] = {}
    first: dict[Identity, Document] = {}
    for document in documents:
        key = identity(document.obj, namespace, crds)
        if key is None:
            continue
        if key in first:
            message = f"the same object stands at {first[key].position()} already; the last one counts"
            found[id(document)] = FieldProblem("", "Repeated", message)
        else:
            first[key] = document
    return found


def misplaced(obj: Object, namespace: str, crds: Crds | None = None) -> FieldProblem | None:
    """The problem of an object that says another namespace than -n, in kubectl's words."""
    own = name_in(obj, "namespace")
    if not own or not namespace or own == namespace or not is_namespaced(obj, crds):
        return None
    message = (
        f'the namespace from the provided object "{own}" does not match the namespace "{namespace}". '
        f"You must pass '--namespace={own}' to perform this operation."
    )
    return FieldProblem("metadata.namespace", "OtherNamespace", message)


def check_namespace(namespace: str) -> str:
    """The value of -n.

    :raises UsageError: no namespace can have that name.
    """
    from minikctl.manifests.rules.problems import label_advice

    if namespace and (advice := label_advice(namespace)):
        from minikctl.render.validation.words import plain

        raise UsageError(f'invalid namespace "{namespace}": {plain(advice)}')
    return namespace
