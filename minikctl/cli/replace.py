"""`minikctl replace`: what files say takes an object's place, whole; with --force the object is made anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from minikctl.cli import options
from minikctl.cli.delete import Manner, delete_objects, grace_seconds_of
from minikctl.cli.documents import checked_documents, key_in, read_inputs, tell_inert
from minikctl.cli.editing import DEFAULT_TIMEOUT
from minikctl.cli.errors import Reported, complain, text_of
from minikctl.cli.goals import GoneGoal
from minikctl.cli.options import flag, value
from minikctl.cli.printing import ResultPrinter
from minikctl.cli.session import Session, open_session
from minikctl.cli.waiting import accomplish, settle
from minikctl.errors import ApiError, UsageError
from minikctl.model import Object, ObjectKey, key_of


def replace(
    context: typer.Context,
    files: options.Files = None,
    recursive: options.Recursive = False,
    force: Annotated[bool, flag("--force", text="Delete the object and make it anew.")] = False,
    cascade: Annotated[
        str, value("--cascade", metavar="background|foreground|orphan", text="With --force: of dependents.")
    ] = "background",
    grace_period: Annotated[
        int, value("--grace-period", metavar="SECONDS", text="With --force: time to end; -1 is its own.")
    ] = -1,
    dry_run: options.DryRun = "none",
    output: Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")] = "",
    show_managed_fields: options.ShowManagedFields = False,
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Replace objects by what files say, whole: `replace -f web.yaml`, `replace --force -f web.yaml`."""
    suffix = options.dry_run_suffix(dry_run)
    options.one_of("--cascade", cascade, ("background", "foreground", "orphan"))
    if grace_period >= 0 and not force:
        raise UsageError("--grace-period must have --force specified")
    printer = ResultPrinter(output, show_managed_fields=show_managed_fields, one_by_one=True)
    found = read_inputs(files, recursive)
    with open_session(context) as session:
        documents = checked_documents(session, found, "replace")
        sources = {id(one.obj): one.source for one in documents}
        manifests = [one.obj for one in documents]
        tell_inert(manifests)
        if force and not suffix:
            manner = Manner(grace_seconds=grace_seconds_of(grace_period), cascade=cascade)
            _delete(session, [key_in(session, one) for one in manifests], manner, timeout)
        done: list[ObjectKey] = []
        for manifest in manifests:
            try:
                obj = _replace_one(session, manifest, force=force, dry=bool(suffix))
            except ApiError as error:
                complain(text_of(error, f'error when replacing "{sources.get(id(manifest), "")}": '))
                continue
            done.append(key_of(obj))
            printer.add(obj, "replaced", suffix)
        printer.finish()
        settle(session, "replace", done, wait=wait and not suffix, timeout=timeout)
        if len(done) < len(manifests):
            raise Reported


def _replace_one(session: Session, manifest: Object, *, force: bool, dry: bool) -> Object:
    """:raises ApiError: it is not there, it is another one, or the change breaks a rule."""
    from minikctl.api.admission import in_namespace
    from minikctl.api.patching import replaced

    key = key_in(session, manifest)
    if force and (not dry or session.api.find(key) is None):
        return session.api.create(manifest, session.namespace, dry_run=dry)
    whole = in_namespace(manifest, session.namespace)
    _, after = session.api.update(key, lambda live: replaced(live, whole), dry_run=dry)
    return after


def _delete(session: Session, keys: Sequence[ObjectKey], manner: Manner, timeout: float) -> None:
    """Returns when all of them are gone. What is not there is fine: it is made."""
    before = session.api.store.list()
    present = [key for key in keys if session.api.find(key) is not None]
    deleted = delete_objects(session, present, manner, [], True)
    if deleted:
        goal = GoneGoal(session, deleted, before, with_dependents=manner.cascade != "orphan")
        accomplish(session, "replace", goal, timeout)
