"""Conversations with simulated processes: they say what they have to say, and hear nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Talk:
    """A `Stream` of what is said already, or comes while somebody reads.

    :param exit_code: asked each time; None while the process runs.
    """

    def __init__(self, pieces: Iterator[tuple[str, bytes]], exit_code: Callable[[], int | None]) -> None:
        self._pieces = pieces
        self._exit_code = exit_code
        self._closed = False

    def frames(self) -> Iterator[tuple[str, bytes]]:
        for piece in self._pieces:
            if self._closed:
                return
            yield piece

    def send(self, data: bytes) -> None:
        pass

    def close_input(self) -> None:
        pass

    def resize(self, rows: int, columns: int) -> None:
        pass

    def exit_code(self) -> int | None:
        return self._exit_code()

    def close(self) -> None:
        self._closed = True
