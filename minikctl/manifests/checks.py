"""Documents, checked before anything happens: every problem of every document, with its line and column."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from minikctl.errors import FieldProblem
from minikctl.manifests.fidelity import refused_kind, unhandled
from minikctl.manifests.loader import Document
from minikctl.manifests.paths import parse_path
from minikctl.manifests.validation import is_undecodable, validate


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


def _located(document: Document, problem: FieldProblem) -> FieldProblem:
    return replace(problem, position=document.position(parse_path(problem.path)))


def _problems(document: Document) -> list[FieldProblem]:
    problems = validate(document.obj)
    if is_undecodable(problems):
        return problems
    refused = refused_kind(document.obj)
    if refused is not None:
        return [*problems, refused]
    # A field that Kubernetes does not know is reported once, as unknown.
    unknown = {problem.path for problem in problems if problem.reason == "UnknownField"}
    return [*problems, *(problem for problem in unhandled(document.obj) if problem.path not in unknown)]
