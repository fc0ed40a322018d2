"""Ages, second by second around every step of kubectl's scale."""

import pytest

from minikctl.render.durations import human_duration, rfc1123, since

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1.5, "0s"),
        (0, "0s"),
        (0.999, "0s"),
        (90, "90s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (125, "2m5s"),
        (10 * MINUTE - 1, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR + MINUTE, "8h"),
        (2 * DAY - 1, "47h"),
        (2 * DAY, "2d"),
        (5 * DAY + 3 * HOUR, "5d3h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY + HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR + DAY, "8y"),
    ],
)
def test_human_duration(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


def test_an_object_without_a_time_has_an_unknown_age() -> None:
    assert since(None, 1e9) == "<unknown>"
    assert since("2001-09-09T01:46:30Z", 1e9) == "10s"


def test_rfc1123() -> None:
    assert rfc1123("2026-11-20T03:59:49Z") == "Fri, 20 Nov 2026 03:59:49 +0000"
    assert rfc1123(None) == "Mon, 01 Jan 0001 00:00:00 +0000"
