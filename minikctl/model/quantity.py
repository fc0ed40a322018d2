"""Kubernetes quantities (`500m`, `128Mi`, `1e3`), read as apimachinery's resource.Quantity reads them."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_FORM = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?\d+)?$")
_SUFFIX: dict[str, Decimal] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}


@lru_cache(maxsize=4096)
def parse_quantity(value: str | int | float) -> Decimal:
    """The quantity as a number of its base unit (cores, bytes, …).

    :raises ValueError: the text is not a quantity.
    """
    match = _FORM.match(str(value))
    if not match:
        raise ValueError(f"not a quantity: {value!r}")
    number, suffix = match.group(1), match.group(2) or ""
    if suffix and suffix[0] in "eE" and suffix not in _SUFFIX:
        return Decimal(number + suffix)
    return Decimal(number) * _SUFFIX[suffix]


def milli(value: str | int | float) -> int:
    """In thousandths, rounded up as Kubernetes' `MilliValue` does: `500m` → 500, `1` → 1000."""
    return int((parse_quantity(value) * 1000).to_integral_value(ROUND_CEILING))


def whole(value: str | int | float) -> int:
    """In whole units, rounded up as Kubernetes' `Value` does: `128Mi` → 134217728."""
    return int(parse_quantity(value).to_integral_value(ROUND_CEILING))
