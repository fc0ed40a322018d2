"""Docker's log stream as lines. Pure: bytes in, `LogLine`s out.

Rules:
- Without a terminal the stream comes in frames (`minikctl.backend.log_frames`).
- With a terminal there are no frames, hence no border between entries: a time that stands exactly where
  Docker cuts is one that Docker put there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from minikctl.backend import LogLine
from minikctl.backend.log_frames import MAX_LINE, framed_lines, stamp_time

_PIECE = 16 * 1024
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")


def lines(chunks: Iterable[bytes], *, tty: bool) -> Iterator[LogLine]:
    """The lines of a stream that was asked for with timestamps."""
    return _terminal_lines(chunks) if tty else framed_lines(chunks, tty=False)


def _terminal_lines(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    buffer = bytearray()
    for chunk in chunks:
        searched = len(buffer)
        buffer += chunk
        while (end := buffer.find(b"\n", searched)) >= 0:
            yield _terminal_line(bytes(buffer[:end]))
            del buffer[: end + 1]
            searched = 0
        if len(buffer) >= MAX_LINE:
            yield _terminal_line(bytes(buffer))
            buffer.clear()
    if buffer:
        yield _terminal_line(bytes(buffer))


def _terminal_line(raw: bytes) -> LogLine:
    stamp = _STAMP.match(raw)
    time = stamp_time(stamp[0].rstrip()) if stamp else 0.0
    pieces = []
    while stamp:
        following = _STAMP.match(raw, stamp.end() + _PIECE)
        pieces.append(raw[stamp.end() : following.start() if following else None])
        stamp = following
    return LogLine(time, "stdout", (b"".join(pieces) if pieces else raw).removesuffix(b"\r"))
