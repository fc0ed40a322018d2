"""CronJobs: when they are due, in which time zone, and what becomes of their Jobs. Rules on the Job that they
make are those on Jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.amounts import check_counts
from minikctl.manifests.rules.jobs import created_name
from minikctl.manifests.rules.problems import invalid, required, unsupported
from minikctl.manifests.rules.rule import Rule, UpdateRule
from minikctl.model import Object
from minikctl.model.cron import parse

_CRON_JOB = frozenset({"CronJob"})
_POLICIES = ("Allow", "Forbid", "Replace")
_COUNTS = ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
# A Job's name has a dash and ten digits more, and no more than 63 characters.
_LONGEST_NAME = 52
_ZONE_PART = r"[A-Za-z.\-_0-9+]{1,14}"


def schedule(obj: Object) -> Iterator[FieldProblem]:
    text = (obj.get("spec") or {}).get("schedule", "")
    yield from _schedule(obj)
    if "TZ" in text:
        yield invalid(
            "spec.schedule", text, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        )


def changed_schedule(old: Object, new: Object) -> Iterator[FieldProblem]:
    """A zone in the schedule is an old way, and may stay where it is."""
    if "TZ" not in (old.get("spec") or {}).get("schedule", ""):
        yield from schedule(new)
        return
    yield from _schedule(new)
    spec = new.get("spec") or {}
    if "TZ" in spec.get("schedule", "") and "timeZone" in spec:
        yield invalid(
            "spec.schedule", spec["schedule"], "cannot use both timeZone field and TZ or CRON_TZ in schedule"
        )


def _schedule(obj: Object) -> Iterator[FieldProblem]:
    text = (obj.get("spec") or {}).get("schedule", "")
    if not text:
        yield required("spec.schedule")
        return
    try:
        parse(text)
    except ValueError as error:
        yield invalid("spec.schedule", text, str(error))


def zone(obj: Object) -> Iterator[FieldProblem]:
    name = (obj.get("spec") or {}).get("timeZone")
    if name is not None and (problem := _zone_advice(name)):
        yield invalid("spec.timeZone", name, problem)


def changed_zone(old: Object, new: Object) -> Iterator[FieldProblem]:
    """A zone that stays may have vanished from the database since."""
    if (old.get("spec") or {}).get("timeZone") != (new.get("spec") or {}).get("timeZone"):
        yield from zone(new)


def _zone_advice(name: str) -> str | None:
    if not name:
        return "timeZone must be nil or non-empty string"
    for part in name.split("/"):
        if part in (".", "..") or part.startswith("-") or not re.fullmatch(_ZONE_PART, part, re.ASCII):
            return f"unknown time zone {name}"
    if name.lower() == "local":
        return "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
    return None if _is_zone(name) else f"unknown time zone {name}"


def _is_zone(name: str) -> bool:
    # Debian has the database twice more, in folders that are none of its zones.
    if name.startswith(("posix/", "right/")):
        return False
    # Without a database nothing is known, so nothing is refused.
    return _is_known(name) or not _is_known("Europe/London")


def _is_known(name: str) -> bool:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def policy(obj: Object) -> Iterator[FieldProblem]:
    spec = obj.get("spec") or {}
    found = spec.get("concurrencyPolicy", "")
    if found not in _POLICIES:
        yield unsupported("spec.concurrencyPolicy", found, _POLICIES)
    yield from check_counts(spec, "spec", _COUNTS)


def name_length(obj: Object) -> Iterator[FieldProblem]:
    name = created_name(obj.get("metadata") or {})
    if len(name) > _LONGEST_NAME:
        yield invalid("metadata.name", name, f"must be no more than {_LONGEST_NAME} characters")


RULES = (
    Rule(
        "cron-job-schedule",
        "the schedule is cron's, without a time zone",
        schedule,
        _CRON_JOB,
        on_update=False,
    ),
    Rule("cron-job-zone", "the time zone is a known one", zone, _CRON_JOB, on_update=False),
    Rule("cron-job-policy", "policy, deadline and history are valid", policy, _CRON_JOB),
    Rule(
        "cron-job-name", "the name leaves room for its Jobs' names", name_length, _CRON_JOB, on_update=False
    ),
    UpdateRule("cron-job-schedule-changed", "a changed schedule is cron's", changed_schedule, _CRON_JOB),
    UpdateRule("cron-job-zone-changed", "a changed time zone is a known one", changed_zone, _CRON_JOB),
)
