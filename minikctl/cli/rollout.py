"""`minikctl rollout`: status, history, undo and restart of Deployments, DaemonSets and StatefulSets, pause
and resume of Deployments, in kubectl's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from minikctl.cli import options
from minikctl.cli.base import Entry
from minikctl.cli.editing import DEFAULT_TIMEOUT, Editor, choose
from minikctl.cli.errors import Failed
from minikctl.cli.goals import REACHED, Verdict, is_failure
from minikctl.cli.options import flag, value
from minikctl.cli.resources import look_up
from minikctl.cli.session import Session, open_session, out, warn
from minikctl.errors import MinikctlError, NotFound
from minikctl.model import Object, ObjectKey, annotations_of, name_of, namespace_of, spec_of
from minikctl.model.kinds import KINDS
from minikctl.model.timestamps import format_time

_HOME = "minikctl.cli.rollout"
ENTRIES = {
    "status": Entry(_HOME, "status", "Follow a rollout until it is complete."),
    "history": Entry(_HOME, "history", "The revisions, or one of them in detail."),
    "undo": Entry(_HOME, "undo", "Go back to an earlier revision."),
    "restart": Entry(_HOME, "restart", "Replace all pods, one after the other."),
    "pause": Entry(_HOME, "pause", "Record changes without rolling them out."),
    "resume": Entry(_HOME, "resume", "Go on with a paused rollout."),
}
ROLLED = ("DaemonSet", "Deployment", "StatefulSet")
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
_SYSTEM = "deployment.kubernetes.io/"

Output = Annotated[str, value("--output", "-o", metavar="FORMAT", text="name, yaml or json.")]


# --- looking ---------------------------------------------------------------------------------------


def status(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    watch: Annotated[bool, flag("--watch", "-w", text="Until it is complete (default true).")] = True,
    revision: Annotated[int, value("--revision", text="Fail where another one is rolled out.")] = 0,
    timeout: options.Timeout = 0.0,
) -> None:
    """Follow a rollout until it is complete: `rollout status deploy/web --timeout=60s`."""
    with open_session(context) as session:
        for key in _chosen(session, "rollout status", names, files, recursive, selector):
            _need_rollouts(key, "status viewer")
            if watch:
                _follow(session, key, revision, timeout)
            else:
                _print_status(look_up(session, key), key, revision)


def _print_status(obj: Object | None, key: ObjectKey, revision: int) -> None:
    from minikctl.render.rollout import rollout_status

    if obj is None:
        raise NotFound(KINDS[key.kind].resource, key.name)
    out(f"{rollout_status(obj, revision)[0]}\n")


def _follow(session: Session, key: ObjectKey, revision: int, timeout: float) -> None:
    """Acts, too, where nobody else does: otherwise there would be nothing to follow."""
    from minikctl.agent.driver import drive

    follower = _Follower(session, key, revision)
    verdict = drive(
        session.cluster,
        "rollout status",
        follower.look,
        timeout=timeout if timeout > 0 else None,
        is_final=is_failure,
    )
    if verdict is None:
        raise Failed("timed out waiting for the condition")
    if verdict.failure:
        raise Failed(verdict.failure)


class _Follower:
    """Prints the status whenever it reads differently."""

    def __init__(self, session: Session, key: ObjectKey, revision: int) -> None:
        self._session = session
        self._key = key
        self._revision = revision
        self._said = ""

    def look(self) -> Verdict | None:
        import sys

        from minikctl.render.rollout import RolloutError, rollout_status

        obj = self._session.api.find(self._key)
        if obj is None:
            return Verdict("object has been deleted")
        try:
            text, done = rollout_status(obj, self._revision)
        except RolloutError as error:
            return Verdict(str(error))
        if text != self._said:
            self._said = text
            out(f"{text}\n")
            sys.stdout.flush()
        return REACHED if done else None


def history(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    revision: Annotated[int, value("--revision", text="Show this one in detail.")] = 0,
) -> None:
    """The revisions of a deployment, or one of them in detail: `rollout history deploy/web --revision=2`."""
    from minikctl.render.rollout import rollout_history

    with open_session(context) as session:
        for key in _chosen(session, "rollout history", names, files, recursive, selector):
            _need_rollouts(key, "history viewer")
            deployment = session.api.get(key)
            if key.kind != "Deployment":
                from minikctl.cli.rollout_sets import revisions_of
                from minikctl.render.rollout_sets import set_history

                out(set_history(deployment, revisions_of(session, deployment), revision))
                continue
            out(rollout_history(deployment, _replica_sets(session, deployment), revision))


# --- changing --------------------------------------------------------------------------------------


def undo(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    to_revision: Annotated[int, value("--to-revision", text="This one; default 0, the last one.")] = 0,
    dry_run: options.DryRun = "none",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Go back to an earlier revision: `rollout undo deploy/web --to-revision=3`."""
    with open_session(context) as session:
        editor = Editor(session, "rollout undo", dry_run=dry_run, output=output)
        for key in _chosen(session, "rollout undo", names, files, recursive, selector):
            _need_rollouts(key, "rollbacker")
            _undo_one(session, editor, key, to_revision)
        editor.finish(wait=wait, timeout=timeout)


def _undo_one(session: Session, editor: Editor, key: ObjectKey, to_revision: int) -> None:
    from minikctl.model.revisions import same_template, without_hash

    deployment = session.api.get(key)
    if key.kind != "Deployment":
        from minikctl.cli.rollout_sets import undo_set

        undo_set(session, editor, deployment, to_revision, lambda: _tell_managed(session, key))
        return
    if spec_of(deployment).get("paused"):
        raise Failed(
            "you cannot rollback a paused deployment; resume it first with"
            f" 'minikctl rollout resume deployment/{key.name}' and try again"
        )
    source = _revision_to_restore(session, deployment, to_revision)
    _tell_managed(session, key)
    template = without_hash(spec_of(source)["template"])
    if same_template(spec_of(deployment)["template"], template):
        number = annotations_of(source).get(f"{_SYSTEM}revision", "")
        editor.say(deployment, f"skipped rollback (current template already matches revision {number})")
        return
    editor.change(key, lambda obj: _restored(obj, template, source), "rolled back")


def _tell_managed(session: Session, key: ObjectKey) -> None:
    if session.api.store.last_applied(key) is not None:
        warn(
            f"resource {KINDS[key.kind].plural}/{key.name} was previously managed with 'minikctl apply'."
            " Rolling back does not change your manifests: the next apply of them undoes it."
            " Consider using 'minikctl apply' with your previous configuration file instead."
        )


def _revision_to_restore(session: Session, deployment: Object, wanted: int) -> Object:
    from minikctl.model.revisions import revision_of

    by_revision = {revision_of(one): one for one in _replica_sets(session, deployment) if revision_of(one)}
    if wanted:
        if wanted not in by_revision:
            raise Failed(f"unable to find specified revision {wanted} in history")
        return by_revision[wanted]
    if len(by_revision) < 2:
        raise Failed(f'no rollout history found for deployment "{name_of(deployment)}"')
    return by_revision[sorted(by_revision)[-2]]


def _restored(deployment: Object, template: dict[str, Any], source: Object) -> Object:
    """The old template, and the annotations (such as the change's cause) that were the Deployment's then."""
    from minikctl.apply.last_applied import ANNOTATION

    kept = {
        name: text
        for name, text in annotations_of(deployment).items()
        if name.startswith(_SYSTEM) or name == ANNOTATION
    }
    old = {
        name: text
        for name, text in annotations_of(source).items()
        if not name.startswith(_SYSTEM) and name != ANNOTATION
    }
    metadata = {**deployment["metadata"], "annotations": {**kept, **old}}
    return {**deployment, "metadata": metadata, "spec": {**spec_of(deployment), "template": template}}


def restart(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Replace all pods, as the deployment's strategy says: `rollout restart deploy/web`."""
    with open_session(context) as session:
        moment = format_time(session.now())

        def restarted(obj: Object) -> Object:
            if spec_of(obj).get("paused"):
                raise Failed(f"{_quoted(obj)} can't restart paused deployment (run rollout resume first)")
            template = spec_of(obj)["template"]
            metadata = template.get("metadata") or {}
            annotations = metadata.get("annotations") or {}
            if annotations.get(RESTARTED_AT) == moment:
                raise Failed(
                    "if restart has already been triggered within the past second, please wait before"
                    " attempting to trigger another"
                )
            stamped = {**metadata, "annotations": {**annotations, RESTARTED_AT: moment}}
            return {**obj, "spec": {**spec_of(obj), "template": {**template, "metadata": stamped}}}

        keys = _chosen(session, "rollout restart", names, files, recursive, selector)
        _change_all(
            session,
            "rollout restart",
            keys,
            "restarting",
            restarted,
            "restarted",
            output,
            wait,
            timeout,
            ROLLED,
        )


def pause(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    output: Output = "",
) -> None:
    """Record changes without rolling them out: `rollout pause deploy/web`."""

    def paused(obj: Object) -> Object:
        if spec_of(obj).get("paused"):
            raise Failed(f"{_quoted(obj)} is already paused")
        return {**obj, "spec": {**spec_of(obj), "paused": True}}

    with open_session(context) as session:
        keys = _chosen(session, "rollout pause", names, files, recursive, selector)
        _change_all(
            session, "rollout pause", keys, "pausing", paused, "paused", output, True, DEFAULT_TIMEOUT
        )


def resume(
    context: typer.Context,
    names: options.Names = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    output: Output = "",
    wait: options.Wait = True,
    timeout: options.Timeout = DEFAULT_TIMEOUT,
) -> None:
    """Go on with a paused rollout: `rollout resume deploy/web`."""

    def resumed(obj: Object) -> Object:
        if not spec_of(obj).get("paused"):
            raise Failed(f"{_quoted(obj)} is not paused")
        return {**obj, "spec": {name: value for name, value in spec_of(obj).items() if name != "paused"}}

    with open_session(context) as session:
        keys = _chosen(session, "rollout resume", names, files, recursive, selector)
        _change_all(session, "rollout resume", keys, "resuming", resumed, "resumed", output, wait, timeout)


def _change_all(
    session: Session,
    role: str,
    keys: list[ObjectKey],
    doing: str,
    how: Callable[[Object], Object],
    done: str,
    output: str,
    wait: bool,
    timeout: float,
    kinds: Sequence[str] = ("Deployment",),
) -> None:
    editor = Editor(session, role, output=output)
    for key in keys:
        if key.kind not in kinds:
            raise Failed(f'{KINDS[key.kind].resource} "{key.name}" {doing} is not supported')
        editor.change(key, how, done)
    editor.finish(wait=wait, timeout=timeout)


# ---


def _chosen(
    session: Session,
    verb: str,
    names: options.Names,
    files: options.Files,
    recursive: bool,
    selector: str,
) -> list[ObjectKey]:
    """As kubectl's builder has it for all of `rollout`: a type without a name means all of that type."""
    return choose(session, verb, names, files=files, recursive=recursive, selector=selector, all_objects=True)


def _replica_sets(session: Session, deployment: Object) -> list[Object]:
    from minikctl.model.revisions import owned_by

    return owned_by(deployment, session.api.list("ReplicaSet", namespace_of(deployment)))


def _need_rollouts(key: ObjectKey, what: str) -> None:
    """:raises MinikctlError: the kind has no rollouts."""
    if key.kind not in ROLLED:
        raise MinikctlError(f'no {what} has been implemented for "{key.kind}"')


def _quoted(obj: Object) -> str:
    return f'{KINDS[obj["kind"]].resource} "{name_of(obj)}"'
