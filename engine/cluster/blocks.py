"""Blocks of independent work, run by workers on the nodes of a Ray cluster; results come back in order.

Ray is selected as in `engine.cluster`. If a worker dies, another one redoes its block; a straggler is also given to an
idle worker, and the first result counts (Dean and Ghemawat, "MapReduce", 2004). Processing a block must therefore be
idempotent.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from engine.cluster import ASKED, Lost
from engine.cluster.ray_actors import ActorHandle, RayActors
from engine.core.errors import BenzerError

T = TypeVar("T")
Make = Callable[..., Callable[[Any], Any]]

_DEPTH = 2  # blocks assigned to a worker: one running and one queued, so that no worker waits for us
_AHEAD = 4  # blocks per worker that are running or finished out of order; bounds the memory
_LIVES = 4  # workers that may die on a block before it is given up
_PATIENCE = 2.0  # multiple of the longest block time so far after which an idle worker gets the block as well
_LEAST_PATIENCE = 5.0  # seconds
_LOOK = 0.5  # seconds between two checks for a stop request


class WorkerPool(Protocol):
    """Workers that process blocks."""

    @property
    def title(self) -> str: ...

    @property
    def count(self) -> int: ...

    def begin(self, make: Make, arguments: tuple[Any, ...]) -> None:
        """Have every worker create its function from the arguments when its first block arrives."""

    def give(self, worker: int, block: Any) -> Any:
        """Send a block to a worker and return a ticket for the result."""

    def done(self, tickets: list[Any], seconds: float) -> list[tuple[Any, Any]]:
        """Tickets whose result arrived within the given seconds, each with the result, a RemoteError or Lost."""

    def renew(self, worker: int) -> None:
        """Replace a lost worker."""

    def end(self) -> None:
        """Release the workers."""


@dataclass(frozen=True)
class RemoteError:
    """An error raised inside a worker: its message and the suggested remedy."""

    message: str
    way_out: str


class Worker:
    """Runs on a node: creates its function when the first block arrives and applies it to each block in turn."""

    def __init__(self, make: Make, arguments: tuple[Any, ...]) -> None:
        self._make, self._arguments = make, arguments
        self._function: Callable[[Any], Any] | None = None

    def do(self, block: Any) -> Any:
        """The function's result for a block, or a RemoteError."""
        try:
            if self._function is None:
                self._function = self._make(*self._arguments)
            return self._function(block)
        except BenzerError as error:  # errors with custom arguments would not survive pickling
            return RemoteError(error.message, error.way_out)

    def process(self) -> int:
        """The id of the worker's process."""
        return os.getpid()


class RayWorkerPool:
    """One worker per processor of the Ray cluster, placed on that processor's node."""

    def __init__(self, actors: RayActors) -> None:
        self._actors, self._places = actors, actors.processors()
        self._handles: list[ActorHandle] = []

    @property
    def title(self) -> str:
        return f"{self._actors.title}, {self.count} worker{'s' * (self.count != 1)}"

    @property
    def count(self) -> int:
        return len(self._places)

    def begin(self, make: Make, arguments: tuple[Any, ...]) -> None:
        self._handles = [self._actors.hold_on(place, Worker, (make, arguments)) for place in self._places]

    def give(self, worker: int, block: Any) -> Any:
        return self._actors.submit(self._handles[worker], "do", block)

    def done(self, tickets: list[Any], seconds: float) -> list[tuple[Any, Any]]:
        return self._actors.first_done(tickets, seconds)

    def renew(self, worker: int) -> None:
        self._actors.renew(self._handles[worker])

    def end(self) -> None:
        self._actors.let_go(self._handles)
        self._handles = []


def worker_pool() -> WorkerPool | None:
    """The workers selected by `$BENZER_RAY`; None if the work runs in this process.

    Raises:
        MissingPackage: Ray is requested but not installed. BenzerError: nothing answers at the address.
    """
    address = os.environ.get(ASKED, "")
    if not address:
        return None

    return RayWorkerPool(RayActors(address))


@contextmanager
def asked_for(address: str | None) -> Iterator[None]:
    """A context in which work is distributed over the Ray cluster at `address`; None keeps `$BENZER_RAY`."""
    before = os.environ.get(ASKED)
    if address is not None:
        os.environ[ASKED] = address
    try:
        yield
    finally:
        if address is not None:
            os.environ.pop(ASKED)
            os.environ.update({ASKED: before} if before is not None else {})


def run_blocks(
    worker_pool: WorkerPool,
    make: Make,
    arguments: tuple[Any, ...],
    blocks: Iterable[T],
    tick: Callable[[], None] = lambda: None,
) -> Iterator[tuple[T, Any]]:
    """Yield `make(*arguments)(block)` for each block, in order; `tick` is called often and may raise to stop the work.

    Blocks are read from their source only a few ahead of the first unfinished one.

    Raises:
        BenzerError: the function raised it, or a block killed several workers in a row.
    """
    rounds = _Rounds(worker_pool, blocks)
    worker_pool.begin(make, arguments)
    try:
        yield from rounds.results(tick)
    finally:
        worker_pool.end()


def require_seen(folders: Iterable[Path]) -> None:
    """Raise BenzerError if this node cannot access a folder that the work needs."""
    for folder in folders:
        if not folder.is_dir():
            raise BenzerError(
                f"The node {socket.gethostname()} does not see the folder {folder}.",
                way_out="Every node must reach it under the same path: share it, and start the work again.",
            )


class _Out(NamedTuple):
    """A block assigned to a worker, and since when."""

    number: int
    worker: int
    since: float


class _Rounds(Generic[T]):
    """Blocks in flight: which worker has which, results that arrived out of order, and blocks to redo."""

    def __init__(self, worker_pool: WorkerPool, blocks: Iterable[T]) -> None:
        self.pool = worker_pool
        self.source = enumerate(blocks)
        self.held: dict[int, T] = {}  # read from the source and not yet yielded
        self.finished: dict[int, Any] = {}
        self.out: dict[Any, _Out] = {}  # by ticket
        self.again: deque[int] = deque()
        self.lives: Counter[int] = Counter()
        self.longest = math.inf  # longest block time in seconds, infinite until the first result

    def results(self, tick: Callable[[], None]) -> Iterator[tuple[T, Any]]:
        turn = 0
        while self._hand_out():
            tick()
            for ticket, result in self.pool.done(list(self.out), _LOOK):
                if ticket in self.out:
                    self._settle(self.out.pop(ticket), result)
            while turn in self.finished:
                yield self.held.pop(turn), self.finished.pop(turn)
                turn += 1

    def _hand_out(self) -> bool:
        """Keep every worker busy; False when nothing is left to wait for."""
        hands = Counter(out.worker for out in self.out.values())
        for depth in range(1, _DEPTH + 1):
            for worker in range(self.pool.count):
                if hands[worker] < depth and (number := self._next(depth)) is not None:
                    hands[worker] += 1
                    self.out[self.pool.give(worker, self.held[number])] = _Out(number, worker, time.monotonic())
        return bool(self.held)

    def _next(self, depth: int) -> int | None:
        while self.again:
            if self._is_open(number := self.again.popleft()):
                return number
        if len(self.held) < _AHEAD * self.pool.count and (taken := next(self.source, None)) is not None:
            number, self.held[number] = taken
            return number
        return self._straggler() if depth == 1 else None

    def _straggler(self) -> int | None:
        """Give the oldest overdue block that only one worker has to an idle worker as well."""
        times = Counter(out.number for out in self.out.values())
        before = time.monotonic() - max(_LEAST_PATIENCE, _PATIENCE * self.longest)
        late = {out.number for out in self.out.values() if out.since < before and times[out.number] == 1}
        return min(filter(self._is_open, late), default=None)

    def _is_open(self, number: int) -> bool:
        return number in self.held and number not in self.finished

    def _in_hands(self, worker: int) -> list[int]:
        return [out.number for out in self.out.values() if out.worker == worker]

    def _settle(self, out: _Out, result: Any) -> None:
        if isinstance(result, Lost):
            self._lost(out.number, out.worker, result)
            return
        took = time.monotonic() - out.since
        self.longest = took if self.longest == math.inf else max(self.longest, took)
        if self._is_open(out.number):
            if isinstance(result, RemoteError):
                raise BenzerError(result.message, way_out=result.way_out)
            self.finished[out.number] = result

    def _lost(self, number: int, worker: int, loss: Lost) -> None:
        """Handle a lost worker: its blocks have to be redone."""
        self.lives[number] += 1
        if self.lives[number] >= _LIVES:
            raise Lost(f"The same block of work ended {_LIVES} workers. {loss.message}")
        hands = [number, *self._in_hands(worker)]
        self.out = {ticket: out for ticket, out in self.out.items() if out.worker != worker}
        elsewhere = {out.number for out in self.out.values()}.union(self.again)
        self.again.extend(n for n in hands if self._is_open(n) and n not in elsewhere)
        self.pool.renew(worker)
