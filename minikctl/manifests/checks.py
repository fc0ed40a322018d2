"""Documents, checked before anything happens: every problem of every document, with its line and column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from minikctl.errors import FieldProblem
from minikctl.manifests.fidelity import refused_kind, relied_on_in_vain, unhandled
from minikctl.manifests.loader import Document
from minikctl.manifests.paths import parse_path
from minikctl.manifests.validation import is_undecodable, validate
from minikctl.model import Object
from minikctl.model.kinds import KINDS

IN_VAIN = "Inert"


def check(documents: Iterable[Document]) -> list[FieldProblem]:
    """What the API server would refuse in the documents, and what this version could not act on.

    The position of a problem is that of its field, or of the field's nearest existing parent.
    """
    return [_located(document, problem) for document in documents for problem in _problems(document)]


def check_on(backend: str, documents: Iterable[Document]) -> list[FieldProblem]:
    """What that backend does not do, in documents that `check` found good.

    :raises UsageError: there is no such backend.
    """
    return [
        _located(document, problem) for document in documents for problem in unhandled(document.obj, backend)
    ]


def not_run(
    obj: Object, problems: Sequence[FieldProblem], backends: Sequence[str] = ()
) -> list[FieldProblem]:
    """What this version, or one of these backends, would have to ignore of an object that can be decoded.
    A field is told of once: not if there is a problem with it already.

    :raises UsageError: there is no such backend.
    """
    refused = refused_kind(obj)
    if refused is not None:
        return [refused]
    told = {problem.path for problem in problems}
    found = {problem.path: problem for backend in ("", *backends) for problem in unhandled(obj, backend)}
    return [problem for path, problem in found.items() if path not in told]


def in_vain(obj: Object) -> list[FieldProblem]:
    """What is kept and changes nothing, though people may rely on it: the kind, or fields."""
    kind = KINDS.get(str(obj.get("kind")))
    if kind is not None and kind.inert:
        return [FieldProblem("kind", IN_VAIN, f"is kept and changes nothing: {kind.inert}")]
    return [FieldProblem(one.path, IN_VAIN, f"is inert: {one.note}") for one in relied_on_in_vain(obj)]


def _located(document: Document, problem: FieldProblem) -> FieldProblem:
    return replace(problem, position=document.position(parse_path(problem.path)))


def _problems(document: Document) -> list[FieldProblem]:
    problems = validate(document.obj)
    return problems if is_undecodable(problems) else [*problems, *not_run(document.obj, problems)]
