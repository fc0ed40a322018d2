"""`minikctl delete`: objects go, with all that they own, and the command ends when they are gone."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import Struct

from minikctl.apply.order import deletion_order
from minikctl.cli import options
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.goals import GoneGoal
from minikctl.cli.options import flag, value
from minikctl.cli.resources import Query, Target, find, parse_fields, parse_selector, parse_targets
from minikctl.cli.session import Session, open_session, out, warn
from minikctl.cli.waiting import accomplish
from minikctl.errors import ApiError, NotFound, UsageError
from minikctl.model import Object, ObjectKey, key_of
from minikctl.model.kinds import KINDS

_CASCADES = ("background", "foreground", "orphan")
_IMMEDIATE = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated."
    " The resource may continue to run on the cluster indefinitely."
)
_NOTHING = (
    "You must provide one or more resources by argument or filename: minikctl delete TYPE NAME, TYPE/NAME,"
    " -f FILE, TYPE -l SELECTOR or TYPE --all"
)


def delete(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: options.Kustomize = "",
    selector: options.Selector = "",
    field_selector: options.FieldSelector = "",
    all_objects: Annotated[bool, flag("--all", text="All of the kind, in the namespace.")] = False,
    all_namespaces: options.AllNamespaces = False,
    cascade: Annotated[
        str, value("--cascade", metavar="background|foreground|orphan", text="What becomes of dependents.")
    ] = "background",
    grace_period: Annotated[
        int,
        value("--grace-period", metavar="SECONDS", text="Time to end by themselves; -1 is the pod's own."),
    ] = -1,
    force: Annotated[bool, flag("--force", text="Forget pods at once; with a grace period of 0.")] = False,
    now: Annotated[bool, flag("--now", text="A grace period of 1 second.")] = False,
    ignore_not_found: options.IgnoreNotFound = False,
    wait: options.Wait = True,
    timeout: options.Timeout = 0.0,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="name", text="Print only names.")] = "",
) -> None:
    """Delete resources and wait until they are gone: `delete pod web-0`, `delete -f web.yaml`."""
    if output not in ("", "name"):
        raise UsageError(f'unexpected -o output mode: {output}. We only support "-o name"')
    manner = Manner(
        grace_seconds=_grace_seconds(grace_period, force, now),
        cascade=options.one_of("--cascade", cascade, _CASCADES),
        force=force,
        suffix=options.dry_run_suffix(dry_run),
        names_only=output == "name",
    )
    with open_session(context) as session:
        if files or kustomization:
            targets = _targets_of_files(session, names, files, recursive, kustomization)
        else:
            targets = _targets(names, selector, field_selector, all_objects)
        keys, missing = _chosen(
            session,
            targets,
            Query(
                None if all_namespaces else session.namespace,
                parse_selector(selector),
                tuple(parse_fields(field_selector)),
            ),
        )
        if force and manner.grace_seconds == 0:
            warn(_IMMEDIATE)
        if wait and not manner.suffix and keys:
            session.cluster.check_engines()
        if keys and not manner.suffix:
            session.cluster.know_again()  # what made a thing says what it is, and may be what is to go
        before = session.api.store.list()
        deleted = delete_objects(session, keys, manner, missing, ignore_not_found or all_objects)
        if wait and not manner.suffix and deleted:
            goal = GoneGoal(session, deleted, before, with_dependents=cascade != "orphan")
            accomplish(session, "delete", goal, timeout)
        if (missing and not ignore_not_found) or len(deleted) < len(keys):
            raise Reported


class Manner(Struct, frozen=True):
    """How objects are deleted, and how that is told."""

    grace_seconds: int | None = None
    cascade: str = "background"
    force: bool = False
    suffix: str = ""
    names_only: bool = False


def delete_objects(
    session: Session, keys: list[ObjectKey], manner: Manner, missing: list[NotFound], ignore_not_found: bool
) -> list[Object]:
    """Asks each object to go, with kubectl's line for each; errors go to stderr. Returns what goes.

    They are asked in the order of deletion, wherever they stand: pods would miss what goes before them, and
    what is in a namespace would be gone before it is asked.
    """
    answers = {key: _ask_to_go(session, key, manner) for key in deletion_order(keys)}
    deleted: list[Object] = []
    for key in keys:
        answer = answers[key]
        if not isinstance(answer, ApiError):
            deleted.append(answer)
            out(_line(key, manner))
        elif not (ignore_not_found and isinstance(answer, NotFound)):
            complain(text_of(answer))
    for absent in missing:
        if not ignore_not_found:
            complain(text_of(absent))
    return deleted


def _ask_to_go(session: Session, key: ObjectKey, manner: Manner) -> Object | ApiError:
    try:
        return session.api.delete(
            key,
            grace_seconds=manner.grace_seconds,
            propagation=manner.cascade,
            force=manner.force,
            dry_run=bool(manner.suffix),
        )
    except ApiError as error:
        return error


def _line(key: ObjectKey, manner: Manner) -> str:
    from minikctl.render.escape import escape

    kind = KINDS[key.kind]
    if manner.names_only:
        return f"{kind.qualified}/{escape(key.name)}\n"
    qualified = kind.qualified
    verb = "force deleted" if manner.force and manner.grace_seconds == 0 else "deleted"
    place = f" from {escape(key.namespace)} namespace" if key.namespace else ""
    return f'{qualified} "{escape(key.name)}" {verb}{place}{manner.suffix}\n'


def _grace_seconds(period: int, force: bool, now: bool) -> int | None:
    """:raises UsageError: the flags contradict each other."""
    if now and period >= 0:
        raise UsageError("--now and --grace-period cannot be specified together")
    if now:
        return 1
    if force and period > 0:
        raise UsageError("--force and --grace-period greater than 0 cannot be specified together")
    if force:
        return 0
    # kubectl: without --force the pod is still seen off properly.
    return grace_seconds_of(period)


def grace_seconds_of(period: int) -> int | None:
    """What an API server is asked for: None is the pod's own time. 0 is 1 where nobody says --force."""
    return None if period < 0 else max(period, 1)


def _targets_of_files(
    session: Session, names: list[str] | None, files: list[str] | None, recursive: bool, kustomization: str
) -> list[Target]:
    from minikctl.cli.documents import targets_of_files

    if names:
        raise UsageError("when paths are provided as input, you may not specify resource arguments as well")
    return targets_of_files(session, files, recursive, kustomization)


def _targets(names: list[str] | None, selector: str, field_selector: str, all_objects: bool) -> list[Target]:
    targets = parse_targets(names or [])
    if not targets:
        raise UsageError(_NOTHING)
    if all_objects and selector:
        raise UsageError("setting 'all' parameter but found a non empty selector. ")
    unnamed = any(target.name is None for target in targets)
    if unnamed and not (all_objects or selector or field_selector):
        raise UsageError("resource(s) were provided, but no name was specified")
    return targets


def _chosen(session: Session, targets: list[Target], query: Query) -> tuple[list[ObjectKey], list[NotFound]]:
    found, missing = find(session, targets, query)
    if not found and not missing:
        out("No resources found\n")
    return list(dict.fromkeys(key_of(obj) for obj in found)), missing
