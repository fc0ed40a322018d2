"""`minikctl scale`: a new size."""

from __future__ import annotations

from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.errors import Failed
from minikctl.cli.options import flag, value
from minikctl.cli.session import open_session
from minikctl.errors import UsageError
from minikctl.model import Object, spec_of
from minikctl.model.kinds import SCALABLE


def scale(
    context: typer.Context,
    names: options.Names = None,
    replicas: Annotated[
        int | None, value("--replicas", metavar="COUNT", text="The new size. Required.")
    ] = None,
    current_replicas: Annotated[
        int, value("--current-replicas", metavar="COUNT", text="Only where this is the size now.")
    ] = -1,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    all_objects: Annotated[bool, flag("--all", text="All of the kind, in the namespace.")] = False,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Set a new size: `scale deploy/web --replicas=3`. Waits until it is so, up to --timeout."""
    if replicas is None:
        raise UsageError('required flag(s) "replicas" not set')
    if replicas < 0:
        raise UsageError(
            "The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0"
        )

    def resized(obj: Object) -> Object:
        size = spec_of(obj).get("replicas", 1)
        if obj["kind"] not in SCALABLE:
            raise Failed(f"cannot scale a {obj['kind']}: only {', '.join(SCALABLE)} have a size")
        if current_replicas >= 0 and size != current_replicas:
            raise Failed(f"Expected replicas to be {current_replicas}, was {size}")
        return {**obj, "spec": {**spec_of(obj), "replicas": replicas}}

    with open_session(context) as session:
        editor = Editor(session, "scale", dry_run=dry_run, output=output)
        chosen = choose(
            session,
            "scale",
            names,
            files=files,
            recursive=recursive,
            selector=selector,
            all_objects=all_objects,
        )
        for key in chosen:
            editor.change(key, resized, "scaled")
        editor.finish(wait=wait, timeout=timeout)
