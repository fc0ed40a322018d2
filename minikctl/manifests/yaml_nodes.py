"""YAML text composed to nodes by PyYAML, within limits, and where in the text each field stands.

Rules:
- What nodes mean is decided in `yaml_values`; nodes are gone when it is known, because they take fifty times
  as much memory as their text.
- Hostile input ends in one `ManifestError`, soon.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct

from minikctl.errors import ManifestError, Position
from minikctl.manifests.paths import Path
from minikctl.manifests.scalars import WORDS, resolve, to_key
from minikctl.manifests.yaml_composers import (
    MAX_DEPTH,
    MAX_FILE_NODES,
    MAX_NODES,
    TooMuch,
    composer_class,
    reanchoring_class,
)

TAG = "tag:yaml.org,2002:"
MAX_ALIAS_GROWTH = 200_000
"""Nodes that aliases may add, in one file, to those that were written."""

_TAG_DIRECTIVE = re.compile("[\r\n\x85\u2028\u2029]%TAG")
_MAX_TAG_DIRECTIVES = 100


class Origin(Struct, frozen=True):
    """Where a piece of text begins in its file: lines and columns before it."""

    source: str
    line: int = 0
    column: int = 0

    def place(self, line: int, column: int) -> tuple[int, int]:
        """The 1-based line and column, in the file, of what has these 0-based ones in the piece."""
        return self.line + line + 1, column + 1 + (0 if line else self.column)

    def position(self, line: int, column: int) -> Position:
        return Position(self.source, *self.place(line, column))

    def error(self, message: str, line: int = 0, column: int = 0) -> ManifestError:
        return ManifestError(message, self.position(line, column))


class Budget(Struct):
    """What one file may still cost; broken documents cost too."""

    nodes: int = MAX_FILE_NODES
    growth: int = MAX_ALIAS_GROWTH


def compose(text: str, origin: Origin, budget: Budget) -> Any:
    """The root node of the only document in `text`; None where it is empty. Its nodes are taken off `budget`.

    :raises ManifestError: it is not YAML, too deep, too large or has a second document.
    """
    import yaml

    # Every one of them makes libyaml look at all those before it.
    if "%TAG" in text and len(_TAG_DIRECTIVE.findall(text)) > _MAX_TAG_DIRECTIVES:
        raise origin.error("too many %TAG lines")
    try:
        try:
            return _compose(composer_class(), text, origin, budget)
        except yaml.composer.ComposerError as error:
            if "duplicate anchor" not in str(error.context):
                raise
            return _compose(reanchoring_class(), text, origin, budget)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text, origin) from None
    except TooMuch as error:
        raise origin.error(str(error)) from None
    except RecursionError:
        raise origin.error(f"nested deeper than {MAX_DEPTH} levels") from None
    except UnicodeEncodeError:
        raise origin.error("the text has a lone surrogate") from None


def _compose(composer_class: Any, text: str, origin: Origin, budget: Budget) -> Any:
    composer = composer_class
    try:
        composer = composer_class(text)
        composer.limit = min(budget.nodes, MAX_NODES)
        root = composer.get_node() if composer.check_node() else None
        if composer.check_node():
            raise _second_document(composer.get_node(), origin)
        return root
    finally:
        budget.nodes -= composer.nodes


def _second_document(node: Any, origin: Origin) -> ManifestError:
    line, column = mark(node)
    return origin.error("a second document must begin with a line of its own, ---", line, column)


def _syntax_error(error: Any, text: str, origin: Origin) -> ManifestError:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        what = " ".join(filter(None, (getattr(error, "context", None), getattr(error, "problem", None))))
        if "<document start>" in what:
            what = "nothing follows a document but a line --- and the next one; no % line precedes it"
        if _is_tab(text, mark.line):
            what = "a tab can't indent YAML: use spaces"
        return origin.error(what or "not YAML", mark.line, mark.column)
    at = getattr(error, "position", None)
    line, column = 0, 0
    if isinstance(at, int):
        # The C reader counts bytes; the pure one counts characters, and is then off after the first `é`.
        before = text.encode()[:at].decode(errors="ignore")
        line, column = before.count("\n"), len(before) - (before.rfind("\n") + 1)
    return origin.error(str(getattr(error, "reason", error)), line, column)


def _is_tab(text: str, line: int) -> bool:
    """Whether the line is indented with one."""
    lines = text.split("\n", line + 1)
    return len(lines) > line and "\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]


def is_plain_name(node: Any, word: Any) -> bool:
    """Whether a key is what nearly every key is: an unquoted word that means itself. `word` is its value."""
    return node.tag is True and type(word) is str and word[:1].isalpha() and word not in WORDS


def is_merge(node: Any) -> bool:
    """Whether a key is YAML's merge key `<<`."""
    return node.id == "scalar" and node.value == "<<" and (node.tag is True or node.tag == f"{TAG}merge")


# --- positions -----------------------------------------------------------------------------------


def mark(node: Any) -> tuple[int, int]:
    """The 0-based line and column where a node begins."""
    start = node.start_mark
    return start.line, start.column


class Places:
    """Where the fields of one composed document stand. A map is gone through once, whatever is asked."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._maps: dict[int, tuple[dict[str, tuple[Any, Any]], list[Any]]] = {}
        """By the node's id: the keys with their nodes, and the nodes that are merged."""

    def locate(self, path: Path) -> tuple[int, int]:
        """The 0-based line and column of a path's key (of the item, in a list), or of its nearest parent."""
        found, node = self._root, self._root
        for step in path:
            child = self._child(node, step)
            if child is None:
                break
            found, node = child
        return mark(found)

    def _child(self, node: Any, step: str | int) -> tuple[Any, Any] | None:
        """(what to point at, the value) one step further down."""
        if node.id == "sequence":
            inside = isinstance(step, int) and 0 <= step < len(node.value)
            return (node.value[step], node.value[step]) if inside else None
        # In the text of a path, the key "80" of a map looks like an index.
        return self._member(node, str(step), set()) if node.id == "mapping" else None

    def _member(self, node: Any, key: str, asked: set[int]) -> tuple[Any, Any] | None:
        """In the map itself, or in what is merged into it: each is asked once, however often it is merged."""
        if id(node) in asked:
            return None
        asked.add(id(node))
        if id(node) not in self._maps:
            self._maps[id(node)] = _keys_of(node)
        own, merged = self._maps[id(node)]
        if (found := own.get(key)) is not None:
            return found
        return next((member for source in merged if (member := self._member(source, key, asked))), None)


def _keys_of(node: Any) -> tuple[dict[str, tuple[Any, Any]], list[Any]]:
    own: dict[str, tuple[Any, Any]] = {}
    merged: list[Any] = []
    for key_node, value_node in node.value:
        if is_merge(key_node):
            merged += value_node.value if value_node.id == "sequence" else (value_node,)
        elif key_node.id == "scalar":
            own.setdefault(_key_text(key_node), (key_node, value_node))
    return own, merged


def _key_text(node: Any) -> str:
    word: str = node.value
    if node.tag is not True or is_plain_name(node, word):
        return word
    try:
        return to_key(resolve(word))
    except ValueError:
        return word
