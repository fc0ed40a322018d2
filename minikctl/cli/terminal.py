"""A person's terminal at one end and a process in a container at the other.

Rules:
- A terminal in raw mode is put back, however the command ends: by its end, by an error or by a signal.
- One thread reads our input, one tells the size, the main thread writes what comes. The conversation is over
  when the process has closed its output; what was typed and not read by then is lost, as on any terminal.
- Without a terminal at our input nothing is raw and Ctrl-C ends this command, not the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, NamedTuple

from minikctl.errors import MinikctlError, UsageError

if TYPE_CHECKING:
    from minikctl.backend import Stream

DETACH_KEYS = "ctrl-p,ctrl-q"
NO_TTY = "Unable to use a TTY - input is not a terminal or the right kind of file"
_INPUT = 0
_PIECE = 32 * 1024
_SETTLE_SECONDS = 10.0
_LOOK_SECONDS = 0.02
_AGAIN_SECONDS = (0.05, 0.2, 0.8)
"""An engine may answer before the process has its terminal: then the first size is lost. Telling the same
again disturbs nobody."""
_ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class Size(NamedTuple):
    rows: int
    columns: int


def has_terminal() -> bool:
    """Whether our input is a terminal."""
    try:
        return os.isatty(_INPUT)
    except OSError:
        return False


def size() -> Size | None:
    """Of our terminal; None where there is none."""
    for descriptor in (1, 2, _INPUT):
        with suppress(OSError):
            columns, rows = os.get_terminal_size(descriptor)
            if rows and columns:
                return Size(rows, columns)
    return None


class Ending(NamedTuple):
    """How a conversation ended."""

    code: int | None
    """The exit code; None where the process goes on (or nobody knows)."""
    has_detached: bool = False


def converse(
    stream: Stream, *, stdin: bool, tty: bool, detach_keys: str = "", redraw: bool = False
) -> Ending:
    """Passes bytes to and fro until the process ends or somebody types `detach_keys`. Closes the stream.

    :param stdin: our input goes to it.
    :param tty: it has a terminal of its own, and ours is one: ours becomes raw while this lasts.
    :param redraw: it was there before: it is made to draw its screen again.
    :raises UnreachableError: the engine went away.
    """
    detached = threading.Event()
    reader = _InputReader(stream, detached, parse_keys(detach_keys) if tty else b"")
    try:
        with _raw_terminal(tty), _sizes_told(stream, tty, redraw):
            if stdin:
                threading.Thread(target=reader.run, name="input", daemon=True).start()
            _write_frames(stream)
        if detached.is_set():
            return Ending(None, has_detached=True)
        return Ending(_settled_code(stream))
    finally:
        stream.close()


def _write_frames(stream: Stream) -> None:
    outputs = {"stdout": sys.stdout, "stderr": sys.stderr}
    for output in outputs.values():
        output.flush()
    for name, data in stream.frames():
        write_bytes(outputs[name], data)


def write_bytes(output: object, data: bytes) -> None:
    """As they are, at once."""
    buffer = getattr(output, "buffer", None)
    if buffer is None:
        output.write(data.decode(errors="replace"))  # type: ignore[attr-defined]
        output.flush()  # type: ignore[attr-defined]
    else:
        buffer.write(data)
        buffer.flush()


def _settled_code(stream: Stream) -> int | None:
    """Engines note the end a moment after the output was closed. A process may also close its output and go
    on: that is not waited for."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (code := stream.exit_code()) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return code


# --- input -----------------------------------------------------------------------------------------


def send_input(stream: Stream) -> None:
    """Our input to the process, to its end."""
    _InputReader(stream, threading.Event(), b"").run()


class _InputReader:
    """Our input, on its way to the process."""

    def __init__(self, stream: Stream, detached: threading.Event, keys: bytes) -> None:
        self._stream = stream
        self._detached = detached
        self._keys = keys

    def run(self) -> None:
        held = b""
        while data := _read():
            ready, held, is_over = split_at_keys(held + data, self._keys)
            if ready:
                self._stream.send(ready)
            if is_over:
                self._detached.set()
                self._stream.close()
                return
        if held:
            self._stream.send(held)
        self._stream.close_input()


def _read() -> bytes:
    try:
        return os.read(_INPUT, _PIECE)
    except OSError:
        return b""


def split_at_keys(data: bytes, keys: bytes) -> tuple[bytes, bytes, bool]:
    """(what may be sent, what may be the beginning of the keys, whether the keys came).

    >>> split_at_keys(b"ls\\x10", b"\\x10\\x11")
    (b'ls', b'\\x10', False)
    """
    if not keys:
        return data, b"", False
    before, found, _ = data.partition(keys)
    if found:
        return before, b"", True
    for length in range(len(keys) - 1, 0, -1):
        if data.endswith(keys[:length]):
            return data[:-length], data[-length:], False
    return data, b"", False


def parse_keys(text: str) -> bytes:
    """The bytes of `ctrl-p,ctrl-q`; none of "".

    :raises UsageError: it names no keys.
    """
    keys = bytearray()
    for word in filter(None, text.split(",")):
        letter = word.removeprefix("ctrl-")
        if len(letter) != 1 or not letter.isascii():
            raise UsageError(f'invalid --detach-keys "{text}": write them as ctrl-p,ctrl-q')
        keys.append(ord(letter) if letter == word else ord(letter.upper()) & 0x1F)
    return bytes(keys)


# --- the terminal ----------------------------------------------------------------------------------


@contextmanager
def _raw_terminal(wanted: bool) -> Iterator[None]:
    """Raw mode for our terminal, and back. Signals that end this process put it back first."""
    if not wanted or not has_terminal():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(_INPUT)

    def restore() -> None:
        with suppress(termios.error):
            termios.tcsetattr(_INPUT, termios.TCSADRAIN, before)

    with _before_ending(restore):
        tty.setraw(_INPUT)
        try:
            yield
        finally:
            restore()


@contextmanager
def _before_ending(act: Callable[[], None]) -> Iterator[None]:
    def end(number: int, frame: FrameType | None) -> None:
        act()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    handlers = {one: signal.signal(one, end) for one in _ENDINGS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _sizes_told(stream: Stream, wanted: bool, redraw: bool) -> Iterator[None]:
    """The process' terminal has our size, now and whenever it changes."""
    if not wanted or size() is None:
        yield
        return
    changed = threading.Event()
    over = threading.Event()

    def tell() -> None:
        for one in _first_sizes(redraw):
            _resize(stream, one)
        for pause in _AGAIN_SECONDS:
            if not over.wait(pause):
                _resize(stream, size())
        while not over.is_set():
            changed.wait()
            changed.clear()
            if not over.is_set():
                _resize(stream, size())

    before = signal.signal(signal.SIGWINCH, lambda number, frame: changed.set())
    threading.Thread(target=tell, name="size", daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
        over.set()
        changed.set()


def _first_sizes(redraw: bool) -> Sequence[Size | None]:
    """A process that was there before draws its screen when the size changes: one row more, and back."""
    now = size()
    return [Size(now.rows + 1, now.columns), now] if redraw and now else [now]


def _resize(stream: Stream, new: Size | None) -> None:
    # The process may be over: then its size matters to nobody.
    with suppress(MinikctlError):
        if new is not None:
            stream.resize(*new)
