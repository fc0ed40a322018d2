"""PyYAML's composers, with limits.

Rules:
- The C parser recurses without a guard: depth and number of nodes are counted in the hooks that it calls
  around every node.
- PyYAML is imported when the first document comes.
"""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 200
MAX_NODES = 200_000
"""Nodes in one document. The largest CRDs have about 30,000."""
MAX_FILE_NODES = 400_000
"""Nodes in one file. Bundles of all CRDs of a large operator have about 300,000."""


class TooMuch(Exception):
    """A limit was reached while composing."""


_composer: Any = None


def composer_class() -> Any:
    """The C parser where PyYAML was built with it, else its pure form; PyYAML is imported here, late."""
    global _composer
    if _composer is None:
        try:
            from yaml._yaml import CParser
        except ImportError:
            _composer = _pure_composer()
        else:
            _composer = type("_CComposer", (_Counting, CParser), {})
    return _composer


def reanchoring_class() -> Any:
    """A slower one, for documents that use the name of an anchor again: PyYAML calls that an error."""
    from yaml.composer import Composer

    quick: Any = composer_class()

    class ReanchoringComposer(_Reanchoring, Composer, quick):  # type: ignore[misc]
        cost = 5

        def __init__(self, text: str) -> None:
            quick.__init__(self, text)
            Composer.__init__(self)

    return ReanchoringComposer


def _pure_composer() -> Any:
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureComposer(_Reanchoring, _Counting, Reader, Scanner, Parser, Composer):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)

    return PureComposer


class _Counting:
    """PyYAML's resolver hooks, used to count: the composer calls them around every node."""

    depth = 0
    nodes = 0
    limit = MAX_NODES
    cost = 1

    def descend_resolver(self, _parent: Any, _index: Any) -> None:
        self.nodes += self.cost
        self.depth += 1
        if self.depth > MAX_DEPTH + 1:
            raise TooMuch(f"nested deeper than {MAX_DEPTH} levels")
        if self.nodes > self.limit:
            raise TooMuch(
                f"too many values: a document may have {MAX_NODES}, a file {MAX_FILE_NODES}; split it"
            )

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, _kind: Any, _value: Any, implicit: Any) -> Any:
        """A scalar's tag becomes True (plain: its text decides) or False (quoted: a string)."""
        return implicit[0] if type(implicit) is tuple else implicit


class _Reanchoring:
    """An anchor's name may be used again, as in YAML and in go-yaml: later aliases mean the new one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        from yaml.events import AliasEvent

        event = self.peek_event()  # type: ignore[attr-defined]
        if not isinstance(event, AliasEvent):
            self.anchors.pop(event.anchor, None)  # type: ignore[attr-defined]
        return super().compose_node(parent, index)  # type: ignore[misc]
