"""When a schedule is due: robfig/cron's answers, through changes to and from daylight-saving time.

Rules:
- A moment is due when its local time is named by the fields. So what the clock jumps over is not due that
  day, and an hour that comes twice is due twice.
- `@every` counts from the moment that is asked about.
- Who asks brings the time along. Moments are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from minikctl.model.cron import CronFields, Schedule

MINUTE = 60
LONGEST_DAYS = 5 * 366
"""A schedule that names no moment in five years never comes."""
_DAY = timedelta(days=1)


@lru_cache(maxsize=64)
def zone(name: str | None) -> tzinfo:
    """The time zone of that name, UTC without one.

    :raises ValueError: there is none.
    """
    if name in (None, "", "UTC"):
        return UTC
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def next_time(schedule: Schedule, after: float, place: tzinfo) -> float | None:
    """The first moment after `after` at which the schedule is due; None when it never is."""
    if schedule.every is not None:
        return float(int(after) + schedule.every)
    if schedule.fields is None:
        return None
    # Due moments are whole minutes, so the first one to look at is the next minute.
    first = (int(after) // MINUTE + 1) * MINUTE
    day = datetime.fromtimestamp(first, place).date()
    for number in range(LONGEST_DAYS):
        found = _first_of_day(schedule.fields, day + number * _DAY, first, place)
        if found is not None:
            return found
    return None


def _first_of_day(fields: CronFields, day: date, first: int, place: tzinfo) -> float | None:
    if not _is_named(fields, day):
        return None
    begin = datetime(day.year, day.month, day.day, tzinfo=place)
    offset = begin.utcoffset()
    if offset == (begin + _DAY).utcoffset() == (begin - _DAY).utcoffset():
        start = int(begin.timestamp())
        return next((moment for moment in _of_even_day(fields, start) if moment >= first), None)
    return next(_of_odd_day(fields, day, first, place), None)


def _is_named(fields: CronFields, day: date) -> bool:
    if day.month not in fields.months:
        return False
    by_day, by_weekday = day.day in fields.days, day.isoweekday() % 7 in fields.weekdays
    if fields.any_day or fields.any_weekday:
        return by_day and by_weekday
    return by_day or by_weekday


def _of_even_day(fields: CronFields, start: int) -> Iterator[float]:
    """The moments of a day without a change of the clock."""
    for hour in sorted(fields.hours):
        for minute in sorted(fields.minutes):
            yield float(start + hour * 60 * MINUTE + minute * MINUTE)


def _of_odd_day(fields: CronFields, day: date, first: int, place: tzinfo) -> Iterator[float]:
    """The moments of a day that has one near: every minute of it is looked at."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=place).timestamp())
    for moment in range(max(first, noon - 86_400), noon + 86_400, MINUTE):
        local = datetime.fromtimestamp(moment, place)
        if local.date() == day and local.hour in fields.hours and local.minute in fields.minutes:
            yield float(moment)


def last_time(schedule: Schedule, after: float, until: float, place: tzinfo) -> float | None:
    """The last moment after `after`, and not after `until`, at which the schedule is due."""
    if schedule.every is not None:
        rounds = (int(until) - int(after)) // schedule.every
        return float(int(after) + rounds * schedule.every) if rounds > 0 else None
    window = 2.0 * MINUTE
    while True:
        begin = max(after, until - window)
        found = next_time(schedule, begin, place)
        if found is not None and found <= until:
            return _follow(schedule, found, until, place)
        if begin == after:
            return None
        window *= 2


def _follow(schedule: Schedule, found: float, until: float, place: tzinfo) -> float:
    while True:
        later = next_time(schedule, found, place)
        if later is None or later > until:
            return found
        found = later


def count(schedule: Schedule, after: float, until: float, place: tzinfo, most: int) -> int:
    """How often the schedule is due after `after` and not after `until`; `most` where it is oftener."""
    number, moment = 0, next_time(schedule, after, place)
    while moment is not None and moment <= until and number < most:
        number += 1
        moment = next_time(schedule, moment, place)
    return number
