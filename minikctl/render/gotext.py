"""JSON data written as Go writes it: `encoding/json` and `fmt.Print`, which kubectl prints through."""

from __future__ import annotations

import json
from typing import Any

_HTML = str.maketrans(
    {
        "<": "\\u003c",
        ">": "\\u003e",
        "&": "\\u0026",
        "\u2028": "\\u2028",
        "\u2029": "\\u2029",
        "\x7f": "\\u007f",
    }
)


def go_json(value: Any, *, indent: int | None = None) -> str:
    """As `encoding/json`: keys sorted, `<>&` escaped; compact without `indent` (spaces a level).

    DEL and the C1 controls are escaped too, which JSON allows and Go does not do: what is printed to a
    terminal holds none.
    """
    separators = (",", ": ") if indent else (",", ":")
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=indent, separators=separators)
    return "".join(_escaped(one) if "\x7f" < one < "\xa0" else one for one in text.translate(_HTML))


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}"


def go_scalar(value: Any, *, nil: str) -> str:
    """One JSON scalar as `fmt.Print` writes it; `nil` is the word for null."""
    if value is None:
        return nil
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # %v writes the exponent only from 1e21 on, Python from 1e16 on.
        return f"{value:.0f}" if value.is_integer() and abs(value) < 1e21 else repr(value)
    return str(value)


def go_print(value: Any) -> str:
    """Any JSON value as `fmt.Print` writes it: `map[a:1 b:[x y]]`, `<nil>`."""
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{go_print(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(go_print(item) for item in value)}]"
    return go_scalar(value, nil="<nil>")
