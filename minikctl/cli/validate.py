"""`minikctl validate`: what a real API server would answer, without one. Nothing is written or started.

Exit codes: 0 all is valid, 1 something is not, 2 something could not be judged (it can't be read, or nobody
described its kind); 2 wins over 1, because then the verdict is not complete.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.errors import Reported
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.problems import name_in, source_line, style_of
from minikctl.cli.session import out
from minikctl.errors import FieldProblem, ManifestError, UsageError
from minikctl.model import Object
from minikctl.render.validation import FORMATS, render
from minikctl.render.validation.report import Finding, Report, Result, Status

if TYPE_CHECKING:
    from minikctl.manifests import Document

_INVALID, _UNJUDGED = 1, 2
_KUSTOMIZE_GROUP = "kustomize.config.k8s.io"


def validate(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", show_default=False)] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    output: Annotated[
        str, value("--output", "-o", metavar="FORMAT", text="text, json, github, junit, sarif or tap.")
    ] = "text",
    summary: Annotated[bool, flag("--summary", text="A last line that counts.")] = False,
    verbose: Annotated[bool, flag("--verbose", text="Tell of what is valid too.")] = False,
    strict: Annotated[bool, flag("--strict", text="A warning makes its object invalid.")] = False,
    ignore_missing_schemas: Annotated[
        bool, flag("--ignore-missing-schemas", text="Skip custom resources that no CRD describes.")
    ] = False,
    list_rules: Annotated[bool, flag("--list-rules", text="Print the rules (also -o json).")] = False,
) -> None:
    """Check manifests as an API server would, without one: validate web.yaml, validate -f k8s -R.

    Exit code 0: all is valid; 1: something is not; 2: something could not be judged.
    """
    if list_rules:
        out(_rules(options.one_of("--output", output, ("text", "json"))))
        return
    options.one_of("--output", output, tuple(FORMATS))
    paths = [*comma_separated(files), *(arguments or ())]
    if not paths:
        raise UsageError("name files, folders or - to validate")
    documents, unreadable = _load(paths, recursive)
    judge = _Judge(documents, strict=strict, ignore_missing_schemas=ignore_missing_schemas)
    results = (*map(judge.result, documents), *unreadable)
    on_terminal = output == "text" and sys.stdout.isatty()
    report = Report(
        results,
        files=len({one.filename for one in results}),
        from_stdin=paths == ["-"],
        verbose=verbose,
        summary=summary or on_terminal,
        style=style_of(sys.stdout),
        rules=_about_rules() if output == "sarif" else {},
        located=_in_repository,
        source_line=source_line if on_terminal else None,
    )
    out(render(report, output))
    _end(report)


def _end(report: Report) -> None:
    counts = report.counts()
    if counts[Status.ERROR]:
        raise Reported(_UNJUDGED)
    if counts[Status.INVALID]:
        raise Reported(_INVALID)


def _in_repository(file: str) -> str:
    """The file's name from the repository's root (GITHUB_WORKSPACE, else here); absolute if not in it."""
    root = os.environ.get("GITHUB_WORKSPACE") or os.getcwd()  # noqa: PTH109
    absolute = os.path.abspath(file)  # noqa: PTH100
    inside = os.path.commonpath((root, absolute)) == root.rstrip("/")
    return os.path.relpath(absolute, root) if inside else absolute


# --- reading -----------------------------------------------------------------------------------------


def _load(paths: Sequence[str], recursive: bool) -> tuple[list[Document], list[Result]]:
    """The documents of all files, and a result for each that can't be read."""
    from minikctl.manifests.loader import load_files

    documents: list[Document] = []
    unreadable: list[Result] = []
    for path in paths:
        try:
            documents.extend(load_files([path], recursive=recursive))
        except ManifestError as error:
            unreadable.append(_unreadable(error, path))
    return documents, unreadable


def _unreadable(error: ManifestError, path: str) -> Result:
    problem = FieldProblem("", "Unreadable", error.message, error.position)
    filename = error.position.file if error.position else path
    return Result(filename, Status.ERROR, position=error.position, problems=(Finding(problem),))


# --- judging -----------------------------------------------------------------------------------------


class _Judge:
    """Documents → results. What the input says of namespaces counts for the objects in them."""

    def __init__(self, documents: Sequence[Document], *, strict: bool, ignore_missing_schemas: bool) -> None:
        self._strict = strict
        self._ignore_missing_schemas = ignore_missing_schemas

    def result(self, document: Document) -> Result:
        from minikctl.manifests.validation import validate as problems_of

        obj = document.obj
        if _is_kustomization(obj):
            return _result(document, Status.SKIPPED)
        problems = problems_of(obj)
        if not problems:
            return _result(document, Status.VALID)
        status = self._status_of_unserved(obj) if problems[0].reason == "UnknownKind" else Status.INVALID
        if status is Status.SKIPPED:
            return _result(document, status)
        return _result(document, status, _findings(document, problems))

    def _status_of_unserved(self, obj: Object) -> Status:
        """A kind that Kubernetes' own groups don't have is wrong; of others nobody can say."""
        if _is_of_kubernetes(obj.get("apiVersion")):
            return Status.INVALID
        return Status.SKIPPED if self._ignore_missing_schemas else Status.ERROR


def _result(document: Document, status: Status, problems: tuple[Finding, ...] = ()) -> Result:
    obj = document.obj
    version = obj.get("apiVersion")
    return Result(
        filename=document.source,
        status=status,
        document=document.index,
        kind=obj["kind"],
        name=name_in(obj),
        namespace=name_in(obj, "namespace"),
        version=version if isinstance(version, str) else "",
        position=document.position(),
        problems=problems,
    )


def _findings(document: Document, problems: Sequence[FieldProblem]) -> tuple[Finding, ...]:
    from msgspec.structs import replace

    from minikctl.manifests.paths import parse_path

    found = ((parse_path(problem.path), problem) for problem in problems)
    return tuple(
        Finding(replace(problem, position=document.position(steps)), steps) for steps, problem in found
    )


def _is_kustomization(obj: Object) -> bool:
    """It is read by kustomize, never sent to an API server."""
    return str(obj.get("apiVersion")).startswith(f"{_KUSTOMIZE_GROUP}/")


def _is_of_kubernetes(api_version: Any) -> bool:
    """Whether the group is one of Kubernetes' own, of which all kinds are known. A custom resource's group
    always has a dot, so `app/v1` is none either."""
    import minikctl_schemas

    if not isinstance(api_version, str) or "." not in api_version:
        return True
    group = api_version.partition("/")[0]
    return any(known.startswith(f"{group}/") for known, _ in minikctl_schemas.kinds())


# --- rules -------------------------------------------------------------------------------------------


def _rules(output: str) -> str:
    from minikctl.manifests.rules import RULES
    from minikctl.manifests.rules.rule import TEMPLATE_PATHS, PodRule, UpdateRule
    from minikctl.render.validation import rules

    lines = [
        rules.RuleLine(
            one.id,
            one.about,
            tuple(sorted(("Pod", *TEMPLATE_PATHS) if isinstance(one, PodRule) else one.kinds)),
            "update" if isinstance(one, UpdateRule) else "create",
        )
        for one in RULES
    ]
    return rules.as_json(lines) if output == "json" else rules.table(lines)


def _about_rules() -> Mapping[str, str]:
    from minikctl.manifests.rules import RULES

    return {one.id: one.about for one in RULES}
