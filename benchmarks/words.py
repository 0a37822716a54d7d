"""Words without training: every label of the collections at hand typed once, and how many of the 8 best carry it.

    python -m benchmarks.words [--home FOLDER] [--collections animals,products …]

The collections are those of `benchmarks.finishing`. A label is typed as it stands; pictures are found by what they show
alone, never by what is written. What the lexicon does not know is counted apart: it is refused, not answered wrongly.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks._machine import facts
from benchmarks.finishing import FOLDERS, SAMPLE, collections
from engine.core.home import PROJECT, Home
from engine.search.classes import words_recipe
from engine.search.words import shown
from engine.texts.lexicon.lexicon import lexicon
from engine.workbench import Workbench

K = 8
HEADER = ("| collection | label | taken for | precision@8 | chance level |", "|---|---|---|---:|---:|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", help="a home whose collections and vectors are used as far as they are there")
    parser.add_argument("--collections", default=",".join([*FOLDERS, SAMPLE]), help="with commas (default: all)")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bench = Workbench(Home(Path(wanted.home or temporary)))
        lines = [
            f"# Words without training\n\n{facts()}\n\nThe share of the {K} pictures found by what they show that "
            "carry the label that was typed.\n",
            *HEADER,
        ]
        for collection in collections(bench.home, wanted.collections.split(",")):
            for line in rows(bench, collection.name):
                print(line, flush=True)
                lines.append(line)
    (PROJECT / "benchmarks" / "results" / "words.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def rows(bench: Workbench, name: str) -> Iterator[str]:
    """A line for each label, and one for the mean over those that are known."""
    bench.run("embed", recipe=words_recipe(name).as_dict())
    images, probabilities = bench.collection(name).images(), bench.class_probabilities(name)
    labels, known = np.asarray(images.labels), list[float]()
    for label in sorted(set(labels.tolist()) - {""}):
        meaning, chance = lexicon().meaning(label), float(np.mean(labels == label))
        if not meaning.known:
            yield f"| {name} | {label} | not known: refused | | {chance:.2f} |"
            continue
        ids, _ = shown(probabilities, meaning).best(K, images.ids)
        right = labels[np.searchsorted(images.ids, ids)] == label
        known.append(right.sum() / K)  # what is not found counts as wrong
        kinds = ", ".join(kind for _, kind in meaning.known)
        yield f"| {name} | {label} | {kinds} | {known[-1]:.2f} | {chance:.2f} |"
    count = len(set(labels.tolist()) - {""})
    yield f"| **{name}** | {len(known)} of {count} labels known | | {f'**{np.mean(known):.2f}**' if known else ''} | |"


if __name__ == "__main__":
    main()
