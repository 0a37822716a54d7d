"""What it costs to bound a wrong "similar" between labels, as "nothing similar here" is.

    python -m benchmarks.similar_limits [--home FOLDER] [--collections animals,…] [--encoders …]

In use is a limit that holds for pictures like those that were calibrated with. Beside it stand limits that hold for
labels: the mean over the labels of wrong verdicts is at most 5 %, or the upper bound of that mean by Student's t
between labels is. Pictures are asked for as by `benchmarks.calibration`. Writes benchmarks/results/similar-limits.md,
which docs/confidence.md shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks._page import markdown, said
from benchmarks.calibration import COARSER, LIMITS, SIMILAR, coarser, taken_out, with_alike
from benchmarks.finishing import collections
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.choosing import default_embedding, with_weights
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.statistics.group_limit import upper_limit_of_groups
from engine.search.calibration import measuring
from engine.search.calibration.stored import labels_of

HEAD = ["collection, encoder", "labels", "limit of *similar*", "taken out: similar", "there: similar"]
Limits = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "calibration")
    parser.add_argument("--collections", default="animals,paintings,products", help="with commas")
    parser.add_argument("--encoders", default="efficientnet-lite0,model-4", help="with commas")
    wanted = parser.parse_args()
    home, table = Home(wanted.home.resolve()), [HEAD]
    for collection in collections(home, wanted.collections.split(",")):
        for encoder in wanted.encoders.split(","):
            name, _, weights = with_weights(home, encoder, "a benchmark").partition("@")
            embedding = default_embedding(home, name, weights)
            opened = open_encoder(name, weights, home, collection)
            found = vectors_of(collection, opened, embedding, Reporter(listen=said))
            labels = np.array(labels_of(found, collection.images()))
            for line in rows(f"{collection.name}, {name} {embedding}", np.asarray(found.matrix), labels):
                print(" | ".join(line), flush=True)
                table.append(line)
                LIMITS.write_text(markdown(table) + "\n", encoding="utf-8")


def rows(title: str, vectors: NDArray[np.float32], labels: NDArray[np.str_]) -> Iterator[list[str]]:
    """A line for each limit, and again by the coarser labels of products."""
    levels = {"": labels}
    if title.startswith("products"):
        levels |= {f", {level}": coarser(labels.tolist(), level) for level in COARSER}
    ways: dict[str, Callable[..., Limits]] = {
        "in use": measuring.verdict_limits,
        "mean over labels at most 5 %": partial(between_labels, measuring.verdict_limits, 0.5),
        "upper bound of that mean at most 5 %": partial(between_labels, measuring.verdict_limits, 0.975),
    }
    for level, own in levels.items():
        for way, limits in ways.items():
            with patch.object(measuring, "verdict_limits", limits):
                out, there = (ask(vectors, own, True).shown(SIMILAR) for ask in (taken_out, with_alike))
            yield [title + level, str(len(set(own) - {""})), way, out, there]


def between_labels(
    usual: Callable[..., Limits],
    confidence: float,
    present: NDArray[np.float64],
    kinds: NDArray[np.int64],
    coarse: NDArray[np.float64],
    absent: NDArray[np.float64],
) -> Limits:
    """The usual limits, and that of "similar" no farther than a bound between the kinds allows."""
    far, near, offered = usual(present, kinds, coarse, absent)
    assert absent.shape[1] == len(kinds), "every query has enough pictures of other labels"
    least = np.array([-upper_limit_of_groups(-scores, kinds, confidence=confidence) for scores in absent])
    near = np.minimum(near, least)
    return far, near, np.array([offered[0], measuring._often(present < near[:, None])])


if __name__ == "__main__":
    main()
