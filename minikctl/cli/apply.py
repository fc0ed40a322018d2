"""`minikctl apply`: what manifests say becomes what is desired, in one commit, and then what runs."""

from __future__ import annotations

from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.documents import (
    check_backends,
    checked_documents,
    key_in,
    last_of_each,
    read_inputs,
    refuse_inert,
    tell_inert,
    tell_refused,
)
from minikctl.cli.goals import WorkloadGoal
from minikctl.cli.options import flag, value
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.reading import Unread
from minikctl.cli.resources import parse_selector
from minikctl.cli.session import open_session
from minikctl.cli.timed import tell_timed
from minikctl.cli.waiting import accomplish
from minikctl.errors import Invalid, UsageError
from minikctl.model import key_of

DEFAULT_TIMEOUT = 300.0


def apply(
    context: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-f FILE", hidden=True)] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    kustomization: options.Kustomize = "",
    selector: options.Selector = "",
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
    strict: Annotated[bool, flag("--strict", text="Refuse what would be kept and change nothing.")] = False,
    show_managed_fields: Annotated[bool, flag("--show-managed-fields", text="Keep managedFields.")] = False,
) -> None:
    """Make it so as manifests say, and wait until it is: `apply -f web.yaml`, `apply -f ./k8s/ -R`.

    Every document is checked before anything is changed. All changes are one commit. Waits up to --timeout
    (5m) until every workload is rolled out; with --wait=false it only records what is desired.
    """
    if arguments:
        raise UsageError(f"Unexpected args: [{' '.join(arguments)}]; name files with -f")
    suffix = options.dry_run_suffix(dry_run)
    printer = ResultPrinter(output, show_managed_fields=show_managed_fields)
    found = read_inputs(files, recursive, kustomization)
    with open_session(context) as session:
        if wait and not suffix and not any(isinstance(one, Unread) for one in found):
            session.greet_engines()
        documents = checked_documents(session, found, "apply", parse_selector(selector))
        documents = last_of_each(session, documents)
        manifests = [one.obj for one in documents]
        if wait and not suffix:
            session.cluster.check_engines()
            check_backends(session, documents)  # the first one may only now have been chosen
        if strict:
            refuse_inert(documents, "apply")
        tell_inert(manifests)
        try:
            results = session.api.apply(manifests, session.namespace, dry_run=bool(suffix))
        except Invalid as error:
            tell_refused(documents, error, "apply")
            raise
        by_key = {key_of(result.after): result for result in results}
        ordered = [by_key.get(key_in(session, one)) for one in manifests]
        for result in [one for one in ordered if one] if all(ordered) else results:
            printer.add(result.after, result.verb, suffix)
        printer.finish()
        if wait and not suffix:
            accomplish(session, "apply", WorkloadGoal(session, list(by_key)), timeout)
        if not suffix:
            tell_timed(session, by_key)
