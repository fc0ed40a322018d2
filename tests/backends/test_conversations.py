"""Raw connections: frames however they are cut, deadlines, and the two ends."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikctl.backend import Credentials
from minikctl.backend.conversations import Conversation
from minikctl.backend.registry_auth import auth_config, header_value
from minikctl.errors import PermanentError, UnreachableError


class Engine:
    """The other end of a connection, and what the engine says of the process."""

    def __init__(self) -> None:
        self.socket, self.client = socket.socketpair()
        self.code: int | None = None
        self.sizes: list[tuple[int, int]] = []

    def conversation(self, *, tty: bool = False) -> Conversation:
        reader = self.client.makefile("rb")
        response: Any = SimpleNamespace(
            raw=SimpleNamespace(_fp=SimpleNamespace(fp=reader)), close=reader.close
        )
        return Conversation(
            response,
            tty=tty,
            look=lambda: self.code,
            set_size=lambda rows, columns: self.sizes.append((rows, columns)),
            lost=lambda error: UnreachableError(str(error)),
        )


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.socket.close()
    made.client.close()


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


@given(
    said=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=50)), max_size=8),
    cuts=st.lists(st.integers(1, 20), max_size=30),
)
def test_frames_however_they_are_cut(said: list[tuple[int, bytes]], cuts: list[int]) -> None:
    from minikctl.backend.conversations import _demultiplexed

    raw = b"".join(frame(stream, payload) for stream, payload in said)
    pieces = []
    for cut in cuts:
        pieces.append(raw[:cut])
        raw = raw[cut:]
    found = list(_demultiplexed(iter([*pieces, raw])))
    for number, name in ((1, "stdout"), (2, "stderr")):
        expected = b"".join(payload for stream, payload in said if stream == number)
        assert b"".join(payload for stream, payload in found if stream == name) == expected


def test_a_terminal_has_no_frames(engine: Engine) -> None:
    engine.socket.sendall(b"\x01\x00raw")
    engine.socket.shutdown(socket.SHUT_WR)
    talk = engine.conversation(tty=True)
    assert b"".join(data for _, data in talk.frames()) == b"\x01\x00raw"
    talk.resize(3, 4)
    assert engine.sizes == [(3, 4)]
    engine.conversation(tty=False).resize(5, 6)
    assert engine.sizes == [(3, 4)]


def test_input_and_its_end(engine: Engine) -> None:
    talk = engine.conversation()
    talk.send(b"one")
    talk.close_input()
    assert engine.socket.recv(10) == b"one"
    assert engine.socket.recv(10) == b""
    engine.socket.sendall(frame(1, b"still here"))
    assert next(talk.frames()) == ("stdout", b"still here")
    talk.send(b"nobody reads this")


def test_a_run_to_its_end(engine: Engine) -> None:
    engine.socket.sendall(frame(1, b"out") + frame(2, b"err" * 10_000))
    engine.socket.shutdown(socket.SHUT_WR)
    threading.Timer(0.1, lambda: setattr(engine, "code", 3)).start()
    result = engine.conversation().run_to_end(5)
    assert (result.exit_code, result.output[:6], len(result.output)) == (3, b"outerr", 10 * 1024)


def test_a_deadline_however_it_trickles(engine: Engine) -> None:
    def trickle() -> None:
        try:
            while True:
                engine.socket.sendall(frame(1, b"x"))
                time.sleep(0.05)
        except OSError:
            pass

    threading.Thread(target=trickle, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(PermanentError) as caught:
        engine.conversation().run_to_end(0.3)
    assert caught.value.reason == "DeadlineExceeded"
    assert time.monotonic() - began < 2


def test_an_engine_that_goes_away(engine: Engine) -> None:
    talk = engine.conversation()
    reset = struct.pack("ii", 1, 0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        engine.client.close()
        engine.client = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
        talk = engine.conversation()
        other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        other.close()
    with pytest.raises(UnreachableError):
        list(talk.frames())


def test_hanging_up_from_another_thread(engine: Engine) -> None:
    talk = engine.conversation()
    threading.Timer(0.1, talk.close).start()
    assert list(talk.frames()) == []


# --- credentials -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (Credentials("u", "p"), {"username": "u", "password": "p"}),
        (Credentials("u", "p", server="r"), {"username": "u", "password": "p", "serveraddress": "r"}),
        (Credentials(identity_token="t"), {"username": "", "identitytoken": "t"}),
        (Credentials(auth="dTpwOnE="), {"username": "u", "password": "p:q"}),
    ],
)
def test_credentials_as_engines_want_them(credentials: Credentials, expected: dict[str, str]) -> None:
    assert auth_config(credentials) == expected
    assert header_value(credentials).isascii()


@pytest.mark.parametrize("auth", ["not base64!", "bm9jb2xvbg=="])
def test_credentials_that_are_none(auth: str) -> None:
    with pytest.raises(PermanentError) as caught:
        auth_config(Credentials(auth=auth, server="registry.example"))
    assert caught.value.reason == "ErrImagePull"
    assert auth not in str(caught.value)
