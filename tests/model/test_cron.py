"""Schedules: robfig/cron's syntax, with its own odd corners and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.model.cron import parse, parse_duration


@pytest.mark.parametrize(
    ("field", "minutes"),
    [
        ("*", set(range(60))),
        ("?", set(range(60))),
        ("*/20", {0, 20, 40}),
        ("5", {5}),
        ("+5", {5}),
        ("007", {7}),
        ("5/20", {5, 25, 45}),
        ("5-7", {5, 6, 7}),
        ("10-20/5", {10, 15, 20}),
        ("1,3-4,59", {1, 3, 4, 59}),
        ("1,,2,", {1, 2}),
        (",", set()),
        ("*-5", set(range(60))),
        ("*-x/30", {0, 30}),
    ],
)
def test_numbers(field: str, minutes: set[int]) -> None:
    fields = parse(f"{field} 0 1 1 0").fields
    assert fields is not None
    assert fields.minutes == minutes


def test_fields_and_names() -> None:
    fields = parse("\t30  2-4 1,15 JAN,feb-Mar/2  Mon-FRI\n").fields
    assert fields is not None
    assert (fields.hours, fields.days, fields.months) == ({2, 3, 4}, {1, 15}, {1, 2})
    assert fields.weekdays == {1, 2, 3, 4, 5}
    assert not fields.any_day and not fields.any_weekday


@pytest.mark.parametrize(
    ("text", "any_day", "any_weekday"),
    [
        ("0 0 * * 1", True, False),
        ("0 0 1 * ?", False, True),
        ("0 0 */2 * */1", False, True),
        ("0 0 *,1 * 1", True, False),
    ],
)
def test_a_star_leaves_the_choice_to_the_other_field(text: str, any_day: bool, any_weekday: bool) -> None:
    fields = parse(text).fields
    assert fields is not None
    assert (fields.any_day, fields.any_weekday) == (any_day, any_weekday)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty spec string"),
        ("x", "expected exactly 5 fields, found 1: [x]"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
        ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("1_0 * * * *", 'failed to parse int from 1_0: strconv.Atoi: parsing "1_0": invalid syntax'),
        ("jan * * * *", 'failed to parse int from jan: strconv.Atoi: parsing "jan": invalid syntax'),
        ("* * L * *", 'failed to parse int from L: strconv.Atoi: parsing "L": invalid syntax'),
        ("* * * * 5#2", 'failed to parse int from 5#2: strconv.Atoi: parsing "5#2": invalid syntax'),
        (
            "* * * january *",
            'failed to parse int from january: strconv.Atoi: parsing "january": invalid syntax',
        ),
        (f"{2**63 - 1} * * * *", f"end of range ({2**63 - 1}) above maximum (59): {2**63 - 1}"),
        (
            f"{2**63} * * * *",
            f'failed to parse int from {2**63}: strconv.Atoi: parsing "{2**63}": value out of range',
        ),
        ("@reboot", "unrecognized descriptor: @reboot"),
        ("@Daily", "unrecognized descriptor: @Daily"),
        ("@every", "unrecognized descriptor: @every"),
        ("@every 1", 'failed to parse duration @every 1: time: missing unit in duration "1"'),
        ("@every 1d", 'failed to parse duration @every 1d: time: unknown unit "d" in duration "1d"'),
        ("TZ=UTC", "expected exactly 5 fields, found 0: []"),
    ],
)
def test_no_schedule(text: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        parse(text)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "as_fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_descriptors(text: str, as_fields: str) -> None:
    assert parse(text) == parse(as_fields)


@pytest.mark.parametrize(
    ("text", "seconds"), [("@every 1h30m", 5400), ("@every 90s", 90), ("@every 1.9s", 1), ("@every -5m", 1)]
)
def test_every(text: str, seconds: int) -> None:
    assert parse(text).every == seconds


def test_time_zones() -> None:
    assert parse("CRON_TZ=Europe/Paris  0 0 * * *").zone == "Europe/Paris"
    assert parse("TZ=UTC @every 1h").zone == "UTC"
    assert parse("0 0 * * *").zone is None


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("1ns", 1),
        ("1µs", 1000),
        ("1.5h", 5400 * 10**9),
        (".5s", 5 * 10**8),
        ("5.s", 5 * 10**9),
        ("+1m2s", 62 * 10**9),
        ("-1ms", -(10**6)),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "-", "1", "s", ".s", "1 s", "1s ", "1x", "99999999999h", "٣s"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"^time: "):
        parse_duration(text)


@given(st.text(alphabet="0123456789*/-,? @TZ=everyjan\t", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        schedule = parse(text)
    except ValueError:
        return
    assert (schedule.fields is None) != (schedule.every is None)
