"""Problems in the API server's words (apimachinery's `field.Error`), and the syntax checks of many rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from minikctl.errors import FieldProblem


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


def show(value: Any) -> str:
    """A value as the API server prints it in a message: JSON without blanks, keys sorted."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


# --- names ----------------------------------------------------------------------------------------

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
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


def label_value_advice(value: str) -> str | None:
    return _advice(value, _LABEL_VALUE_FORM, 63, _LABEL_VALUE_ADVICE)


def qualified_name_advice(value: str) -> str | None:
    """What is wrong with a label's or annotation's key, `[prefix/]name`, or None."""
    prefix, slash, name = value.rpartition("/")
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
