"""A search fanned out to many parts, by Monte Carlo: the slowest part, queues, asking twice, lost nodes.

Times are milliseconds. A `Draw` gives service times of any shape: drawn from a measured sample, or from a distribution
whose maximum, queue or hedge has a closed form, which is how these functions are tested.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Times]

_AT_ONCE = 4_000_000  # times that are held in memory together


@dataclass(frozen=True)
class Network:
    """What lies between the coordinator and the parts. Not measured: assumptions that a reader may change.

    Attributes:
        round_trip: ms. gigabits: a second, of the coordinator's line. message: ms of the coordinator's own time to send
        one question and take in its answer. header: bytes around each message (Ethernet, IP, TCP and a frame).
    """

    round_trip: float = 0.1
    gigabits: float = 10.0
    message: float = 0.02
    header: int = 120

    def wire(self, size: float) -> float:
        """Milliseconds for so many bytes on the coordinator's line."""
        return size * 8 / (self.gigabits * 1e6)


def sample(measured: Times) -> Draw:
    """Draws from the distribution of a measured sample: its quantile function at uniform numbers."""
    ordered = np.sort(np.asarray(measured, dtype=np.float64))
    grid = np.linspace(0, 1, len(ordered))
    return lambda rng, shape: np.interp(rng.random(shape), grid, ordered)


def with_pauses(draw: Draw, chance: float, pause: float) -> Draw:
    """The same, and now and then `pause` ms more: what a node's other work, or its system, does to an answer."""
    return lambda rng, shape: draw(rng, shape) + pause * (rng.random(shape) < chance)


def slowest(draw: Draw, parts: int, queries: int, rng: np.random.Generator) -> Times:
    """(queries,): the maximum of so many parts' times."""
    return _chunked(lambda n: draw(rng, (n, parts)).max(axis=1), parts, queries)


def asked_twice(draw: Draw, after: float) -> Draw:
    """The same where a copy is asked as well once there is no answer for `after` ms; the first of the two counts.

    Dean and Barroso, "The tail at scale", CACM 2013 (hedged requests).
    """

    def some(rng: np.random.Generator, shape: tuple[int, ...]) -> Times:
        first = draw(rng, shape)
        late = first > after
        first[late] = np.minimum(first[late], after + draw(rng, (int(late.sum()),)))
        return first

    return some


def gathered(times: Times, network: Network, size: float, asked: float = 0.0) -> Times:
    """(queries,): when the last of (queries, parts) answers is in, with one coordinator that sends and takes in turn.

    Questions leave one after the other, so the last part begins late; answers are taken in one at a time, each for half
    a message's time or as long as its `size` bytes are on the line, whichever is longer. `asked`: bytes of a question.
    """
    parts = times.shape[1]
    out = max(network.message / 2, network.wire(asked + network.header))
    back = max(network.message / 2, network.wire(size + network.header))
    arrivals = np.sort(times + out * np.arange(1, parts + 1) + network.round_trip, axis=1)
    return np.asarray((arrivals + back * np.arange(parts, 0, -1)).max(axis=1))


def flat(
    draw: Draw, parts: int, queries: int, network: Network, sizes: tuple[float, float], rng: np.random.Generator
) -> Times:
    """(queries,): one coordinator asks all parts. `sizes` are the bytes of a question and of an answer."""
    return _chunked(lambda n: gathered(draw(rng, (n, parts)), network, sizes[1], sizes[0]), parts, queries)


def tree(
    draw: Draw, parts: int, queries: int, network: Network, sizes: tuple[float, float], rng: np.random.Generator
) -> Times:
    """(queries,): the coordinator asks about √parts others, which ask about √parts parts each and merge."""
    branches = max(1, round(parts**0.5))
    members = -(-parts // branches)

    def some(n: int) -> Times:
        below = gathered(draw(rng, (n * branches, members)), network, sizes[1], sizes[0])
        return gathered(below.reshape(n, branches), network, sizes[1], sizes[0])

    return _chunked(some, branches * members, queries)


@dataclass(frozen=True)
class Queued:
    """With queues: the slowest response of each query (queries,), and responses of single parts."""

    slowest: Times
    single: Times


def queued(draw: Draw, parts: int, load: float, queries: int, rng: np.random.Generator) -> Queued:
    """Every part is one server with a queue; queries come at random (Poisson) and each goes to all parts.

    `load` is the share of its time that a part is busy. Waiting by Lindley's recursion, all parts side by side.
    """
    mean = float(draw(rng, (100_000,)).mean())
    gaps = rng.exponential(mean / load, queries)
    waits, worst, single = np.zeros(parts), np.empty(queries), np.empty(queries)
    for number in range(queries):
        responses = waits + draw(rng, (parts,))
        worst[number], single[number] = responses.max(), responses[0]
        waits = np.maximum(0.0, responses - gaps[number])
    settled = queries // 10  # the queues begin empty
    return Queued(worst[settled:], single[settled:])


def share_answered(nodes: int, copies: int, lost: int, rounds: int, rng: np.random.Generator) -> Times:
    """(rounds,): the share of the parts of which a copy still stands when so many nodes, drawn anew, are lost.

    Each node holds as many parts as copies; the copies of a part stand on different nodes, drawn at random.
    """
    gone = np.argsort(rng.random((rounds, nodes)), axis=1) < lost
    dead = np.ones((rounds, nodes), dtype=bool)
    # All c-th copies are shifted by the same number of nodes, so a node has one of each and a part never two on one.
    shifts = np.argsort(rng.random((rounds, nodes - 1)), axis=1)[:, : copies - 1] + 1
    for shift in [np.zeros(rounds, dtype=np.int64), *shifts.T]:
        dead &= np.take_along_axis(gone, (np.arange(nodes) + shift[:, None]) % nodes, axis=1)
    return np.asarray(1.0 - dead.mean(axis=1))


def service(
    nodes: int, copies: int, between: float, repair: float, hours: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean share answered, and the share of the time in which everything is answered, event by event.

    Each node fails on average every `between` hours and is back, elsewhere or again, `repair` hours later. Part p lies
    on the nodes p, p + 1 … p + copies − 1.
    """
    up = np.ones(nodes, dtype=bool)
    events = [(float(rng.exponential(between)), node) for node in range(nodes)]
    heapq.heapify(events)
    now = answered = whole = 0.0
    missing = 0  # parts none of whose copies stands
    while now < hours:
        at, node = heapq.heappop(events)
        step = min(at, hours) - now
        answered += step * (1 - missing / nodes)
        whole += step * (missing == 0)
        now = at
        before = _missing(up, node, copies)
        up[node] = not up[node]
        missing += _missing(up, node, copies) - before
        heapq.heappush(events, (now + (float(rng.exponential(between)) if up[node] else repair), node))
    return answered / hours, whole / hours


def _missing(up: NDArray[np.bool_], node: int, copies: int) -> int:
    """How many of the parts that have a copy on this node have none that stands."""
    nodes = len(up)
    return sum(
        not any(up[(part + copy) % nodes] for copy in range(copies)) for part in range(node - copies + 1, node + 1)
    )


def _chunked(some: Callable[[int], Times], parts: int, queries: int) -> Times:
    step = max(1, _AT_ONCE // parts)
    return np.concatenate([some(min(step, queries - start)) for start in range(0, queries, step)])
