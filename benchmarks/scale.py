"""What a billion vectors need: parts measured on this computer, and a simulation of 10 to 1,000 of them.

    python -m benchmarks.scale [--counts 62500,250000,1000000] [--times FILE] [--round-trip 0.1] [--gigabits 10] …

Measured here: how long a part of an LSH index takes for a query (its own processor time, so that other work on the
computer does not count), in batches, its bytes, how fast it is opened, how long merging takes, and what a message
costs the one who sends it. Assumed, and printed as such: everything about a network, failures and prices.
Writes benchmarks/results/scale.md and scale-service-times.csv there, and the tables and the picture of docs/scale.md.
"""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import _chart, _simulation
from benchmarks._machine import facts
from benchmarks._part import BATCHES, K, Part, measured, merge_cost, message_cost, read_times, write_times
from benchmarks._simulation import Draw, Network, Times
from engine.core.home import PROJECT
from engine.core.humanize import percent

PAIR = 12  # bytes: an id of 8 and a distance of 4
PARTS = (10, 30, 100, 300, 1000)
BILLION = 1_000_000_000
NODE_HOURS = 20_000_000  # simulated of failures and repairs, over all nodes
_MONTH = 730 * 3600  # seconds
ROUNDS = 2000  # draws of lost nodes
RESULTS = PROJECT / "benchmarks" / "results"


@dataclass(frozen=True)
class Assumed:
    """What nobody measured here; every figure that rests on it is named so."""

    network: Network
    pause_chance: float  # of a part's answer to come late
    pause: float  # ms
    noticed: float  # seconds until a lost node is taken for lost
    storage: float  # gigabits a second at which a node reads a part from the shared folder
    between: float  # days between two failures of a node
    price: float  # dollars for a GB of memory and an hour
    memory: float  # GB of a node
    cores: int  # of a node


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", default="62500,250000,1000000", help="vectors in a part; the last is simulated")
    parser.add_argument("--times", type=Path, help="a CSV (setting, quantile, ms) to simulate instead of the last part")
    parser.add_argument("--queries", type=int, default=20_000, help="simulated for each line")
    parser.add_argument("--seed", type=int, default=0)
    add_assumptions(parser)
    wanted = parser.parse_args()
    parts = [measured(int(count)) for count in wanted.counts.split(",")]
    times = read_times(wanted.times) if wanted.times else parts[-1].times
    text, figure = report(parts, times, assumed(wanted), wanted)
    print(text)
    (RESULTS / "scale.md").write_text(text, encoding="utf-8")
    page = PROJECT / "docs" / "scale.md"
    page.write_text(filled(page.read_text(encoding="utf-8"), text), encoding="utf-8")
    write_times(RESULTS / "scale-service-times.csv", parts)
    (PROJECT / "docs" / "figures" / "scale-latency.svg").write_text(figure, encoding="utf-8")


def add_assumptions(parser: argparse.ArgumentParser) -> None:
    """Everything that is assumed, with the values that the document uses."""
    for name, value, help in (
        ("round-trip", 0.1, "ms between two nodes of a data centre, there and back"),
        ("gigabits", 10.0, "a second, of the coordinator's line"),
        ("pause-chance", 0.001, "of an answer to be held up by something else on the node"),
        ("pause", 50.0, "ms that it is held up"),
        ("noticed", 30.0, "seconds until a node that is gone is taken for lost"),
        ("storage", 10.0, "gigabits a second at which a node reads a part from the shared folder"),
        ("between", 30.0, "days between two failures of one node"),
        ("price", 0.005, "dollars for a GB of memory and an hour"),
        ("memory", 64.0, "GB of a node"),
        ("cores", 16, "of a node"),
    ):
        parser.add_argument(f"--{name}", type=type(value), default=value, help=f"assumed: {help} (default: {value})")


def assumed(wanted: argparse.Namespace) -> Assumed:
    """The assumptions of the words given; what a message costs is measured."""
    network = Network(wanted.round_trip, wanted.gigabits, message_cost())
    names = ("pause_chance", "pause", "noticed", "storage", "between", "price", "memory", "cores")
    return Assumed(network, *(getattr(wanted, name) for name in names))


def filled(page: str, report: str) -> str:
    """The page with each section of the report in its place: between `<!-- its title -->` and `<!-- end -->`."""
    for section in report.split("\n## ")[1:]:
        title, body = section.split("\n", 1)
        place = f"(<!-- {re.escape(title.split(': ', 1)[1])} -->\n).*?(<!-- end -->)"
        parts = re.split(place, page, maxsplit=1, flags=re.DOTALL)
        page = f"{body.strip()}\n".join(["".join(parts[:2]), "".join(parts[2:])]) if len(parts) > 1 else page
    return page


# ── the report ───────────────────────────────────────────────────────────────────────────────────────────────────────


def report(parts: Sequence[Part], times: Times, given: Assumed, wanted: argparse.Namespace) -> tuple[str, str]:
    """The page of figures, and the chart."""
    rng = np.random.default_rng(wanted.seed)
    draw, count = _simulation.sample(times), parts[-1].count
    lines = fan_out(draw, times, count, given, wanted.queries, rng)
    sections = [
        f"# A billion vectors: measured parts, simulated fan-out\n\n{facts()}\n\n{_assumptions(given)}",
        "## Measured: one part\n\n" + parts_table(parts),
        f"## Simulated: latency\n\nOf a query over parts of {count:,} vectors.\n\n" + table(_FAN_OUT, lines),
        "## Simulated: one coordinator or a tree\n\n" + shapes(draw, given, wanted.queries, rng),
        "## Simulated: queues\n\n" + queues(draw, given, wanted.queries, rng),
        "## Simulated: lost nodes\n\n" + losses(parts[-1], given, rng),
        "## Computed: what goes through the coordinator\n\n" + coordinator(given),
        "## Computed: batches\n\n" + in_batches(parts[-1], given),
        "## Computed: a billion vectors\n\n" + a_billion(parts, given),
    ]
    return "\n\n".join(sections) + "\n", chart(draw, times, given, wanted.queries, rng)


def _assumptions(given: Assumed) -> str:
    network = given.network
    return (
        f"Assumed, not measured: {network.round_trip:g} ms between two nodes and back, {network.gigabits:g} Gbit/s at "
        f"the coordinator, {network.header} bytes around each message; one answer in {1 / given.pause_chance:,.0f} "
        f"held up for {given.pause:g} ms where pauses are named; a lost node taken for lost after {given.noticed:g} s, "
        f"parts read at {given.storage:g} Gbit/s; a failure of each node every {given.between:g} days; nodes of "
        f"{given.memory:g} GB and {given.cores} cores; ${given.price:g} for a GB of memory and an hour. Measured: "
        f"{1000 * network.message:.0f} µs of the coordinator's time for a question and its answer on a direct line."
    )


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---:|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def parts_table(parts: Sequence[Part]) -> str:
    """What was measured of each size, and how the time grows."""
    head = ["vectors", "chosen", "recall@100", "p50 ms", "p95", "p99", "longest", "build s", "opening s"]
    rows = [
        [f"{p.count:,}", p.chosen, f"{p.recall:.3f}", *(f"{np.percentile(p.times, q):.2f}" for q in (50, 95, 99, 100)),
         f"{p.build:.1f}", f"{p.opening:.2f}"]
        for p in parts
    ]  # fmt: skip
    batches = [[f"{p.count:,}", *(f"{p.batches[size]:.2f}" for size in BATCHES)] for p in parts]
    kinds = list(parts[-1].bytes)
    kept = [[f"{p.count:,}", *(f"{p.bytes[kind]:.0f}" for kind in kinds), f"{p.kept:.0f}"] for p in parts]
    growth = np.polyfit(np.log([p.count for p in parts]), np.log([np.median(p.times) for p in parts]), 1)[0]
    return "\n\n".join([
        "Times are the processor's own, of one thread, for 100 neighbours, the least of three rounds. Up to 200,000 "
        "vectors are real descriptors, of more the rest is made from them with noise.",
        table(head, rows),
        f"With its numbers chosen anew for each size, a part's median grows as (vectors)^{growth:.2f}.",
        "Milliseconds a query in batches of:",
        table(["vectors", *map(str, BATCHES)], batches),
        "Bytes a vector, from the index's files:",
        table(["vectors", *kinds, "together"], kept),
    ])  # fmt: skip


_FAN_OUT = [
    "parts", "vectors", "p50 ms", "p99", "p99.9", "with pauses p50", "p99", "asked twice p50", "p99", "more calls",
]  # fmt: skip


def fan_out(
    draw: Draw, times: Times, count: int, given: Assumed, queries: int, rng: np.random.Generator
) -> list[list[str]]:
    """A row for each number of parts: as measured, with pauses, and with pauses where late parts are asked twice."""
    after = float(np.quantile(times, 0.95))
    paused = _simulation.with_pauses(draw, given.pause_chance, given.pause)
    twice = float((paused(rng, (1_000_000,)) > after).mean())
    rows = []
    for parts in PARTS:
        plain, late, hedged = (
            latency(one, parts, given, queries, rng) for one in (draw, paused, _simulation.asked_twice(paused, after))
        )
        shown = [
            *np.percentile(plain, [50, 99, 99.9]),
            *np.percentile(late, [50, 99]),
            *np.percentile(hedged, [50, 99]),
        ]
        rows.append([f"{parts:,}", f"{parts * count:,}", *(f"{ms:.1f}" for ms in shown), percent(twice, 1)])
    return rows


def latency(draw: Draw, parts: int, given: Assumed, queries: int, rng: np.random.Generator) -> Times:
    """(queries,) ms from the question to the merged answer, by one coordinator or, where it is quicker, a tree."""
    size = 4.0 * 128, float(PAIR * K)
    branches = max(1, round(parts**0.5))
    flat = _simulation.flat(draw, parts, queries, given.network, size, rng) + merge_cost(parts)
    if parts < 30:
        return flat
    merges = merge_cost(branches) + merge_cost(-(-parts // branches))
    tree = _simulation.tree(draw, parts, queries, given.network, size, rng) + merges
    return flat if np.median(flat) <= np.median(tree) else tree


def shapes(draw: Draw, given: Assumed, queries: int, rng: np.random.Generator) -> str:
    """What the coordinator adds to the slowest part: flat, and as a tree of two levels."""
    size = 4.0 * 128, float(PAIR * K)
    rows = []
    for parts in PARTS:
        branches = max(1, round(parts**0.5))
        alone = _simulation.slowest(draw, parts, queries, rng)
        flat = _simulation.flat(draw, parts, queries, given.network, size, rng) + merge_cost(parts)
        merges = merge_cost(branches) + merge_cost(-(-parts // branches))
        tree = _simulation.tree(draw, parts, queries, given.network, size, rng) + merges
        shown = [np.median(alone), np.median(flat), np.median(tree), merge_cost(parts), merges]
        rows.append([f"{parts:,}", *(f"{ms:.2f}" for ms in shown)])
    head = ["parts", "slowest part p50 ms", "one coordinator p50", "tree p50", "merging, one", "merging, tree"]
    return table(head, rows)


def queues(draw: Draw, given: Assumed, queries: int, rng: np.random.Generator) -> str:
    """The slowest part's response where queries arrive at random and wait for each other."""
    mean, rows = float(draw(rng, (100_000,)).mean()), []
    for parts in (10, 100, 1000):
        for load in (0.2, 0.5, 0.8):
            found = _simulation.queued(draw, parts, load, queries, rng).slowest
            shown = [f"{ms:.1f}" for ms in np.percentile(found, [50, 99])]
            rows.append([f"{parts:,}", percent(load), f"{1000 * load / mean:,.0f}", *shown])
    return table(["parts", "busy", "queries a second", "p50 ms", "p99"], rows)


def losses(part: Part, given: Assumed, rng: np.random.Generator) -> str:
    """The share answered right after nodes are lost, the time to full service, and what that makes of a month."""
    recovery = given.noticed + part.count * part.kept * 8 / (given.storage * 1e9) + part.opening
    rows = []
    for nodes in (10, 100, 1000):
        for lost in sorted({1, nodes // 10}):
            shares = [_simulation.share_answered(nodes, copies, lost, ROUNDS, rng).mean() for copies in (1, 2)]
            rows.append([f"{nodes:,}", lost, *(f"{share:.4f}" for share in shares)])
    down = recovery / (24 * 3600 * given.between + recovery)
    months = []
    for nodes in (10, 100, 1000):
        for copies in (1, 2):
            hours = NODE_HOURS / nodes
            _, whole = _simulation.service(nodes, copies, 24 * given.between, recovery / 3600, hours, rng)
            computed = -np.expm1(nodes * np.log1p(-(down**copies)))
            months.append([f"{nodes:,}", copies, *(f"{share * _MONTH:,.1f}" for share in (1 - whole, computed))])
    return "\n\n".join([
        table(["nodes", "lost at once", "share answered, one copy", "two copies"], rows),
        f"A part of {part.count:,} vectors is back {recovery:.0f} s after its node is gone: {given.noticed:g} s until "
        f"it is noticed, {recovery - given.noticed:.1f} s to read its {part.count * part.kept / 1e9:.2f} GB.",
        "Seconds a month in which an answer does not cover everything:",
        table(["nodes", "copies", "simulated", "computed"], months),
    ])  # fmt: skip


def coordinator(given: Assumed) -> str:
    """Bytes and time for each query at the coordinator, and how many queries a second that allows."""
    rows, network = [], given.network
    for parts in PARTS:
        out, back = parts * (4 * 128 + network.header), parts * (K * PAIR + network.header)
        busy = parts * network.message + merge_cost(parts)
        wire = max(network.wire(out), network.wire(back))
        fewer = enough(parts)
        least = parts * (fewer * PAIR + network.header)
        shown = [f"{out / 1e3:,.0f}", f"{back / 1e3:,.0f}", f"{1000 / wire:,.0f}", f"{busy:.2f}", f"{1000 / busy:,.0f}"]
        rows.append([f"{parts:,}", *shown, fewer, f"{least / 1e3:,.0f}"])
    head = ["parts", "kB out a query", "kB back", "queries/s by the line", "ms of one core", "queries/s by one core"]
    return table([*head, "answers of a part that would do", "kB back then"], rows)


def enough(parts: int, chance: float = 0.001) -> int:
    """How many answers of each part hold the K nearest of all, but for one query in 1,000.

    The vectors are dealt to the parts at random, so a part holds Binomial(K, 1/parts) of them; the bound of the union
    over all parts.
    """
    held = [math.comb(K, n) * (parts - 1) ** (K - n) / parts**K for n in range(K + 1)]
    return next(count for count in range(K + 1) if parts * sum(held[count + 1 :]) <= chance)


def in_batches(part: Part, given: Assumed) -> str:
    """What batches bring: messages are shared, and a part answers many queries faster than one by one."""
    rows, network = [], given.network
    message = {size: message_cost(size) for size in BATCHES}
    for parts in (100, 1000):
        for size in BATCHES:
            node, together = part.batches[size], min(size, 100)
            messages = parts * message[size] / size + merge_cost(parts, together) / together
            wire = network.wire(parts * (K * PAIR + network.header / size))
            limits = {"the parts": 1000 / node, "one coordinator's core": 1000 / messages, "its line": 1000 / wire}
            least = min(limits, key=lambda name: limits[name])
            rows.append([f"{parts:,}", size, *(f"{rate:,.0f}" for rate in limits.values()), least])
    head = ["parts", "batch", "queries/s by the parts", "by one coordinator's core", "by its line", "what limits"]
    return table(head, rows)


def a_billion(parts: Sequence[Part], given: Assumed) -> str:
    """Memory, nodes and cost for 10⁹ vectors of 128 values."""
    part, rows = parts[-1], []
    floats = part.bytes["vectors, float32"]
    for what, each in (("everything in memory", part.kept), ("float32 vectors left on disk", part.kept - floats)):
        for copies in (1, 2):
            memory = BILLION * each * copies / 1e9
            by_memory = -(-memory // (0.8 * given.memory))
            by_cores = -(-BILLION * copies // (part.count * given.cores))
            cost = memory * given.price * 730
            rows.append(
                [what, copies, f"{each:.0f}", f"{memory:,.0f}", f"{by_memory:,.0f}", f"{by_cores:,}", f"{cost:,.0f}"]
            )
    head = [
        "what",
        "copies",
        "bytes a vector",
        "GB",
        "nodes by memory (80 % full)",
        "nodes, a core a part",
        "$ a month",
    ]
    seconds = BILLION / part.count * float(part.times.mean()) / 1000
    batch = BILLION / part.count * part.batches[BATCHES[-1]] / 1000
    return table(head, rows) + (
        f"\n\nOne query costs {seconds:.2f} core-seconds over all parts, {batch:.2f} in batches of {BATCHES[-1]:,}; "
        f"building takes {BILLION / part.count * part.build / 3600:.1f} core-hours."
    )


def chart(draw: Draw, times: Times, given: Assumed, queries: int, rng: np.random.Generator) -> str:
    """Latency over the number of parts."""
    after = float(np.quantile(times, 0.95))
    paused = _simulation.with_pauses(draw, given.pause_chance, given.pause)
    ways = {"": draw, ", pauses": paused, ", asked twice": _simulation.asked_twice(paused, after)}
    series: dict[str, list[tuple[float, float]]] = {}
    for parts in PARTS:
        for name, way in ways.items():
            found = latency(way, parts, given, queries, rng)
            for share in (50, 99):
                series.setdefault(f"p{share}{name}", []).append((parts, float(np.percentile(found, share))))
    title = "Simulated latency of a query over 10 to 1,000 parts"
    return _chart.lines(title, series, across="parts", up="milliseconds", powers=True)


if __name__ == "__main__":
    main()
