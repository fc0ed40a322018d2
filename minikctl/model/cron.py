"""Schedules of CronJobs: robfig/cron's standard syntax, read exactly as Kubernetes reads it.

Rules:
- Five fields: minute, hour, day of the month, month, day of the week. A field is a list of ranges: `*` or
  `?`, `N`, `N-M`, each with an optional `/step`; `N/step` runs to the field's end. Months and weekdays have
  English names of three letters, in any case. Sunday is 0; 7 is no day.
- Or a descriptor: `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`, and
  `@every DURATION` with Go's durations (`1h30m`, `90s`).
- `TZ=ZONE ` or `CRON_TZ=ZONE ` may stand before either. Whether the zone exists is not asked here.
- Libraries for Python read other dialects (7 for Sunday, `L`, `#`, six fields), so this is read here. What is
  odd in robfig stays: `,` is an empty list that never comes, `*-5` is `*`.
- Only reading. When a schedule is next due is for a controller, to which time is an argument.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from msgspec import Struct


class CronFields(Struct, frozen=True):
    """When a schedule is due, as sets of numbers.

    A `*` in the day of the month or of the week leaves the choice to the other one; where neither has one, a
    day is due that either names.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool = False
    any_weekday: bool = False


class Schedule(Struct, frozen=True):
    """Either `fields` or `every` (whole seconds, at least 1); `zone` is the name of a time zone, if given."""

    fields: CronFields | None = None
    every: int | None = None
    zone: str | None = None


class _Bounds(NamedTuple):
    lowest: int
    highest: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE, _HOUR, _DAY = _Bounds(0, 59), _Bounds(0, 23), _Bounds(1, 31)
_MONTH, _WEEKDAY = _Bounds(1, 12, _MONTHS), _Bounds(0, 6, _WEEKDAYS)

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
# What Go calls white space, which differs from Python's.
_BLANK = "\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


def parse(text: str) -> Schedule:
    """A schedule from its text.

    :raises ValueError: it is none; the message is robfig's.
    """
    if not text:
        raise ValueError("empty spec string")
    zone, text = _take_zone(text)
    if text.startswith("@"):
        return _descriptor(text, zone)
    return Schedule(fields=_fields(text), zone=zone)


def _take_zone(text: str) -> tuple[str | None, str]:
    if not text.startswith(("TZ=", "CRON_TZ=")):
        return None, text
    name, _, rest = text.partition(" ")
    return name.partition("=")[2], re.sub(f"^[{_BLANK}]+|[{_BLANK}]+\\Z", "", rest)


def _descriptor(text: str, zone: str | None) -> Schedule:
    if text in _DESCRIPTORS:
        return Schedule(fields=_fields(_DESCRIPTORS[text]), zone=zone)
    if not text.startswith(_EVERY):
        raise ValueError(f"unrecognized descriptor: {text}")
    try:
        nanoseconds = parse_duration(text.removeprefix(_EVERY))
    except ValueError as error:
        raise ValueError(f"failed to parse duration {text}: {error}") from None
    return Schedule(every=max(1, nanoseconds // 10**9), zone=zone)


def _fields(text: str) -> CronFields:
    found = [field for field in re.split(f"[{_BLANK}]+", text) if field]
    if len(found) != 5:
        shown = " ".join(found)
        raise ValueError(f"expected exactly 5 fields, found {len(found)}: [{shown}]")
    minutes, _ = _numbers(found[0], _MINUTE)
    hours, _ = _numbers(found[1], _HOUR)
    days, any_day = _numbers(found[2], _DAY)
    months, _ = _numbers(found[3], _MONTH)
    weekdays, any_weekday = _numbers(found[4], _WEEKDAY)
    return CronFields(minutes, hours, days, months, weekdays, any_day, any_weekday)


def _numbers(field: str, bounds: _Bounds) -> tuple[frozenset[int], bool]:
    """The numbers of a field, and whether one of its ranges is a star (without a step)."""
    numbers: set[int] = set()
    starred = False
    for expression in filter(None, field.split(",")):
        found, star = _range(expression, bounds)
        numbers.update(found)
        starred = starred or star
    return frozenset(numbers), starred


def _range(expression: str, bounds: _Bounds) -> tuple[range, bool]:
    limits, *steps = expression.split("/")
    first, *last = limits.split("-")
    star = first in ("*", "?")
    if star:
        start, end = bounds.lowest, bounds.highest
    else:
        start = _number(first, bounds)
        end = _number(last[0], bounds) if last else start
        if len(last) > 1:
            raise ValueError(f"too many hyphens: {expression}")
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {expression}")
    if steps:
        step = _whole(steps[0])
        end = end if last else bounds.highest
    _check_range(expression, start, end, step, bounds)
    return range(start, end + 1, step), star and step == 1


def _check_range(expression: str, start: int, end: int, step: int, bounds: _Bounds) -> None:
    if start < bounds.lowest:
        raise ValueError(f"beginning of range ({start}) below minimum ({bounds.lowest}): {expression}")
    if end > bounds.highest:
        raise ValueError(f"end of range ({end}) above maximum ({bounds.highest}): {expression}")
    if start > end:
        raise ValueError(f"beginning of range ({start}) beyond end of range ({end}): {expression}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {expression}")


def _number(word: str, bounds: _Bounds) -> int:
    if word.lower() in bounds.names:
        return bounds.lowest + bounds.names.index(word.lower())
    return _whole(word)


def _whole(word: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", word, re.ASCII):
        raise ValueError(f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": invalid syntax')
    # Python refuses to read thousands of digits; so does Go, much earlier.
    number = int(word) if len(word) < 100 else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError(
            f'failed to parse int from {word}: strconv.Atoi: parsing "{word}": value out of range'
        )
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {word}")
    return number


# --- Go's durations --------------------------------------------------------------------------------

_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_PART = r"([0-9]*)(?:\.([0-9]*))?([^.0-9]*)"


def parse_duration(text: str) -> int:
    """Go's `time.ParseDuration`: `1h30m`, `-1.5s`, `0`; in nanoseconds.

    :raises ValueError: the text is no duration, or beyond 64 bits of nanoseconds.
    """
    unsigned = text[1:] if text[:1] in ("-", "+") else text
    if unsigned == "0":
        return 0
    total, position = 0, 0
    while position < len(unsigned) or not unsigned:
        part = re.compile(_PART).match(unsigned, position)
        if part is None or not (part[1] or part[2]) or len(part[0]) > 100:
            raise ValueError(f'time: invalid duration "{text}"')
        if not part[3]:
            raise ValueError(f'time: missing unit in duration "{text}"')
        if part[3] not in _UNITS:
            raise ValueError(f'time: unknown unit "{part[3]}" in duration "{text}"')
        fraction = part[2] or ""
        total += int(part[1] + fraction or 0) * _UNITS[part[3]] // 10 ** len(fraction)
        position = part.end()
    if total >= 2**63:
        raise ValueError(f'time: invalid duration "{text}"')
    return -total if text.startswith("-") else total
