"""Reads the small scripts that manifests in lessons give to `sh -c`, as a tree.

Rules:
- What is understood is understood as POSIX sh does; anything beyond raises `NotUnderstood`, and the caller
  falls back to "some program that runs". Never a wrong guess.
- Pure: text in, tree out. Running it is `minikctl_memory.process`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct


class NotUnderstood(Exception):
    """The script uses more of the shell than is simulated here."""


class Literal(Struct, frozen=True):
    text: str


class Variable(Struct, frozen=True):
    name: str
    quoted: bool


class Substitution(Struct, frozen=True):
    """`$(script)`"""

    script: Script
    quoted: bool


Part: TypeAlias = Literal | Variable | Substitution
Word: TypeAlias = tuple[Part, ...]


class Simple(Struct, frozen=True):
    """A command with its words; `stdout` and `stderr` are where those go: 1, 2, 0 (nowhere), or 3 and more:
    a file of `files`."""

    words: tuple[Word, ...]
    stdout: int = 1
    stderr: int = 2
    files: tuple[tuple[str, bool], ...] = ()
    """(path, whether it is appended to); the first one is 3."""


class Pipeline(Struct, frozen=True):
    commands: tuple[Command, ...]
    negated: bool = False


class Loop(Struct, frozen=True):
    """`while` (or `until`) condition; do body; done"""

    condition: Script
    body: Script
    until: bool


class For(Struct, frozen=True):
    name: str
    words: tuple[Word, ...]
    body: Script


class If(Struct, frozen=True):
    branches: tuple[tuple[Script, Script], ...]
    otherwise: Script


Command: TypeAlias = Simple | Pipeline | Loop | For | If


class Step(Struct, frozen=True):
    """A command of a list: `operator` (`;`, `&&`, `||`) stands before it; `background` is a `&` behind it."""

    operator: str
    command: Command
    background: bool = False


Script: TypeAlias = tuple[Step, ...]

_OPERATOR = re.compile(r"&&|\|\||;;|[;&|()\n]")
_REDIRECTION = re.compile(r"(\d?)(>>|>&|>|<<|<)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\?")
_RESERVED = frozenset(
    {"do", "done", "then", "else", "elif", "fi", "while", "until", "for", "if", "in", "case", "{", "}"}
)
_REFUSED = frozenset({"case", "{", "}", "function", "select"})


@lru_cache(maxsize=1024)
def parse(text: str) -> Script:
    """The script as a tree.

    :raises NotUnderstood: it uses more of the shell than this.
    """
    parser = _Parser(_tokens(text))
    script = parser.script(())
    if parser.peek() is not None:
        raise NotUnderstood(f"unexpected {parser.peek()!r}")
    return script


# --- tokens ------------------------------------------------------------------------------------


class _Operator(Struct, frozen=True):
    text: str


class _Redirection(Struct, frozen=True):
    stream: int
    target: str


_Token: TypeAlias = _Operator | _Redirection | Word


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = text.replace("\\\n", "")
    while position < len(text):
        if text[position] in " \t\r":
            position += 1
        elif text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif found := _REDIRECTION.match(text, position):
            redirection, position = _redirection(text, found)
            tokens.append(redirection)
        elif found := _OPERATOR.match(text, position):
            tokens.append(_Operator(found.group()))
            position = found.end()
        else:
            word, position = _word(text, position)
            tokens.append(word)
    return tokens


def _redirection(text: str, found: re.Match[str]) -> tuple[_Redirection, int]:
    digit, sign = found.groups()
    if sign == "<<":
        raise NotUnderstood("here-documents")
    position = found.end()
    while text[position : position + 1] == " ":
        position += 1
    word, position = _word(text, position)
    if len(word) != 1 or not isinstance(word[0], Literal):
        return _Redirection(0 if sign == "<" else int(digit or 1), ""), position
    target = word[0].text
    if sign == ">&" and target not in ("1", "2"):
        raise NotUnderstood(f">&{target}")
    return _Redirection(0 if sign == "<" else int(digit or 1), sign + target), position


def _word(text: str, position: int) -> tuple[Word, int]:
    parts: list[Part] = []
    start = position
    while position < len(text) and text[position] not in " \t\r\n;&|()<>":
        part, position = _part(text, position)
        parts.extend(part)
    if position == start:
        raise NotUnderstood(f"unexpected {text[position : position + 1]!r}")
    return _joined(parts), position


def _joined(parts: list[Part]) -> Word:
    """Neighbouring literals as one."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, Literal) and joined and isinstance(joined[-1], Literal):
            joined[-1] = Literal(joined[-1].text + part.text)
        else:
            joined.append(part)
    return tuple(joined)


def _part(text: str, position: int) -> tuple[list[Part], int]:
    match text[position]:
        case "'":
            end = text.find("'", position + 1)
            if end < 0:
                raise NotUnderstood("unterminated quote")
            return [Literal(text[position + 1 : end])], end + 1
        case '"':
            return _double_quoted(text, position + 1)
        case "\\":
            return [Literal(text[position + 1 : position + 2])], position + 2
        case "$":
            part, position = _expansion(text, position, quoted=False)
            return [part], position
        case "`" | "*" | "~":
            raise NotUnderstood(text[position])
        case other:
            return [Literal(other)], position + 1


def _double_quoted(text: str, position: int) -> tuple[list[Part], int]:
    parts: list[Part] = [Literal("")]
    while position < len(text):
        match text[position]:
            case '"':
                return parts, position + 1
            case "\\" if text[position + 1 : position + 2] in ('"', "\\", "$", "`"):
                parts.append(Literal(text[position + 1]))
                position += 2
            case "$":
                part, position = _expansion(text, position, quoted=True)
                parts.append(part)
            case "`":
                raise NotUnderstood("`")
            case other:
                parts.append(Literal(other))
                position += 1
    raise NotUnderstood("unterminated quote")


def _expansion(text: str, position: int, *, quoted: bool) -> tuple[Part, int]:
    position += 1
    if text.startswith("((", position):
        raise NotUnderstood("arithmetic")
    if text.startswith("(", position):
        end = _closing(text, position)
        return Substitution(parse(text[position + 1 : end]), quoted), end + 1
    braced = text.startswith("{", position)
    found = _NAME.match(text, position + braced)
    if not found:
        if braced or text[position : position + 1] in ("@", "*", "#", "$", "!", "-"):
            raise NotUnderstood("parameter expansion")
        return Literal("$"), position
    end = found.end()
    if braced:
        if text[end : end + 1] != "}":
            raise NotUnderstood("parameter expansion")
        end += 1
    return Variable(found.group(), quoted), end


def _closing(text: str, position: int) -> int:
    depth = 0
    quote = ""
    for index in range(position, len(text)):
        letter = text[index]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return index
    raise NotUnderstood("unterminated substitution")


# --- tree --------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._position = 0

    def peek(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self) -> _Token | None:
        token = self.peek()
        self._position += 1
        return token

    def _at(self, *operators: str) -> bool:
        token = self.peek()
        return isinstance(token, _Operator) and token.text in operators

    def _keyword(self) -> str:
        """The reserved word that comes next, or ""."""
        token = self.peek()
        if isinstance(token, tuple) and len(token) == 1 and isinstance(token[0], Literal):
            text = token[0].text
            return text if text in _RESERVED or text in _REFUSED else ""
        return ""

    def _expect(self, keyword: str) -> None:
        if self._keyword() != keyword:
            raise NotUnderstood(f"expected {keyword}")
        self._take()

    def script(self, ends: tuple[str, ...]) -> Script:
        """Commands up to (not including) one of the reserved words, or up to the end."""
        steps: list[Step] = []
        operator = ";"
        while True:
            while self._at("\n"):
                self._take()
            if self.peek() is None or self._keyword() in ends:
                if operator != ";" or (ends and not steps):
                    raise NotUnderstood("a command is missing")
                return tuple(steps)
            command = self._pipeline()
            background = self._at("&")
            steps.append(Step(operator, command, background))
            operator = self._separator()

    def _separator(self) -> str:
        if self.peek() is None:
            return ";"
        token = self._take()
        if not isinstance(token, _Operator) or token.text not in ("&&", "||", ";", "&", "\n"):
            raise NotUnderstood(f"unexpected {token!r}")
        return token.text if token.text in ("&&", "||") else ";"

    def _pipeline(self) -> Command:
        negated = False
        if self.peek() == (Literal("!"),):
            self._take()
            negated = True
        commands = [self._command()]
        while self._at("|"):
            self._take()
            commands.append(self._command())
        if len(commands) == 1 and not negated:
            return commands[0]
        return Pipeline(tuple(commands), negated)

    def _command(self) -> Command:
        match self._keyword():
            case "while" | "until" as keyword:
                self._take()
                condition = self.script(("do",))
                return Loop(condition, self._block(), keyword == "until")
            case "for":
                return self._for()
            case "if":
                return self._if()
            case "":
                return self._simple()
            case other:
                raise NotUnderstood(other)

    def _block(self) -> Script:
        self._expect("do")
        body = self.script(("done",))
        self._expect("done")
        return body

    def _for(self) -> For:
        self._take()
        name = self._take()
        if not (isinstance(name, tuple) and len(name) == 1 and isinstance(name[0], Literal)):
            raise NotUnderstood("for")
        self._expect("in")
        words = []
        while isinstance(word := self.peek(), tuple):
            words.append(word)
            self._take()
        self._separator()
        while self._at("\n"):
            self._take()
        return For(name[0].text, tuple(words), self._block())

    def _if(self) -> If:
        branches = []
        otherwise: Script = ()
        self._take()
        while True:
            condition = self.script(("then",))
            self._expect("then")
            branches.append((condition, self.script(("elif", "else", "fi"))))
            keyword = self._keyword()
            self._take()
            if keyword == "elif":
                continue
            if keyword == "else":
                otherwise = self.script(("fi",))
                self._expect("fi")
            return If(tuple(branches), otherwise)

    def _simple(self) -> Simple:
        words: list[Word] = []
        streams = {0: 0, 1: 1, 2: 2}
        files: list[tuple[str, bool]] = []
        while True:
            token = self.peek()
            if isinstance(token, tuple):
                words.append(token)
            elif isinstance(token, _Redirection):
                if token.stream:
                    streams[token.stream] = _target(token.target, streams, files)
            else:
                break
            self._take()
        if not words:
            raise NotUnderstood(f"unexpected {self.peek()!r}")
        return Simple(tuple(words), streams[1], streams[2], tuple(files))


_TERMINALS = {"/dev/stdout": 1, "/proc/1/fd/1": 1, "/dev/stderr": 2, "/proc/1/fd/2": 2}


FIRST_FILE = 3
_MESSAGE = "/dev/termination-log"
"""A file of its own in every container."""


def _target(target: str, streams: dict[int, int], files: list[tuple[str, bool]]) -> int:
    if target.startswith(">&"):
        return streams[int(target[2:])]
    path = target.lstrip(">")
    if path in _TERMINALS:
        return _TERMINALS[path]
    if not path or (path.startswith(("/dev/", "/proc/")) and path != _MESSAGE):
        return 0
    files.append((path, target.startswith(">>")))
    return FIRST_FILE + len(files) - 1
