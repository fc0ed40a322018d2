"""`minikctl describe`: everything about one object or several."""

from __future__ import annotations

from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.get import nothing_found
from minikctl.cli.options import flag
from minikctl.cli.resources import Query, Target, find, parse_selector, parse_targets
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import NotFound, UsageError
from minikctl.model import Object, name_of


class Related:
    """The other objects that a description needs, as they are now."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, kind: str, namespace: str) -> list[Object]:
        return self._session.listed(kind, namespace or None)


def describe(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    all_namespaces: options.AllNamespaces = False,
    show_events: Annotated[bool, flag("--show-events", text="With events (default true).")] = True,
) -> None:
    """Show details of a resource or of several: `describe deploy web`, `describe pod web-`.

    A name that no object has stands for all that begin so.
    """
    with open_session(context) as session:
        targets = _targets(session, names, files, recursive)
        query = Query(None if all_namespaces else session.namespace, parse_selector(selector))
        found, missing = _find_by_prefix(session, targets, query)
        if found:
            out(_text(session, found, show_events))
        elif not missing:
            complain(nothing_found(targets, query))
        for error in missing:
            complain(text_of(error))
        if missing:
            raise Reported


def _targets(
    session: Session, names: list[str] | None, files: list[str] | None, recursive: bool
) -> list[Target]:
    if files:
        from minikctl.cli.documents import targets_of_files

        return targets_of_files(session, files, recursive)
    targets = parse_targets(names or [])
    if not targets:
        raise UsageError("you must specify the type of resource to describe; see: minikctl api-resources")
    return targets


def _find_by_prefix(
    session: Session, targets: list[Target], query: Query
) -> tuple[list[Object], list[NotFound]]:
    """As `find`; a name that is no object's stands for all that begin with it."""
    found: list[Object] = []
    missing: list[NotFound] = []
    for target in targets:
        objects, absent = find(session, [target], query)
        if absent and target.name:
            every = session.listed(target.kind.name, target.namespace or query.namespace)
            objects = [one for one in every if name_of(one).startswith(target.name)]
        found.extend(objects)
        missing.extend(absent if not objects else [])
    return found, missing


def _text(session: Session, found: list[Object], show_events: bool) -> str:
    from minikctl.render.describe import describe, describe_all

    related, now = Related(session), session.now()
    if not show_events:
        return "\n\n".join(describe(one, related, None, now) for one in found)
    return describe_all(found, related, session.api.list("Event"), now)
