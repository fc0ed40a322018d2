"""`minikctl edit`: live objects in the editor, and what was changed there applied to them.

Rules:
- The difference between what was shown and what was saved is what is applied, so that what the control plane
  or anybody else changed meanwhile stays.
- What can't be read or is refused is shown again, with the reason as comments above it, until it is good or
  saved without a change. What somebody wrote is never lost: then it is kept in a file that is named.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from minikctl.cli import options
from minikctl.cli.editing import DEFAULT_TIMEOUT, choose
from minikctl.cli.errors import Failed, complain, text_of
from minikctl.cli.options import value
from minikctl.cli.printing import dump_yaml
from minikctl.cli.session import Session, open_session, out
from minikctl.cli.waiting import settle
from minikctl.errors import ApiError, Invalid, ManifestError, UsageError
from minikctl.model import Object, ObjectKey, copy, key_of
from minikctl.model.kinds import KINDS

_HEAD = """\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
"""


def edit(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    output: Annotated[
        str, value("--output", "-o", metavar="yaml|json", text="The form that is edited; default yaml.")
    ] = "yaml",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Edit objects in KUBE_EDITOR, EDITOR or vi: `edit deploy/web`."""
    options.one_of("--output", output, ("yaml", "json"))
    if not names and not files:
        raise UsageError(
            "you must provide one or more resources by argument or filename: minikctl edit TYPE/NAME"
        )
    with open_session(context) as session:
        targets = list(names or ())
        unnamed = len(targets) == 1 and "/" not in targets[0]
        keys = choose(session, "edit", targets, files=files, recursive=recursive, all_objects=unnamed)
        if not keys:
            out("No resources found\n")
            return
        _need_good_files(session, keys)
        changed = _Edit(session, [_shown(session.api.get(key)) for key in keys], output).run()
        settle(session, "edit", changed, wait=wait, timeout=timeout)


def _need_good_files(session: Session, keys: Sequence[ObjectKey]) -> None:
    """:raises Failed: what is saved could not be written over somebody's broken file."""
    from minikctl.store.database import desired_path

    paths = {desired_path(key) for key in keys}
    folder = session.cluster.state_dir / "desired"
    for problem in session.cluster.file_problems:
        if problem.path in paths and (folder / problem.path).is_file():
            raise Failed(f"{problem} (until that is mended nothing is written over it)")


def _shown(obj: Object) -> Object:
    from minikctl.render.printers import without_managed_fields

    return without_managed_fields(obj)


class _Problem(Struct, frozen=True):
    """Why what was saved can't be taken."""

    head: str
    details: tuple[str, ...] = ()

    def comment(self) -> str:
        lines = [f"{self.head}{':' if self.details else ''}", *(f"* {one}" for one in self.details)]
        return "".join(f"# {line}\n" for one in lines for line in one.splitlines()) + "#\n"


class _Edit:
    """One sitting: some objects in one file, opened until it is good or given up."""

    def __init__(self, session: Session, objects: Sequence[Object], form: str) -> None:
        self._session = session
        self._form = form
        self._done: list[ObjectKey] = []
        self._left = list(objects)

    def run(self) -> list[ObjectKey]:
        """Returns what was changed.

        :raises Failed: given up after an error.
        """
        body = self._text([copy(one) for one in self._left])
        problems: list[_Problem] = []
        while True:
            saved = edit_text(_HEAD + "".join(one.comment() for one in problems) + body, f".{self._form}")
            text = without_comments(saved)
            if not text.strip():
                complain("Edit cancelled, saved file was empty.")
                return self._done
            if text == without_comments(body):
                return self._given_up(saved, problems)
            body, problems = text, self._apply(text)
            if not problems:
                return self._done

    def _given_up(self, saved: str, problems: Sequence[_Problem]) -> list[ObjectKey]:
        if not problems:
            complain("Edit cancelled, no changes made.")
            return self._done
        complain(f'A copy of your changes has been stored to "{_kept(saved, f".{self._form}")}"')
        raise Failed("Edit cancelled, no valid changes were saved.")

    def _text(self, objects: Sequence[Object]) -> str:
        value: Any = (
            objects[0] if len(objects) == 1 else {"apiVersion": "v1", "items": objects, "kind": "List"}
        )
        return (
            json.dumps(value, indent=4, ensure_ascii=False) + "\n"
            if self._form == "json"
            else dump_yaml(value)
        )

    def _apply(self, text: str) -> list[_Problem]:
        """Takes what is good; says what is wrong with the others."""
        try:
            saved = _objects_of(text)
        except ManifestError as error:
            return [_Problem(f"The edited file had a syntax error: {error}")]
        problems = []
        for before in list(self._left):
            after = next((one for one in saved if _is_same_object(before, one)), None)
            if after is None:
                name = f"{KINDS[before['kind']].qualified}/{key_of(before).name}"
                problems.append(
                    _Problem(f"{name} is not in the file any more: its kind and name can't be changed")
                )
            elif (problem := self._apply_one(before, after)) is not None:
                problems.append(problem)
        return problems

    def _apply_one(self, before: Object, after: Object) -> _Problem | None:
        from minikctl.api.patching import edited
        from minikctl.render.printers import qualified_name

        key = key_of(before)
        if before == after:
            out(f"{qualified_name(before)} skipped\n")
            return None
        try:
            _, stored = self._session.api.update(key, lambda live: edited(before, after, live))
        except Invalid as error:
            complain(f'error: {KINDS[key.kind].resource} "{key.name}" is invalid')
            details = tuple(str(problem) for problem in error.problems)
            return _Problem(f'{KINDS[key.kind].resource} "{key.name}" was not valid', details)
        except ApiError as error:
            complain(text_of(error))
            return _Problem(str(error))
        out(f"{qualified_name(stored)} edited\n")
        self._left.remove(before)
        self._done.append(key)
        return None


def _objects_of(text: str) -> list[Object]:
    from minikctl.manifests import parse

    return [one.obj for one in parse(text.encode(), "the edited file")]


def _is_same_object(before: Object, after: Object) -> bool:
    metadata = after.get("metadata")
    return (
        after.get("kind") == before["kind"]
        and isinstance(metadata, dict)
        and metadata.get("name") == before["metadata"]["name"]
        and metadata.get("namespace") == before["metadata"].get("namespace")
    )


# --- the editor ------------------------------------------------------------------------------------


def without_comments(text: str) -> str:
    """Without the lines that begin with `#`."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def edit_text(text: str, suffix: str) -> str:
    """What somebody made of the text in the editor.

    :raises Failed: the editor can't be run, or failed; what was written is kept then.
    """
    import subprocess

    words = shlex.split(os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi")
    path = _kept(text, suffix)
    try:
        code = subprocess.run([*words, str(path)], check=False).returncode
        if code:
            raise Failed(f'there was a problem with the editor "{words[0]}": exit code {code}, see {path}')
        saved = path.read_text()
    except OSError as error:
        raise Failed(f'unable to launch the editor "{words[0]}": {error.strerror}') from None
    except UnicodeDecodeError:
        raise Failed(f"the edited file is not UTF-8 text, see {path}") from None
    with contextlib.suppress(OSError):
        path.unlink()
    return saved


def _kept(text: str, suffix: str) -> Path:
    """A new file that only its owner can read."""
    import tempfile

    descriptor, path = tempfile.mkstemp(prefix="minikctl-edit-", suffix=suffix)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return Path(path)
