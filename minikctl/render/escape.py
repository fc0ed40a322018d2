"""Terminal escapes in foreign text are made visible instead of obeyed (CVE-2021-25743).

An event's message, a label or a log line is written by whoever runs a container. Obeyed by a terminal, it
could clear lines, forge output or set the window's title. Rules:

- C0 controls become caret notation (ESC is `^[`, as kubectl writes it; BEL is `^G`), so does DEL (`^?`).
- C1 controls (8-bit CSI, OSC, …) and the characters that reorder or hide text (bidirectional overrides,
  line and paragraph separators, zero-width marks) become `\\x9b`, `\\u202e`.
- Lone surrogates, which no terminal can be sent, become `\\udc80`.
- `escape` leaves no control character at all; `escape_lines` leaves the line feeds, and tabs.
"""

from __future__ import annotations

import re

_BIDI_AND_HIDDEN = "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff"
_FORBIDDEN = rf"\x7f-\x9f\ud800-\udfff{_BIDI_AND_HIDDEN}"
_ANY = re.compile(rf"[\x00-\x1f{_FORBIDDEN}]")
_ALL_BUT_LINES = re.compile(rf"[\x00-\x08\x0b-\x1f{_FORBIDDEN}]")


def escape(text: str) -> str:
    """`text` as one line that is safe to print: every control character made visible."""
    return text if text.isascii() and text.isprintable() else _ANY.sub(_visible, text)


def escape_lines(text: str) -> str:
    """As `escape`, but line feeds and tabs stay: for text that is meant to have lines."""
    return _ALL_BUT_LINES.sub(_visible, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return f"^{chr(code + 0x40)}"
    if code == 0x7F:
        return "^?"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
