"""How far a workload is, in a few words: what a command waits for after a change."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from minikctl.model import Object, conditions, name_of, spec_of, status_of
from minikctl.model.pods import is_finished, is_ready, phase


class State(Struct, frozen=True):
    """How far one object is."""

    done: bool = False
    waits_for: str = ""
    failure: str = ""


def job_state(job: Object) -> State:
    """A Job is awaited until it ends; a suspended one until it stands still."""
    status = status_of(job)
    for kind in ("Failed", "FailureTarget"):
        failed = conditions.find(status, kind)
        if failed is not None and failed["status"] == "True":
            why = f"{failed.get('reason', '')}: {failed.get('message', '')}"
            return State(failure=f"job.batch/{name_of(job)} failed: {why}" if kind == "Failed" else "")
    if conditions.is_true(status, "Complete"):
        return State(done=True)
    if spec_of(job).get("suspend"):
        return State(conditions.is_true(status, "Suspended") and not status.get("active"), "suspending")
    from minikctl.render.workload_columns import job_completions

    return State(waits_for=f"{job_completions(job)} completions")


def replicas_state(obj: Object) -> State:
    status, wanted = status_of(obj), spec_of(obj).get("replicas", 1)
    observed = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    ready, total = status.get("readyReplicas") or 0, status.get("replicas") or 0
    return State(observed and ready == wanted == total, f"{ready} of {wanted} replicas are ready")


def _daemon_set_state(obj: Object) -> State:
    from minikctl.render.rollout_sets import daemon_set_waits_for, is_observed

    return _rolled_out(is_observed(obj), daemon_set_waits_for(obj))


def _stateful_set_state(obj: Object) -> State:
    from minikctl.render.rollout_sets import is_observed, stateful_set_waits_for

    surplus = (status_of(obj).get("replicas") or 0) - spec_of(obj).get("replicas", 1)
    missing = stateful_set_waits_for(obj)
    if not missing and surplus > 0:
        missing = f"{surplus} pods are pending termination"
    return _rolled_out(is_observed(obj), missing)


def _rolled_out(observed: bool, missing: str) -> State:
    return State(observed and not missing, missing if observed else "waiting for the controller")


def _deployment_state(obj: Object) -> State:
    from minikctl.render.rollout import RolloutError, rollout_status, rollout_waits_for

    try:
        _, done = rollout_status(obj)
    except RolloutError as error:
        return State(failure=str(error))
    observed = status_of(obj).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    # A paused rollout goes on when people say so, not by waiting for it.
    is_paused = observed and bool(spec_of(obj).get("paused"))
    return State(done or is_paused, rollout_waits_for(obj) if observed else "waiting for the controller")


def _pod_state(obj: Object) -> State:
    if phase(obj) == "Failed":
        return State(failure=f"pod/{name_of(obj)} failed")
    from minikctl.render.podstatus import summarize_pod

    # A kubelet that has not seen a change yet says nothing of it.
    observed = status_of(obj).get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    return State(is_finished(obj) or (observed and is_ready(obj)), summarize_pod(obj).status)


STATES: dict[str, Callable[[Object], State]] = {
    "DaemonSet": _daemon_set_state,
    "Deployment": _deployment_state,
    "Job": job_state,
    "Pod": _pod_state,
    "ReplicaSet": replicas_state,
    "ReplicationController": replicas_state,
    "StatefulSet": _stateful_set_state,
}
"""By kind. A CronJob is as declared as soon as it is recorded: what it waits for is time."""


def state_of(obj: Object) -> State:
    """What nobody waits for is done."""
    found = STATES.get(obj["kind"])
    return found(obj) if found is not None else State(done=True)
