"""JSON values that stand one after the other, as kubectl's decoder takes them.

Rules:
- What is not JSON ends the values: kubectl reads YAML from there on, and so the YAML reader gives the error
  and its position also for what is nearly JSON.
- Numbers are as in `scalars`. Half of a surrogate pair becomes U+FFFD, as in Go.
- Values are bounded before they are made: they take much more memory than their text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from minikctl.manifests.scalars import json_float, to_json
from minikctl.manifests.yaml_composers import MAX_DEPTH
from minikctl.manifests.yaml_nodes import Origin

_BLANK = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_values(text: str, origin: Origin, limit: int) -> Iterator[tuple[Any, int, int, bool]]:
    """Each JSON value at the beginning of `text`, where it begins and ends, whether it has duplicate keys.

    :raises ManifestError: there are more than `limit` values in the text, or a number is too large.
    """
    _check_size(text, origin, limit)
    keys = _Keys()
    decoder = json.JSONDecoder(
        object_pairs_hook=keys.to_dict, parse_float=_float, parse_int=_integer, parse_constant=_not_json
    )
    has_surrogates = _SURROGATE.search(text) is not None
    end = 0
    while (start := skip_blank(text, end)) < len(text):
        keys.repeat = False
        try:
            value, end = decoder.raw_decode(text, start)
        except _TooLarge as error:
            before = text[: text.find(str(error), start)]
            line_start = before.rfind("\n") + 1
            raise origin.error(
                "the number is too large", before.count("\n"), len(before) - line_start
            ) from None
        except (ValueError, RecursionError, _NotJson):
            return
        if _is_deep(text, start, end) and _deeper_than(value, MAX_DEPTH):
            return
        yield (_without_surrogates(value) if has_surrogates else value), start, end, keys.repeat


def skip_blank(text: str, index: int) -> int:
    """The index of the first character that is not blank, from `index` on."""
    blank = _BLANK.match(text, index)
    return blank.end() if blank else index


def as_yaml(text: str) -> str:
    """JSON text that a YAML parser takes: it knows no surrogate pairs. Everything keeps its place."""
    return _SURROGATE.sub(r"\\u0078", text)


class _NotJson(Exception):
    """Something that only the YAML reader can judge (and give the position of)."""


class _TooLarge(Exception):
    """A number that no 64-bit float holds."""


def _float(digits: str) -> int | float:
    try:
        return json_float(float(digits))
    except ValueError:
        raise _TooLarge(digits) from None


def _integer(digits: str) -> int | float:
    if len(digits) > 300:
        return _float(digits)
    value = to_json(int(digits))
    assert isinstance(value, int | float)
    return value


class _Keys:
    repeat = False
    """Whether an object had a key twice."""

    def to_dict(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.repeat = True
        return found


def _not_json(_: str) -> NoReturn:
    raise _NotJson


def _check_size(text: str, origin: Origin, limit: int) -> None:
    if _count(text) <= limit:
        return
    # Not before they are known to be few are the strings taken out, whose commas mean nothing.
    strings = (text.count('"') - text.count('\\"')) // 2
    if strings > 2 * limit or _count(_STRING.sub("", text)) > limit:
        raise origin.error(f"more than {limit} values: split it")


def _count(text: str) -> int:
    """At most how many values there are."""
    return text.count(",") + text.count("[") + text.count("{")


def _is_deep(text: str, start: int, end: int) -> bool:
    return text.count("[", start, end) + text.count("{", start, end) > MAX_DEPTH


def _deeper_than(value: Any, levels: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    items = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(item, levels - 1) for item in items)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
