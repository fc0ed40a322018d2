"""Problems in the API server's words (apimachinery's `field.Error`), and the syntax checks of many rules."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

from minikctl.errors import FieldProblem

NOT_NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than 0"
MAX_INT32 = 2**31 - 1
_LONGEST_SHOWN = 2000
"""Characters of a value that a message shows: one list may be wrong in many places."""


def invalid(path: str, value: Any, detail: str) -> FieldProblem:
    return FieldProblem(path, "FieldValueInvalid", f"Invalid value: {show(value)}: {detail}")


def required(path: str, detail: str = "") -> FieldProblem:
    return FieldProblem(
        path, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value"
    )


def unsupported(path: str, value: Any, supported: Iterable[str]) -> FieldProblem:
    words = ", ".join(f'"{word}"' for word in sorted(supported))
    return FieldProblem(
        path, "FieldValueNotSupported", f"Unsupported value: {show(value)}: supported values: {words}"
    )


def duplicate(path: str, value: Any) -> FieldProblem:
    return FieldProblem(path, "FieldValueDuplicate", f"Duplicate value: {show(value)}")


def forbidden(path: str, detail: str) -> FieldProblem:
    return FieldProblem(path, "FieldValueForbidden", f"Forbidden: {detail}")


def not_found(path: str, value: Any) -> FieldProblem:
    return FieldProblem(path, "FieldValueNotFound", f"Not found: {show(value)}")


def too_long(path: str, limit: int) -> FieldProblem:
    return FieldProblem(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def too_many(path: str, number: int, limit: int) -> FieldProblem:
    return FieldProblem(path, "FieldValueTooMany", f"Too many: {number}: must have at most {limit} items")


def show(value: Any) -> str:
    """A value as the API server prints it in a message: JSON without blanks, keys sorted, and nothing that
    would break the line or speak to a terminal. What is very long is cut; the text is JSON all the same."""
    kept = _kept(value, _Room(_LONGEST_SHOWN))
    text = json.dumps(kept, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text if text.isprintable() else "".join(map(_printable, text))


class _Room(Struct):
    """How many characters may still be shown."""

    left: int


def _kept(value: Any, room: _Room) -> Any:
    """As much of `value` as there is room for; it is taken off."""
    if isinstance(value, str):
        kept = value if len(value) <= room.left else f"{value[: max(room.left, 0)]}..."
        room.left -= len(kept)
        return kept
    room.left -= 1
    if isinstance(value, dict):
        members: dict[str, Any] = {}
        for key, member in value.items():
            if room.left <= 0:
                return {**members, "...": "..."}
            members[_kept(key, room)] = _kept(member, room)
        return members
    if isinstance(value, list):
        items: list[Any] = []
        for item in value:
            if room.left <= 0:
                return [*items, "..."]
            items.append(_kept(item, room))
        return items
    return value


def _printable(char: str) -> str:
    return char if char.isprintable() else json.dumps(char)[1:-1]


MOST_TOLD = 1000
"""Problems of one object, and warnings: whoever has more of them needs other help."""


def first_of(found: Iterable[FieldProblem], reason: str = "TooManyProblems") -> list[FieldProblem]:
    """Each once. Where there are too many: the first ones, and that more of them were not looked for."""
    told = list(islice(found, MOST_TOLD + 1))
    if len(told) > MOST_TOLD:
        message = f"more than {MOST_TOLD} of one object: only the first of them are told"
        told[MOST_TOLD:] = [FieldProblem("", reason, message)]
    return list(dict.fromkeys(told))


# --- checks of one value: nothing, or its problem -------------------------------------------------


def check_syntax(path: str, value: str, advice: Callable[[str], str | None]) -> Iterator[FieldProblem]:
    """`advice` is one of the `*_advice` functions below."""
    if problem := advice(value):
        yield invalid(path, value, problem)


def check_choice(path: str, value: Any, choices: Collection[str]) -> Iterator[FieldProblem]:
    """One of `choices`; the empty string is one that is missing."""
    if value == "" and "" not in choices:
        yield required(path)
    elif value not in choices:
        yield unsupported(path, value, choices)


def check_range(path: str, value: int, low: int, high: int) -> Iterator[FieldProblem]:
    if not low <= value <= high:
        yield invalid(path, value, f"must be between {low} and {high}, inclusive")


def check_not_negative(path: str, value: int) -> Iterator[FieldProblem]:
    if value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def check_filled(path: str, value: Any) -> Iterator[FieldProblem]:
    """A text, list or map that is missing or empty is required."""
    if not value:
        yield required(path)


def repeated_at(items: Iterable[Any]) -> set[int]:
    """The indices of the items that stand in the list before, too."""
    seen: set[Any] = set()
    found: set[int] = set()
    for index, item in enumerate(items):
        key = item if isinstance(item, str) else json.dumps(item, sort_keys=True)
        if key in seen:
            found.add(index)
        seen.add(key)
    return found


# --- names ----------------------------------------------------------------------------------------

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SERVICE = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_ENVIRONMENT_FORM = re.compile(r"[ -<>-~]+\Z", re.ASCII)
_CONFIG_KEY_FORM = re.compile(r"[-._a-zA-Z0-9]+\Z", re.ASCII)
_HTTP_HEADER_FORM = re.compile(r"[-A-Za-z0-9]+\Z", re.ASCII)
_SERVICE_FORM = re.compile(rf"{_SERVICE}\Z", re.ASCII)
_LABEL_FORM = re.compile(rf"{_LABEL}\Z", re.ASCII)
_SUBDOMAIN_FORM = re.compile(rf"{_SUBDOMAIN}\Z", re.ASCII)
_QUALIFIED_FORM = re.compile(rf"{_QUALIFIED}\Z", re.ASCII)
_LABEL_VALUE_FORM = re.compile(rf"({_QUALIFIED})?\Z", re.ASCII)

_LABEL_ADVICE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL}')"
)
_SUBDOMAIN_ADVICE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SUBDOMAIN}')"
)
_QUALIFIED_ADVICE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}')"
)
_SERVICE_ADVICE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    f"validation is '{_SERVICE}')"
)
_ENVIRONMENT_ADVICE = (
    "a valid environment variable name must consist only of printable ASCII characters other than '='"
)
_CONFIG_KEY_ADVICE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or "
    "'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_HTTP_HEADER_ADVICE = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used "
    "for validation is '[-A-Za-z0-9]+')"
)
_LABEL_VALUE_ADVICE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    f"for validation is '({_QUALIFIED})?')"
)


def label_advice(value: str) -> str | None:
    """What is wrong with a DNS label (at most 63 characters), or None."""
    return _advice(value, _LABEL_FORM, 63, _LABEL_ADVICE)


def subdomain_advice(value: str) -> str | None:
    """What is wrong with a DNS subdomain (at most 253 characters), or None."""
    return _advice(value, _SUBDOMAIN_FORM, 253, _SUBDOMAIN_ADVICE)


def service_label_advice(value: str) -> str | None:
    """What is wrong with a DNS-1035 label, which begins with a letter, or None."""
    return _advice(value, _SERVICE_FORM, 63, _SERVICE_ADVICE)


def path_segment_advice(value: str) -> str | None:
    """What is wrong with a name that only has to fit into a path, or None."""
    if value in (".", ".."):
        return f"may not be '{value}'"
    return next((f"may not contain '{part}'" for part in "/%" if part in value), None)


def environment_advice(value: str) -> str | None:
    """What is wrong with the name of an environment variable, or None."""
    return None if _ENVIRONMENT_FORM.match(value) else _ENVIRONMENT_ADVICE


def http_header_advice(value: str) -> str | None:
    return None if _HTTP_HEADER_FORM.match(value) else _HTTP_HEADER_ADVICE


def config_key_advice(value: str) -> str | None:
    """What is wrong with a key of a ConfigMap or Secret (at most 253 characters), or None."""
    if value in (".", ".."):
        return f"must not be '{value}'"
    if value.startswith(".."):
        return "must not start with '..'"
    return _advice(value, _CONFIG_KEY_FORM, 253, _CONFIG_KEY_ADVICE)


_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"


def check_domain_path(path: str, value: str) -> Iterator[FieldProblem]:
    """The name of a controller: a domain, and a path in it."""
    domain, _, rest = value.partition("/")
    if not domain or not rest:
        yield invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')
        return
    yield from check_syntax(path, domain, subdomain_advice)
    if not re.fullmatch(_PATH, rest, re.ASCII):
        yield invalid(path, rest, f"Invalid path (regex used for validation is '{_PATH}')")


def prefix_of(advice: Callable[[str], str | None]) -> Callable[[str], str | None]:
    """`advice` on a name that something is appended to: a dash at its end is no mistake."""

    def masked(value: str) -> str | None:
        dashed = advice is not path_segment_advice and len(value) > 1 and value.endswith("-")
        return advice(f"{value[:-2]}a" if dashed else value)

    return masked


def label_value_advice(value: str) -> str | None:
    return _advice(value, _LABEL_VALUE_FORM, 63, _LABEL_VALUE_ADVICE)


def qualified_name_advice(value: str) -> str | None:
    """What is wrong with a label's or annotation's key, `[prefix/]name`, or None."""
    prefix, slash, name = value.rpartition("/")
    if "/" in prefix:
        return (
            f"a qualified {_QUALIFIED_ADVICE} with an optional DNS subdomain prefix and '/' "
            "(e.g. 'example.com/MyName')"
        )
    if slash and not prefix:
        return "prefix part must be non-empty"
    if slash and (advice := subdomain_advice(prefix)):
        return f"prefix part {advice}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 bytes"
    return None if _QUALIFIED_FORM.match(name) else _QUALIFIED_ADVICE


def _advice(value: str, form: re.Pattern[str], limit: int, advice: str) -> str | None:
    if len(value) > limit:
        return f"must be no more than {limit} bytes"
    return None if form.match(value) else advice
