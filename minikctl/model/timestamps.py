"""Kubernetes' times: RFC 3339 in UTC with whole seconds (`metav1.Time`); events use microseconds.

Time itself is a float of seconds since the epoch and arrives as an argument.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=1024)
def _format_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_time(now: float) -> str:
    """1700000000.9 → `2023-11-14T22:13:20Z` (the fraction is cut, as Go's Time.Format does)."""
    return _format_second(int(now))


@lru_cache(maxsize=4096)
def parse_time(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time. Engines write nanoseconds: what is too fine is cut."""
    head, dot, tail = text.partition(".")
    if not dot:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    digits = len(tail) - len(tail.lstrip("0123456789"))
    zone = tail[digits:].replace("Z", "+00:00") or "+00:00"
    return datetime.fromisoformat(f"{head}.{tail[:digits][:6].ljust(6, '0')}{zone}").timestamp()
