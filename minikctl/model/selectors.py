"""Label selectors: the objects' form (`matchLabels`, `matchExpressions`) and kubectl's `-l` form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class Requirement(Struct, frozen=True):
    """One condition on one label. `operator`: In, NotIn, Exists, DoesNotExist, Gt, Lt."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value is not None and value in self.values
            case "NotIn":
                return value is None or value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt":
                return self._compares(value)
        raise ValueError(f"unknown operator {self.operator!r}")

    def _compares(self, value: str | None) -> bool:
        try:
            number, bound = int(value or ""), int(self.values[0])
        except ValueError:
            return False
        return number > bound if self.operator == "Gt" else number < bound


Selector = tuple[Requirement, ...]


def from_object(selector: Mapping[str, Any] | None) -> Selector:
    """From `{"matchLabels": …, "matchExpressions": …}`. An empty selector matches everything."""
    selector = selector or {}
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    return (
        *(Requirement(key, "In", (value,)) for key, value in labels.items()),
        *(Requirement(e["key"], e["operator"], tuple(e.get("values") or ())) for e in expressions),
    )


def matches(selector: Selector, labels: Mapping[str, str]) -> bool:
    return all(requirement.matches(labels) for requirement in selector)


# Patterns are texts: Python compiles one at its first use and keeps it, and most commands use none.
_SET = r"^(?P<key>\S+)\s+(?P<not>not)?in\s*\((?P<values>[^()]*)\)$"
_EQUAL = r"^(?P<key>[^!=<>\s]+)\s*(?P<op>==|=|!=)\s*(?P<value>\S*)$"
_COMPARE = re.compile(r"^(?P<key>[^!=<>\s]+)\s*(?P<op>[<>])\s*(?P<value>-?\d+)$")


def parse(text: str) -> Selector:
    """From kubectl's `-l` text: `a=b,c!=d,e in (f,g),h,!i,j>5`.

    :raises ValueError: the text is not a selector.
    """
    parts = re.split(r",(?![^()]*\))", text) if text.strip() else []
    return tuple(_parse_one(part.strip()) for part in parts)


def _parse_one(part: str) -> Requirement:
    if found := re.match(_SET, part):
        values = tuple(value.strip() for value in found["values"].split(","))
        return Requirement(found["key"], "NotIn" if found["not"] else "In", values)
    if found := re.match(_EQUAL, part):
        return Requirement(found["key"], "NotIn" if found["op"] == "!=" else "In", (found["value"],))
    if found := _COMPARE.match(part):
        return Requirement(found["key"], "Gt" if found["op"] == ">" else "Lt", (found["value"],))
    key = part.removeprefix("!")
    if key and not set(key) & set(" ()=!,<>"):
        return Requirement(key, "Exists" if key == part else "DoesNotExist")
    raise ValueError(f"unable to parse requirement: {part!r}")


def format_selector(selector: Mapping[str, Any] | None) -> str:
    """kubectl's text of an object's selector (`app=web,tier in (a,b)`), `<none>` when empty."""
    words = []
    for requirement in from_object(selector):
        values = ",".join(sorted(requirement.values))
        match requirement.operator:
            case "In" if len(requirement.values) == 1:
                words.append((requirement.key, f"{requirement.key}={values}"))
            case "In":
                words.append((requirement.key, f"{requirement.key} in ({values})"))
            case "NotIn":
                words.append((requirement.key, f"{requirement.key} notin ({values})"))
            case "Exists":
                words.append((requirement.key, requirement.key))
            case _:
                words.append((requirement.key, f"!{requirement.key}"))
    return ",".join(text for _, text in sorted(words)) or "<none>"
