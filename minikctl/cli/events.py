"""`minikctl events`: what happened, oldest first."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.errors import complain
from minikctl.cli.options import comma_separated, flag, value
from minikctl.cli.printing import dump_yaml, parse_output
from minikctl.cli.resources import Target, named_targets
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import UsageError
from minikctl.model import Object, key_of
from minikctl.render.printers import Printing, print_objects
from minikctl.render.tables import TableOptions, event_order, events_table

_TYPES = {"normal": "Normal", "warning": "Warning"}
_POLL_SECONDS = 0.2


def events(
    context: typer.Context,
    for_object: Annotated[str, value("--for", metavar="TYPE/NAME", text="About this object only.")] = "",
    types: Annotated[list[str] | None, value("--types", text="Normal, Warning, or both.")] = None,
    all_namespaces: options.AllNamespaces = False,
    watch: Annotated[bool, flag("--watch", "-w", text="After that, each new event.")] = False,
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="json, yaml, name.")] = "",
    no_headers: options.NoHeaders = False,
) -> None:
    """List events: `events`, `events --for deploy/web`, `events --types=Warning -A`."""
    parsed = parse_output(output)
    chosen = [_TYPES.get(one.lower(), "") for one in comma_separated(types)]
    if not all(chosen):
        raise UsageError("valid --types are Normal or Warning")
    target = named_targets([for_object], "events --for")[0] if for_object else None
    with open_session(context) as session:
        found = _found(session, target, chosen, all_namespaces)
        if parsed.form:
            printing = Printing(parsed, dump_yaml, TableOptions(no_headers=no_headers))
            out(print_objects(found, printing, session.now(), single=False))
        elif found:
            out(events_table(found, session.now(), with_namespace=all_namespaces, no_headers=no_headers))
        elif not watch:
            place = "." if all_namespaces else f" in {session.namespace} namespace."
            complain(f"No events found{place}")
        if watch:
            _watch(session, target, chosen, all_namespaces, {_version(one) for one in found})


def _found(session: Session, target: Target | None, types: list[str], all_namespaces: bool) -> list[Object]:
    found = session.api.list("Event", None if all_namespaces else session.namespace)
    chosen = [one for one in found if _is_about(one, target) and (not types or one.get("type") in types)]
    return sorted(chosen, key=event_order)


def _is_about(event: Object, target: Target | None) -> bool:
    about = event.get("involvedObject") or {}
    return target is None or (about.get("kind"), about.get("name")) == (target.kind.name, target.name)


def _version(event: Object) -> tuple[object, str]:
    return key_of(event), event["metadata"].get("resourceVersion", "")


def _watch(
    session: Session,
    target: Target | None,
    types: list[str],
    all_namespaces: bool,
    known: set[tuple[object, str]],
) -> None:
    stamp = session.api.store.stamp()
    while True:
        sys.stdout.flush()
        time.sleep(_POLL_SECONDS)
        newest = session.api.store.stamp()
        if newest == stamp:
            continue
        stamp = newest
        new = [one for one in _found(session, target, types, all_namespaces) if _version(one) not in known]
        known.update(_version(one) for one in new)
        out(events_table(new, session.now(), with_namespace=all_namespaces, no_headers=True))
