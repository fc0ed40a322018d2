"""From documents to verdicts: what `validate` finds out about each of them, whatever the report looks like.

Rules:
- What a document is checked against may stand in the input too: its namespace's labels, the definition of its
  custom kind.
- A kind of Kubernetes' own groups that is not served is wrong, since all of those are known. Of other groups
  nobody can say: that is an error, or skipped where people ask for it.
- A backend's word is added where it was asked for; what it rejects makes the object invalid. A field is told
  of once: what is unknown or wrong by itself is not also one that a backend does not do.
- What can't be decoded for several reasons (types, unknown and repeated fields) is told of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

import minikctl_schemas
from msgspec.structs import replace

from minikctl.cli.identities import misplaced, repeats
from minikctl.cli.problems import name_in
from minikctl.cli.reading import Unread
from minikctl.errors import NOT_HANDLED, FieldProblem
from minikctl.manifests.loader import Document, NotManifest, RepeatedKeys, WithoutKind
from minikctl.manifests.paths import format_path, parse_path
from minikctl.manifests.rules.rule import CEL_RULES
from minikctl.manifests.validation import decoding_problems, is_request, is_undecodable, validate
from minikctl.model import Object
from minikctl.model.kinds import DEFAULT_NAMESPACE
from minikctl.render.validation.report import REJECTED, Fidelity, Finding, Result, Status

if TYPE_CHECKING:
    from minikctl.manifests.crds import Crds
    from minikctl.manifests.paths import Path
    from minikctl.manifests.yaml_values import RepeatedKey

POD_SECURITY = "pod-security"
_KUSTOMIZE = "kustomize.config.k8s.io/"
# These may leave out what they are, and still are nobody's objects.
_KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_ADVICE = "describe it with --crd, or leave it out with --ignore-missing-schemas"
_OTHER, _KUSTOMIZATION, _NO_SCHEMA = "not a manifest", "a kustomization", "no schema"


class Terms(NamedTuple):
    """On which terms documents are judged: the flags.

    :param backend: whose handling of fields is asked for, or empty.
    :param verbose: fields that are simply enforced are told too.
    :param namespace: that of -n, or empty.
    :param running: for who wants to run the objects: the backends, as far as they are known, whose refusals
        count. None for who only asks what an API server says; then warnings are told too.
    """

    strict: bool = False
    ignore_missing_schemas: bool = False
    backend: str = ""
    verbose: bool = False
    namespace: str = ""
    running: Sequence[str] | None = None


class _Known(NamedTuple):
    """What the input says of what else is in the cluster."""

    labels: Mapping[str, Mapping[str, str]]
    """By namespace."""
    crds: Crds | None
    repeats: Mapping[int, FieldProblem]
    """By the document's id."""


def verdicts(
    found: Sequence[Document | Unread], terms: Terms, definitions: Sequence[Document] = ()
) -> Iterator[Result]:
    """One a document, and one for each that could not be read, in their order.

    :param definitions: more CustomResourceDefinitions, which are not judged themselves.
    :raises UsageError: there is no such backend.
    """
    documents = [one for one in found if isinstance(one, Document)]
    objects = [one.obj for one in documents]
    crds = _crds([*objects, *(one.obj for one in definitions)])
    known = _Known(_labels_of_namespaces(objects), crds, repeats(documents, terms.namespace, crds))
    for one in found:
        if isinstance(one, Document):
            yield _verdict(one, terms, known)
        elif isinstance(one.error, RepeatedKeys) and one.error.documents:
            yield from _repeating(one.error, terms, known)
        else:
            yield _unreadable(one)


def _unreadable(unread: Unread) -> Result:
    error, position = unread.error, unread.error.position
    filename = position.file if position else unread.path
    if isinstance(error, NotManifest):
        return Result(filename, Status.SKIPPED, position=position, skipped=_OTHER)
    if isinstance(error, WithoutKind):
        if PurePath(filename).name in _KUSTOMIZATIONS:
            return Result(filename, Status.SKIPPED, position=position, skipped=_KUSTOMIZATION)
        told = Finding(error.problem, ("kind",))
        return Result(filename, Status.INVALID, position=position, problems=(told,))
    problem = FieldProblem("", "Unreadable", error.message, position)
    return Result(filename, Status.ERROR, position=position, problems=(Finding(problem),))


def _repeating(error: RepeatedKeys, terms: Terms, known: _Known) -> Iterator[Result]:
    """Of an object with repeated keys, what else keeps it from being decoded; the others of a List stay as
    they are."""
    for document, keys in error.by_document():
        if keys:
            repeated = [_repeated(key, steps) for key, steps in keys]
            others = decoding_problems(document.obj, known.crds)
            yield _result(document, Status.INVALID, [*repeated, *_findings(document, others)])
        else:
            yield _verdict(document, terms, known)


def _repeated(key: RepeatedKey, steps: Path) -> Finding:
    return Finding(FieldProblem(format_path(steps), "DuplicateField", key.message, key.position), steps)


def _verdict(document: Document, terms: Terms, known: _Known) -> Result:
    obj = document.obj
    if _is_kustomization(obj):
        return _result(document, Status.SKIPPED, skipped=_KUSTOMIZATION)
    problems = validate(obj, known.crds)
    if any(problem.reason == "UnknownKind" for problem in problems):
        return _unserved(document, problems, terms, known.crds)
    labels = _namespace_labels(obj, known, terms)
    if not problems and terms.running is None:
        problems = list(_refusals(obj, labels))
    if (other := misplaced(obj, terms.namespace, known.crds)) is not None:
        problems = [*problems, other]
    if terms.running is not None and not is_undecodable(problems):
        from minikctl.manifests.checks import not_run

        problems = [*problems, *not_run(obj, problems, terms.running)]
    findings = list(_findings(document, problems))
    warnings = [] if problems else list(_findings(document, _warnings(document, labels, terms, known)))
    fidelity = [] if is_undecodable(problems) else list(_fidelity(document, terms, problems))
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
        return _result(document, Status.SKIPPED, skipped=_NO_SCHEMA)
    hint = _custom_hint(document.obj, crds)
    advised = [replace(problem, message=f"{problem.message}{hint}; {_ADVICE}") for problem in problems]
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
    skipped: str = "",
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
        skipped=skipped,
    )


def _findings(document: Document, problems: Iterable[FieldProblem]) -> Iterator[Finding]:
    for problem in problems:
        if problem.rule == CEL_RULES:
            continue  # a note says it
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
    if group in _groups() or is_request(obj):
        return True
    versions = crds.versions_of(obj["kind"]) if crds is not None else []
    return any(version.startswith(f"{group}/") for version in versions)


def _custom_hint(obj: Object, crds: Crds | None) -> str:
    """The kind of the same group that may be meant."""
    from minikctl.manifests.hints import near

    group = str(obj.get("apiVersion")).partition("/")[0]
    kinds = [one.kind for one in crds or () if one.group == group]
    found = near(obj["kind"], kinds)
    return f'; did you mean "{found}"?' if found else ""


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
    if custom is None:
        return
    if custom.has_cel:
        yield FieldProblem("", "NotChecked", "the rules that its definition has in CEL were not checked")
    if custom.unchecked_patterns:
        patterns = ", ".join(f"{pattern:.40}" for pattern in custom.unchecked_patterns[:3])
        yield FieldProblem("", "NotChecked", f"patterns of its definition were not checked: {patterns}")


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
    return known.labels.get(name_in(obj, "namespace") or terms.namespace or DEFAULT_NAMESPACE)


def _refusals(obj: Object, labels: Mapping[str, str] | None) -> Iterator[FieldProblem]:
    """The namespace's level forbids the pod. Of a workload's template the server only warns."""
    if obj["kind"] == "Pod" and labels:
        from minikctl.model.defaults import set_defaults
        from minikctl.model.pod_security import refusal

        if why := refusal(labels, set_defaults(obj)):
            yield FieldProblem("spec", "Forbidden", why, rule=POD_SECURITY)


def _warnings(
    document: Document, labels: Mapping[str, str] | None, terms: Terms, known: _Known
) -> Iterator[FieldProblem]:
    if id(document) in known.repeats:
        yield known.repeats[id(document)]
    if terms.running is None:
        from minikctl.manifests.warnings import warnings_of

        yield from warnings_of(document.obj, labels, to_create=True)
    if terms.strict and terms.backend:
        from minikctl.manifests.checks import in_vain

        yield from in_vain(document.obj)


def _fidelity(document: Document, terms: Terms, problems: Sequence[FieldProblem]) -> Iterator[Fidelity]:
    if not terms.backend:
        return
    from minikctl.manifests.fidelity import fidelity_of

    wrong = {problem.path for problem in problems}
    for one in fidelity_of(document.obj, terms.backend):
        if one.path not in wrong and (terms.verbose or one.handling != "enforced"):
            steps = parse_path(one.path)
            yield Fidelity(one.path, steps, one.handling, one.note, document.position(steps))


def _rejections(fidelity: Sequence[Fidelity]) -> Iterator[Finding]:
    for one in fidelity:
        if one.handling == REJECTED:
            yield Finding(FieldProblem(one.path, NOT_HANDLED, one.note, one.position), one.steps)
