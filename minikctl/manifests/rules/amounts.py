"""Numbers, and numbers or percentages, as many kinds have them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikctl.errors import FieldProblem
from minikctl.manifests.rules.problems import NOT_NEGATIVE, invalid
from minikctl.manifests.rules.rule import Fields

_PERCENT = r"([0-9]+)%"
_INTEGER = r"[+-]?[0-9]+"
_PERCENT_ADVICE = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex "
    "used for validation is '[0-9]+%')"
)


def check_counts(fields: Fields, path: str, names: tuple[str, ...]) -> Iterator[FieldProblem]:
    """Those of `fields` that `names` names are not negative, where they are set."""
    for name in names:
        value = fields.get(name)
        if value is not None and value < 0:
            yield invalid(f"{path}.{name}", value, NOT_NEGATIVE)


def check_amount(value: int | str, path: str) -> Iterator[FieldProblem]:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str):
        if _percentage(value) is None:
            yield invalid(path, value, _PERCENT_ADVICE)
    elif value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def check_at_most_all(value: int | str, path: str) -> Iterator[FieldProblem]:
    percentage = _percentage(value)
    if percentage is not None and percentage > 100:
        yield invalid(path, value, "must not be greater than 100%")


def amount(value: int | str) -> int:
    """The number before the `%`, or the number itself, also in quotes; 0 for any other text."""
    percentage = _percentage(value)
    if percentage is not None:
        return percentage
    if isinstance(value, str):
        return _whole(value) if re.fullmatch(_INTEGER, value, re.ASCII) else 0
    return value


def _percentage(value: int | str) -> int | None:
    found = re.fullmatch(_PERCENT, value, re.ASCII) if isinstance(value, str) else None
    return _whole(found[1]) if found else None


def _whole(digits: str) -> int:
    # Python refuses to read thousands of digits.
    return int(digits) if len(digits) < 100 else 2**63 - 1
