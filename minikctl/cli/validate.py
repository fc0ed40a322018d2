"""`minikctl validate`: what a real API server would answer, without one. Nothing is written or started.

Exit codes: 0 all is valid, 1 something is not, 2 something could not be judged (it can't be read, or nobody
described its kind); 2 wins over 1, because then the verdict is not complete.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from minikctl.cli import options
from minikctl.cli.base import flags_of
from minikctl.cli.errors import Reported, complain
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.problems import source_line, style_of, terminal_width
from minikctl.cli.reading import Unread, read_files, read_kustomization
from minikctl.cli.session import out
from minikctl.errors import ManifestError, Position, UsageError
from minikctl.render.validation import FORMATS, render
from minikctl.render.validation.report import Report, Status

if TYPE_CHECKING:
    from minikctl.manifests import Document

_INVALID, _UNJUDGED = 1, 2


def validate(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", show_default=False)] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: options.Kustomize = "",
    crds: Annotated[
        list[str] | None,
        value("--crd", metavar="FILE", text="Definitions of custom resources: a file or a folder."),
    ] = None,
    output: Annotated[
        str, value("--output", "-o", metavar="FORMAT", text="text, json, github, junit, sarif or tap.")
    ] = "text",
    summary: Annotated[bool, flag("--summary", text="A last line that counts.")] = False,
    verbose: Annotated[bool, flag("--verbose", text="Tell of what is valid too.")] = False,
    strict: Annotated[bool, flag("--strict", text="A warning makes its object invalid.")] = False,
    ignore_missing_schemas: Annotated[
        bool, flag("--ignore-missing-schemas", text="Skip custom resources that no CRD describes.")
    ] = False,
    ignored: Annotated[
        list[str] | None,
        value("--ignore-filename-pattern", metavar="REGEX", text="Leave out files with such names."),
    ] = None,
    backend: Annotated[
        str, value("--backend", metavar="NAME", text="Also what becomes of the fields there.")
    ] = "",
    list_rules: Annotated[bool, flag("--list-rules", text="Print the rules (also -o json).")] = False,
) -> None:
    """Check manifests as an API server would, without one: validate web.yaml, validate -f k8s -R.

    Exit code 0: all is valid; 1: something is not; 2: something could not be judged.
    """
    if list_rules:
        out(_rules(options.one_of("--output", output, ("text", "json"))))
        return
    from minikctl.cli.identities import check_namespace
    from minikctl.cli.verdicts import Terms, verdicts

    options.one_of("--output", output, tuple(FORMATS))
    paths = [*comma_separated(files), *(arguments or ())]
    if not paths and not kustomization:
        raise UsageError("name files, folders or - to validate")
    flags = flags_of(context)
    terms = Terms(
        strict=strict,
        ignore_missing_schemas=ignore_missing_schemas,
        backend=backend or flags.backend or "",
        verbose=verbose,
        namespace=check_namespace(flags.namespace or ""),
    )
    found = [*_load(paths, recursive, _pattern(ignored)), *read_kustomization(kustomization)]
    definitions, unusable = _load_definitions(comma_separated(crds))
    refused = [one for one in verdicts(definitions, Terms()) if one.status is not Status.VALID]
    results = (*refused, *verdicts([*unusable, *found], terms, definitions))
    on_terminal = output == "text" and sys.stdout.isatty()
    report = Report(
        results,
        files=len({one.filename for one in results}),
        from_stdin=paths == ["-"],
        verbose=verbose,
        summary=summary or on_terminal,
        backend=terms.backend,
        style=style_of(sys.stdout),
        rules=_about_rules() if output == "sarif" else {},
        located=_in_repository,
        source_line=source_line if on_terminal else None,
        width=terminal_width(),
    )
    out(render(report, output))
    _end(report)


def _end(report: Report) -> None:
    counts = report.counts()
    if counts[Status.ERROR]:
        raise Reported(_UNJUDGED)
    if counts[Status.INVALID]:
        raise Reported(_INVALID)


def _in_repository(file: str) -> str | None:
    """The file's name from the repository's root (GITHUB_WORKSPACE, else here); absolute if not in it.

    None for what is no file: standard input, a kustomization, a wrong name.
    """
    root = os.path.abspath(os.environ.get("GITHUB_WORKSPACE") or os.curdir)  # noqa: PTH100
    absolute = os.path.abspath(file)  # noqa: PTH100
    if not os.path.lexists(absolute):
        return None
    inside = os.path.commonpath((root, absolute)) == root
    return os.path.relpath(absolute, root) if inside else absolute


# --- reading -----------------------------------------------------------------------------------------


def _load(
    paths: Sequence[str], recursive: bool, ignored: Callable[[str], bool] | None
) -> list[Document | Unread]:
    """Says of each path in which there is nothing to judge that it is so: often it is a wrong one."""
    from minikctl.manifests.loader import NotManifest

    found = []
    for path in paths:
        here = read_files([path], recursive=recursive, ignored=ignored)
        is_empty = all(isinstance(one, Unread) and isinstance(one.error, NotManifest) for one in here)
        if is_empty and not (ignored and ignored(path)):
            complain(f"warning: no manifests in {path}")
        found += here
    return found


def _pattern(texts: Sequence[str] | None) -> Callable[[str], bool] | None:
    """:raises UsageError: one of them is no regular expression."""
    if not texts:
        return None
    patterns = []
    for text in texts:
        try:
            patterns.append(re.compile(text))
        except re.error as error:
            raise UsageError(f'invalid --ignore-filename-pattern value "{text}": {error}') from None
    return lambda path: any(pattern.search(path) for pattern in patterns)


def _load_definitions(paths: Sequence[str]) -> tuple[list[Document], list[Unread]]:
    """The definitions, and what is wrong with a path that should have had some."""
    from minikctl.manifests.loader import NotManifest

    definitions: list[Document] = []
    wrong: list[Unread] = []
    for path in paths:
        found = read_files([path], recursive=True)
        here = [
            one
            for one in found
            if not isinstance(one, Unread) and one.obj["kind"] == "CustomResourceDefinition"
        ]
        errors = [one for one in found if isinstance(one, Unread) and not isinstance(one.error, NotManifest)]
        if not here and not errors:
            place = None if os.path.isdir(path) else Position(path, 1, 1)  # noqa: PTH112
            why = "--crd needs definitions, and there is no CustomResourceDefinition"
            errors = [Unread(path, ManifestError(f"{why} in {path}", place))]
        definitions += here
        wrong += errors
    return definitions, wrong


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
