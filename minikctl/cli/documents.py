"""Manifests of -f: read, checked all at once, narrowed by -l and held to -n."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from minikctl.cli.errors import Reported, complain
from minikctl.cli.options import comma_separated
from minikctl.cli.problems import name_in, problem_lines, source_line, terminal_width
from minikctl.cli.reading import Unread, read_files, read_kustomization
from minikctl.cli.resources import Target
from minikctl.cli.session import Session, note
from minikctl.errors import FieldProblem, Invalid, UsageError
from minikctl.model import Object, ObjectKey, labels_of, selectors
from minikctl.model.kinds import KINDS

if TYPE_CHECKING:
    from minikctl.manifests import Document
    from minikctl.render.validation.report import Result, Severity


def read_inputs(files: list[str] | None, recursive: bool, kustomization: str = "") -> list[Document | Unread]:
    """What -f and -k name, for `checked_documents`.

    :raises UsageError: there is neither.
    """
    paths = comma_separated(files)
    if not paths and not kustomization:
        raise UsageError("must specify one of -f and -k")
    if paths and kustomization:
        raise UsageError("only one of -f or -k can be specified")
    return [*read_files(paths, recursive=recursive), *read_kustomization(kustomization)]


def read_documents(files: list[str] | None, recursive: bool, kustomization: str = "") -> list[Document]:
    """The documents alone, for who only asks what they are called.

    :raises UsageError: no -f, or nothing in it.
    :raises ManifestError: something can't be read.
    :raises Reported: several things can't; all of them have been printed.
    """
    from minikctl.manifests.loader import NotManifest

    found = read_inputs(files, recursive, kustomization)
    documents = [one for one in found if not isinstance(one, Unread)]
    errors = [
        one.error for one in found if isinstance(one, Unread) and not isinstance(one.error, NotManifest)
    ]
    if len(errors) == 1:
        raise errors[0]
    _report([str(error) for error in errors])
    if not documents:
        raise UsageError("no objects in " + (kustomization or ", ".join(comma_separated(files))))
    return documents


def checked_documents(
    session: Session,
    found: Sequence[Document | Unread],
    role: str,
    selector: selectors.Selector = (),
) -> list[Document]:
    """The documents that were chosen, once every one that was found is known to be good. Then people are
    warned of what may be wrong with them.

    :param role: the verb. With `diff`, nothing would have been changed anyway.
    :raises ManifestError: the only problem is that a path can't be read.
    :raises Reported: problems were found; all of them have been printed as `validate` prints them.
    :raises UsageError: there are no objects.
    """
    from minikctl.cli.verdicts import Terms, verdicts
    from minikctl.render.validation.report import Status

    backends = (session.backend_given,) if session.backend_given else ()
    results = list(verdicts(found, Terms(namespace=session.namespace_given or "", running=backends)))
    bad = [one for one in results if one.status in (Status.INVALID, Status.ERROR)]
    for one in found:
        if isinstance(one, Unread) and one.error.position is None and len(bad) == 1:
            raise one.error
    _refuse_results(bad, role)
    documents = [one for one in found if not isinstance(one, Unread)]
    check_backends(session, documents, role)
    for result in results:
        if result.status is Status.SKIPPED:
            note(f"{result.position or result.filename}: skipped ({result.skipped})")
    sent = [one for one, result in zip(found, results, strict=True) if result.status is not Status.SKIPPED]
    chosen = [
        one for one in sent if not isinstance(one, Unread) and selectors.matches(selector, labels_of(one.obj))
    ]
    if not chosen:
        raise UsageError(f"no objects passed to {role}")
    _tell_warnings(session, chosen, results)
    return chosen


def last_of_each(session: Session, documents: Sequence[Document]) -> list[Document]:
    """Without those that a later one of the same object overrides; people were warned of it."""
    last = {key_in(session, one.obj): one for one in documents if name_in(one.obj)}
    return [one for one in documents if last.get(key_in(session, one.obj), one) is one]


def tell_refused(documents: Sequence[Document], error: Invalid, role: str) -> None:
    """The API's refusal of a change, at the lines of the document that asked for it.

    :raises Reported: it has been printed.
    :raises Invalid: it is about no document.
    """
    for document in documents:
        if (document.obj["kind"], name_in(document.obj)) == (error.kind, error.name):
            _report([_line(document, problem) for problem in error.problems], role)
    raise error


def check_backends(session: Session, documents: Sequence[Document], role: str = "") -> None:
    """Documents that are good in themselves, held against the backends that are known so far.

    :raises Reported: a backend does not do what they ask for; all of it has been printed.
    """
    from minikctl.manifests.checks import check_on

    backends = session.cluster.known_backends
    _report(
        [
            _line(document, problem)
            for backend in backends
            for document in documents
            for problem in check_on(backend, [document])
        ],
        role,
    )


def refuse_inert(documents: Sequence[Document], role: str) -> None:
    """For --strict: what would be kept and change nothing.

    :raises Reported: there is some; all of it has been printed.
    """
    from minikctl.manifests.checks import in_vain

    found = [(document, problem) for document in documents for problem in in_vain(document.obj)]
    _report([_line(document, problem) for document, problem in found], role)


def tell_inert(manifests: Sequence[Object]) -> None:
    """One line for each kind that changes nothing here, and for each field that people may rely on in vain,
    however often it is used."""
    from minikctl.manifests.fidelity import relied_on_in_vain

    _tell_inert_kinds(manifests)
    users: dict[tuple[str, str], list[str]] = {}
    for manifest in manifests:
        where = f"{manifest['kind']}/{name_in(manifest)}"
        for one in relied_on_in_vain(manifest):
            users.setdefault((_without_indices(one.path), one.note), []).append(f"{where}: {one.path}")
    for (_, why), places in users.items():
        more = f" ({len(places) - 1} more)" if places[1:] else ""
        note(f"{places[0]}{more} is inert: {why}")


def _tell_inert_kinds(manifests: Sequence[Object]) -> None:
    kept: dict[str, list[str]] = {}
    for manifest in manifests:
        kind = KINDS.get(manifest["kind"])
        if kind is not None and kind.inert:
            kept.setdefault(kind.name, []).append(name_in(manifest))
    for name, names in kept.items():
        more = f" ({len(names) - 1} more)" if names[1:] else ""
        complain(f"Warning: {name}/{names[0]}{more} is kept and changes nothing: {KINDS[name].inert}")


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


def keys_of_files(
    session: Session, files: list[str] | None, recursive: bool, kustomization: str = ""
) -> list[ObjectKey]:
    """The objects that the files name; only identity is looked at (for get, delete, scale -f …).

    :raises UsageError: a document has no name, or its kind is not known.
    """
    keys = []
    for document in read_documents(files, recursive, kustomization):
        key = key_in(session, document.obj)
        if key.kind not in KINDS or not key.name:
            why = f'no matches for kind "{key.kind}"' if key.kind not in KINDS else "it has no name"
            raise UsageError(f"{document.position()}: {why}")
        _check_namespace(session, document.obj)
        keys.append(key)
    return keys


def targets_of_files(
    session: Session, files: list[str] | None, recursive: bool, kustomization: str = ""
) -> list[Target]:
    """As `keys_of_files`, to be found: each in the namespace that its manifest names.

    :raises UsageError: a document has no name, or its kind is not known.
    """
    keys = keys_of_files(session, files, recursive, kustomization)
    return [Target(KINDS[key.kind], key.name, key.namespace or None) for key in keys]


# --- checks ----------------------------------------------------------------------------------------


def _tell_warnings(session: Session, documents: Sequence[Document], results: Sequence[Result]) -> None:
    """What the API server would warn of, and what in a namespace without a level is risky."""
    from minikctl.manifests.warnings import warnings_of
    from minikctl.render.validation.report import Severity

    told = {(one.filename, one.document, one.item): one.warnings for one in results if one.warnings}
    coming = {name_in(one.obj): one.obj for one in documents if one.obj["kind"] == "Namespace"}
    for document in documents:
        place = key_in(session, document.obj).namespace
        home = coming.get(place) or session.api.find(ObjectKey("Namespace", "", place))
        found = [one.problem for one in told.get((document.source, document.document, document.item), ())]
        found += warnings_of(document.obj, labels_of(home) if home is not None else None)
        for problem in found:
            complain(_line(document, problem, Severity.WARNING))


def _line(document: Document, problem: FieldProblem, severity: Severity | None = None) -> str:
    from minikctl.manifests.paths import parse_path
    from minikctl.render.validation.report import Severity

    located = replace(problem, position=problem.position or document.position(parse_path(problem.path)))
    return problem_lines(document, located, severity or Severity.ERROR, with_source=sys.stderr.isatty())


def _refuse_results(results: Sequence[Result], role: str) -> None:
    """:raises Reported: there are some."""
    from minikctl.render.validation.report import Report
    from minikctl.render.validation.text import render

    source = source_line if sys.stderr.isatty() else None
    text = render(Report(tuple(results), source_line=source, width=terminal_width()))
    _report([text.rstrip("\n")] if text else [], role, sum(len(one.problems) for one in results))


def _report(lines: Sequence[str], role: str = "", number: int = 0) -> None:
    """:raises Reported: there are lines; they have been printed, and that they are so many."""
    if lines:
        count = number or len(lines)
        word = "problem" if count == 1 else "problems"
        end = "" if role == "diff" else "; nothing was changed"
        complain("\n".join([*lines, f"error: {count} {word} found{end}"]))
        raise Reported


def _check_namespace(session: Session, manifest: Object) -> None:
    """:raises UsageError: a manifest's namespace is not that of -n."""
    from minikctl.cli.identities import misplaced

    if problem := misplaced(manifest, session.namespace_given or ""):
        raise UsageError(problem.message)
