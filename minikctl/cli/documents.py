"""Manifests of -f: read, checked all at once, narrowed by -l and held to -n."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from minikctl.cli.errors import Reported, complain
from minikctl.cli.options import comma_separated
from minikctl.cli.problems import name_in, problem_lines
from minikctl.cli.resources import Target
from minikctl.cli.session import Session, note, warn
from minikctl.errors import FieldProblem, ManifestError, UsageError
from minikctl.model import Object, ObjectKey, labels_of, selectors
from minikctl.model.kinds import KINDS

if TYPE_CHECKING:
    from minikctl.manifests import Document


def read_documents(files: list[str] | None, recursive: bool) -> list[Document]:
    """:raises UsageError: no -f.
    :raises ManifestError: something can't be read.
    :raises Reported: several things can't; all of them have been printed.
    """
    from minikctl.manifests.loader import load_each

    paths = comma_separated(files)
    if not paths:
        raise UsageError("must specify one of -f")
    documents, errors = [], []
    for found in load_each(paths, recursive=recursive):
        if isinstance(found, ManifestError):
            errors.append(found)
        else:
            documents.append(found)
    if len(errors) == 1:
        raise errors[0]
    _report([str(error) for error in errors])
    if not documents:
        raise UsageError("no objects passed to " + ", ".join(paths))
    return documents


def checked_manifests(
    session: Session, documents: Sequence[Document], selector: selectors.Selector = ()
) -> list[Object]:
    """The manifests, once every one of them is known to be good.

    :raises Reported: problems were found; all of them have been printed.
    :raises UsageError: a manifest's namespace is not that of -n.
    """
    from minikctl.manifests.checks import check

    _refuse(documents, check)
    chosen = [one for one in documents if selectors.matches(selector, labels_of(one.obj))]
    for document in chosen:
        _check_namespace(session, document.obj)
    _check_twice(session, chosen)
    check_backends(session, documents)
    return [one.obj for one in chosen]


def check_backends(session: Session, documents: Sequence[Document]) -> None:
    """Documents that are good in themselves, held against the backends that are known so far.

    :raises Reported: a backend does not do what they ask for; all of it has been printed.
    """
    from minikctl.manifests.checks import check_on

    for backend in session.cluster.known_backends:
        _refuse(documents, partial(check_on, backend))


def tell_warnings(session: Session, manifests: Sequence[Object]) -> None:
    """What the API server would warn of, and what in a namespace without a level is risky."""
    from minikctl.manifests.warnings import warnings_of

    coming = {name_in(one): one for one in manifests if one["kind"] == "Namespace"}
    for manifest in manifests:
        place = key_in(session, manifest).namespace
        home = coming.get(place) or session.api.find(ObjectKey("Namespace", "", place))
        for problem in warnings_of(manifest, labels_of(home) if home is not None else None):
            warn(str(problem))


def tell_inert(manifests: Sequence[Object]) -> None:
    """One line for each field that people may rely on in vain, however often it is used."""
    from minikctl.manifests.fidelity import relied_on_in_vain

    users: dict[tuple[str, str], list[str]] = {}
    for manifest in manifests:
        where = f"{manifest['kind']}/{name_in(manifest)}"
        for one in relied_on_in_vain(manifest):
            users.setdefault((_without_indices(one.path), one.note), []).append(f"{where}: {one.path}")
    for (_, why), places in users.items():
        more = f" ({len(places) - 1} more)" if places[1:] else ""
        note(f"{places[0]}{more} is inert: {why}")


def _without_indices(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def key_in(session: Session, manifest: Object) -> ObjectKey:
    """What a manifest names, in the command's namespace where it names none."""
    metadata = manifest.get("metadata") or {}
    kind = KINDS.get(manifest["kind"])
    namespace = metadata.get("namespace") or session.namespace
    return ObjectKey(
        manifest["kind"], namespace if kind and kind.namespaced else "", str(metadata.get("name", ""))
    )


def keys_of_files(session: Session, files: list[str] | None, recursive: bool) -> list[ObjectKey]:
    """The objects that the files name; only identity is looked at (for get, delete, scale -f …).

    :raises UsageError: a document has no name, or its kind is not known.
    """
    keys = []
    for document in read_documents(files, recursive):
        key = key_in(session, document.obj)
        if key.kind not in KINDS or not key.name:
            why = f'no matches for kind "{key.kind}"' if key.kind not in KINDS else "it has no name"
            raise UsageError(f"{document.position()}: {why}")
        _check_namespace(session, document.obj)
        keys.append(key)
    return keys


def targets_of_files(session: Session, files: list[str] | None, recursive: bool) -> list[Target]:
    """As `keys_of_files`, to be found: each in the namespace that its manifest names.

    :raises UsageError: a document has no name, or its kind is not known.
    """
    keys = keys_of_files(session, files, recursive)
    return [Target(KINDS[key.kind], key.name, key.namespace or None) for key in keys]


# --- checks ----------------------------------------------------------------------------------------


def _refuse(
    documents: Sequence[Document], problems_of: Callable[[list[Document]], list[FieldProblem]]
) -> None:
    _report(
        [
            problem_lines(document, problem, with_source=sys.stderr.isatty())
            for document in documents
            for problem in problems_of([document])
        ]
    )


def _report(lines: Sequence[str]) -> None:
    """:raises Reported: there are lines; they have been printed."""
    if lines:
        word = "problem" if len(lines) == 1 else "problems"
        complain("\n".join([*lines, f"error: {len(lines)} {word} found; nothing was changed"]))
        raise Reported


def _check_namespace(session: Session, manifest: Object) -> None:
    own = (manifest.get("metadata") or {}).get("namespace")
    given = session.namespace_given
    kind = KINDS.get(manifest["kind"])
    if own and given and own != given and kind is not None and kind.namespaced:
        raise UsageError(
            f'the namespace from the provided object "{own}" does not match the namespace "{given}". '
            f"You must pass '--namespace={own}' to perform this operation."
        )


def _check_twice(session: Session, documents: Sequence[Document]) -> None:
    seen: dict[ObjectKey, Document] = {}
    for document in documents:
        key = key_in(session, document.obj)
        if key.name and key in seen:
            first = seen[key].position()
            raise UsageError(f"{document.position()}: {key.kind}/{key.name} is there already, at {first}")
        seen[key] = document
