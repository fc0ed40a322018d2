"""JSON data as YAML text, the way kubectl prints it, and edits of YAML that people wrote.

Rules:
- Block style; a sequence is not indented under its key; long lines are never folded.
- A string is quoted whenever some YAML reader (ours, Kubernetes', or one of YAML 1.1) would read the bare
  word as something else. Several lines become a `|` block where that is exact.
- What is written here, `yaml_reader` reads as the same value; that is a property in the tests.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minikctl.manifests.scalars import NUMBER_STARTS, WORDS, resolve

# Most strings in manifests: names, images, paths. They begin with a letter or a slash, so none is a number.
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.\-]*(?::[A-Za-z0-9/_.\-]+)*\Z")
_SPECIAL_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@`=<")
_PRINTABLE = re.compile("[ -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*\\Z")
_BLOCK = re.compile("[ -~\n\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*\\Z")
_SEXAGESIMAL_OR_DATE = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z|\d{4}-\d\d?-\d\d?")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def dump_yaml(value: Any, *, sort_keys: bool = True) -> str:
    """`value` (JSON data with string keys) as one YAML document that ends in a newline.

    `sort_keys` orders the keys of every object, as kubectl does; otherwise they stay as they are.
    """
    lines: list[str] = []
    _Writer(lines, sort_keys).root(value)
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self, lines: list[str], sort_keys: bool) -> None:
        self._lines = lines
        self._sort_keys = sort_keys

    def root(self, value: Any) -> None:
        if isinstance(value, dict) and value:
            self._mapping(value, "", "")
        elif isinstance(value, list) and value:
            self._sequence(value, "", "")
        else:
            self._lines.append(_scalar(value, ""))

    def _mapping(self, value: dict[str, Any], indent: str, first: str) -> None:
        """`first` begins the first line (`- ` of a list item), `indent` all others."""
        lines = self._lines
        start = first
        for key in sorted(value) if self._sort_keys else value:
            item = value[key]
            name = key if _PLAIN.match(key) and key not in WORDS else _key(key, indent)
            if isinstance(item, dict) and item:
                lines.append(f"{start}{name}:")
                self._mapping(item, indent + "  ", indent + "  ")
            elif isinstance(item, list) and item:
                lines.append(f"{start}{name}:")
                self._sequence(item, indent, indent)
            else:
                lines.append(f"{start}{name}: {_scalar(item, indent)}")
            start = indent

    def _sequence(self, value: list[Any], indent: str, first: str) -> None:
        start = first
        inner = indent + "  "
        for item in value:
            if isinstance(item, dict) and item:
                self._mapping(item, inner, f"{start}- ")
            elif isinstance(item, list) and item:
                self._sequence(item, inner, f"{start}- ")
            else:
                self._lines.append(f"{start}- {_scalar(item, indent)}")
            start = indent


def _scalar(value: Any, indent: str) -> str:
    if type(value) is str:
        if _PLAIN.match(value) and value not in WORDS:
            return value
        return _string(value, indent)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return json.dumps(value)


def _key(key: str, indent: str) -> str:
    text = _line(key)
    # A simple key has at most 1024 characters; a longer one is written in the explicit form.
    return text if len(text) < 1000 else f"? {text}\n{indent}"


def _string(value: str, indent: str) -> str:
    if "\n" in value and _BLOCK.match(value) and not _needs_quotes_in_block(value):
        return _block(value, indent)
    return _line(value)


def _needs_quotes_in_block(value: str) -> bool:
    """Spaces at the end of a line would be invisible; libyaml's emitter refuses a block then."""
    return " \n" in value or value[-1] == " " or value.isspace()


def _line(value: str) -> str:
    """`value` on one line: plain, 'quoted' or "quoted", as libyaml's emitter chooses."""
    if value in WORDS or not _PRINTABLE.match(value):
        return _double(value)
    if _reads_as_other(value):
        return _double(value)
    return value if _is_plain(value) else "'" + value.replace("'", "''") + "'"


def _reads_as_other(value: str) -> bool:
    if value[0] not in NUMBER_STARTS:
        return False
    return type(resolve(value)) is not str or _SEXAGESIMAL_OR_DATE.match(value) is not None


def _is_plain(value: str) -> bool:
    if value[0] == " " or value[-1] == " " or value.startswith(("---", "...")):
        return False
    if ": " in value or " #" in value or value[-1] == ":":
        return False
    if value[0] not in _SPECIAL_FIRST:
        return True
    # `-x` and `:x` are words, `- x` is not.
    return value[0] in "-?:" and len(value) > 1 and value[1] != " "


def _double(value: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    # YAML's `\u` takes no surrogate pairs, so what JSON need not escape but YAML can't print is done here.
    return _ESCAPED.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def _block(value: str, indent: str) -> str:
    """A literal block. Its indicator says how the last line ends, and the indentation where unclear."""
    inner = indent + "  "
    body = value.rstrip("\n")
    trailing = len(value) - len(body)
    chomp = {0: "-", 1: ""}.get(trailing, "+")
    hint = "2" if value[0] in " \n" else ""
    lines = [f"{inner}{line}" if line else "" for line in body.split("\n")]
    lines += [""] * (trailing - 1)
    return f"|{hint}{chomp}\n" + "\n".join(lines)
