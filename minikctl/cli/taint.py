"""`minikctl taint`: taints of nodes set, changed and removed. They end no pod that runs, except DaemonSets'.

The words after the nodes are `KEY[=VALUE]:EFFECT` (set), `KEY-` and `KEY:EFFECT-` (removed), as in kubectl.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, TypeAlias

import typer

from minikctl.cli import options
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.options import flag, value
from minikctl.cli.session import open_session
from minikctl.errors import UsageError
from minikctl.model import Object, name_of, spec_of
from minikctl.model.kinds import find_kind

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")

Taint: TypeAlias = Mapping[str, Any]


class Changes(NamedTuple):
    """Taints to set, and keys with the effect that goes ("": all of them)."""

    new: Sequence[Taint]
    removed: Sequence[tuple[str, str]]


def taint(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NODE NAME... KEY[=VALUE]:EFFECT... KEY[:EFFECT]-...", show_default=False),
    ] = None,
    selector: options.Selector = "",
    all_nodes: Annotated[bool, flag("--all", text="All nodes.")] = False,
    overwrite: Annotated[bool, flag("--overwrite", text="Values that are there may change.")] = False,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    show_managed_fields: options.ShowManagedFields = False,
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Update the taints of nodes: `taint nodes node-1 gpu=yes:NoSchedule`, `taint node --all gpu-`.

    Pods that run stay, except those of DaemonSets: else NoExecute keeps new ones away, as NoSchedule does.
    """
    resources, changes = parse(words or ())
    with open_session(context) as session:
        keys = choose(session, "taint", resources, selector=selector, all_objects=all_nodes)
        editor = Editor(
            session, "taint", dry_run=dry_run, output=output, show_managed_fields=show_managed_fields
        )
        for key in keys:
            editor.change(key, lambda obj: _changed(obj, changes, overwrite), _message)
        editor.finish(wait=wait, timeout=timeout)


def parse(words: Sequence[str]) -> tuple[list[str], Changes]:
    """(resources, changes).

    :raises UsageError: a word is no taint, or the resources are no nodes.
    """
    count = next((index for index, word in enumerate(words) if _is_taint(word)), len(words))
    resources, specs = list(words[:count]), words[count:]
    kind = find_kind(resources[0].partition("/")[0]) if resources else None
    if kind is None or kind.name != "Node":
        word = resources[0] if resources else ""
        raise UsageError(f"invalid resource type {word}, only node types are supported")
    if not specs:
        raise UsageError("at least one taint update is required")
    new: list[Taint] = []
    removed: list[tuple[str, str]] = []
    for spec in specs:
        if spec.endswith("-"):
            removed.append(_removed(spec))
        else:
            new.append(_new(spec))
    both = [one for one in new if (one["key"], one["effect"]) in removed or (one["key"], "") in removed]
    if both:
        text = "can not both modify and remove the following taint(s) in the same command"
        raise UsageError(f"{text}: {_named(both)}")
    return resources, Changes(new, removed)


def _is_taint(word: str) -> bool:
    return "=" in word or ":" in word or word.endswith("-")


def _new(spec: str) -> Taint:
    named, colon, effect = spec.partition(":")
    key, equals, content = named.partition("=")
    if not colon or not _KEY.fullmatch(key) or not _VALUE.fullmatch(content):
        raise UsageError(f"invalid taint spec: {spec}")
    if effect not in EFFECTS:
        raise UsageError(f"invalid taint effect: {effect}, unsupported taint effect")
    return {"key": key, **({"value": content} if equals and content else {}), "effect": effect}


def _removed(spec: str) -> tuple[str, str]:
    named, _, effect = spec.removesuffix("-").partition(":")
    key = named.partition("=")[0]
    if not _KEY.fullmatch(key):
        raise UsageError(f"invalid taint spec: {spec}")
    if effect and effect not in EFFECTS:
        raise UsageError(f"invalid taint effect: {effect}, unsupported taint effect")
    return key, effect


def _changed(node: Object, changes: Changes, overwrite: bool) -> Object:
    """:raises UsageError: a taint is there already, or the one to be removed is not."""
    taints: list[Taint] = list(spec_of(node).get("taints") or ())
    known = {_identity(one) for one in taints}
    taken = [one for one in changes.new if _identity(one) in known]
    if taken and not overwrite:
        text = "taint(s) with same effect(s) and --overwrite is false"
        raise UsageError(f"node {name_of(node)} already has {_named(taken)} {text}")
    for key, effect in changes.removed:
        if not any(_is_meant(one, key, effect) for one in taints):
            raise UsageError(f'taint "{key}{":" if effect else ""}{effect}" not found')
    coming = {_identity(one) for one in changes.new}
    kept = [
        one
        for one in taints
        if _identity(one) not in coming and not any(_is_meant(one, *gone) for gone in changes.removed)
    ]
    spec = {name: content for name, content in spec_of(node).items() if name != "taints"}
    left = [*changes.new, *kept]
    return {**node, "spec": {**spec, "taints": [dict(one) for one in left]} if left else spec}


def _message(before: Object, after: Object) -> str:
    old, new = ({_identity(one) for one in spec_of(node).get("taints") or ()} for node in (before, after))
    if old - new and new - old:
        return "modified"
    return "untainted" if old - new else "tainted"


def _identity(one: Taint) -> tuple[str, str]:
    return one["key"], one["effect"]


def _is_meant(one: Taint, key: str, effect: str) -> bool:
    return one["key"] == key and effect in ("", one["effect"])


def _named(taints: Sequence[Taint]) -> str:
    return "[" + ", ".join(f"{one['key']}={one.get('value', '')}:{one['effect']}" for one in taints) + "]"
