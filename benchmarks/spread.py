"""Import and embedding on a local Ray and in one process, what handing out costs: `python -m benchmarks.spread`.

    python -m benchmarks.spread [--images 1200] [--repeats 3] [--model 2] [--size 128]

The same photographs, the same network, the same two cores: Ray cannot win anything here, so what it loses is what it
costs. The start (Ray, workers that import and open the encoder) is told apart from the pace after the first block.
Repeats alternate; medians. Writes benchmarks/results/spread.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _machine
from benchmarks.embedding import fresh_encoder, pictures
from engine.cluster.blocks import asked_for
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.home import PROJECT, Home
from engine.core.progress import Progress, Reporter
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import store, stored

WAYS = {"one process": None, "Ray on this computer": "local"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=int, default=2)
    parser.add_argument("--size", type=int, default=128)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        text = report(Home(Path(temporary)), wanted)
    print(text)
    (PROJECT / "benchmarks" / "results" / "spread.md").write_text(text, encoding="utf-8")


def report(home: Home, wanted: argparse.Namespace) -> str:
    """The table, and whether the vectors are the same."""
    files = pictures(home.root / "pictures", wanted.images)
    importing.import_folder(home, "Kept", home.root / "pictures", Reporter())
    collection, encoder = Collection.open(home, "kept"), fresh_encoder(home, wanted.model, wanted.size)
    vectors: dict[str, np.ndarray] = {}
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}

    def embed(reporter: Reporter) -> None:
        for name in ("max", "flatten", "avg", "gem"):
            store(collection, encoder.info, name).discard()
        embed_collection(collection, encoder, ["max"], reporter)

    def read(reporter: Reporter) -> None:
        importing.import_folder(home, "Again", home.root / "pictures", reporter)
        Collection.open(home, "again").remove()

    for _ in range(wanted.repeats):
        for way, address in WAYS.items():
            with asked_for(address):
                found.setdefault(("import", way), []).append(timed(read, len(files)))
                found.setdefault(("embedding", way), []).append(timed(embed, len(files)))
            held = stored(collection, encoder.info, "max")
            assert held is not None
            vectors[way] = np.array(held.matrix)
    first, second = vectors.values()
    apart = float(np.abs(first - second).max())
    same = "The vectors are the same, bit for bit." if apart == 0 else f"The vectors differ by at most {apart:.2g}."
    lines = ["| | until the first block, s | then images/s |", "|---|---:|---:|"]
    for (work, way), taken in found.items():
        start, pace = (statistics.median(some) for some in zip(*taken, strict=True))
        lines.append(f"| {work}, {way} | {start:.1f} | {pace:.0f} |")
    title = (
        f"# {len(files)} photographs on a local Ray and in one process, Model {wanted.model} at {wanted.size} pixels"
    )
    return "\n\n".join([title, "\n".join(lines), same, f"{time.strftime('%Y-%m-%d')}, {_machine.facts()}"]) + "\n"


def timed(work: Callable[[Reporter], Any], count: int) -> tuple[float, float]:
    """Seconds until something was done, and images a second from then on."""
    told: list[tuple[float, int]] = []

    def listen(progress: Progress) -> None:
        if progress.done and progress.done < count:
            told.append((time.monotonic(), progress.done))

    began = time.monotonic()
    work(Reporter(listen=listen))
    (first, done), ended = told[0], time.monotonic()
    return first - began, (count - done) / (ended - first)


if __name__ == "__main__":
    main()
