"""Chunks as a file: nothing is lost between them, and closing hangs up."""

from __future__ import annotations

import io
from collections.abc import Iterator

from minikctl.backend.archives import ByteReader


def test_reads_of_any_size_give_what_came() -> None:
    chunks = [b"ab", b"", b"cdefg", b"h"]
    for size in (1, 3, 100):
        source = io.BufferedReader(ByteReader(chunks), buffer_size=size)
        assert b"".join(iter(lambda source=source, size=size: source.read(size), b"")) == b"abcdefgh"


def test_closing_hangs_up() -> None:
    ended = []

    def endless() -> Iterator[bytes]:
        try:
            while True:
                yield b"a"
        finally:
            ended.append(True)

    reader = ByteReader(endless())
    assert reader.read(1) == b"a"
    assert not ended
    reader.close()
    assert ended
