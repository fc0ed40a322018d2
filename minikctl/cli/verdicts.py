"""From documents to verdicts: what `validate` finds out about each of them, whatever the report looks like.

Rules:
- What a document is checked against may stand in the input too: its namespace's labels, the definition of its
  custom kind.
- A kind of Kubernetes' own groups that is not served is wrong, since all of those are known. Of other groups
  nobody can say: that is an error, or skipped where people ask for it.
- A backend's word is added where it was asked for; what it rejects makes the object invalid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import minikctl_schemas
from msgspec.structs import replace

from minikctl.cli.problems import name_in
from minikctl.errors import FieldProblem, ManifestError
from minikctl.manifests.loader import Document, RepeatedKeys
from minikctl.manifests.paths import parse_path
from minikctl.manifests.validation import is_undecodable, validate
from minikctl.model import Object
from minikctl.render.validation.report import REJECTED, Fidelity, Finding, Result, Status

if TYPE_CHECKING:
    from minikctl.manifests.crds import Crds

NOT_HANDLED = "NotHandled"
POD_SECURITY = "pod-security"
_KUSTOMIZE = "kustomize.config.k8s.io/"
# These may leave out what they are, and still are nobody's objects.
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_ADVICE = "describe it with --crd, or leave it out with --ignore-missing-schemas"
_NO_KIND = "Object 'Kind' is missing"


class Terms(NamedTuple):
    """On which terms documents are judged: the flags.

    :param backend: whose handling of fields is asked for, or empty.
    :param verbose: fields that are simply enforced are told too.
    """

    strict: bool = False
    ignore_missing_schemas: bool = False
    backend: str = ""
    verbose: bool = False
    namespace: str = "default"


class Unread(NamedTuple):
    """What could not be read, in the path that a person named."""

    path: str
    error: ManifestError


class _Known(NamedTuple):
    """What the input says of what else is in the cluster."""

    labels: Mapping[str, Mapping[str, str]]
    """By namespace."""
    crds: Crds | None


def verdicts(
    found: Sequence[Document | Unread], terms: Terms, definitions: Sequence[Document] = ()
) -> Iterator[Result]:
    """One a document, and one for each that could not be read, in their order.

    :param definitions: more CustomResourceDefinitions, which are not judged themselves.
    :raises UsageError: there is no such backend.
    """
    objects = [one.obj for one in found if isinstance(one, Document)]
    known = _Known(_labels_of_namespaces(objects), _crds([*objects, *(one.obj for one in definitions)]))
    for one in found:
        if isinstance(one, Document):
            yield _verdict(one, terms, known)
        elif isinstance(one.error, RepeatedKeys) and one.error.documents:
            yield from _repeating(one.error)
        else:
            yield _unreadable(one)


def _unreadable(unread: Unread) -> Result:
    position, message = unread.error.position, unread.error.message
    filename = position.file if position else unread.path
    if message == _NO_KIND and PurePath(filename).name in _KUSTOMIZATIONS:
        return Result(filename, Status.SKIPPED, position=position)
    problem = FieldProblem("", "Unreadable", message, position)
    return Result(filename, Status.ERROR, position=position, problems=(Finding(problem),))


def _repeating(error: RepeatedKeys) -> Iterator[Result]:
    """The server decodes such a document: it tells the repeated keys and the unknown fields together."""
    repeated = [
        Finding(FieldProblem(one.key, "DuplicateField", one.message, one.position), (one.key,))
        for one in error.keys
    ]
    for document in error.documents:
        unknown = [one for one in validate(document.obj) if one.reason == "UnknownField"]
        yield _result(document, Status.INVALID, [*repeated, *_findings(document, unknown)])


def _verdict(document: Document, terms: Terms, known: _Known) -> Result:
    obj = document.obj
    if _is_kustomization(obj):
        return _result(document, Status.SKIPPED)
    problems = validate(obj, known.crds)
    if any(problem.reason == "UnknownKind" for problem in problems):
        return _unserved(document, problems, terms, known.crds)
    labels = _namespace_labels(obj, known, terms)
    if not problems:
        problems = list(_refusals(obj, labels))
    findings = list(_findings(document, problems))
    warnings = list(_findings(document, _warnings(obj, labels))) if not problems else []
    fidelity = [] if is_undecodable(problems) else list(_fidelity(document, terms))
    findings.extend(_rejections(fidelity))
    if terms.strict:
        findings, warnings = [*findings, *warnings], []
    status = Status.INVALID if findings else Status.VALID
    notes = list(_findings(document, _unchecked(obj, known.crds)))
    told = bool(findings or warnings or notes or fidelity or terms.verbose)
    return _result(document, status, findings, warnings, notes, fidelity, with_position=told)


def _unserved(
    document: Document, problems: Sequence[FieldProblem], terms: Terms, crds: Crds | None
) -> Result:
    if _is_known_group(document.obj, crds):
        return _result(document, Status.INVALID, list(_findings(document, problems)))
    if terms.ignore_missing_schemas:
        return _result(document, Status.SKIPPED)
    advised = [replace(problem, message=f"{problem.message}; {_ADVICE}") for problem in problems]
    return _result(document, Status.ERROR, list(_findings(document, advised)))


def _result(
    document: Document,
    status: Status,
    problems: Sequence[Finding] = (),
    warnings: Sequence[Finding] = (),
    notes: Sequence[Finding] = (),
    fidelity: Sequence[Fidelity] = (),
    *,
    with_position: bool = True,
) -> Result:
    """Looking up a position reads the document once more: not for those of which nothing is told."""
    obj = document.obj
    version = obj.get("apiVersion")
    return Result(
        filename=document.source,
        status=status,
        document=document.document,
        item=document.item,
        kind=obj["kind"],
        name=name_in(obj),
        namespace=name_in(obj, "namespace"),
        version=version if isinstance(version, str) else "",
        position=document.position() if with_position else None,
        problems=tuple(problems),
        warnings=tuple(warnings),
        notes=tuple(notes),
        fidelity=tuple(fidelity),
    )


def _findings(document: Document, problems: Iterable[FieldProblem]) -> Iterator[Finding]:
    for problem in problems:
        steps = parse_path(problem.path)
        yield Finding(replace(problem, position=document.position(steps)), steps)


# --- which kinds are known ---------------------------------------------------------------------------


def _is_kustomization(obj: Object) -> bool:
    """It is read by kustomize, never sent to an API server."""
    return str(obj.get("apiVersion")).startswith(_KUSTOMIZE)


def _is_known_group(obj: Object, crds: Crds | None) -> bool:
    """Whether it is known which kinds are served there: Kubernetes' own groups are, and so is a custom kind
    of which other versions are. A custom resource's group always has a dot: `app/v1` is of nobody."""
    api_version = obj.get("apiVersion")
    if not isinstance(api_version, str) or "." not in api_version:
        return True
    group = api_version.partition("/")[0]
    if group in _groups():
        return True
    versions = crds.versions_of(obj["kind"]) if crds is not None else []
    return any(version.startswith(f"{group}/") for version in versions)


@cache
def _groups() -> frozenset[str]:
    return frozenset(version.partition("/")[0] for version, _ in minikctl_schemas.kinds())


def _crds(objects: Sequence[Object]) -> Crds | None:
    if all(obj["kind"] != "CustomResourceDefinition" for obj in objects):
        return None
    from minikctl.manifests.crds import Crds

    return Crds.from_objects(objects)


def _unchecked(obj: Object, crds: Crds | None) -> Iterator[FieldProblem]:
    custom = crds.lookup(obj.get("apiVersion"), obj["kind"]) if crds is not None else None
    if custom is not None and custom.has_cel:
        yield FieldProblem("", "NotChecked", "the rules that its definition has in CEL were not checked")


# --- warnings and backends ---------------------------------------------------------------------------


def _labels_of_namespaces(objects: Sequence[Object]) -> dict[str, dict[str, str]]:
    found = {}
    for obj in objects:
        if obj["kind"] == "Namespace" and name_in(obj):
            labels = obj["metadata"].get("labels")
            texts = labels.items() if isinstance(labels, dict) else ()
            found[name_in(obj)] = {key: value for key, value in texts if isinstance(value, str)}
    return found


def _namespace_labels(obj: Object, known: _Known, terms: Terms) -> Mapping[str, str] | None:
    return known.labels.get(name_in(obj, "namespace") or terms.namespace)


def _refusals(obj: Object, labels: Mapping[str, str] | None) -> Iterator[FieldProblem]:
    """The namespace's level forbids the pod. Of a workload's template the server only warns."""
    if obj["kind"] == "Pod" and labels:
        from minikctl.model.pod_security import refusal

        if why := refusal(labels, obj):
            yield FieldProblem("spec", "Forbidden", why, rule=POD_SECURITY)


def _warnings(obj: Object, labels: Mapping[str, str] | None) -> list[FieldProblem]:
    from minikctl.manifests.warnings import warnings_of

    return warnings_of(obj, labels)


def _fidelity(document: Document, terms: Terms) -> Iterator[Fidelity]:
    if not terms.backend:
        return
    from minikctl.manifests.fidelity import fidelity_of

    for one in fidelity_of(document.obj, terms.backend):
        if terms.verbose or one.handling != "enforced":
            steps = parse_path(one.path)
            yield Fidelity(one.path, steps, one.handling, one.note, document.position(steps))


def _rejections(fidelity: Sequence[Fidelity]) -> Iterator[Finding]:
    for one in fidelity:
        if one.handling == REJECTED:
            yield Finding(FieldProblem(one.path, NOT_HANDLED, one.note, one.position), one.steps)
