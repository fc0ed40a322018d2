"""Podman's multiplexed log stream as lines. Pure: bytes in, `LogLine`s out.

Rules:
- A frame is one entry of the log: 1 byte stream (1 stdout, 2 stderr), 3 unused, 4 bytes length, then
  `TIME TEXT`. An entry without a line end is a piece of a line (conmon cuts at its buffer's size): pieces
  are joined, the time is the first piece's.
- libpod frames the log of a terminal as well, all of it as stdout.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from functools import lru_cache

from minikctl.backend import LogLine
from minikctl.model.timestamps import parse_time

_HEADER = struct.Struct(">BxxxL")
_STREAMS = {1: "stdout", 2: "stderr"}
MAX_LINE = 1 << 20
"""Bytes after which a line without an end is given out as it is: a container can't fill our memory."""


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


def lines(chunks: Iterable[bytes], *, tty: bool) -> Iterator[LogLine]:
    """The lines of a stream with timestamps. A terminal ends its lines with CR LF."""
    pieces: dict[str, tuple[float, bytes]] = {}
    for number, payload in frames(chunks):
        stream = _STREAMS.get(number, "stdout")
        stamp, _, text = payload.partition(b" ")
        time, begun = pieces.pop(stream, (_time(stamp), b""))
        text = begun + text
        if text.endswith(b"\n"):
            yield LogLine(time, stream, text[:-2] if tty and text.endswith(b"\r\n") else text[:-1])
        elif len(text) >= MAX_LINE:
            yield LogLine(time, stream, text)
        else:
            pieces[stream] = (time, text)
    for stream, (time, text) in pieces.items():
        yield LogLine(time, stream, text)


@lru_cache(maxsize=64)
def _time(stamp: bytes) -> float:
    return parse_time(stamp.decode("ascii"))
