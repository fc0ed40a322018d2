"""`minikctl patch`: fields changed by a strategic merge patch, a JSON merge patch or a JSON patch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.options import value
from minikctl.cli.printing import ResultPrinter, read_text
from minikctl.cli.session import open_session, warn
from minikctl.errors import ManifestError, MinikctlError, UsageError
from minikctl.model import Object, ObjectKey

if TYPE_CHECKING:
    from minikctl.api.patching import Patched

_FORMS = ("json", "merge", "strategic")


def patch(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    patch_text: Annotated[
        str, value("--patch", "-p", metavar="PATCH", text="The patch, as JSON or YAML.")
    ] = "",
    patch_file: Annotated[str, value("--patch-file", metavar="FILE", text="A file with the patch.")] = "",
    form: Annotated[
        str, value("--type", metavar="strategic|merge|json", text="The patch's form; default strategic.")
    ] = "strategic",
    local: Annotated[bool, options.flag("--local", text="Only change what -f has, and print it.")] = False,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    show_managed_fields: options.ShowManagedFields = False,
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Update fields of objects: `patch deploy web -p '{"spec":{"replicas":3}}'`."""
    if form not in _FORMS:
        raise UsageError(f'--type must be one of [{" ".join(_FORMS)}], not "{form}"')
    change = _read_patch(patch_text, patch_file)
    options.dry_run_suffix(dry_run)
    if local:
        if names or not files:
            raise UsageError("cannot specify --local and server resources")
        if dry_run == "server":
            raise UsageError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
        _patch_local(files, recursive, change, form, ResultPrinter(output, one_by_one=True))
        return
    with open_session(context) as session:
        keys = choose(session, "patch", names, files=files, recursive=recursive)
        # kubectl's line says nothing of a dry run here.
        editor = Editor(
            session,
            "patch",
            dry_run=dry_run,
            output=output,
            show_managed_fields=show_managed_fields,
            tells_dry_run=False,
        )
        for key in keys:
            _patch_one(editor, key, change, form)
        editor.finish(wait=wait, timeout=timeout)


def _patch_one(editor: Editor, key: ObjectKey, change: Any, form: str) -> None:
    unknown: tuple[str, ...] = ()

    def patched_live(live: Object) -> Object:
        nonlocal unknown
        result = _patched(live, change, form)
        unknown = result.unknown
        return result.obj

    def line(before: Object, after: Object) -> str:
        _tell_unknown(unknown)
        return _line(before is not after)

    editor.change(key, patched_live, line)


def _patched(live: Object, change: Any, form: str) -> Patched:
    from minikctl.api.patching import patched

    return patched(live, change, form)


def _tell_unknown(paths: tuple[str, ...]) -> None:
    for path in paths:
        warn(f'unknown field "{path}"')


def _line(has_changed: bool) -> str:
    return "patched" if has_changed else "patched (no change)"


def _read_patch(text: str, file: str) -> Any:
    """:raises UsageError: there is none, or it can't be read."""
    if text and file:
        raise UsageError("cannot specify --patch and --patch-file together")
    if not text and not file:
        raise UsageError("must specify --patch or --patch-file containing the contents of the patch")
    from minikctl.manifests.yaml_reader import load

    try:
        return load(read_text(file) if file else text)
    except ManifestError as error:
        raise UsageError(f"unable to parse the patch: {error}") from None


def _patch_local(files: list[str], recursive: bool, change: Any, form: str, printer: ResultPrinter) -> None:
    from minikctl.cli.marks import local_documents

    failed = False
    for document in local_documents(files, recursive):
        try:
            result = _patched(document.obj, change, form)
        except MinikctlError as error:
            complain(text_of(error))
            failed = True
            continue
        _tell_unknown(result.unknown)
        printer.add(result.obj, _line(result.obj != document.obj))
    if failed:
        raise Reported
