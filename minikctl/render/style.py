"""How the live view looks: marks, lines and colours, and how wide text is on a terminal.

Whether there is a terminal, and whether NO_COLOR is set, is the caller's to know; it picks the `Style`.
Text is cut and padded before it is painted, so that colours never change where things stand.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import Enum

from msgspec import Struct, field


class Mood(Enum):
    """What a line tells at a glance."""

    GOOD = "good"
    """As it should be."""
    DONE = "done"
    """Ended, and well."""
    BUSY = "busy"
    """On its way."""
    BAD = "bad"
    """Somebody should look."""
    LEAVING = "leaving"
    """On its way out."""
    QUIET = "quiet"
    """Not news."""
    TITLE = "title"
    WARNING = "warning"


_COLOURS: Mapping[Mood, str] = {
    Mood.GOOD: "32",
    Mood.DONE: "2;32",
    Mood.BUSY: "36",
    Mood.BAD: "1;31",
    Mood.LEAVING: "2",
    Mood.QUIET: "2",
    Mood.TITLE: "1",
    Mood.WARNING: "33",
}

_MARKS: Mapping[Mood, str] = {
    Mood.GOOD: "●",
    Mood.DONE: "✓",
    Mood.BUSY: "◐",
    Mood.BAD: "✗",
    Mood.LEAVING: "○",
}

_ASCII_MARKS: Mapping[Mood, str] = {
    Mood.GOOD: "*",
    Mood.DONE: "+",
    Mood.BUSY: "~",
    Mood.BAD: "!",
    Mood.LEAVING: "-",
}


class Style(Struct, frozen=True):
    """Colours may be off; every mood still has its own mark."""

    colours: Mapping[Mood, str] = field(default_factory=dict)
    marks: Mapping[Mood, str] = field(default_factory=lambda: _MARKS)
    branch: str = "├─ "
    last_branch: str = "└─ "
    trunk: str = "│  "
    bar: str = "▰▱"
    """A done and an open step."""
    cut: str = "…"
    dot: str = " · "

    def mark(self, mood: Mood) -> str:
        return self.marks.get(mood, " ")

    def paint(self, text: str, mood: Mood | None) -> str:
        code = self.colours.get(mood) if mood else None
        return f"\x1b[{code}m{text}\x1b[0m" if code and text.strip() else text


PLAIN = Style()
COLOURED = Style(colours=_COLOURS)
ASCII = Style(
    marks=_ASCII_MARKS,
    branch="|- ",
    last_branch="`- ",
    trunk="|  ",
    bar="#.",
    cut="~",
    dot=", ",
)


def text_width(text: str) -> int:
    """How many columns a terminal gives to text without control characters."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, mark: str = "…") -> str:
    """The text, or its beginning and `mark`, in at most `width` columns."""
    if text_width(text) <= width:
        return text
    room, kept = width - text_width(mark), []
    for character in text:
        room -= _character_width(character)
        if room < 0:
            break
        kept.append(character)
    return f"{''.join(kept).rstrip(' ')}{mark}" if width >= text_width(mark) else ""


def pad(text: str, width: int) -> str:
    return text + " " * max(0, width - text_width(text))
