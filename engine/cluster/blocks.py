"""Blocks of independent work, handed to workers on the nodes of a Ray cluster; results come back in order.

Ray is asked for as in `engine.cluster`. A block whose worker dies is done again by another, and one that takes far
longer than all others is also given to a worker that has nothing to do; the first result counts (Dean and Ghemawat,
"MapReduce", 2004). So doing a block twice must do no harm.
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

_DEPTH = 2  # blocks in a worker's hands: one that it does and one that waits, so that no worker waits for us
_AHEAD = 4  # blocks a worker that are out or done before their turn: what bounds the memory
_LIVES = 4  # workers that one block may cost
_PATIENCE = 2.0  # times the longest that a block has taken: after it, an idle worker gets the block as well
_LEAST_PATIENCE = 5.0  # seconds
_LOOK = 0.5  # seconds between two looks at whether a person wants the work to stop


class WorkerPool(Protocol):
    """Workers that do blocks."""

    @property
    def title(self) -> str: ...

    @property
    def count(self) -> int: ...

    def begin(self, make: Make, arguments: tuple[Any, ...]) -> None:
        """Let every worker make its function from the arguments when its first block comes."""

    def give(self, worker: int, block: Any) -> Any:
        """Hand a block to a worker; a ticket for the result."""

    def done(self, tickets: list[Any], seconds: float) -> list[tuple[Any, Any]]:
        """Tickets whose result has come within so many seconds, each with the result, a RemoteError or Lost."""

    def renew(self, worker: int) -> None:
        """Put a fresh worker in the place of one that was lost."""

    def end(self) -> None:
        """Let the workers go."""


@dataclass(frozen=True)
class RemoteError:
    """An error of a worker's own: the sentence and the way out."""

    message: str
    way_out: str


class Worker:
    """What stands on a node: makes its function when the first block comes, and applies it to one after the other."""

    def __init__(self, make: Make, arguments: tuple[Any, ...]) -> None:
        self._make, self._arguments = make, arguments
        self._function: Callable[[Any], Any] | None = None

    def do(self, block: Any) -> Any:
        """The function's result for a block, or a RemoteError."""
        try:
            if self._function is None:
                self._function = self._make(*self._arguments)
            return self._function(block)
        except BenzerError as error:  # errors with arguments of their own would not survive the way back
            return RemoteError(error.message, error.way_out)

    def process(self) -> int:
        """The id of the process it lives in."""
        return os.getpid()


class RayWorkerPool:
    """One worker for each processor that the nodes of a Ray cluster offer, on its node."""

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
    """The workers that `$BENZER_RAY` asks for; None where the work is done in this process.

    Raises:
        MissingPackage: Ray is asked for and not installed. BenzerError: nothing answers at the address.
    """
    address = os.environ.get(ASKED, "")
    if not address:
        return None

    return RayWorkerPool(RayActors(address))


@contextmanager
def asked_for(address: str | None) -> Iterator[None]:
    """Within it, work is spread over the Ray at that address; None leaves what `$BENZER_RAY` says."""
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
    """Each block with `make(*arguments)(block)`, in order; `tick` is called often and may raise to stop the work.

    Blocks are taken from their source only a few ahead of the first that is not done.

    Raises:
        BenzerError: what the function raised, or a block that ended one worker after the other.
    """
    rounds = _Rounds(worker_pool, blocks)
    worker_pool.begin(make, arguments)
    try:
        yield from rounds.results(tick)
    finally:
        worker_pool.end()


def require_seen(folders: Iterable[Path]) -> None:
    """BenzerError where this node does not reach a folder that the work needs."""
    for folder in folders:
        if not folder.is_dir():
            raise BenzerError(
                f"The node {socket.gethostname()} does not see the folder {folder}.",
                way_out="Every node must reach it under the same path: share it, and start the work again.",
            )


class _Out(NamedTuple):
    """A block in a worker's hands, and since when."""

    number: int
    worker: int
    since: float


class _Rounds(Generic[T]):
    """The blocks under way: what is out with whom, what came back before its turn, what has to be done again."""

    def __init__(self, worker_pool: WorkerPool, blocks: Iterable[T]) -> None:
        self.pool = worker_pool
        self.source = enumerate(blocks)
        self.held: dict[int, T] = {}  # taken from the source and not yet given back
        self.finished: dict[int, Any] = {}
        self.out: dict[Any, _Out] = {}  # by ticket
        self.again: deque[int] = deque()
        self.lives: Counter[int] = Counter()
        self.longest = math.inf  # seconds a block has taken, once one has come back

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
        """Fill every worker's hands; False when nothing is left to wait for."""
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
        """The oldest block that one worker alone has, and for long: also given to a worker with empty hands."""
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
        """A worker is gone with all it had in its hands."""
        self.lives[number] += 1
        if self.lives[number] >= _LIVES:
            raise Lost(f"The same block of work ended {_LIVES} workers. {loss.message}")
        hands = [number, *self._in_hands(worker)]
        self.out = {ticket: out for ticket, out in self.out.items() if out.worker != worker}
        elsewhere = {out.number for out in self.out.values()}.union(self.again)
        self.again.extend(n for n in hands if self._is_open(n) and n not in elsewhere)
        self.pool.renew(worker)
