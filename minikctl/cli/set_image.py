"""`minikctl set image`: other images for containers that are there."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.base import Entry
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.errors import Failed
from minikctl.cli.options import flag, value
from minikctl.cli.session import open_session
from minikctl.errors import UsageError
from minikctl.model import Object, spec_of

ENTRIES = {"image": Entry("minikctl.cli.set_image", "set_image", "Update the images of containers.")}
_EVERY = "*"


def set_image(
    context: typer.Context,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="TYPE/NAME... CONTAINER=IMAGE...", show_default=False),
    ] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    all_objects: Annotated[bool, flag("--all", text="All of the kind, in the namespace.")] = False,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Update the images of containers: `set image deploy/web web=nginx:1.27`."""
    words = arguments or []
    images = dict(_pair(word) for word in words if "=" in word)
    if not images:
        raise UsageError("at least one image update is required")
    with open_session(context) as session:
        editor = Editor(session, "set image", dry_run=dry_run, output=output)
        chosen = choose(
            session,
            "set image",
            [word for word in words if "=" not in word],
            files=files,
            recursive=recursive,
            selector=selector,
            all_objects=all_objects,
        )
        for key in chosen:
            editor.change(key, lambda obj: with_images(obj, images), "image updated", quiet=True)
        editor.finish(wait=wait, timeout=timeout)


def _pair(word: str) -> tuple[str, str]:
    name, _, image = word.partition("=")
    if not name or not image:
        raise UsageError(f'invalid argument "{word}": write it as CONTAINER=IMAGE')
    return name, image


def with_images(obj: Object, images: dict[str, str]) -> Object:
    """The object with other images.

    :raises Failed: it has no containers, or none of that name.
    """
    if obj["kind"] == "Pod":
        return {**obj, "spec": _changed(spec_of(obj), images)}
    template = spec_of(obj).get("template")
    if not template:
        raise Failed(f"the object is not a pod or does not have a pod template: {obj['kind']}")
    changed = {**template, "spec": _changed(template["spec"], images)}
    return {**obj, "spec": {**spec_of(obj), "template": changed}}


def _changed(pod_spec: dict[str, Any], images: dict[str, str]) -> dict[str, Any]:
    groups = ("initContainers", "containers")
    known = {one["name"] for group in groups for one in pod_spec.get(group) or ()}
    for name in images:
        if name != _EVERY and name not in known:
            raise Failed(f'unable to find container named "{name}"')
    changed = dict(pod_spec)
    for group in groups:
        if pod_spec.get(group):
            changed[group] = [_with_image(one, images) for one in pod_spec[group]]
    return changed


def _with_image(container: dict[str, Any], images: dict[str, str]) -> dict[str, Any]:
    image = images.get(container["name"], images.get(_EVERY))
    return {**container, "image": image} if image else container
