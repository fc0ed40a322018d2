"""Docker's log stream as lines. Pure: bytes in, `LogLine`s out.

Rules:
- Without a terminal the stream comes in frames: 1 byte stream (1 stdout, 2 stderr), 3 unused, 4 bytes length.
  A frame is one entry of the log, `TIME TEXT`. An entry without a line end is a piece of a line (Docker
  cuts at 16 KiB): pieces are joined, the time is the first piece's.
- With a terminal there are no frames, hence no border between entries: a time that stands exactly where
  Docker cuts is one that Docker put there.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from minikctl.backend import LogLine
from minikctl.model.timestamps import parse_time

_HEADER = struct.Struct(">BxxxL")
_STREAMS = {1: "stdout", 2: "stderr"}
_PIECE = 16 * 1024
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d) ")
MAX_LINE = 1 << 20
"""Bytes after which a line without an end is given out as it is: a container can't fill our memory."""


def lines(chunks: Iterable[bytes], *, tty: bool) -> Iterator[LogLine]:
    """The lines of a stream that was asked for with timestamps."""
    return _terminal_lines(chunks) if tty else _framed_lines(chunks)


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(stream, payload) of each whole frame; what is left of one at the end is dropped."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= _HEADER.size:
            stream, length = _HEADER.unpack_from(buffer)
            end = _HEADER.size + length
            if len(buffer) < end:
                break
            yield stream, bytes(buffer[_HEADER.size : end])
            del buffer[:end]


def _framed_lines(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    pieces: dict[str, tuple[float, bytearray]] = {}
    for number, payload in frames(chunks):
        stream = _STREAMS.get(number, "stdout")
        stamp, _, text = payload.partition(b" ")
        time, line = pieces.pop(stream, (_time(stamp), bytearray()))
        line += text
        if line.endswith(b"\n"):
            yield LogLine(time, stream, bytes(line[:-1]))
        elif len(line) >= MAX_LINE:
            yield LogLine(time, stream, bytes(line))
        else:
            pieces[stream] = (time, line)
    for stream, (time, line) in pieces.items():
        yield LogLine(time, stream, bytes(line))


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
    time = _time(stamp[0].rstrip()) if stamp else 0.0
    pieces = []
    while stamp:
        following = _STAMP.match(raw, stamp.end() + _PIECE)
        pieces.append(raw[stamp.end() : following.start() if following else None])
        stamp = following
    return LogLine(time, "stdout", (b"".join(pieces) if pieces else raw).removesuffix(b"\r"))


@lru_cache(maxsize=64)
def _time(stamp: bytes) -> float:
    return parse_time(stamp.decode("ascii"))
