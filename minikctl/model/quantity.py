"""Kubernetes quantities (`500m`, `128Mi`, `1e3`), read as apimachinery's resource.Quantity reads them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_FORM = re.compile(r"^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$")
_SUFFIX: dict[str, Decimal] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


_LARGEST = Decimal(2**63 - 1)
"""Larger amounts are cut to this, as apimachinery does."""


@lru_cache(maxsize=4096)
def parse_quantity(value: str | int | float) -> Decimal:
    """The quantity as a number of its base unit (cores, bytes, …).

    :raises ValueError: the text is not a quantity.
    """
    match = _FORM.fullmatch(str(value))
    if not match:
        raise ValueError(f"not a quantity: {value!r}")
    number, suffix = match.group(1), match.group(2) or ""
    if suffix and suffix[0] in "eE" and suffix not in _SUFFIX:
        amount = Decimal(number + suffix)
    else:
        amount = Decimal(number) * _SUFFIX[suffix]
    return max(-_LARGEST, min(amount, _LARGEST))


def milli(value: str | int | float) -> int:
    """In thousandths, rounded up as Kubernetes' `MilliValue` does: `500m` → 500, `1` → 1000."""
    return int((parse_quantity(value) * 1000).to_integral_value(ROUND_CEILING))


def whole(value: str | int | float) -> int:
    """In whole units, rounded up as Kubernetes' `Value` does: `128Mi` → 134217728."""
    return int(parse_quantity(value).to_integral_value(ROUND_CEILING))


_BINARY_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL_SUFFIXES = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_NANO = Decimal("1e-9")


@lru_cache(maxsize=4096)
def canonical_quantity(value: str | int | float) -> str:
    """The form in which the API server returns a quantity: `1000m` → `1`, `0.5` → `500m`, `1024Mi` → `1Gi`.

    What is no quantity comes back as text, for validation to judge.
    """
    text = str(value)
    match = _FORM.fullmatch(text)
    if not match:
        return text
    try:
        number, suffix = parse_quantity(text), match.group(2) or ""
    except ArithmeticError:  # an exponent that no number has
        return text
    if suffix.endswith("i") and abs(number) >= 1024:
        return _binary_form(int(number.to_integral_value(ROUND_CEILING)))
    scaled = (
        number.quantize(_NANO, ROUND_CEILING) if number >= 0 else -(-number).quantize(_NANO, ROUND_CEILING)
    )
    exponent_form = suffix[:1] in ("e", "E") and suffix != "E"
    return _decimal_form(scaled, exponent_form)


def format_quantity(number: Decimal, *, binary: bool) -> str:
    """The canonical form of a number of base units; `binary` writes Ki, Mi, … where it can."""
    if binary and abs(number) >= 1024:
        return _binary_form(int(number.to_integral_value(ROUND_CEILING)))
    return _decimal_form(number.quantize(_NANO, ROUND_CEILING), False)


def _binary_form(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < len(_BINARY_SUFFIXES) - 1:
        number //= 1024
        power += 1
    return f"{number}{_BINARY_SUFFIXES[power]}"


def _decimal_form(number: Decimal, exponent_form: bool) -> str:
    if number == 0:
        return "0"
    mantissa, exponent = int(number.scaleb(9)), -9
    while mantissa % 1000 == 0 and exponent < 18:
        mantissa //= 1000
        exponent += 3
    if exponent_form:
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIXES[exponent]}"
