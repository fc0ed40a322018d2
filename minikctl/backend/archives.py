"""Archives as engines send them: chunk by chunk."""

from __future__ import annotations

import io
from collections.abc import Iterable


class ByteReader(io.RawIOBase):
    """Chunks as a file to read from. Closing it hangs up: who has seen enough need not read the rest."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._all = chunks
        self._chunks = filter(None, chunks)  # an empty one is no end
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        if not self._rest:
            self._rest = next(self._chunks, b"")
        count = min(len(view), len(self._rest))
        view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def close(self) -> None:
        hang_up = getattr(self._all, "close", None)
        if hang_up is not None:
            hang_up()
        super().close()
