"""`minikctl validate`: what a real API server would answer, without one. Nothing is written or started.

Exit codes: 0 all is valid, 1 something is not, 2 something could not be judged (it can't be read, or nobody
described its kind); 2 wins over 1, because then the verdict is not complete.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from minikctl.cli import options
from minikctl.cli.base import flags_of
from minikctl.cli.errors import Reported
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.problems import source_line, style_of
from minikctl.cli.session import DEFAULT_NAMESPACE, out
from minikctl.errors import ManifestError, UsageError
from minikctl.render.validation import FORMATS, render
from minikctl.render.validation.report import Report, Status

if TYPE_CHECKING:
    from minikctl.cli.verdicts import Unread
    from minikctl.manifests import Document

_INVALID, _UNJUDGED = 1, 2


def validate(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", show_default=False)] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: Annotated[
        str, value("--kustomize", "-k", metavar="DIR", text="What kustomize makes of a folder.")
    ] = "",
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
    list_rules: Annotated[bool, flag("--list-rules", text="Print the rules (also -o json).")] = False,
) -> None:
    """Check manifests as an API server would, without one: validate web.yaml, validate -f k8s -R.

    Exit code 0: all is valid; 1: something is not; 2: something could not be judged.
    """
    if list_rules:
        out(_rules(options.one_of("--output", output, ("text", "json"))))
        return
    from minikctl.cli.verdicts import Terms, verdicts

    options.one_of("--output", output, tuple(FORMATS))
    paths = [*comma_separated(files), *(arguments or ())]
    if not paths and not kustomization:
        raise UsageError("name files, folders or - to validate")
    flags = flags_of(context)
    terms = Terms(
        strict=strict,
        ignore_missing_schemas=ignore_missing_schemas,
        backend=flags.backend or "",
        verbose=verbose,
        namespace=flags.namespace or DEFAULT_NAMESPACE,
    )
    found = _load(paths, recursive)
    if kustomization:
        found += _load_kustomization(kustomization)
    definitions, unread = _load_definitions(comma_separated(crds))
    results = tuple(verdicts([*unread, *found], terms, definitions))
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


def _load(paths: Sequence[str], recursive: bool) -> list[Document | Unread]:
    from minikctl.manifests.loader import load_each

    return [_read(path, one) for path in paths for one in load_each([path], recursive=recursive)]


def _load_kustomization(folder: str) -> list[Document | Unread]:
    from minikctl.manifests.kustomize import load_kustomization

    return [_read(folder, one) for one in load_kustomization(folder)]


def _load_definitions(paths: Sequence[str]) -> tuple[list[Document], list[Unread]]:
    from minikctl.cli.verdicts import Unread

    found = _load(paths, recursive=True)
    unread = [one for one in found if isinstance(one, Unread)]
    return [one for one in found if not isinstance(one, Unread)], unread


def _read(path: str, one: Document | ManifestError) -> Document | Unread:
    from minikctl.cli.verdicts import Unread

    return Unread(path, one) if isinstance(one, ManifestError) else one


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
