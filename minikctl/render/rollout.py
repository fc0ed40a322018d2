"""`kubectl rollout status` and `rollout history`, and the progress lines of `apply`.

The status of a rollout is read in kubectl's order: has the controller seen this generation, is the deadline
exceeded, are new replicas missing, old ones left, updated ones not yet available.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minikctl.errors import MinikctlError
from minikctl.model import Object, annotations_of, name_of, spec_of, status_of
from minikctl.model.conditions import find
from minikctl.model.revisions import CHANGE_CAUSE, revision_of
from minikctl.render.columns import align_blocks
from minikctl.render.escape import escape
from minikctl.render.printers import qualified_name
from minikctl.render.tables import NONE

DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"


class RolloutError(MinikctlError):
    """The rollout can't be reported, or has failed. One line, as kubectl says it."""


def rollout_status(deployment: Object, revision: int = 0) -> tuple[str, bool]:
    """What to tell, and whether the rollout is over.

    :param deployment: or a DaemonSet or StatefulSet.
    :param revision: another revision of a Deployment than this is an error; 0 takes any.
    :raises RolloutError: the deadline was exceeded, the Deployment is at another revision, or the pods are
        only replaced when people delete them.
    """
    if deployment["kind"] != "Deployment":
        return _set_status(deployment)
    name, status = escape(name_of(deployment)), status_of(deployment)
    running = revision_of(deployment)
    if revision and running != revision:
        raise RolloutError(
            f"desired revision ({revision}) is different from the running revision ({running})"
        )
    if deployment["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    progressing = find(status, "Progressing")
    if progressing and progressing.get("reason") == DEADLINE_EXCEEDED:
        raise RolloutError(f'deployment "{name}" exceeded its progress deadline')
    missing = rollout_waits_for(deployment)
    if missing:
        return f'Waiting for deployment "{name}" rollout to finish: {missing}...', False
    return f'deployment "{name}" successfully rolled out', True


def _set_status(obj: Object) -> tuple[str, bool]:
    from minikctl.render.rollout_sets import set_rollout_status

    try:
        return set_rollout_status(obj)
    except ValueError as error:
        raise RolloutError(str(error)) from None


def rollout_waits_for(deployment: Object) -> str:
    """What is still to come (`1 out of 3 new replicas have been updated`); "" when nothing is."""
    status, desired = status_of(deployment), spec_of(deployment).get("replicas", 1)
    updated, total = status.get("updatedReplicas") or 0, status.get("replicas") or 0
    available = status.get("availableReplicas") or 0
    if updated < desired:
        return f"{updated} out of {desired} new replicas have been updated"
    if total > updated:
        return f"{total - updated} old replicas are pending termination"
    if available < updated:
        return f"{available} of {updated} updated replicas are available"
    return ""


# --- history ---------------------------------------------------------------------------------------


def rollout_history(deployment: Object, replica_sets: Iterable[Object], revision: int = 0) -> str:
    """The table of revisions, or the pod template of one.

    :param replica_sets: those that this Deployment controls.
    :raises RolloutError: there is no such revision.
    """
    revisions = {revision_of(one): one for one in replica_sets if revision_of(one)}
    if revision:
        return _one_revision(deployment, revisions, revision)
    rows: list[Sequence[str]] = [("REVISION", "CHANGE-CAUSE")]
    for number, replica_set in sorted(revisions.items()):
        rows.append((str(number), escape(annotations_of(replica_set).get(CHANGE_CAUSE) or NONE)))
    table = "".join(f"{line}\n" for line in align_blocks(rows))
    return f"{qualified_name(deployment)} \n{table}\n"


def _one_revision(deployment: Object, revisions: dict[int, Object], revision: int) -> str:
    # Only this form describes anything: `apply` reports rollouts without loading the describers.
    from minikctl.render.describe.containers import pod_template
    from minikctl.render.describe.writer import Page

    if revision not in revisions:
        raise RolloutError("unable to find the specified revision")
    replica_set = revisions[revision]
    template: dict[str, Any] = spec_of(replica_set).get("template") or {}
    cause = annotations_of(replica_set).get(CHANGE_CAUSE)
    if cause:
        # Shown as an annotation of the template, as kubectl does, though it is one of the ReplicaSet.
        metadata = template.get("metadata") or {}
        shown = {**(metadata.get("annotations") or {}), CHANGE_CAUSE: cause}
        template = {**template, "metadata": {**metadata, "annotations": shown}}
    page = Page()
    pod_template(page, template)
    return f"{qualified_name(deployment)} with revision #{revision}\n{page.tabbed()}\n"


# --- progress of apply -----------------------------------------------------------------------------


def progress(deployments: Iterable[Object]) -> list[str]:
    """One line a workload while `apply` waits, names in a column. Ours.

    `deployment.apps/web   2/3 ready   1 of 3 updated replicas are available`
    """
    rows = [_progress_row(deployment) for deployment in deployments]
    return [line.rstrip() for line in align_blocks(rows, padding=3)]


def _progress_row(deployment: Object) -> tuple[str, str, str]:
    status, desired = status_of(deployment), spec_of(deployment).get("replicas", 1)
    try:
        _, done = rollout_status(deployment)
        word = "done" if done else rollout_waits_for(deployment) or "waiting for the controller"
    except RolloutError:
        word = "progress deadline exceeded"
    paused = ", paused" if spec_of(deployment).get("paused") else ""
    return qualified_name(deployment), f"{status.get('readyReplicas') or 0}/{desired} ready", word + paused
