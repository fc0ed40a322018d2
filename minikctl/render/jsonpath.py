"""kubectl's JSONPath templates: `{range .items[*]}{.metadata.name}{"\\n"}{end}`.

This is the dialect of client-go's `util/jsonpath`, which no library speaks. Its rules, where they surprise:

- Text outside braces is copied. Inside, `$` and `@` both mean the current object, in a range too.
- `['a.b']` is `.a.b`; a dot in a key is written `['a\\.b']` or `.a\\.b`. Keys take single quotes only.
- A missing field gives nothing and is no error; an index out of bounds is one.
- Several results of one action are joined by a space; objects and lists are printed as compact JSON.
- `..` finds containers and non-empty strings (the first of them the current object itself), not numbers.
- A missing `{end}` is allowed.

Where Go would walk a map in random order, keys are sorted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from msgspec import Struct

from minikctl.errors import UsageError
from minikctl.render.gotext import go_json, go_scalar


class JsonPathError(UsageError):
    """A template that can't be parsed, or that does not fit the object."""


class Text(Struct, frozen=True):
    value: str


class Literal(Struct, frozen=True):
    value: int | float | bool


class Identifier(Struct, frozen=True):
    """`range` or `end`; any other is an error when it is reached."""

    name: str


class Field(Struct, frozen=True):
    name: str


class Wildcard(Struct, frozen=True):
    """`.*`: every value of an object or list."""


class Recursive(Struct, frozen=True):
    """`..`: everything below."""


class Slice(Struct, frozen=True):
    """`[start:end:step]`; None where it was left out. `single` is `[start]`."""

    start: int | None
    end: int | None
    step: int | None
    single: bool = False


class Union(Struct, frozen=True):
    """`[0,2]`, `['a','b']`."""

    parts: tuple[Path, ...]


class Filter(Struct, frozen=True):
    """`[?(@.a==1)]`; `operator` "" asks only whether the left side exists."""

    left: Path
    operator: str
    right: Path


Node: TypeAlias = Text | Literal | Identifier | Field | Wildcard | Recursive | Slice | Union | Filter
Path: TypeAlias = tuple[Node, ...]
"""One pair of braces, or one text between them."""


# --- parsing ---------------------------------------------------------------------------------------

_TERMINATORS = frozenset(" \t\r\n.,[]$@{}")
_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?")
_COMPARISON = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?[\d.]*")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class _Syntax(Exception):
    """What is wrong, without the template."""


class _Parser:
    """Recursive descent over the text; each `_parse_*` starts on its own first character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def template(self) -> Iterator[Path]:
        while self._at < len(self._text):
            brace = self._text.find("{", self._at)
            end = len(self._text) if brace < 0 else brace
            if end > self._at:
                yield (Text(self._text[self._at : end]),)
            self._at = end + 1
            if brace >= 0:
                yield self.action()

    def action(self) -> Path:
        """The nodes up to the closing brace, which is taken."""
        nodes: list[Node] = []
        while not self._take("}"):
            nodes.extend(self._nodes(nodes))
        return tuple(nodes)

    def _nodes(self, before: Sequence[Node]) -> Sequence[Node]:
        """What stands next inside the braces."""
        if self._take("[?("):
            return (self._filter(),)
        if self._take(".."):
            return self._recursive(before)
        character = self._peek()
        if character in ("", "\n", "\r"):
            raise _Syntax("unclosed action")
        if character in " @$":
            self._at += 1
            return ()
        if character == ".":
            self._at += 1
            return (self._field(),)
        if character == "[":
            return self._array()
        return (self._value(character),)

    def _value(self, character: str) -> Node:
        if character in "\"'":
            return self._quoted(character)
        if character in "+-" or character.isdigit():
            return self._number()
        if character == "_" or character.isalpha():
            return self._identifier()
        raise _Syntax(f"unrecognized character in action: U+{ord(character):04X} '{character}'")

    def _recursive(self, before: Sequence[Node]) -> Sequence[Node]:
        if before and isinstance(before[-1], Recursive):
            raise _Syntax("invalid multiple recursive descent")
        character = self._peek()
        if character == "_" or character.isalnum():
            return (Recursive(), self._field())
        return (Recursive(),)

    def _field(self) -> Node:
        word = self._word(escapes=True)
        return Wildcard() if word == "*" else Field(word.replace("\\", ""))

    def _identifier(self) -> Node:
        word = self._word(escapes=False)
        booleans = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
        return Literal(booleans[word]) if word in booleans else Identifier(word)

    def _word(self, *, escapes: bool) -> str:
        start = self._at
        while self._at < len(self._text) and self._text[self._at] not in _TERMINATORS:
            self._at += 2 if escapes and self._text[self._at] == "\\" else 1
        self._at = min(self._at, len(self._text))
        return self._text[start : self._at]

    def _number(self) -> Node:
        found = _NUMBER.match(self._text, self._at)
        word = found.group() if found else ""
        self._at += len(word)
        try:
            return Literal(float(word) if "." in word else int(word))
        except ValueError:
            raise _Syntax(f"cannot parse number {word}") from None

    def _quoted(self, quote: str) -> Node:
        start = self._at + 1
        end = start
        while self._text[end : end + 1] != quote or self._text[end - 1] == "\\":
            if end >= len(self._text) or self._text[end] == "\n":
                raise _Syntax("unterminated quoted string")
            end += 1
        self._at = end + 1
        return Text(_ESCAPE.sub(_unescaped, self._text[start:end]))

    def _array(self) -> Sequence[Node]:
        end = self._text.find("]", self._at)
        if end < 0:
            raise _Syntax("unterminated array")
        text = self._text[self._at + 1 : end]
        self._at = end + 1
        parts = text.split(",")
        if len(parts) > 1:
            return (Union(tuple(_parse_part(f"[{part.strip(' ')}]") for part in parts)),)
        if found := _KEY.fullmatch(text):
            return _parse_part(f".{found[1]}")
        return (_slice(text),)

    def _filter(self) -> Node:
        start, quote = self._at, ""
        while not (self._peek() == ")" and not quote):
            character = self._peek()
            if character in ("", "\n"):
                raise _Syntax("unterminated filter")
            if character in "\"'" and quote in ("", character) and self._text[self._at - 1] != "\\":
                quote = "" if quote else character
            self._at += 1
        text = self._text[start : self._at]
        self._at += 1
        if not self._take("]"):
            raise _Syntax("unclosed array expect ]")
        found = _COMPARISON.fullmatch(text)
        if not found:
            return Filter(_parse_part(text), "", ())
        return Filter(_parse_part(found[1]), found[2], _parse_part(found[3]))

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, prefix: str) -> bool:
        if not self._text.startswith(prefix, self._at):
            return False
        self._at += len(prefix)
        return True


def _parse_part(text: str) -> Path:
    return _Parser(f"{text}}}").action()


def _slice(text: str) -> Slice:
    found = _SLICE.fullmatch(":" if text == "*" else text)
    if not found:
        raise _Syntax(f"invalid array index {text}")
    words = [(word or "").removeprefix(":") for word in found.groups()]
    try:
        start, end, step = (int(word) if word else None for word in words)
    except ValueError:
        raise _Syntax(f"array index {text} is not a number") from None
    return Slice(start, end, step, single=found[2] is None)


def _unescaped(match: re.Match[str]) -> str:
    word = match[1]
    if len(word) == 1:
        return _ESCAPED.get(word, word)
    code = int(word, 8) if word.isdigit() and len(word) == 3 else int(word[1:], 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"


# --- evaluation ------------------------------------------------------------------------------------


class _Mismatch(Exception):
    """The template does not fit the object."""


def _walk(values: list[Any], path: Path) -> list[Any]:
    for node in path:
        values = _step(values, node)
    return values


def _step(values: list[Any], node: Node) -> list[Any]:
    match node:
        case Text(value) | Literal(value):
            return [value] if isinstance(node, Text) else [value for _ in values]
        case Field(name):
            return [value[name] for value in values if isinstance(value, dict) and name in value]
        case Wildcard():
            return [child for value in values for child in _children(value)]
        case Recursive():
            return list(_descend(values))
        case Slice():
            return [item for value in values if value is not None for item in _sliced(value, node)]
        case Union(parts):
            return [item for part in parts for item in _walk(values, part)]
        case Filter():
            return [
                item for value in values for item in _list(value, "cannot be filtered") if _passes(item, node)
            ]
        case Identifier(name):
            raise _Mismatch(
                "not in range, nothing to end" if name == "end" else f"unrecognized identifier {name}"
            )


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    if isinstance(value, list):
        return value
    # Go sees a string as a list of bytes here; kubectl does so visibly.
    return list(value.encode(errors="replace")) if isinstance(value, str) else []


def _descend(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if children := _children(value):
            yield value
            yield from _descend(children)


def _list(value: Any, complaint: str = "") -> list[Any]:
    if isinstance(value, list):
        return value
    names = {dict: "map[string]interface {}", str: "string", bool: "bool", int: "int64", float: "float64"}
    name = names.get(type(value), "<nil>")
    raise _Mismatch(f"{name} is not array or slice{' and ' if complaint else ''}{complaint}")


def _sliced(value: Any, node: Slice) -> list[Any]:
    items = _list(value)
    start, end = _bounds(node, len(items))
    if start == end:
        return []
    if not 0 <= start < len(items):
        raise _Mismatch(f"array index out of bounds: index {start}, length {len(items)}")
    if not 0 <= end <= len(items):
        raise _Mismatch(f"array index out of bounds: index {end - 1}, length {len(items)}")
    if start > end:
        raise _Mismatch(f"starting index {start} is greater than ending index {end}")
    if node.step is not None and node.step <= 0:
        raise _Mismatch("step must be > 0")
    return items[start : end : node.step]


def _bounds(node: Slice, length: int) -> tuple[int, int]:
    start = node.start or 0
    end = start + 1 if node.single else length if node.end is None else node.end
    if start < 0:
        start += length
    if end < 0 or (end == 0 and node.single):
        end += length
    return start, end


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _passes(item: Any, node: Filter) -> bool:
    lefts = _walk([item], node.left)
    if not node.operator:
        return bool(lefts)
    rights = _walk([item], node.right)
    if not lefts or not rights:
        return False
    if len(lefts) > 1 or len(rights) > 1:
        raise _Mismatch("can only compare one element at a time")
    if node.operator not in _COMPARE:
        raise _Mismatch(f"unrecognized filter operator {node.operator}")
    return _compared(node.operator, lefts[0], rights[0])


def _compared(operator: str, left: Any, right: Any) -> bool:
    comparable = (str, int, float) if operator not in ("==", "!=") else (str, int, float, bool)
    if type(left) not in comparable or type(right) not in comparable:
        raise _Mismatch("invalid type for comparison")
    if type(left) is not type(right):
        raise _Mismatch("incompatible types for comparison")
    return _COMPARE[operator](left, right)


# --- templates -------------------------------------------------------------------------------------


class Template(Struct, frozen=True):
    """A parsed template; made by `parse`."""

    source: str
    paths: tuple[Path, ...]

    def results(self, obj: Any) -> list[list[Any]]:
        """What each action (and text) found, in order; ranges are unrolled.

        :raises JsonPathError: the template does not fit the object.
        """
        found: list[list[Any]] = []
        try:
            self._run(0, obj, found, in_range=False)
        except _Mismatch as error:
            raise JsonPathError(
                f'error executing jsonpath "{self.source}": Error executing template: {error}'
            ) from None
        return found

    def render(self, obj: Any) -> str:
        """The text that `-o jsonpath` prints."""
        return "".join(" ".join(map(_printed, values)) for values in self.results(obj))

    def _run(self, index: int, current: Any, found: list[list[Any]], *, in_range: bool) -> int:
        """Evaluates from `index` to the end of this range (or of the template); returns what comes after."""
        while index < len(self.paths):
            path = self.paths[index]
            index += 1
            word = _block_word(path)
            if word == "end" and in_range:
                return index
            if word == "range":
                index = self._run_range(index, current, found)
            else:
                found.append(_walk([current], path))
        return index

    def _run_range(self, index: int, current: Any, found: list[list[Any]]) -> int:
        """Runs the block that follows `{range …}` once a value; without values, only to find its end."""
        values = _walk(
            [current], tuple(node for node in self.paths[index - 1] if node != Identifier("range"))
        )
        after = index
        for value in values:
            after = self._run(index, value, found, in_range=True)
        return after if values else self._run(index, None, [], in_range=True)


def _block_word(path: Path) -> str:
    words = [node.name for node in path if isinstance(node, Identifier) and node.name in ("range", "end")]
    return words[0] if words else ""


def _printed(value: Any) -> str:
    return go_json(value) if isinstance(value, (dict, list)) else go_scalar(value, nil="null")


@lru_cache(maxsize=64)
def parse(source: str) -> Template:
    """:raises JsonPathError: the text is no template."""
    try:
        return Template(source, tuple(_Parser(source).template()))
    except _Syntax as error:
        raise JsonPathError(f"error parsing jsonpath {source}, {error}") from None


_RELAXED = re.compile(r"\{\.?([^{}]+)\}|\.?([^{}]+)")


def relaxed(expression: str) -> Template:
    """A path in any of the forms `x.y`, `.x.y`, `{x.y}`, `{.x.y}`: custom columns, `--sort-by`, `wait`.

    :raises JsonPathError: none of these.
    """
    found = _RELAXED.fullmatch(expression)
    if not found:
        raise JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or "
            "'{.name1.name2}'"
        )
    return parse(f"{{.{found[1] or found[2]}}}")


def values(expression: str, obj: Any) -> list[Any]:
    """All that a relaxed path finds in an object.

    :raises JsonPathError: the path can't be parsed or does not fit.
    """
    return [value for found in relaxed(expression).results(obj) for value in found]
