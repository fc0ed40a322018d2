"""JSON data as YAML text, the way kubectl prints it.

Rules:
- Block style; a sequence is not indented under its key; a line beyond 80 characters breaks at its next space.
- A string is quoted whenever some YAML reader (ours, Kubernetes', or one of YAML 1.1) would read the bare
  word as something else. Several lines become a `|` block where that is exact.
- What is written here, `yaml_reader` and kubectl read as the same value: a property in the tests.

Written by hand rather than with PyYAML's emitter, whose nodes or events cost ten times as much and whose
import is the larger part of a short command.
"""

from __future__ import annotations

import json
import re
from typing import Any

from minikctl.manifests.scalars import NUMBER_STARTS, WORDS, resolve

_WIDTH = 80
_MAX_SIMPLE_KEY = 128
# Most strings in manifests: names, images, paths. They begin with a letter or a slash, so none is a number.
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.\-]*(?::[A-Za-z0-9/_.\-]+)*\Z")
_SPECIAL_FIRST = frozenset("-?:,[]{}#&*!|>'\"%@`")
_PRINTABLE_CLASS = " -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
_PRINTABLE = re.compile(f"[{_PRINTABLE_CLASS}]*\\Z")
_BLOCK = re.compile(f"[{_PRINTABLE_CLASS}\n]*\\Z")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?(?:\Z|[Tt ])")
_SINGLE_SPACE = re.compile(r"(?<! ) (?! )")
_ESCAPED = re.compile(f'[^{_PRINTABLE_CLASS}]|["\\\\]')
_ESCAPES = {
    "\0": "\\0",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
    '"': '\\"',
    "\\": "\\\\",
    "\x85": "\\N",
    "\u2028": "\\L",
    "\u2029": "\\P",
}


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
            self._lines.append(_scalar(value, "", 0))

    def _mapping(self, value: dict[str, Any], indent: str, first: str) -> None:
        """`first` begins the first line (`- ` of a list item), `indent` all others."""
        lines = self._lines
        start = first
        for key in sorted(value) if self._sort_keys else value:
            item = value[key]
            name = key if _PLAIN.match(key) and key not in WORDS and len(key) < 100 else _key(key, indent)
            if isinstance(item, dict) and item:
                lines.append(f"{start}{name}:")
                self._mapping(item, indent + "  ", indent + "  ")
            elif isinstance(item, list) and item:
                lines.append(f"{start}{name}:")
                self._sequence(item, indent, indent)
            else:
                lines.append(f"{start}{name}: {_scalar(item, indent, len(start) + len(name) + 2)}")
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
                self._lines.append(f"{start}- {_scalar(item, indent, len(start) + 2)}")
            start = indent


def _scalar(value: Any, indent: str, column: int) -> str:
    """A leaf that begins at `column` of a line whose block is indented by `indent`."""
    if type(value) is str:
        if _PLAIN.match(value) and value not in WORDS:
            return value
        return _string(value, indent, column)
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, list):
        return "[]"
    return json.dumps(value)


def _key(key: str, indent: str) -> str:
    text = _line(key)
    # As libyaml's emitter: a key that is longer is written in the explicit form.
    return text if len(text) <= _MAX_SIMPLE_KEY else f"? {text}\n{indent}"


def _string(value: str, indent: str, column: int) -> str:
    if "\n" in value and _BLOCK.match(value) and not (" \n" in value or value[-1] == " "):
        return _block(value, indent)
    text = _line(value)
    if column + len(text) > _WIDTH and " " in value:
        return _folded(text, indent + "  ", column)
    return text


def _line(value: str) -> str:
    """`value` on one line: plain, 'quoted' or "quoted", as libyaml's emitter chooses."""
    if not _PRINTABLE.match(value) or _reads_as_other(value):
        return '"' + _ESCAPED.sub(_escape, value) + '"'
    return value if _is_plain(value) else "'" + value.replace("'", "''") + "'"


def _reads_as_other(value: str) -> bool:
    if value in WORDS:
        return True
    if value[0] not in NUMBER_STARTS:
        return False
    if type(resolve(value)) is not str:
        return True
    return _SEXAGESIMAL.match(value) is not None or _DATE.match(value) is not None


def _is_plain(value: str) -> bool:
    if value[0] == " " or value[-1] == " " or value.startswith(("---", "...")):
        return False
    if ": " in value or " #" in value or value[-1] == ":" or value in ("=", "<<"):
        return False
    if value[0] not in _SPECIAL_FIRST:
        return True
    # `-x` and `:x` are words, `- x` is not.
    return value[0] in "-?:" and len(value) > 1 and value[1] != " "


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _folded(text: str, indent: str, column: int) -> str:
    """`text` broken at the first single space of each line after `_WIDTH` characters, as libyaml does."""
    # A break right behind the opening or before the closing quote would be read as part of the folding.
    first, last = (2, len(text) - 2) if text[0] in "'\"" else (1, len(text) - 1)
    parts: list[str] = []
    start = 0
    for match in _SINGLE_SPACE.finditer(text):
        space = match.start()
        if first <= space < last and column + space - start > _WIDTH:
            parts.append(text[start:space])
            start, column = space + 1, len(indent)
    parts.append(text[start:])
    return f"\n{indent}".join(parts)


def _block(value: str, indent: str) -> str:
    """A literal block. Its indicator says how the last line ends, and the indentation where unclear."""
    inner = indent + "  "
    body = value.rstrip("\n")
    trailing = len(value) - len(body)
    chomp = "+" if trailing > 1 or not body else ("-", "")[trailing]
    hint = "2" if value[0] in " \n" else ""
    lines = [f"{inner}{line}" if line else "" for line in body.split("\n")]
    lines += [""] * (trailing - 1)
    return f"|{hint}{chomp}\n" + "\n".join(lines)
