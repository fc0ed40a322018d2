"""`minikctl get`: tables and documents of what is there, once or as it changes."""

from __future__ import annotations

from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.options import flag, value
from minikctl.cli.printing import dump_yaml, parse_output
from minikctl.cli.resources import Query, Target, find, parse_fields, parse_selector, parse_targets
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import UsageError
from minikctl.render.printers import Printing, print_objects, sort_objects
from minikctl.render.tables import TableOptions

_NOTHING = (
    'You must specify the type of resource to get. Use "minikctl api-resources" for a complete list of'
    " supported resources.\n\nerror: Required resource not specified.\n"
    "See 'minikctl get -h' for help and examples"
)


def get(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    output: options.OutputFormat = "",
    selector: options.Selector = "",
    field_selector: options.FieldSelector = "",
    all_namespaces: options.AllNamespaces = False,
    label_columns: Annotated[
        list[str] | None, value("--label-columns", "-L", metavar="LABELS", text="Labels shown as columns.")
    ] = None,
    show_labels: Annotated[bool, flag("--show-labels", text="All labels as the last column.")] = False,
    show_kind: Annotated[bool, flag("--show-kind", text="The kind before each name.")] = False,
    no_headers: options.NoHeaders = False,
    sort_by: Annotated[
        str, value("--sort-by", metavar="PATH", text="A JSONPath, such as .metadata.name")
    ] = "",
    watch: Annotated[bool, flag("--watch", "-w", text="After that, each change.")] = False,
    watch_only: Annotated[bool, flag("--watch-only", text="Only changes.")] = False,
    output_watch_events: Annotated[
        bool, flag("--output-watch-events", text="With -w: ADDED, MODIFIED or DELETED before each.")
    ] = False,
    ignore_not_found: options.IgnoreNotFound = False,
    show_managed_fields: options.ShowManagedFields = False,
) -> None:
    """Display one or many resources: `get pods`, `get deploy web -o yaml`, `get all -A`."""
    parsed = parse_output(output)
    table = TableOptions(
        wide=parsed.form == "wide",
        show_labels=show_labels,
        label_columns=tuple(options.comma_separated(label_columns)),
        no_headers=no_headers,
        with_namespace=all_namespaces,
        show_kind=show_kind,
    )
    printing = Printing(parsed, dump_yaml, table, show_managed_fields)
    with open_session(context) as session:
        targets = _targets(session, names, files, recursive)
        query = Query(
            None if all_namespaces else session.namespace,
            parse_selector(selector),
            tuple(parse_fields(field_selector)),
        )
        if watch or watch_only:
            from minikctl.cli.get_watch import Watcher

            Watcher(session, targets, query, printing, events=output_watch_events).run(quiet_start=watch_only)
        else:
            _once(session, targets, query, printing, sort_by, ignore_not_found)


def _targets(
    session: Session, names: list[str] | None, files: list[str] | None, recursive: bool
) -> list[Target]:
    if files:
        from minikctl.cli.documents import targets_of_files

        if names:
            raise UsageError(
                "when paths are provided as input, you may not specify resource arguments as well"
            )
        return targets_of_files(session, files, recursive)
    targets = parse_targets(names or [])
    if not targets:
        complain(_NOTHING)
        raise Reported
    return targets


def _once(
    session: Session,
    targets: list[Target],
    query: Query,
    printing: Printing,
    sort_by: str,
    ignore_not_found: bool,
) -> None:
    found, missing = find(session, targets, query)
    errors = [] if ignore_not_found else missing
    if sort_by and found:
        found = sort_objects(found, sort_by)
    is_single = len(targets) == 1 and targets[0].name is not None
    if found or (printing.output.form in ("json", "yaml") and not is_single and not errors):
        several = len({target.kind for target in targets}) > 1
        out(print_objects(found, with_kinds(printing, several), session.now(), single=is_single))
    elif not errors and not ignore_not_found:
        complain(nothing_found(targets, query))
    for error in errors:
        complain(text_of(error))
    if errors:
        raise Reported


def with_kinds(printing: Printing, several: bool) -> Printing:
    """Where several kinds were asked for, each name says its own."""
    if not several or printing.table.show_kind:
        return printing
    from msgspec.structs import replace

    return replace(printing, table=replace(printing.table, show_kind=True))


def nothing_found(targets: list[Target], query: Query) -> str:
    if query.namespace is None or not all(target.kind.namespaced for target in targets):
        return "No resources found"
    return f"No resources found in {query.namespace} namespace."
