"""How well the quick comparison ranks encoders without labels: rank correlation with precision@8.

    python -m benchmarks.quick [--home FOLDER] [--collections animals,products …] [--pictures 400]

Every ready encoder with its poolings is judged twice on the same pictures: by precision@8, and as if there were no
labels. The collections are those of `benchmarks.quality`. Keypoint encoders do not take part.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks._machine import facts
from benchmarks.finishing import FOLDERS, collections
from benchmarks.quality import SAMPLES
from engine.collections.collection import Collection
from engine.comparisons.quick import Sample, figures_of, sample_of
from engine.core.errors import BenzerError
from engine.core.home import PROJECT, Home
from engine.encoders import choices, open_encoder
from engine.evaluation.statistics.correlation import spearman

_HEAD = "| collection | pictures | rows | rank correlation | best by labels | best without | its precision@8 |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "quality")
    parser.add_argument("--collections", default=",".join([*FOLDERS, *SAMPLES]), help="with commas (default: all)")
    parser.add_argument("--pictures", type=int, default=400, help="of each collection (default: 400)")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    lines = [
        f"# The quick comparison without labels\n\n{facts()}\n\nSpearman's rank correlation of *altered pictures "
        "found* with precision@8 over all ready encoders and poolings, on the same pictures.\n",
        _HEAD,
        "|---|---:|---:|---:|---|---|---:|",
    ]
    for collection in collections(home, wanted.collections.split(",")):
        lines.append(row(home, collection, wanted.pictures))
        print(lines[-1], flush=True)
    (PROJECT / "benchmarks" / "results" / "quick.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def row(home: Home, collection: Collection, pictures: int) -> str:
    """The line of one collection."""
    sample = sample_of(collection.images(), pictures)
    by_labels, without = judged(home, collection, sample), judged(home, collection, Sample(sample.ids, []))
    names = [name for name in by_labels if name in without]
    rho = spearman([by_labels[name] for name in names], [without[name] for name in names])
    best, chosen = max(names, key=by_labels.__getitem__), max(names, key=without.__getitem__)
    rank = rho.text(".2f") if rho else "–"
    told = [f"{best} {by_labels[best]:.3f}", chosen, f"{by_labels[chosen]:.3f}"]
    return f"| {collection.name} | {len(sample.ids)} | {len(names)} | {rank} | {' | '.join(told)} |"


def judged(home: Home, collection: Collection, sample: Sample) -> dict[str, float]:
    """By encoder and pooling the mean figure."""
    found = {}
    for choice in choices(home, collection.name):
        if not choice.ready or choice.rare:
            continue
        try:
            encoder = open_encoder(choice.name, choice.weights, home, collection)
            for embedding, figures in figures_of(collection, encoder, choice, sample):
                found[f"{choice.name} {embedding}"] = float(figures.mean())
        except BenzerError as error:
            print(f"{collection.name}, {choice.title}: {error.message}", flush=True)
    return found


if __name__ == "__main__":
    main()
