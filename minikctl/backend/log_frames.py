"""The multiplexed log stream that Docker invented and libpod speaks too, as lines. Pure: bytes in.

Rules:
- A frame is one entry of the log: 1 byte stream (1 stdout, 2 stderr), 3 unused, 4 bytes length, then
  `TIME TEXT`. What is left of a frame at the end of the stream is dropped.
- An entry without a line end is a piece of a line (engines cut at their buffer's size): pieces are joined,
  the time is the first piece's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from minikctl.backend.observed import LogLine
from minikctl.model.timestamps import parse_time

_HEADER = struct.Struct(">BxxxL")
_STREAMS = {1: "stdout", 2: "stderr"}
MAX_LINE = 1 << 20
"""Bytes after which a line without an end is given out as it is: a container can't fill our memory."""


def framed_lines(chunks: Iterable[bytes], *, tty: bool) -> Iterator[LogLine]:
    """The lines of a stream that was asked for with timestamps. A terminal ends its lines with CR LF."""
    pieces: dict[str, tuple[float, bytearray]] = {}
    for number, payload in _frames(chunks):
        stream = _STREAMS.get(number, "stdout")
        stamp, _, text = payload.partition(b" ")
        time, line = pieces.pop(stream, (stamp_time(stamp), bytearray()))
        line += text
        if line.endswith(b"\n"):
            yield LogLine(time, stream, bytes(line[:-2] if tty and line.endswith(b"\r\n") else line[:-1]))
        elif len(line) >= MAX_LINE:
            yield LogLine(time, stream, bytes(line))
        else:
            pieces[stream] = (time, line)
    for stream, (time, line) in pieces.items():
        yield LogLine(time, stream, bytes(line))


@lru_cache(maxsize=64)
def stamp_time(stamp: bytes) -> float:
    """Seconds since the epoch, of the time before an entry."""
    return parse_time(stamp.decode("ascii"))


def _frames(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """(stream, payload) of each whole frame."""
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
