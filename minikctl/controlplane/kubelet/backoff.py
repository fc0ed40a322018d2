"""Back-off as the kubelet's: the first restart at once, then 10 s doubling to 300 s, forgotten after 10 min.

The wait before an attempt is written on that attempt's container, so that it survives the agent.
"""

from __future__ import annotations

FIRST_SECONDS = 10
LONGEST_SECONDS = 300
FORGET_AFTER_SECONDS = 600


def next_wait(previous_wait: int | None, ran_seconds: float) -> int:
    """Seconds to wait after an end. `previous_wait`: before the attempt that ended, None for the first."""
    if previous_wait is None or ran_seconds >= FORGET_AFTER_SECONDS:
        return 0
    if previous_wait == 0:
        return FIRST_SECONDS
    return min(2 * previous_wait, LONGEST_SECONDS)


def retry_wait(failures: int) -> int:
    """Seconds to wait after the n-th failure in a row (pulls, creations): 10, 20, 40 … 300."""
    return min(FIRST_SECONDS << min(failures - 1, 10), LONGEST_SECONDS)
