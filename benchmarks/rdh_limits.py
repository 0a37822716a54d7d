"""Where the time goes in what RDH on one computer could do faster: batches, building, a killed part's return.

    python -m benchmarks.rdh_limits [--count 200000] [--kills 10] [--only batches,building,kills]

A profile beside `benchmarks.rdh`, with its vectors and settings: what the coordinator does alone, how much longer a
part takes while another works beside it, and what a new process needs before it answers. Linux only: seconds of the
processor are those of /proc. Writes benchmarks/results/rdh-limits.md.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks._machine import facts
from benchmarks._page import markdown
from benchmarks.rdh import AT_ONCE, SETTINGS, K, Load, built
from benchmarks.search import vectors_and_queries
from engine.cluster import ASKED, LOCAL
from engine.cluster.workers import Lost
from engine.core.home import PROJECT
from engine.indexes.distributed import parts as parts_module
from engine.indexes.distributed.part import Part
from engine.indexes.rdh import RDH

RESULT = PROJECT / "benchmarks" / "results" / "rdh-limits.md"
_SECONDS = 5.0  # for which a batch is repeated
_TICK = 1 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="batches,building,kills")
    wanted = parser.parse_args()
    os.environ |= {ASKED: LOCAL, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    vectors, queries, _ = vectors_and_queries(large=False)
    vectors = vectors[: wanted.count]
    sections: dict[str, Callable[[], Iterator[str]]] = {
        "batches": lambda: batches(vectors, queries),
        "building": building,
        "kills": lambda: kills(vectors, queries, wanted.kills),
    }
    text = f"# What limits RDH on one computer\n\n{facts()}\n"
    for name in wanted.only.split(","):
        lines = "\n\n".join(sections[name]())
        text += f"\n{lines}\n\nLoad of the computer then: {os.getloadavg()[0]:.1f}.\n"
        print(text, flush=True)
    RESULT.write_text(text, encoding="utf-8")


def processor(pid: int) -> float:
    """Seconds of the processor that a process has had so far, with all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def started(pid: int) -> float:
    """When a process was started, by CLOCK_BOOTTIME."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]) * _TICK


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def batches(vectors: np.ndarray, queries: np.ndarray) -> Iterator[str]:
    """What a batch over all parts consists of."""
    yield "## Batches"
    yield (
        f"Milliseconds of the quickest batch in {_SECONDS:.0f} seconds. The coordinator packs the questions and merges "
        "the answers while no part works; the rest of the time it waits for the slowest part. *Alone*: while others "
        "rest. The processor's time is the mean of all batches."
    )
    head = "parts|batch|whole|coordinator|slowest part|a part, of all at once|a part alone|its processor, at once|alone"
    rows = [head.split("|")]
    for number in (2, 4):
        index = built(vectors, parts=number)
        rows += [[str(number), f"{size:,}", *_batch(index, queries[:size])] for size in (100, 1000)]
    yield markdown(rows)


def _batch(index: RDH, batch: np.ndarray) -> list[str]:
    workers, handles = index._built.workers, index._built.handles
    pids = workers.ask([(handle, "process", ()) for handle in handles])
    rounds: list[tuple[float, ...]] = []
    apart: list[float] = []

    def together() -> None:
        began, spent = time.perf_counter(), time.thread_time()
        index.search(batch, K)
        whole, own, seconds = time.perf_counter() - began, time.thread_time() - spent, index.part_seconds
        rounds.append((whole, own, float(seconds.max()), float(seconds.mean())))

    def one_by_one() -> None:
        found = [workers.read([(handle, "search", (batch, K, 0))])[0] for handle in handles]
        apart.append(statistics.mean(float(one[3]) for one in found))

    at_once, alone = (_repeated(work, pids) / len(pids) for work in (together, one_by_one))
    shown = [*min(rounds), min(apart), at_once, alone]
    return [f"{1000 * seconds:.2f}" for seconds in shown]


def _repeated(work: Callable[[], None], pids: list[int]) -> float:
    """The seconds of the processor that these processes take for work, which is repeated."""
    began, before, count = time.monotonic(), sum(map(processor, pids)), 0
    while time.monotonic() - began < _SECONDS:
        work()
        count += 1
    return (sum(map(processor, pids)) - before) / count


# ── building ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class TimedPart(Part):
    """Tells when its build began, and the seconds of its steps."""

    def build(self, *given: Any) -> int:
        self.times = [time.time()]
        self.spent = time.process_time()
        count = super().build(*given)
        self.times.append(time.time())
        self.spent = time.process_time() - self.spent
        return count

    def _build(self, *given: Any) -> int:
        self.times.append(time.time())
        return super()._build(*given)

    def _kept(self) -> int:
        self.times.append(time.time())
        return super()._kept()

    def told(self) -> list[float]:
        """When it began, had read its rows, indexed them and written its files; and the processor's seconds."""
        return [*self.times, self.spent]


def building() -> Iterator[str]:
    """What a build consists of."""
    vectors, _, what = vectors_and_queries(large=True)
    yield f"## Building over {len(vectors):,} {what}"
    yield (
        "Seconds, of the quickest of three. *Before*: what the coordinator does alone (checks the vectors, draws the "
        "hash functions, deals the rows); the steps are those of the part that ended last. *One after the other*: the "
        "same two parts, of which one rests while the other is built."
    )
    rows = [["parts", "together", "before", "rows read", "indexed", "files written", "its processor"]]
    with tempfile.TemporaryDirectory() as folder, patch.object(parts_module, "Part", TimedPart):
        np.save(f"{folder}/vectors.npy", vectors, allow_pickle=False)
        del vectors
        mapped = np.load(f"{folder}/vectors.npy", mmap_mode="r", allow_pickle=False)
        for title, number, apart in (("1", 1, False), ("2", 2, False), ("2, one after the other", 2, True)):
            taken = min(_built_apart(mapped, number, apart) for _ in range(3))
            rows.append([title, *(f"{seconds:.2f}" for seconds in taken)])
    yield markdown(rows)


class Timed(RDH):
    """Notes how long its workers took to stand, and asks them one after the other if that is wanted."""

    starting, apart = 0.0, False

    def _made(self, *given: Any) -> Any:
        began = time.time()
        parts = super()._made(*given)
        parts.all_of([(piece, "process", ()) for piece in parts.pieces])
        self.starting = time.time() - began
        if self.apart:
            at_once = parts.all_of
            parts.all_of = partial(_in_turn, at_once)  # type: ignore[method-assign]
        return parts


def _in_turn(at_once: Callable[[list[Any]], None], calls: list[Any]) -> None:
    for call in calls:
        at_once([call])


def _built_apart(vectors: np.ndarray, number: int, apart: bool) -> list[float]:
    index = Timed("euclidean", **SETTINGS, parts=number)
    index.apart = apart
    began = time.time()
    index.build(np.arange(len(vectors)), vectors)
    whole = time.time() - began - index.starting
    workers = index._built.workers
    told = workers.ask([(handle, "told", ()) for handle in index._built.handles])
    first, last = min(one[0] for one in told), max(told, key=lambda one: one[3])
    return [whole, first - began - index.starting, *np.diff(last[:4]).tolist(), last[4]]


# ── a killed part's return ───────────────────────────────────────────────────────────────────────────────────────────


def kills(vectors: np.ndarray, queries: np.ndarray, count: int) -> Iterator[str]:
    """What passes between the end of a process and the answers of the next one."""
    yield "## A killed part's return"
    yield (
        "Median seconds of so many kills: until Ray has started another process, until that one answers, and until a "
        "search is whole again. *Its processor*: what the new process has computed by then; *it waited*: while it "
        "could have computed, but the cores were taken."
    )
    head = "copies|queries meanwhile|a process is there|it answers|searches are whole|its processor|it waited"
    rows = [head.split("|")]
    for copies in (1, 2):
        index = built(vectors, parts=2, copies=copies)
        for asked in (False, True):
            load = Load(index, queries)
            with load.running() if asked else nullcontext():
                taken = [_kill(index, load, queries, number) for number in range(count)]
            shown = [statistics.median(column) for column in zip(*taken, strict=True)]
            rows.append([str(copies), "all the time" if asked else "none", *(f"{seconds:.2f}" for seconds in shown)])
    yield markdown(rows)


def _kill(index: RDH, load: Load, queries: np.ndarray, number: int) -> list[float]:
    time.sleep(0.5)
    handles, workers = index._built.handles, index._built.workers
    handle = handles[number % len(handles)]
    os.kill(workers.ask([(handle, "process", ())])[0], signal.SIGKILL)
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    while isinstance(found := workers.ask([(handle, "process", ())], AT_ONCE)[0], Lost):
        time.sleep(0.02)
    answers, spent, waited = time.clock_gettime(time.CLOCK_BOOTTIME), processor(found), _waited(found)
    while index.search(queries[:1], K).share < 1.0:
        time.sleep(0.005)
    whole = time.clock_gettime(time.CLOCK_BOOTTIME)
    return [started(found) - began, answers - began, whole - began, spent, waited]


def _waited(pid: int) -> float:
    """Seconds that the first thread of a process waited for a core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


if __name__ == "__main__":
    main()
