"""Direct connections to a worker, and the watch over those that are lost: with sockets and threads, without Ray."""

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

    direct = frozenset({"added", "fails", "texts"})

    def added(self, array: np.ndarray, more: float) -> tuple[np.ndarray, int]:
        return array + array.dtype.type(more), array.size

    def texts(self, text: str) -> tuple[str, None]:
        return text * 2, None

    def fails(self) -> tuple[()]:
        raise ValueError("no")

    def secret(self) -> tuple[int]:
        return (1,)


@pytest.fixture
def server() -> Iterator[RpcServer]:
    server = RpcServer(Sums(), "127.0.0.1")
    yield server
    server.close()


@pytest.mark.parametrize("shape", [(1, 128), (0, 3), (700, 960)])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_arrays_come_back_as_they_went(server: RpcServer, shape: tuple[int, ...], dtype: str) -> None:
    line = Connection.to(server.address)
    array = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    line.send(packed(["added", array, 2]), time.monotonic() + 5)
    well, found, size = line.receive(time.monotonic() + 5)
    assert well is True
    assert found.dtype == array.dtype
    assert np.array_equal(found, array + 2)
    assert size == array.size


def test_texts_travel_and_a_failure_or_another_method_is_only_said_to_have_failed(server: RpcServer) -> None:
    line = Connection.to(server.address)
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


def test_who_has_not_the_key_is_not_answered(server: RpcServer) -> None:
    with pytest.raises(ConnectionError):
        Connection.to(Endpoint(server.address.host, server.address.port, "00" * 32))
    noise = socket.create_connection((server.address.host, server.address.port), 5)
    noise.sendall(b"GET / HTTP/1.1\r\n\r\n" * 10)
    noise.settimeout(5)
    received = bytearray()
    with suppress(ConnectionError):
        while more := noise.recv(1000):
            received += more
    assert len(received) == 32  # what it has to prove the key with, and no more


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such limit")
def test_a_machine_that_is_gone_is_missed_within_seconds(server: RpcServer) -> None:
    line = Connection.to(server.address)
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


def test_who_listens_goes_on_after_strangers_and_a_full_house(server: RpcServer) -> None:
    server._listening = full = FullOnce(server._listening)  # type: ignore[assignment]
    where = (server.address.host, server.address.port)
    strangers = [socket.create_connection(where, 5) for _ in range(40)]
    line = Connection.to(server.address)
    line.send(packed(["texts", "a"]))
    assert line.receive(time.monotonic() + 5) == [True, "aa", None]
    assert not full.full
    for stranger in strangers:
        stranger.close()


def test_arrays_of_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="none of numbers"):
        _unpacked(bytearray(b'[{"dtype": "|O", "shape": [1]}]'), bytearray(8))


def test_lines_are_kept_and_where_none_can_be_had_it_is_not_tried_again_at_once(server: RpcServer) -> None:
    connections = Connections()
    assert connections.take() is None
    connections.address = server.address
    first = connections.take()
    assert first is not None
    other = connections.take()
    connections.put_back(first)
    assert connections.take() is first
    connections.put_back(other)
    connections.drop()
    assert other.connection.fileno() == -1
    unused = socket.create_server(("127.0.0.1", 0))
    port = unused.getsockname()[1]
    unused.close()
    connections.address = Endpoint("127.0.0.1", port, server.address.key)
    assert connections.take() is None
    assert connections.barred
    assert connections.address is None  # made anew it listens elsewhere: it is asked where


def test_many_threads_get_their_own_answers(server: RpcServer) -> None:
    connections, wrong = Connections(), []
    connections.address = server.address

    def ask(number: int) -> None:
        for turn in range(30):
            connection = connections.take()
            connection.send(packed(["added", np.full(100, number), turn]))
            found = connection.receive(time.monotonic() + 10)[1]
            connections.put_back(connection)
            if not (found == number + turn).all():
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_message_that_does_not_come_in_time_is_not_waited_for(server: RpcServer) -> None:
    line, began = Connection.to(server.address), time.monotonic()
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
