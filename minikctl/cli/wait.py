"""`minikctl wait`: until objects are as asked for: `wait --for=condition=Ready pod/web`.

Rules:
- Several `--for` must all be met. Within one, `A or B` is met by either: `--for='condition=Complete or
  condition=Failed'`. That is ours; everything else is kubectl's.
- Waiting ends early where what is asked for can't come any more: every pod that is missing is stuck. It says
  so, with the reason and the last log lines.
- Without an agent this command drives the loop itself, as every command that waits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import typer
from msgspec import Struct

from minikctl.cli import options
from minikctl.cli.errors import Failed
from minikctl.cli.goals import WorkloadGoal
from minikctl.cli.options import flag, value
from minikctl.cli.pod_troubles import explain_pods
from minikctl.cli.resources import (
    Query,
    Target,
    find,
    look_up,
    parse_fields,
    parse_selector,
    parse_targets,
)
from minikctl.cli.session import Session, open_session, out
from minikctl.errors import UsageError
from minikctl.model import Object, ObjectKey, conditions, key_of, status_of
from minikctl.model.kinds import KINDS

DEFAULT_SECONDS = 30.0
_LONGEST_SECONDS = 7 * 24 * 3600.0
_HEALTHY = ("ready", "available", "complete", "containersready", "initialized")
# The value that a jsonpath waits for may have the word in it.
_OR = re.compile(
    r" or (?=\s*(?:condition=|jsonpath=|create\s*\Z|create or |delete\s*\Z|delete or ))", re.IGNORECASE
)
_NO_RESOURCES = "no matching resources found"

Met = Callable[[Object | None], bool]


class Condition(Struct, frozen=True):
    """One side of a `--for`. `is_met` is asked with the object, or None where there is none.

    :param needs_object: a missing object is an error, as in kubectl.
    :param healthy: it speaks of a workload that comes up, so stuck pods mean that it will not be met.
    """

    is_met: Met
    needs_object: bool = True
    healthy: bool = False


def wait(
    context: typer.Context,
    names: options.Names = None,
    conditions_: Annotated[
        list[str] | None,
        value(
            "--for",
            metavar="WHAT",
            text="create, delete, condition=NAME[=VALUE], jsonpath='{PATH}'[=VALUE]; `A or B` for either.",
        ),
    ] = None,
    files: options.Files = None,
    recursive: options.Recursive = False,
    selector: options.Selector = "",
    field_selector: options.FieldSelector = "",
    all_objects: Annotated[bool, flag("--all", text="All of the kind, in the namespace.")] = False,
    all_namespaces: options.AllNamespaces = False,
    output: Annotated[str, value("--output", "-o", metavar="name", text="Print only names.")] = "",
    timeout: options.Timeout = DEFAULT_SECONDS,
) -> None:
    """Wait until objects are as asked for; 0 looks once, a negative timeout waits for a week."""
    wanted = [parse_for(text) for text in conditions_ or ()]
    if not wanted:
        raise UsageError("say what to wait for: --for=condition=Ready, --for=delete …")
    with open_session(context) as session:
        targets = _targets(session, names, files, recursive)
        _check_targets(targets, selector or field_selector or all_objects)
        query = Query(
            None if all_namespaces else session.namespace,
            parse_selector(selector),
            tuple(parse_fields(field_selector)),
        )
        keys = _keys(session, targets, query, wanted)
        goal = WaitGoal(session, keys, wanted, output == "name")
        _wait(session, goal, _LONGEST_SECONDS if timeout < 0 else timeout)


def _targets(
    session: Session, names: list[str] | None, files: list[str] | None, recursive: bool
) -> list[Target]:
    if not files:
        return parse_targets(names or [])
    from minikctl.cli.documents import targets_of_files

    return targets_of_files(session, files, recursive)


def _check_targets(targets: Sequence[Target], narrowed: object) -> None:
    """:raises UsageError: nothing says which objects are meant."""
    if not targets or (any(one.name is None for one in targets) and not narrowed):
        raise UsageError("you must specify at least one resource, by TYPE/NAME, -l or --all")


def _keys(
    session: Session, targets: Sequence[Target], query: Query, wanted: Sequence[Sequence[Condition]]
) -> list[ObjectKey]:
    """:raises NotFound: a named object is missing, and what is asked for is about one that is there."""
    found, missing = find(session, targets, query)
    if missing and any(one.needs_object for either in wanted for one in either):
        raise missing[0]
    there = [key_of(obj) for obj in found]
    named = [one.key(session) for one in targets if one.name is not None]
    keys = [*there, *(key for key in named if key not in there)]
    if not keys and any(one.needs_object for either in wanted for one in either):
        raise Failed(_NO_RESOURCES)
    return keys


def _wait(session: Session, goal: WaitGoal, timeout: float) -> None:
    """:raises Failed: what was asked for did not come."""
    from minikctl.agent.driver import drive

    said = goal.first_look()
    if said is None and timeout > 0:
        session.tell_simulated()
        session.cluster.check_engines()
        said = drive(session.cluster, "wait", goal.verdict, timeout=timeout)
    if said == MET:
        return
    if said:
        raise Failed(said)
    raise Failed(f"timed out waiting for the condition on {', '.join(goal.left())}")


MET = "met"


class WaitGoal:
    """Says `pod/web condition met` of each object as soon as it is so."""

    def __init__(
        self,
        session: Session,
        keys: Sequence[ObjectKey],
        wanted: Sequence[Sequence[Condition]],
        names_only: bool,
    ) -> None:
        self._session = session
        self._waiting = list(keys)
        self._wanted = wanted
        self._names_only = names_only
        self._healthy = all(one.healthy for either in wanted for one in either)
        self._workloads = WorkloadGoal(session, self._waiting)

    def first_look(self) -> str | None:
        """As `verdict`, of what the engines say now: the store may know less, where no agent looks."""
        return self._look(partial(look_up, self._session))

    def verdict(self) -> str | None:
        """MET, why it can't be met any more, or None."""
        return self._look(self._session.api.find)

    def _look(self, find_object: Callable[[ObjectKey], Object | None]) -> str | None:
        for key in list(self._waiting):
            obj = find_object(key)
            if all(any(one.is_met(obj) for one in either) for either in self._wanted):
                self._waiting.remove(key)
                self._tell(key)
        if not self._waiting:
            return MET
        return self._hopeless() if self._healthy else None

    def left(self) -> list[str]:
        return [f"{KINDS[key.kind].plural}/{key.name}" for key in self._waiting]

    def _hopeless(self) -> str | None:
        verdict = self._workloads.stuck_verdict()
        if verdict is None:
            return None
        return "\n".join([verdict.failure, *explain_pods(self._session, verdict.pods)])

    def _tell(self, key: ObjectKey) -> None:
        from minikctl.render.escape import escape

        name = f"{KINDS[key.kind].qualified}/{escape(key.name)}"
        out(f"{name}\n" if self._names_only else f"{name} condition met\n")


# --- what is waited for ----------------------------------------------------------------------------


def parse_for(text: str) -> tuple[Condition, ...]:
    """The sides of one `--for`.

    :raises UsageError: it says nothing that can be waited for.
    """
    return tuple(_parse_side(side.strip()) for side in _OR.split(text))


def _parse_side(text: str) -> Condition:
    lowered = text.lower()
    if lowered == "delete":
        return Condition(lambda obj: obj is None, needs_object=False)
    if lowered == "create":
        return Condition(lambda obj: obj is not None, needs_object=False)
    if lowered.startswith("condition="):
        return _parse_condition(text.partition("=")[2])
    if lowered.startswith("jsonpath="):
        return _parse_jsonpath(text.partition("=")[2])
    raise UsageError(f'unrecognized condition: "{text}"')


def _parse_condition(text: str) -> Condition:
    name, _, wanted = text.lower().partition("=")
    wanted = wanted or "true"

    def is_met(obj: Object | None) -> bool:
        if obj is None:
            return False
        found = [one for one in status_of(obj).get("conditions") or () if one["type"].lower() == name]
        return any(_is_current(obj, one) and one["status"].lower() == wanted for one in found)

    return Condition(is_met, healthy=name in _HEALTHY and wanted == "true")


def _is_current(obj: Object, condition: conditions.Condition) -> bool:
    """What was observed of an older generation says nothing of this one."""
    generation = obj["metadata"].get("generation")
    observed = condition.get("observedGeneration", status_of(obj).get("observedGeneration"))
    return generation is None or observed is None or observed >= generation


def _parse_jsonpath(text: str) -> Condition:
    from minikctl.render.jsonpath import parse

    path, closed, rest = text.partition("}")
    if not closed or (rest and not rest.startswith("=")):
        raise UsageError(f"write it as --for=jsonpath='{{.status.readyReplicas}}'=3, not {text!r}")
    template = parse(path + closed)
    wanted = rest[1:] if rest else None

    def is_met(obj: Object | None) -> bool:
        if obj is None or not any(template.results(obj)):
            return False
        return wanted is None or template.render(obj) == wanted

    return Condition(is_met)
