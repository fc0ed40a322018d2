"""History and undo of DaemonSets and StatefulSets: their revisions are objects of their own."""

from __future__ import annotations

from collections.abc import Callable

from minikctl.cli.editing import Editor
from minikctl.cli.errors import Failed
from minikctl.cli.session import Session
from minikctl.model import Object, namespace_of, spec_of
from minikctl.model.controller_revisions import is_same, number_of, owned_by, template_of

KINDS = ("DaemonSet", "StatefulSet")


def revisions_of(session: Session, obj: Object) -> list[Object]:
    """The oldest first."""
    return owned_by(obj, session.api.list("ControllerRevision", namespace_of(obj)))


def undo_set(
    session: Session, editor: Editor, obj: Object, to_revision: int, warned: Callable[[], None]
) -> None:
    """Back to that revision (0: the one before the last), as kubectl does it.

    :param warned: called when nothing is wrong, before anything is done.
    :raises Failed: there is no such revision.
    """
    from minikctl.model import key_of

    revisions = revisions_of(session, obj)
    if not to_revision and len(revisions) < 2:
        raise Failed("no last revision to roll back to")
    found = _find(revisions, to_revision)
    warned()
    if is_same(found, spec_of(obj)["template"]):
        number = to_revision or number_of(found)
        editor.say(obj, f"skipped rollback (current template already matches revision {number})")
        return
    template = template_of(found)
    editor.change(
        key_of(obj), lambda one: {**one, "spec": {**spec_of(one), "template": template}}, "rolled back"
    )


def _find(revisions: list[Object], wanted: int) -> Object:
    if not wanted:
        return revisions[-2]
    for one in revisions:
        if number_of(one) == wanted:
            return one
    raise Failed(f"unable to find specified revision {wanted} in history")
