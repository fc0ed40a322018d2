"""A connection that an engine has upgraded to a raw one, as the port's `Stream`.

Docker and libpod speak the same here: frames with a header (`minikctl.backend.log_frames`) without a
terminal, bytes as they are with one.

Rules:
- The HTTP library may have read more than the answer's header: everything is read through its buffer.
- A deadline is one for the whole conversation, however slowly the bytes trickle.
- What is written to a process that reads no more is dropped, as a terminal does it.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from minikctl.backend.observed import ExecResult
from minikctl.backend.port import KEPT_OUTPUT
from minikctl.errors import PermanentError, UnreachableError

_HEADER = struct.Struct(">BxxxL")
_PIECE = 64 * 1024
_SETTLE_SECONDS = 5.0
_SETTLE_POLL = 0.02


class Conversation:
    """A `Stream`.

    :param response: requests' answer to the upgrade, whose body nobody has read.
    :param look: the exit code, None while the process runs.
    :param set_size: tells the engine the size (rows, columns) of the terminal.
    :param lost: the error for an engine that goes away in the middle.
    """

    def __init__(
        self,
        response: Any,
        *,
        tty: bool,
        look: Callable[[], int | None],
        set_size: Callable[[int, int], object],
        lost: Callable[[Exception], UnreachableError],
        hang_up: Callable[[], object] = lambda: None,
    ) -> None:
        self._response = response
        self._reader = response.raw._fp.fp
        self._socket: socket.socket = self._reader.raw._sock
        self._tty = tty
        self._look = look
        self._set_size = set_size
        self._lost = lost
        self._hang_up = hang_up
        self._closed = False

    def frames(self, deadline: float | None = None) -> Iterator[tuple[str, bytes]]:
        """:raises TimeoutError: at `deadline`, of the monotonic clock."""
        pieces = self._pieces(deadline)
        return (("stdout", piece) for piece in pieces) if self._tty else _demultiplexed(pieces)

    def send(self, data: bytes) -> None:
        with suppress(OSError):
            self._socket.sendall(data)

    def close_input(self) -> None:
        # A TLS connection can't be closed by halves here: the process then waits for more input.
        if not isinstance(self._socket, ssl.SSLSocket):
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        if self._tty:
            self._set_size(rows, columns)

    def exit_code(self) -> int | None:
        return self._look()

    def close(self) -> None:
        self._closed = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(Exception):
            self._response.close()
        self._hang_up()

    def run_to_end(self, timeout: float, kept: int = KEPT_OUTPUT) -> ExecResult:
        """What it writes, the first `kept` bytes of it, and its exit code. Closes the conversation.

        :raises PermanentError: reason `DeadlineExceeded`.
        """
        deadline = time.monotonic() + timeout
        output = bytearray()
        try:
            for _, data in self.frames(deadline):
                output += data[: kept - len(output)]
            return ExecResult(self._settled_code(deadline), bytes(output))
        except TimeoutError:
            raise PermanentError(f"timed out after {timeout:g}s", reason="DeadlineExceeded") from None
        finally:
            self.close()

    def _settled_code(self, deadline: float) -> int:
        """The engine closes the output a moment before it notes the end."""
        settled = max(deadline, time.monotonic() + _SETTLE_SECONDS)
        while (code := self._look()) is None:
            if time.monotonic() > settled:
                raise TimeoutError
            time.sleep(_SETTLE_POLL)
        return code

    def _pieces(self, deadline: float | None) -> Iterator[bytes]:
        try:
            while not self._closed:
                if deadline is not None:
                    self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
                piece: bytes = self._reader.read1(_PIECE)
                if not piece:
                    return
                yield piece
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:  # ValueError: closed by another thread
            if not self._closed:
                raise self._lost(error) from error


def _demultiplexed(pieces: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Payloads are handed out as they come: a frame may be long and slow."""
    buffer = bytearray()
    stream, left = "", 0
    for piece in pieces:
        buffer += piece
        while buffer:
            if not left:
                if len(buffer) < _HEADER.size:
                    break
                number, left = _HEADER.unpack_from(buffer)
                stream = "stderr" if number == 2 else "stdout"
                del buffer[: _HEADER.size]
            elif payload := bytes(buffer[:left]):
                del buffer[: len(payload)]
                left -= len(payload)
                yield stream, payload
