"""Quantities as text: Kubernetes' canonical form (`1500m`, `128Mi`), and sizes for people."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from minikctl.model.quantity import parse_quantity

_DECIMAL = ("", "k", "M", "G", "T", "P", "E")
_FRACTIONS = ("m", "u", "n")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def canonical_quantity(text: str | int | float) -> str:
    """As the API server writes it: the largest suffix that needs no fraction (`1000m` is `1`).

    What is no quantity is returned as it came.
    """
    try:
        value = parse_quantity(text)
    except ValueError:
        return str(text)
    return format_quantity(value, binary=str(text).endswith("i"))


def format_quantity(value: Decimal, *, binary: bool) -> str:
    """A number of base units (cores, bytes) with a suffix; `binary` prefers Ki, Mi, … where it fits."""
    if binary and value == value.to_integral_value() and abs(value) >= 1024:
        return _scaled(int(value), 1024, _BINARY)
    for power, suffix in enumerate(("", *_FRACTIONS)):
        shifted = value * 1000**power
        if shifted == shifted.to_integral_value():
            return _scaled(int(shifted), 1000, _DECIMAL) if not power else f"{int(shifted)}{suffix}"
    return f"{int((value * 10**9).to_integral_value(ROUND_CEILING))}n"


def _scaled(value: int, step: int, suffixes: tuple[str, ...]) -> str:
    power = 0
    while value and value % step == 0 and power < len(suffixes) - 1:
        value //= step
        power += 1
    return f"{value}{suffixes[power]}"


def human_size(size: float) -> str:
    """Bytes in binary units with about three figures: 1536 → `1.5Ki`, 123456789 → `118Mi`. Ours."""
    for suffix in _BINARY:
        if abs(size) < 1024 or suffix == _BINARY[-1]:
            break
        size /= 1024
    digits = f"{size:.1f}" if abs(size) < 10 and suffix else f"{size:.0f}"
    return f"{digits.removesuffix('.0')}{suffix}"
