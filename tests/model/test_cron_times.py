"""When schedules are due: a whole year in three time zones against a calculation by brute force."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from minikctl.model.cron import parse
from minikctl.model.cron_times import count, last_time, next_time, zone

YEAR = 2026
BEGIN = int(datetime(YEAR, 1, 1, tzinfo=UTC).timestamp())
END = int(datetime(YEAR + 1, 1, 1, tzinfo=UTC).timestamp())
ZONES = ("Europe/Paris", "America/New_York", "UTC")
SCHEDULES = (
    "0 0 * * *",
    "30 2 * * *",
    "*/20 1-3 * * 0",
    "15 3 29,31 * *",
    "0 12 13 * 5",
    "59 23 28-31 */2 mon-fri",
    "0 */6 1 jan,jul *",
)


def brute_force(
    minutes: set[int], hours: set[int], is_day: Callable[[datetime], bool], locals_of: dict[int, datetime]
) -> list[int]:
    """Every minute of the year whose local time is named."""
    return [
        moment
        for moment, local in locals_of.items()
        if local.minute in minutes and local.hour in hours and is_day(local)
    ]


MEANINGS = {
    "0 0 * * *": ({0}, {0}, lambda day: True),
    "30 2 * * *": ({30}, {2}, lambda day: True),
    "*/20 1-3 * * 0": ({0, 20, 40}, {1, 2, 3}, lambda day: day.strftime("%a") == "Sun"),
    "15 3 29,31 * *": ({15}, {3}, lambda day: day.day in (29, 31)),
    "0 12 13 * 5": ({0}, {12}, lambda day: day.day == 13 or day.strftime("%a") == "Fri"),
    "59 23 28-31 */2 mon-fri": (
        {59},
        {23},
        lambda day: (
            day.month in (1, 3, 5, 7, 9, 11) and (day.day >= 28 or day.strftime("%a") not in ("Sat", "Sun"))
        ),
    ),
    "0 */6 1 jan,jul *": ({0}, {0, 6, 12, 18}, lambda day: day.day == 1 and day.month in (1, 7)),
}


@pytest.mark.parametrize("name", ZONES)
def test_a_year_of_every_schedule(name: str) -> None:
    place = ZoneInfo(name)
    locals_of = {moment: datetime.fromtimestamp(moment, place) for moment in range(BEGIN + 60, END, 60)}
    for text in SCHEDULES:
        schedule, (minutes, hours, is_day) = parse(text), MEANINGS[text]
        found, moment = [], next_time(schedule, BEGIN, zone(name))
        while moment is not None and moment < END:
            found.append(int(moment))
            moment = next_time(schedule, moment, zone(name))
        assert found == brute_force(minutes, hours, is_day, locals_of), f"{text} in {name}"


def test_what_the_clock_jumps_over_is_not_due_and_what_comes_twice_is_due_twice() -> None:
    paris = zone("Europe/Paris")
    schedule = parse("30 2 * * *")
    march = [
        datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M")
        for moment in _all(schedule, datetime(2026, 3, 27, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
    ]
    assert march == ["27 01:30", "28 01:30", "30 00:30"], "there is no 02:30 on the 29th"
    october = [
        datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M")
        for moment in _all(schedule, datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 26, tzinfo=UTC))
    ]
    assert october == ["24 00:30", "25 00:30", "25 01:30"]
    assert paris is not UTC


def _all(schedule: object, begin: datetime, end: datetime) -> list[float]:
    found, moment = [], begin.timestamp()
    while True:
        following = next_time(schedule, moment, zone("Europe/Paris"))  # type: ignore[arg-type]
        assert following is not None
        if following > end.timestamp():
            return found
        found.append(following)
        moment = following


def test_seconds_do_not_matter_and_a_moment_is_after_itself() -> None:
    schedule = parse("* * * * *")
    assert next_time(schedule, 120.0, UTC) == 180.0
    assert next_time(schedule, 120.9, UTC) == 180.0
    assert next_time(schedule, 179.9, UTC) == 180.0


@pytest.mark.parametrize("text", ["0 0 31 2 *", ", * * * *", "0 0 30 2 *"])
def test_what_never_comes(text: str) -> None:
    assert next_time(parse(text), BEGIN, UTC) is None
    assert last_time(parse(text), BEGIN, END, UTC) is None


def test_a_leap_day_comes() -> None:
    found = next_time(parse("0 0 29 2 *"), BEGIN, UTC)
    assert found == datetime(2028, 2, 29, tzinfo=UTC).timestamp()


def test_every_counts_from_what_is_asked_about() -> None:
    schedule = parse("@every 90s")
    assert next_time(schedule, 100.7, UTC) == 190.0
    assert last_time(schedule, 100.7, 300.0, UTC) == 280.0
    assert last_time(schedule, 100.0, 189.0, UTC) is None
    assert count(schedule, 100.0, 1000.0, UTC, 100) == 10


@pytest.mark.parametrize("text", [*SCHEDULES, "*/7 * * * *"])
def test_the_last_time_is_the_one_before_the_next(text: str) -> None:
    schedule, place = parse(text), zone("America/New_York")
    for until in range(BEGIN + 40 * 86_400, END, 3_777_777):
        last = last_time(schedule, BEGIN, until, place)
        following = next_time(schedule, until, place)
        if last is None:
            first = next_time(schedule, BEGIN, place)
            assert first is None or first > until
        else:
            assert BEGIN < last <= until
            assert next_time(schedule, last, place) == following


def test_counting_ends_early() -> None:
    assert count(parse("* * * * *"), BEGIN, END, UTC, 101) == 101
    assert count(parse("0 * * * *"), BEGIN, BEGIN + 7200, UTC, 101) == 2


def test_unknown_zones_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown time zone Mars/Olympus"):
        zone("Mars/Olympus")
