"""Direct connections to an object in another process: read-only calls over a persistent socket.

A call through Ray takes a few milliseconds, over a direct connection a few tenths of a millisecond. Numbers, texts and
arrays are sent as raw bytes, nothing is unpickled, and both sides first prove that they know the listener's random key.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

_HEAD = struct.Struct("<IQ")  # bytes of the description, bytes of the arrays
_NONCE = 32
_ASKS, _ANSWERS = b"asks", b"answers"  # direction of a proof: neither can be replayed as the other
_GREETED_WITHIN = 5.0  # seconds for both sides to prove that they know the key
_GREETED_AT_ONCE = 64  # unauthenticated connections at once; further ones wait
_FULL_HOUSE = 0.2  # seconds until the next attempt when the process has run out of file descriptors
_REACHED_WITHIN = 0.5
_BARRED = 30.0  # seconds before a failed connection is retried
# A machine that vanishes sends nothing. Without these it would go unnoticed for two hours on an idle connection, and
# for a quarter of an hour on one with a pending request (the last, in milliseconds).
_MISSED = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 5000}
_KEPT = 8  # idle connections to one object
_NUMBERS = "biuf"


class Endpoint(NamedTuple):
    """Where an object listens, and its key in hex."""

    host: str
    port: int
    key: str


class Connection:
    """One end of a connection, used by one thread at a time. Every failure is an OSError."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _MISSED.items():
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    @classmethod
    def to(cls, address: Endpoint) -> Connection:
        """A connection to an object that listens."""
        raw = socket.create_connection((address.host, address.port), _REACHED_WITHIN)
        connection, until = cls(raw), time.monotonic() + _GREETED_WITHIN
        try:
            key, nonce = bytes.fromhex(address.key), secrets.token_bytes(_NONCE)
            connection.send(_proof(key, _ASKS, connection.exactly(_NONCE, until)) + nonce, until)
            if not hmac.compare_digest(connection.exactly(_NONCE, until), _proof(key, _ANSWERS, nonce)):
                raise ConnectionRefusedError("Another process listens there now.")
        except OSError:
            connection.close()
            raise
        return connection

    def send(self, data: bytes, until: float | None = None) -> None:
        """Send a packed message; OSError if that takes longer than `until`."""
        self.connection.settimeout(_left(until))
        self.connection.sendall(data)

    def receive(self, until: float | None = None) -> list[Any]:
        """Receive the numbers, texts and arrays of one message."""
        described, size = _HEAD.unpack(self.exactly(_HEAD.size, until))
        return _unpacked(self.exactly(described, until), self.exactly(size, until))

    def exactly(self, count: int, until: float | None = None) -> bytearray:
        """Receive exactly this many bytes."""
        data, held = bytearray(count), 0
        view = memoryview(data)
        while held < count:
            self.connection.settimeout(_left(until))
            got = self.connection.recv_into(view[held:])
            if not got:
                raise ConnectionResetError("The other side hung up.")
            held += got
        return data

    def close(self) -> None:
        self.connection.close()


class Connections:
    """A thread-safe pool of connections to one object: opened on demand, kept for the next call."""

    def __init__(self) -> None:
        self.address: Endpoint | None = None
        self._idle: list[Connection] = []
        self._barred = 0.0

    @property
    def barred(self) -> bool:
        """Whether the last attempt to connect failed a moment ago."""
        return time.monotonic() < self._barred

    def take(self) -> Connection | None:
        """A connection for exclusive use; None if none can be opened."""
        with suppress(IndexError):
            return self._idle.pop()
        if self.address is None or self.barred:
            return None
        try:
            return Connection.to(self.address)
        except OSError:  # it may listen elsewhere by the next attempt
            self.address, self._barred = None, time.monotonic() + _BARRED
            return None

    def put_back(self, connection: Connection) -> None:
        """Return an idle connection to the pool."""
        if len(self._idle) < _KEPT:
            self._idle.append(connection)
        else:
            connection.close()

    def drop(self) -> None:
        """Close all connections: the object has been replaced or is gone."""
        self.address, idle, self._idle = None, self._idle, []
        for connection in idle:
            connection.close()


class RpcServer:
    """Serves calls to those methods of an object that its class lists in `direct`, with one thread per connection."""

    def __init__(self, target: Any, host: str) -> None:
        self._target, self._key = target, secrets.token_bytes(_NONCE)
        self._greeting = threading.BoundedSemaphore(_GREETED_AT_ONCE)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listening = socket.create_server((host, 0), family=family)
        self.address = Endpoint(host, self._listening.getsockname()[1], self._key.hex())
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop accepting connections."""
        self._listening.close()

    def _accept(self) -> None:
        while self._listening.fileno() != -1:
            self._greeting.acquire()
            try:
                raw, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(raw,), daemon=True).start()
            except (OSError, RuntimeError):  # out of files or threads, the client is gone, or closed
                self._greeting.release()
                time.sleep(_FULL_HOUSE)

    def _serve(self, raw: socket.socket) -> None:
        with raw, suppress(OSError, ValueError, TypeError, MemoryError, OverflowError, RecursionError):
            try:
                connection = self._greeted(raw)
            finally:
                self._greeting.release()
            while connection is not None:
                connection.send(self._answer(*connection.receive()))

    def _greeted(self, raw: socket.socket) -> Connection | None:
        """The connection after mutual authentication; None for a client without the key."""
        connection, nonce, until = Connection(raw), secrets.token_bytes(_NONCE), time.monotonic() + _GREETED_WITHIN
        connection.send(nonce, until)
        proof, asked = connection.exactly(_NONCE, until), connection.exactly(_NONCE, until)
        if not hmac.compare_digest(proof, _proof(self._key, _ASKS, nonce)):
            return None
        connection.send(_proof(self._key, _ANSWERS, asked), until)
        return connection

    def _answer(self, method: str, *arguments: Any) -> bytes:
        if method not in self._target.direct:
            return packed([False])
        try:
            return packed([True, *getattr(self._target, method)(*arguments)])
        except Exception:  # the caller repeats the call through Ray, which carries errors
            return packed([False])


def packed(values: Sequence[Any]) -> bytes:
    """Pack numbers, texts and arrays into one message."""
    arrays = [value.tobytes() for value in values if isinstance(value, np.ndarray)]
    described = json.dumps([_described(value) for value in values]).encode()
    return b"".join([_HEAD.pack(len(described), sum(map(len, arrays))), described, *arrays])


def _described(value: Any) -> Any:
    return {"dtype": value.dtype.str, "shape": value.shape} if isinstance(value, np.ndarray) else value


def _unpacked(described: bytearray, data: bytearray) -> list[Any]:
    values, start = [], 0
    for one in json.loads(described):
        if isinstance(one, dict):
            dtype, count = np.dtype(one["dtype"]), int(np.prod(one["shape"]))
            if dtype.kind not in _NUMBERS:
                raise ValueError(f"An array of {dtype} is none of numbers.")
            values.append(np.frombuffer(data, dtype, count, start).reshape(one["shape"]))
            start += count * dtype.itemsize
        else:
            values.append(one)
    return values


def _proof(key: bytes, role: bytes, nonce: bytes | bytearray) -> bytes:
    return hmac.digest(key, role + nonce, "sha256")


def _left(until: float | None) -> float | None:
    """Seconds left, above 0: a socket takes 0 as non-blocking."""
    return None if until is None else max(until - time.monotonic(), 1e-3)
