"""CPU amounts as cgroups count them, converted as the kubelet does it."""

from __future__ import annotations

CPU_PERIOD = 100_000
"""Microseconds, the kernel's default."""
MIN_CPU_SHARES = 2
_MIN_CPU_QUOTA = 1_000
_SHARES_OF_A_CPU = 1024


def cpu_shares(millicores: int) -> int:
    return max(millicores * _SHARES_OF_A_CPU // 1000, MIN_CPU_SHARES)


def cpu_quota(millicores: int) -> int:
    """Microseconds of CPU time in each `CPU_PERIOD`."""
    return max(millicores * CPU_PERIOD // 1000, _MIN_CPU_QUOTA)
