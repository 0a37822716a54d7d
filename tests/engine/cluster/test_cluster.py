"""Direct lines to a worker, and the watch over those that are lost: with sockets and threads, without Ray."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from engine.cluster import InThisProcess, Lost
from engine.cluster.recovery import Watch
from engine.cluster.rpc import Connection, Connections, Endpoint, RpcServer, _unpacked, packed


class Sums:
    """An object that listens."""

    lines = frozenset({"added", "fails", "texts"})

    def added(self, array: np.ndarray, more: float) -> tuple[np.ndarray, int]:
        return array + array.dtype.type(more), array.size

    def texts(self, text: str) -> tuple[str, None]:
        return text * 2, None

    def fails(self) -> tuple[()]:
        raise ValueError("no")

    def secret(self) -> tuple[int]:
        return (1,)


@pytest.fixture
def board() -> Iterator[RpcServer]:
    board = RpcServer(Sums(), "127.0.0.1")
    yield board
    board.close()


@pytest.mark.parametrize("shape", [(1, 128), (0, 3), (700, 960)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_arrays_come_back_as_they_went(board: RpcServer, shape: tuple[int, ...], dtype: str) -> None:
    line = Connection.to(board.address)
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    line.send(packed(["added", array, 2]), time.monotonic() + 5)
    well, found, size = line.receive(time.monotonic() + 5)
    assert well is True
    assert found.dtype == array.dtype
    assert np.array_equal(found, array + 2)
    assert size == array.size


def test_texts_travel_and_a_failure_or_another_method_is_only_said_to_have_failed(board: RpcServer) -> None:
    line = Connection.to(board.address)
    for call, answer in (
        (["texts", "ğ€"], [True, "ğ€ğ€", None]),
        (["fails"], [False]),
        (["secret"], [False]),
        (["__class__"], [False]),
        (["texts"], [False]),
        (["texts", "a"], [True, "aa", None]),
    ):
        line.send(packed(call))
        assert line.receive(time.monotonic() + 5) == answer


def test_who_has_not_the_key_is_not_answered(board: RpcServer) -> None:
    with pytest.raises(ConnectionError):
        Connection.to(Endpoint(board.address.host, board.address.port, "00" * 32))
    noise = socket.create_connection((board.address.host, board.address.port), 5)
    noise.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
    noise.settimeout(5)
    received = bytearray()
    with suppress(ConnectionError):
        while more := noise.recv(1000):
            received += more
    assert len(received) == 32  # what it has to prove the key with, and no more


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such limit")
def test_a_machine_that_is_gone_is_missed_within_seconds(board: RpcServer) -> None:
    line = Connection.to(board.address)
    idle = [line.connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, f"TCP_KEEP{n}")) for n in ("IDLE", "INTVL")]
    asked = line.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert line.connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert max(idle) <= 5
    assert 0 < asked <= 5000


def test_nobody_else_is_asked_where_the_object_listened() -> None:
    """A port is soon somebody else's: who listens there now says back what he is told."""
    server = socket.create_server(("127.0.0.1", 0))

    def parrot() -> None:
        connection, _ = server.accept()
        with connection, suppress(ConnectionError):
            connection.sendall(bytes(32))
            while said := connection.recv(1000):
                connection.sendall(said)

    threading.Thread(target=parrot, daemon=True).start()
    with pytest.raises(ConnectionRefusedError):
        Connection.to(Endpoint("127.0.0.1", server.getsockname()[1], "11" * 32))
    server.close()


class FullOnce:
    """A listening socket that can open no connection the first time."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening, self.full = listening, True

    def __getattr__(self, name: str) -> object:
        return getattr(self.listening, name)

    def accept(self) -> object:
        if self.full:
            self.full = False
            raise OSError(errno.EMFILE, "Too many open files")
        return self.listening.accept()


def test_who_listens_goes_on_after_strangers_and_a_full_house(board: RpcServer) -> None:
    board._listening = full = FullOnce(board._listening)  # type: ignore[assignment]
    where = (board.address.host, board.address.port)
    strangers = [socket.create_connection(where, 5) for _ in range(40)]
    line = Connection.to(board.address)
    line.send(packed(["texts", "a"]))
    assert line.receive(time.monotonic() + 5) == [True, "aa", None]
    assert not full.full
    for stranger in strangers:
        stranger.close()


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="none of numbers"):
        _unpacked(bytearray(b'[{"dtype": "|O", "shape": [1]}]'), bytearray(8))


def test_lines_are_kept_and_where_none_can_be_had_it_is_not_tried_again_at_once(board: RpcServer) -> None:
    lines = Connections()
    assert lines.take() is None
    lines.address = board.address
    first = lines.take()
    assert first is not None
    other = lines.take()
    lines.put_back(first)
    assert lines.take() is first
    lines.put_back(other)
    lines.drop()
    assert other.connection.fileno() == -1
    unused = socket.create_server(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    lines.address = Endpoint("127.0.0.1", port, board.address.key)
    assert lines.take() is None
    assert lines.barred
    assert lines.address is None  # made anew it listens elsewhere: it is asked where


def test_many_threads_get_their_own_answers(board: RpcServer) -> None:
    lines, wrong = Connections(), []
    lines.address = board.address

    def ask(number: int) -> None:
        for turn in range(30):
            line = lines.take()
            line.send(packed(["added", np.full(100, number), turn]))
            found = line.receive(time.monotonic() + 10)[1]
            lines.put_back(line)
            if not (found == number + turn).all():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_message_that_does_not_come_in_time_is_not_waited_for(board: RpcServer) -> None:
    line, began = Connection.to(board.address), time.monotonic()
    with pytest.raises(TimeoutError):
        line.receive(time.monotonic() + 0.2)
    assert time.monotonic() - began < 2


class Flaky(InThisProcess):
    """Workers of which some are gone for so many looks."""

    def __init__(self) -> None:
        self.gone: dict[object, int] = {}
        self.mended: list[object] = []

    def ask(self, calls, seconds=None):  # type: ignore[no-untyped-def]
        answers = []
        for handle, _, _ in calls:
            self.gone[handle] -= 1
            answers.append(Lost("gone") if self.gone[handle] >= 0 else 1)
        return answers

    def mend(self, handle: object) -> None:
        self.mended.append(handle)
        if len(self.mended) == 1:
            raise RuntimeError("the cluster itself is gone")


def test_the_watch_mends_who_is_lost_until_he_answers() -> None:
    workers = Flaky()
    workers.gone = {"a": 2, "b": 10**9}
    watch = Watch(workers, "size")
    assert watch.back(0.1)
    watch.lost("a")
    watch.lost("b")
    assert "a" in watch
    assert "c" not in watch
    assert watch.back(10)
    assert "a" not in watch
    assert "b" in watch
    assert not watch.back(0.1)
    assert workers.mended.count("a") == 2
    watch.forget(["b"])
    assert "b" not in watch
    workers.gone["a"] = 1
    watch.lost("a")
    assert watch.back(10)
    assert "a" not in watch
