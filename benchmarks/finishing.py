"""What is done to vectors after an encoder, and what it brings: precision@8 of each collection at hand, paired.

    python -m benchmarks.finishing [--home FOLDER] [--encoders …] [--collections animals,products …]

The collections are those of $BENZER_TEST_DATA (animals, paintings, products) and the drawn animal faces. Each figure
has its 95 % bootstrap interval; beside it stands that of the difference to the plain vectors over the same queries.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks._machine import facts
from engine.collections.collection import Collection
from engine.collections.samples import SAMPLES
from engine.collections.sources import importing
from engine.core.errors import NotFound
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.choosing import with_weights
from engine.encoders.pooling import FINISHES
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.retrieval import evaluate

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
FOLDERS = {"animals": DATA / "animals", "paintings": DATA / "paintings", "products": DATA / "products" / "products.csv"}
SAMPLE = "animal-faces"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="a home whose collections and vectors are used as far as they are there")
    parser.add_argument("--encoders", default="efficientnet-lite0,colour-histogram")
    parser.add_argument("--collections", default=",".join([*FOLDERS, SAMPLE]), help="with commas (default: all)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(Path(wanted.home or temporary))
        lines = [
            f"# What is done to vectors after an encoder\n\n{facts()}\n\nprecision@8, cosine, the query left out; of "
            "networks the average pool.\n",
            "| collection | encoder | after it | precision@8 | 95 % | difference to plain, paired, 95 % |",
            "|---|---|---|---:|---|---|",
        ]
        for collection in collections(home, wanted.collections.split(",")):
            for encoder in wanted.encoders.split(","):
                for line in rows(home, collection, with_weights(home, encoder, "a benchmark")):
                    print(line, flush=True)
                    lines.append(line)
    (PROJECT / "benchmarks" / "results" / "finishing.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def collections(home: Home, wanted: list[str]) -> Iterator[Collection]:
    """Those that are at hand, imported where they are not yet."""
    for name, path in ((name, path) for name, path in FOLDERS.items() if name in wanted):
        if not path.exists():
            print(f"No figures for {name}: there is nothing at {path}.")
            continue
        if _opened(home, name) is None:
            (importing.import_folder if path.is_dir() else importing.import_csv)(home, name.title(), path, Reporter())
        yield Collection.open(home, name)
    for name in (name for name in SAMPLES if name in wanted and name not in FOLDERS):
        if _opened(home, name) is None:
            importing.import_sample(home, name, Reporter())
        yield Collection.open(home, name)


def rows(home: Home, collection: Collection, encoder: str) -> Iterator[str]:
    """A line of the table for each thing that is done."""
    name, _, weights = encoder.partition("@")
    opened = open_encoder(name, weights, home, collection)
    labels, plain = collection.images().labels, None
    for finish in FINISHES:
        vectors = vectors_of(collection, opened, f"avg{finish}", Reporter())
        scores = evaluate(vectors.matrix, labels, "cosine")
        plain = scores.precisions if plain is None else plain
        low, high = scores.interval
        lead = "" if not finish else "{:+.3f} to {:+.3f}".format(*bootstrap_interval(scores.precisions - plain))
        said = FINISHES[finish].removeprefix(", ") or "plain"
        yield f"| {collection.name} | {name} | {said} | {scores.precision:.3f} | {low:.3f}–{high:.3f} | {lead} |"


def _opened(home: Home, name: str) -> Collection | None:
    try:
        return Collection.open(home, name)
    except NotFound:
        return None


if __name__ == "__main__":
    main()
