"""Acting until something is so: driving the loop here, or watching whoever drives it.

What was desired is recorded before anybody waits, so giving up never undoes anything; the message says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from minikctl.cli.errors import Failed, complain
from minikctl.cli.goals import Goal, WorkloadGoal, is_awaited, is_failure
from minikctl.cli.pod_troubles import explain_pods, shown_of
from minikctl.cli.session import Session, warn
from minikctl.model import ObjectKey, name_of

RECORDED = "The desired state is recorded: the next command that waits, or an agent, goes on from here."


def agent_runs(session: Session) -> bool:
    """Whether an agent will do by itself whatever is recorded."""
    holder = session.cluster.lock_holder()
    return holder is not None and holder.get("role") == "agent"


def settle(session: Session, role: str, keys: Iterable[ObjectKey], *, wait: bool, timeout: float) -> None:
    """After a change of these objects: acts until they are as desired, or watches the agent that does so.

    Where an agent runs, a change that nobody waits for (a label of a node, a ConfigMap) ends at once.

    :raises Failed: they did not become so.
    """
    chosen = list(keys)
    if not chosen or not wait:
        return
    if any(is_awaited(key.kind) for key in chosen) or not agent_runs(session):
        accomplish(session, role, WorkloadGoal(session, chosen), timeout)


def accomplish(session: Session, role: str, goal: Goal, timeout: float) -> None:
    """Acts (or watches) until the goal is reached. `timeout` in seconds; 0 or less is for ever.

    :raises Failed: it was not reached; says why, with the last log lines.
    """
    from minikctl.agent.driver import drive
    from minikctl.cli.progress import Progress

    session.tell_simulated()
    session.cluster.check_engines()
    try:
        with Progress() as progress:
            verdict = drive(
                session.cluster,
                role,
                goal.verdict,
                timeout=timeout if timeout > 0 else None,
                on_change=lambda: progress.show(goal.lines()),
                is_final=is_failure,
            )
    except KeyboardInterrupt:
        complain(RECORDED)
        raise
    if verdict is None:
        raise _timed_out(session, goal)
    if isinstance(goal, WorkloadGoal):
        for line in goal.warnings():
            warn(line)
    if verdict.failure:
        raise Failed("\n".join([verdict.failure, *explain_pods(session, verdict.pods), *_advice(goal)]))


def _timed_out(session: Session, goal: Goal) -> Failed:
    pods = goal.missing_pods() if isinstance(goal, WorkloadGoal) else ()
    explained = tuple(f"pod/{name_of(pod)}: " for pod in shown_of(pods))
    lines = [f"  {line}" for line in goal.lines() if not line.startswith(explained)]
    told = ["timed out waiting for the condition", *lines, *explain_pods(session, pods), *_advice(goal)]
    return Failed("\n".join(told))


def _advice(goal: Goal) -> list[str]:
    if not isinstance(goal, WorkloadGoal):
        return []
    return [
        RECORDED,
        *goal.advice(),
    ]
