"""Import and embedding of 100,000 pictures over Ray workers of one computer: `python -m benchmarks.spread_workers`.

    python -m benchmarks.spread_workers [--images 100000] [--workers 1,2,4] [--encoder colour-histogram]

Drawn thumbnails, in one process without Ray and over a Ray with as many processors as named. More workers than the
computer has cores cannot win; what they lose is what it costs to serve them. Each way has an empty home of its own. The
seconds include what Ray needs to start its workers, not the start of Ray itself. Writes
benchmarks/results/spread-workers.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._page import write_page
from benchmarks._thumbnails import draw
from engine.cluster.blocks import asked_for
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.stopwatch import seconds
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import stored

RESULT = PROJECT / "benchmarks" / "results" / "spread-workers.md"
_EMBEDDING = "flatten"
_STORE = 256 << 20  # bytes of Ray's own memory: blocks and vectors are small


@dataclass(frozen=True)
class Taken:
    """What one way took, and the vectors it made."""

    way: str
    importing: float  # seconds
    embedding: float  # seconds
    vectors: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--workers", default="1,2,4", help="of Ray, with commas")
    parser.add_argument("--encoder", default="colour-histogram")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw(folder / "pictures", wanted.images)
        taken = [measured(folder, "one process, no Ray", wanted.encoder, None)]
        for workers in map(int, wanted.workers.split(",")):
            with ray_with(workers) as address:
                taken.append(measured(folder, f"Ray, {workers} worker{'s' * (workers > 1)}", wanted.encoder, address))
    title = f"{wanted.images:,} drawn thumbnails over Ray workers of one computer, {wanted.encoder}"
    same = all(np.array_equal(taken[0].vectors, one.vectors) for one in taken[1:])
    said = "The vectors are the same, bit for bit." if same else "The vectors differ."
    command = f"python -m benchmarks.spread_workers --images {wanted.images}"
    write_page(RESULT, title, command, list(lines(taken, wanted.images)), said)


@contextmanager
def ray_with(workers: int) -> Iterator[str]:
    """The address of a Ray on this computer with that many processors, a worker for each."""
    os.environ.update({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"})
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _STORE}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        yield cluster.address
    finally:
        ray.shutdown()
        cluster.shutdown()


def measured(folder: Path, way: str, encoder: str, address: str | None) -> Taken:
    """Import and embed the pictures in an empty home."""
    with tempfile.TemporaryDirectory() as temporary, asked_for(address):
        home = Home(Path(temporary))
        importing_took = seconds(lambda: importing.import_folder(home, "Drawn", folder / "pictures", Reporter()))
        collection = Collection.open(home, "drawn")
        chosen = open_encoder(encoder, "", home)
        embedding_took = seconds(lambda: embed_collection(collection, chosen, [_EMBEDDING], Reporter()))
        held = stored(collection, chosen.info, _EMBEDDING)
        assert held is not None
        print(f"{way}: import {importing_took:.1f} s, embedding {embedding_took:.1f} s", flush=True)
        return Taken(way, importing_took, embedding_took, np.array(held.matrix))


def lines(taken: list[Taken], images: int) -> Iterator[tuple[str, ...]]:
    """The table: seconds and pictures a second of each way."""
    yield "", "import, s", "pictures/s", "embedding, s", "pictures/s"
    for one in taken:
        paces = ((f"{took:.0f}", f"{images / took:,.0f}") for took in (one.importing, one.embedding))
        yield one.way, *(figure for pace in paces for figure in pace)


if __name__ == "__main__":
    main()
