"""The syntax of Go's regular expressions (`regexp/syntax`), written anew in that of Rust's.

Rules:
- Go's order of decisions, so that the same is refused: repeated repetitions, counts above 1000 (also nested
  ones multiplied), escapes that mean nothing, references, looking around.
- Every character that means something in Rust alone (`&&` in a class) is escaped.
- Flags and groups are the same in both.
"""

from __future__ import annotations

import re

from msgspec import Struct

_MAX_COUNT = 1000
_MAX_DEPTH = 1000
_META = r"\.+*?()|[]{}^$#&-~"
_MAX_CODE = 0x10FFFF
_COUNT = re.compile(r"\{(0|[1-9][0-9]*)(,(0|[1-9][0-9]*)?)?\}", re.ASCII)
_GROUP_NAME = re.compile(r"\?P?<([A-Za-z0-9_]+)>", re.ASCII)
_FLAGS = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])")
_HEX = re.compile(r"x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_PROPERTY = re.compile(r"([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Za-z]))")
_CATEGORIES = re.compile(
    r"(Any|C[cfos]?|L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|[A-Z][a-z]+\w*)\Z"
)
# Characters from … to …, two by two.
_DIGITS, _WORD, _SPACE = "09", "09AZ__az", "\t\n\f\r  "
_PERL_CLASSES = {"d": _DIGITS, "s": _SPACE, "w": _WORD}
_POSIX_CLASSES = {
    "alnum": "09AZaz",
    "alpha": "AZaz",
    "ascii": "\x00\x7f",
    "blank": "\t\t  ",
    "cntrl": "\x00\x1f\x7f\x7f",
    "digit": _DIGITS,
    "graph": "!~",
    "lower": "az",
    "print": " ~",
    "punct": "!/:@[`{~",
    "space": "\t\r  ",
    "upper": "AZ",
    "word": _WORD,
    "xdigit": "09AFaf",
}
_SIGNS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_BOUNDARIES = {"A": r"\A", "z": r"\z", "b": r"(?-u:\b)", "B": r"(?-u:\B)"}


class NotRe2(ValueError):
    """Go does not take it."""


class _Group(Struct):
    """An open group. A weight is the counts of nested repetitions, multiplied."""

    weight: int = 1
    last: int | None = None
    """That of the expression that a repetition would repeat."""
    repeats: bool = False
    """Whether the last thing was a repetition."""


def translated(pattern: str) -> str:
    """The same for Rust.

    :raises NotRe2: Go does not take it.
    """
    return _Translator(pattern).run()


class _Translator:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._last_posix = pattern.rfind(":]") - len("[:")
        self._groups = [_Group()]
        self._names: set[str] = set()
        self._parts: list[str] = []

    def run(self) -> str:
        while self._at < len(self._pattern):
            self._step(self._pattern[self._at])
        if len(self._groups) > 1:
            raise NotRe2("missing closing )")
        return "".join(self._parts)

    def _step(self, char: str) -> None:
        if char in "*+?":
            self._at += 1
            self._repeat(char, 1)
        elif char == "{" and (count := _COUNT.match(self._pattern, self._at)):
            self._at = count.end()
            self._repeat(count[0], _checked_count(count))
        elif char == "(":
            self._open()
        elif char == ")":
            self._close()
        elif char == "|":
            self._at += 1
            self._parts.append("|")
            self._groups[-1].last, self._groups[-1].repeats = None, False
        elif char == "[":
            self._atom(self._class())
        elif char == "\\":
            self._escape()
        else:
            self._at += 1
            self._atom(char if char in "^$." else _literal(char))

    def _atom(self, text: str, weight: int = 1) -> None:
        self._parts.append(text)
        group = self._groups[-1]
        group.weight, group.last, group.repeats = max(group.weight, weight), weight, False

    # --- repetitions and groups --------------------------------------------------------------------

    def _repeat(self, sign: str, count: int) -> None:
        group = self._groups[-1]
        if self._pattern.startswith("?", self._at):
            self._at += 1
            sign += "?"
        if group.repeats:
            raise NotRe2("invalid nested repetition operator")
        if group.last is None:
            raise NotRe2("missing argument to repetition operator")
        weight = group.last * count
        if weight > _MAX_COUNT:
            raise NotRe2("invalid repeat count")
        self._atom(sign, weight)
        group.repeats = True

    def _open(self) -> None:
        self._at += 1
        if self._pattern.startswith("?", self._at) and not self._named():
            flags = _FLAGS.match(self._pattern, self._at)
            if flags is None:
                raise NotRe2("invalid or unsupported Perl syntax")
            self._at = flags.end()
            if flags[3] == ")":
                self._parts.append(f"({flags[0]}" if flags[0] != "?)" else "")
                self._groups[-1].repeats = False
                return
            self._parts.append(f"({flags[0]}")
        else:
            self._parts.append("(")
        self._groups.append(_Group())
        if len(self._groups) > _MAX_DEPTH:
            raise NotRe2("expression nests too deeply")

    def _named(self) -> bool:
        """Passes over the name of a group; what it is called does not matter here."""
        name = _GROUP_NAME.match(self._pattern, self._at)
        if name is None:
            return False
        if name[1] in self._names:
            raise NotRe2("duplicate capture group name")
        self._names.add(name[1])
        self._at = name.end()
        return True

    def _close(self) -> None:
        if len(self._groups) == 1:
            raise NotRe2("unexpected )")
        self._at += 1
        self._atom_of(self._groups.pop())

    def _atom_of(self, group: _Group) -> None:
        self._atom(")", group.weight)

    # --- escapes and classes -----------------------------------------------------------------------

    def _escape(self) -> None:
        sign = self._pattern[self._at + 1 : self._at + 2]
        if sign == "Q":
            start = self._at + 2
            end = self._pattern.find("\\E", start)
            for char in self._pattern[start : end if end >= 0 else None]:
                self._atom(_literal(char))
            self._at = end + 2 if end >= 0 else len(self._pattern)
        elif sign in _BOUNDARIES:
            self._at += 2
            self._atom(_BOUNDARIES[sign])
        elif (known := self._known_class()) is not None:
            self._atom(f"[{known}]")
        else:
            self._atom(_literal(self._escaped()))

    def _known_class(self) -> str | None:
        """What `\\d`, `\\pL` and their like at this place add to a class."""
        sign = self._pattern[self._at + 1 : self._at + 2]
        if sign.lower() in _PERL_CLASSES:
            self._at += 2
            return _ranges(_PERL_CLASSES[sign.lower()], negative=sign.isupper())
        if sign not in ("p", "P"):
            return None
        found = _PROPERTY.match(self._pattern, self._at + 1)
        name = found and (found[3] or found[4])
        if found is None or not name or not _CATEGORIES.match(name):
            raise NotRe2("invalid character class range")
        self._at = found.end()
        negative = (found[1] == "P") != bool(found[2])
        return rf"\{'P' if negative else 'p'}{{{name}}}"

    def _escaped(self) -> str:
        """The character that a backslash and what follows it stand for."""
        start = self._at + 1
        sign = self._pattern[start : start + 1]
        if found := _HEX.match(self._pattern, start) or _OCTAL.match(self._pattern, start):
            self._at = found.end()
            code = int(found[0], 8) if sign != "x" else int(found[1] or found[2], 16)
            if code > _MAX_CODE:
                raise NotRe2("invalid escape sequence")
            return chr(code)
        if sign in _SIGNS and sign:
            self._at += 2
            return _SIGNS[sign]
        if sign and sign.isascii() and not sign.isalnum():
            self._at += 2
            return sign
        raise NotRe2("invalid escape sequence" if sign else "trailing backslash at end of expression")

    def _class(self) -> str:
        self._at += 1
        parts = ["["]
        if self._pattern.startswith("^", self._at):
            self._at += 1
            parts.append("^")
        first = True
        while first or not self._pattern.startswith("]", self._at):
            parts.append(self._member())
            first = False
        self._at += 1
        return "".join([*parts, "]"])

    def _member(self) -> str:
        if self._pattern.startswith("[:", self._at) and (posix := self._posix()) is not None:
            return posix
        if self._pattern.startswith("\\", self._at) and (known := self._known_class()) is not None:
            return known
        low = high = self._class_char()
        if self._pattern.startswith("-", self._at) and self._pattern[self._at + 1 : self._at + 2] not in (
            "",
            "]",
        ):
            self._at += 1
            high = self._class_char()
        if high < low:
            raise NotRe2("invalid character class range")
        return f"{_literal(low)}-{_literal(high)}"

    def _posix(self) -> str | None:
        """What `[:alpha:]` at this place adds to a class."""
        if self._at > self._last_posix:
            return None  # nothing closes it
        end = self._pattern.find(":]", self._at + 2)
        name = self._pattern[self._at + 2 : end]
        if name.removeprefix("^") not in _POSIX_CLASSES:
            raise NotRe2("invalid character class range")
        self._at = end + 2
        return _ranges(_POSIX_CLASSES[name.removeprefix("^")], negative=name.startswith("^"))

    def _class_char(self) -> str:
        if self._at >= len(self._pattern):
            raise NotRe2("missing closing ]")
        if self._pattern[self._at] == "\\":
            return self._escaped()
        self._at += 1
        return self._pattern[self._at - 1]


def _checked_count(count: re.Match[str]) -> int:
    """How often `{n}`, `{n,}` or `{n,m}` repeats what stands in it, as far as it weighs."""
    if any(len(digits or "") > len(str(_MAX_COUNT)) for digits in (count[1], count[3])):
        raise NotRe2("invalid repeat count")
    least = int(count[1])
    most = least if count[2] is None else int(count[3]) if count[3] else None
    if least > _MAX_COUNT or (most is not None and not least <= most <= _MAX_COUNT):
        raise NotRe2("invalid repeat count")
    if most == 0:
        return 0
    return max(least, 1) if most is None else most


def _ranges(bounds: str, *, negative: bool) -> str:
    codes = [ord(char) for char in bounds]
    if negative:
        lows = [0, *(code + 1 for code in codes[1::2])]
        highs = [*(code - 1 for code in codes[::2]), _MAX_CODE]
        codes = [code for low, high in zip(lows, highs, strict=True) if low <= high for code in (low, high)]
    pairs = zip(codes[::2], codes[1::2], strict=True)
    return "".join(rf"\x{{{low:X}}}-\x{{{high:X}}}" for low, high in pairs)


def _literal(char: str) -> str:
    return f"\\{char}" if char in _META else char
