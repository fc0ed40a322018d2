"""`minikctl diff`: what apply would change (kubectl's text), and how what runs differs from it (ours).

Exit codes: 0 nothing differs, 1 something does, 2 it could not be found out.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.documents import checked_documents, key_in, last_of_each, read_inputs, tell_refused
from minikctl.cli.drift import Drift, find_drift
from minikctl.cli.errors import Failed, Reported, complain, text_of
from minikctl.cli.options import value
from minikctl.cli.printing import dump_yaml
from minikctl.cli.resources import parse_selector
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import Invalid, MinikctlError, UsageError
from minikctl.model import Object, ObjectKey, key_of
from minikctl.render.escape import escape, escape_lines

if TYPE_CHECKING:
    from minikctl.api import Applied
    from minikctl.cli.reading import Unread
    from minikctl.manifests import Document

_DIFFERS, _TROUBLE = 1, 2
_SAFE_ARGUMENT = re.compile(r"[a-zA-Z0-9-=]+")


def diff(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-f FILE", hidden=True)] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: options.Kustomize = "",
    selector: options.Selector = "",
    output: Annotated[str, value("--output", "-o", metavar="json", text="A list of differences.")] = "",
) -> None:
    """What apply would change, and how the runtime has drifted: `diff -f web.yaml`, or `diff` for all.

    Exit code 0: nothing differs; 1: something does; 2: it could not be found out.
    KUBECTL_EXTERNAL_DIFF names another program than diff -u -N.
    """
    if arguments:
        raise UsageError(f"Unexpected args: [{' '.join(arguments)}]; name files with -f")
    options.one_of("--output", output or "json", ("json", "text"))
    try:
        with open_session(context) as session:
            found = read_inputs(files, recursive, kustomization) if files or kustomization else None
            differs = _diff(session, found, selector, as_json=output == "json")
    except Reported as error:
        raise Reported(_TROUBLE) from error
    except MinikctlError as error:
        complain(text_of(error))
        raise Reported(_TROUBLE) from error
    if differs:
        raise Reported(_DIFFERS)


def _diff(session: Session, found: list[Document | Unread] | None, selector: str, *, as_json: bool) -> bool:
    results: list[Applied] = []
    keys: list[ObjectKey] | None = None
    if found is not None:
        documents = checked_documents(session, found, "diff", parse_selector(selector))
        documents = last_of_each(session, documents)
        manifests = [one.obj for one in documents]
        try:
            applied = session.api.apply(manifests, session.namespace, dry_run=True)
        except Invalid as error:
            tell_refused(documents, error, "diff")
            raise
        by_key = {key_of(one.after): one for one in applied}
        keys = [key_in(session, one) for one in manifests]
        results = [by_key[key] for key in keys if key in by_key]
    drift = find_drift(session, keys)
    if as_json:
        differences = _as_data(results, drift)
        out(_json(differences))
        return bool(differences)
    texts_differ = _print_texts(results, session.now())
    if drift:
        out("".join(f"runtime: {escape(str(one))}\n" for one in drift))
    # A file that is not obeyed says something else than what is in force; it was warned of already.
    return texts_differ or bool(drift) or bool(session.cluster.file_problems)


# --- text ------------------------------------------------------------------------------------------


def _print_texts(results: Sequence[Applied], now: float) -> bool:
    changed = [one for one in results if one.verb != "unchanged"]
    program = os.environ.get("KUBECTL_EXTERNAL_DIFF")
    if program and changed:
        return _run_program(program, changed)
    from minikctl.apply.diff import unified

    texts = [unified(one.before, one.after, dump_yaml, now=now) for one in changed]
    out("".join(escape_lines(text) for text in texts))
    return any(texts)


def _run_program(program: str, changed: Sequence[Applied]) -> bool:
    """As kubectl: two folders of files, only plain words as arguments; exit code 1 is a difference.

    :raises Failed: the program can't be run, or failed.
    """
    import subprocess
    import tempfile

    from minikctl.apply.diff import file_name, presentable

    words = program.split(" ")
    command = [words[0], *(word for word in words[1:] if _SAFE_ARGUMENT.fullmatch(word))]
    with (
        tempfile.TemporaryDirectory(prefix="LIVE-") as live,
        tempfile.TemporaryDirectory(prefix="MERGED-") as merged,
    ):
        for one in changed:
            old, new = presentable(one.before, one.after)
            for folder, obj in ((live, old), (merged, new)):
                text = dump_yaml(obj) if obj is not None else ""
                (Path(folder) / file_name(one.after)).write_text(text)
        sys.stdout.flush()
        try:
            code = subprocess.run([*command, live, merged], check=False).returncode
        except OSError as error:
            raise Failed(f"KUBECTL_EXTERNAL_DIFF: cannot run {words[0]}: {error.strerror}") from error
    if code > 1 or code < 0:
        raise Failed(f"KUBECTL_EXTERNAL_DIFF: {words[0]} ended with exit code {code}")
    return code == 1


# --- data ------------------------------------------------------------------------------------------


def _as_data(results: Sequence[Applied], drift: Sequence[Drift]) -> list[Object]:
    """The differences, each once: `source` is file, runtime, or both."""
    found: dict[tuple[ObjectKey, str], Object] = {}
    for one in results:
        for path, old, new in _file_differences(one):
            found[key_of(one.after), path] = _entry(key_of(one.after), path, old, new, "file")
    for item in drift:
        place = (item.key, item.path)
        if place in found:
            found[place] = {**found[place], "actual": item.actual, "source": "both"}
        else:
            found[place] = _entry(item.key, item.path, item.actual, item.desired, "runtime")
    return list(found.values())


def _file_differences(one: Applied) -> list[tuple[str, Any, Any]]:
    from minikctl.api.admission import merge_table
    from minikctl.apply.diff import structured

    if one.verb == "unchanged":
        return []
    table = merge_table(one.after["kind"])
    return [(each.path, each.old, each.new) for each in structured(one.before, one.after, table)]


def _entry(key: ObjectKey, path: str, old: Any, new: Any, source: str) -> Object:
    """`old` is what is, `new` what apply or the agent would make of it."""
    return {
        "kind": key.kind,
        "name": key.name,
        "namespace": key.namespace,
        "new": new,
        "old": old,
        "path": path,
        "source": source,
    }


def _json(found: list[Object]) -> str:
    from minikctl.render.gotext import go_json

    return go_json(found, indent=4) + "\n"
