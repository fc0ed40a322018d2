"""The one place where a problem becomes short enough for people.

The API server's words stay in `FieldProblem.message`; here they lose what a line at the field's place says
already (the path of an unknown field) and what only machines want (regular expressions):

    Unsupported value: "x": supported values: "A", "B"   →  unsupported value "x" (A, B)
    unknown field "spec.imag", did you mean "image"?      →  unknown field "imag", did you mean "image"?
    Required value: detail                                →  required value is missing: detail
    Invalid value: "x": detail                            →  invalid value "x": detail
    Invalid value: "x": must be an integer                →  must be an integer, not "x"   (a wrong type)

What does not have the expected form is passed on as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from minikctl.errors import FieldProblem

_NO_FIELD = "<nil>"
"""The server's path where a whole schema is not matched."""
_LONGEST_VALUE = 60
_LONGEST_DETAIL = 300
_REGEX = re.compile(r",?\s*regex used for validation is '.*?'\)")
_EXAMPLES = "',  or '"

# The sentences about names, which are the longest and the most frequent.
_NAMES = tuple(
    (re.compile(rf"{sentence} .*? alphanumeric character \(e\.g\. ('[^']*').*?\)"), short)
    for sentence, short in (
        (r"a lowercase RFC 1123 (label|subdomain) must", r"must be a lower case DNS \1 (e.g. \2)"),
        (r"a (DNS-1035) label must", r"must be a lower case \1 label (e.g. \2)"),
        (r"a valid (label) must", r"must be a \1 value of letters, digits, '-', '_' and '.' (e.g. \2)"),
        (r"(name part) must", r"\1 must be of letters, digits, '-', '_' and '.' (e.g. \2)"),
    )
)
_UNQUOTED = re.compile(r"must be a string, not (true|false|null|-?\d[\d.eE+-]*)")
_TYPE_FIELDS = ("apiVersion", "kind")
_DECODER = json.JSONDecoder()

# What is said of custom resources repeats their path, and names the type of a value as if it were one.
_IN_BODY = re.compile(r"^\S* in body ")
_BODY_TYPE = re.compile(r'\S* in body must be of type ([\w,.-]+): "(.*)"', re.DOTALL)
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "an integer",
    "null": "null",
    "number": "a number",
    "object": "a map",
    "string": "a string",
}
_A_TYPE = {"boolean": "a boolean"}
"""Of a value that is there."""


def shortly(problem: FieldProblem) -> str:
    """The problem in one short line, without its path and position."""
    short = _WORDS.get(problem.reason)
    text = short(problem.message) if short else None
    if text and _UNQUOTED.fullmatch(text) and problem.path not in _TYPE_FIELDS:
        text = f"{text}: quote it"
    return text or problem.message


def line_of(problem: FieldProblem) -> str:
    """`spec.replicas: must be an integer, not "x"`, or the text alone where no field is to blame."""
    if problem.path in ("", _NO_FIELD):
        return shortly(problem).removeprefix('invalid value "": ')
    return f"{problem.path}: {shortly(problem)}"


def _unsupported(message: str) -> str | None:
    parts = _value_and_detail(message, "Unsupported value: ")
    if parts is None:
        return None
    value, detail = parts
    words = filter(None, detail.removeprefix("supported values: ").split(", "))
    # Only the empty word needs its quotes to be seen.
    options = ", ".join(word.strip('"') or word for word in words)
    return f"unsupported value {value} ({options})" if options else f"unsupported value {value}"


def _invalid(message: str) -> str | None:
    parts = _value_and_detail(message, "Invalid value: ")
    if parts is None:
        return None
    value, detail = parts
    detail = plain(_IN_BODY.sub("", detail))
    return ": ".join(filter(None, (f"invalid value {value}".rstrip(), detail)))


def _wrong_type(message: str) -> str | None:
    parts = _value_and_detail(message, "Invalid value: ")
    if parts is None:
        return None
    value, detail = parts
    if match := _BODY_TYPE.fullmatch(detail):
        wanted, found = match.groups()
        if found in _TYPES:
            value = (
                _A_TYPE.get(found, _TYPES[found])
                if all(one in _TYPES for one in wanted.split(","))
                else value
            )
        detail = f"must be {' or '.join(_TYPES.get(one, f'of type {one}') for one in wanted.split(','))}"
    return f"{detail}, not {value}" if value and detail else detail or f"invalid value {value}"


def _duplicate(message: str) -> str | None:
    parts = _value_and_detail(message, "Duplicate value: ")
    return parts and f"duplicate value {parts[0]}"


def _not_found(message: str) -> str | None:
    parts = _value_and_detail(message, "Not found: ")
    return parts and f"{parts[0]} not found"


def _required(message: str) -> str | None:
    if not message.startswith("Required value"):
        return None
    detail = message.removeprefix("Required value").removeprefix(": ")
    return f"required value is missing: {plain(detail)}" if detail else "required value is missing"


def _unknown_field(message: str) -> str | None:
    match = re.match(r'unknown field "(.*?)"(?=,|$)', message)
    if match is None:
        return None
    return f'unknown field "{_last_step(match[1])}"{message[match.end() :]}'


def _last_step(path: str) -> str:
    if path.endswith("]"):
        return path[path.rfind("[") + 1 : -1]
    return path[path.rfind(".") + 1 :]


def _lowered(message: str) -> str | None:
    return plain(message[:1].lower() + message[1:])


def _value_and_detail(message: str, beginning: str) -> tuple[str, str] | None:
    """The value, as JSON of bearable length, and what the server says of it; each may be empty."""
    if not message.startswith(beginning):
        return None
    rest = message[len(beginning) :]
    try:
        _, end = _DECODER.raw_decode(rest)
        if rest[end : end + 2] not in ("", ": "):
            raise ValueError("a number that the value only begins with")
    except ValueError:
        end = max(0, rest.find(": "))
    value, detail = rest[:end], rest[end:].removeprefix(": ")
    return _cut(value, _LONGEST_VALUE), _cut(detail, _LONGEST_DETAIL)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def plain(detail: str) -> str:
    """The server's advice without regular expressions, with the examples that stand beside them."""
    detail = _REGEX.sub(")", detail)
    for sentence, short in _NAMES:
        detail = sentence.sub(short, detail)
    return detail.replace(_EXAMPLES, "' or '")


_WORDS: dict[str, Callable[[str], str | None]] = {
    "DuplicateField": lambda _: "set twice in one map",
    "FieldValueDuplicate": _duplicate,
    "FieldValueForbidden": _lowered,
    "FieldValueInvalid": _invalid,
    "FieldValueNotFound": _not_found,
    "FieldValueNotSupported": _unsupported,
    "FieldValueRequired": _required,
    "FieldValueTooLong": _lowered,
    "FieldValueTooMany": _lowered,
    "FieldValueTypeInvalid": _wrong_type,
    "UnknownField": _unknown_field,
}
