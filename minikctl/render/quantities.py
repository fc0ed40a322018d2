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
