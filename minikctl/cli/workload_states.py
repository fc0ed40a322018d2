"""How far a workload is, in a few words: what a command waits for after a change."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from minikctl.model import Object, conditions, name_of, spec_of, status_of


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


STATES: dict[str, Callable[[Object], State]] = {
    "DaemonSet": _daemon_set_state,
    "Job": job_state,
    "ReplicaSet": replicas_state,
    "ReplicationController": replicas_state,
    "StatefulSet": _stateful_set_state,
}
"""By kind. A CronJob is as declared as soon as it is recorded: what it waits for is time."""
