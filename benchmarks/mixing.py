"""Two sides brought to one scale before they are mixed, or not: two encoders in a search, and a late fusion.

    python -m benchmarks.mixing [--home FOLDER]

In a search the distances of two encoders are added as they are, divided by their spread between random pairs, or as the
logarithms of the shares of random pairs that are as near (Fisher's method). In a late fusion the logits of both heads
are divided by a temperature that is fitted to held-out items, or not; the text's weight is chosen after that. Both on
the same queries or items, paired. Writes benchmarks/results/mixing.md.
"""

from __future__ import annotations

import argparse
import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._machine import facts
from benchmarks._page import markdown, said
from benchmarks.finishing import collections
from engine.classification import measures
from engine.classification.folds import folds, held_out
from engine.classification.plan import ClassificationPlan
from engine.classification.task import Rows, Task, config_of
from engine.classification.training.config import SIDES
from engine.classification.training.train import train_classifier
from engine.collections.collection import Collection
from engine.core.device import device
from engine.core.distances import normalised
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.choosing import default_embedding, with_weights
from engine.encoders.examples.examples import Examples
from engine.encoders.fusion import explain
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.statistics.lower_tail import fit_lower_tail
from engine.evaluation.statistics.mcnemar import mcnemar
from engine.evaluation.statistics.paired import paired_difference
from engine.runs import listing as runs
from models.fusion import Fusion, best_share

PAIRS = (
    ("efficientnet-lite0", "colour-histogram"),
    ("mobilenet-v2", "colour-histogram"),
    ("efficientnet-lite0", "mobilenet-v2"),
)
FUSED = (("mobilenet-v2", "avg", 0), ("mobilenet-v2", "avg", 12), ("colour-histogram", "flatten", 0))
K, FOLDS, DRAWN = 8, 5, 1000
SETTINGS = {"epochs": 12, "patience": 4}
SEARCH = ["collection, encoders", "as they are", "the better alone", "against it", "by their spread", "against it",
          "by shares of pairs", "against it"]  # fmt: skip
FUSION = ["pictures by", "a label", "held out", "temperatures", "accuracy: without → with", "log loss: without → with",
          "calibration error"]  # fmt: skip

Real = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "calibration")
    home = Home(parser.parse_args().home.resolve())
    searched, fused = [SEARCH], [FUSION]
    for collection in collections(home, ["animals", "products"]):
        searched += searches(home, collection)
    for picture, embedding, each in FUSED:
        fused.append(fusion_line(home, picture, embedding, each))
        print(" | ".join(fused[-1]), flush=True)
    page = f"# Two sides on one scale\n\n{facts()}\n\n"
    page += f"A search with two encoders, precision@{K}; *against it*: minus *as they are*:\n\n{markdown(searched)}\n"
    page += f"\nLate fusion of pictures and TF-IDF on the products, {FOLDS} folds:\n\n{markdown(fused)}\n"
    (PROJECT / "benchmarks" / "results" / "mixing.md").write_text(page, encoding="utf-8")


# ── search ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def searches(home: Home, collection: Collection) -> Iterator[list[str]]:
    """A line for each pair of encoders."""
    codes = np.unique(collection.images().labels, return_inverse=True)[1]
    apart = {name: distances(home, collection, name) for name in {name for pair in PAIRS for name in pair}}
    pairs = np.random.default_rng(0).choice(len(codes), (2, 100_000))
    for pair in PAIRS:
        first, other = (apart[name] for name in pair)
        plain = precisions(first + other, codes)
        spread = [one[tuple(pairs)].std() for one in (first, other)]
        scaled = precisions(first / spread[0] + other / spread[1], codes)
        shares = precisions(log_shares(first) + log_shares(other), codes)
        alone = max((precisions(one, codes) for one in (first, other)), key=lambda one: float(one.mean()))
        figures = [f"{plain.mean():.3f}"]
        for one in (alone, scaled, shares):
            figures += [f"{one.mean():.3f}", paired_difference(one, plain).text()]
        yield [f"{collection.name}, {' and '.join(pair)}", *figures]


def distances(home: Home, collection: Collection, encoder: str) -> Real:
    """(n, n) cosine distances of a collection."""
    name, _, weights = with_weights(home, encoder, "a benchmark").partition("@")
    opened = open_encoder(name, weights, home, collection)
    embedding = default_embedding(home, name, weights)
    unit = normalised(np.asarray(vectors_of(collection, opened, embedding, Reporter(listen=said)).matrix))
    return np.asarray(1.0 - unit @ unit.T, dtype=np.float64)


def log_shares(apart: Real) -> Real:
    """The logarithm of the share of random pairs that are as near."""
    rows = np.sort(np.random.default_rng(0).choice(len(apart), min(DRAWN, len(apart)), replace=False))
    tail = fit_lower_tail(np.maximum(apart[np.ix_(rows, rows)][np.triu_indices(len(rows), 1)], 0))
    return np.log(np.maximum(tail.share(np.maximum(apart, 0)), 1e-12))


def precisions(apart: Real, codes: NDArray[np.int64]) -> Real:
    """(n,) precision@8 of every picture, itself left out."""
    apart = apart.copy()
    np.fill_diagonal(apart, np.inf)
    nearest = np.argpartition(apart, K, axis=1)[:, :K]
    return np.asarray((codes[nearest] == codes[:, None]).mean(1))


# ── late fusion ──────────────────────────────────────────────────────────────────────────────────────────────────────


def fusion_line(home: Home, picture: str, embedding: str, each: int) -> list[str]:
    """Accuracy, log loss and calibration error over all folds, with and without the temperatures."""
    few = {"each": each} if each else {}
    plan = ClassificationPlan("x", "products", picture, "tf-idf", embedding=embedding, settings=SETTINGS, **few)  # type: ignore[arg-type]
    items = Task.of(home, Collection.open(home, "products"), plan).items(Reporter(listen=said))
    parts = [of_fold(home, plan, items, fold) for fold in range(FOLDS)]
    ways = [np.concatenate([part[way] for part in parts]) for way in (0, 1)]
    true = np.concatenate([part[2] for part in parts])
    right = [way.argmax(1) == true for way in ways]
    losses = [-np.log(np.maximum(way[np.arange(len(true)), true], 1e-12)) for way in ways]
    errors = [
        measures.calibration(way.max(1).tolist(), one.tolist()).error for way, one in zip(ways, right, strict=True)
    ]
    heat = np.array([part[3] for part in parts])
    return [
        picture, str(each or "all"), f"about {int(np.mean([part[4] for part in parts]))}",
        ", ".join(f"{side} {one.min():.2f}–{one.max():.2f}" for side, one in zip(SIDES, heat.T, strict=True)),
        _told([float(one.mean()) for one in right], mcnemar(right[1], right[0]).text()),
        _told([float(one.mean()) for one in losses], paired_difference(losses[1], losses[0]).text()),
        f"{errors[0]:.3f} → {errors[1]:.3f}",
    ]  # fmt: skip


def _told(means: list[float], decision: str) -> str:
    return f"{means[0]:.3f} → {means[1]:.3f} ({decision})"


def of_fold(
    home: Home, plan: ClassificationPlan, items: Examples, fold: int
) -> tuple[Real, Real, Rows, list[float], int]:
    """(q, c) probabilities without and with temperatures, classes, temperatures, and how many items set these."""
    own = folds(items.codes, FOLDS, plan.seed) == fold
    config, folder = config_of(plan, "late"), home.root / "mixing"
    learning, apart = held_out(items.codes, np.flatnonzero(~own), config.validation, config.seed)
    shutil.rmtree(folder, ignore_errors=True)
    run = runs.create(home, "late", config.as_dict(), {}, folder)
    calibrated = train_classifier(config, items, learning, apart, run, Reporter(), device())
    temperatures = run.card["temperatures"]
    plain = without(calibrated, temperatures, items, apart)
    asked = np.flatnonzero(own)
    found = [explain(one, items, asked).fused for one in (plain, calibrated)]
    return found[0], found[1], items.codes[asked], temperatures, len(apart)


def without(network: Fusion, temperatures: list[float], items: Examples, apart: Rows) -> Fusion:
    """The fusion as it would be had its heads not been calibrated."""
    plain = copy.deepcopy(network)
    for side, temperature in zip(SIDES, temperatures, strict=True):
        plain.cool(side, 1 / temperature)
    seen = explain(plain, items, apart)
    assert seen.picture is not None
    assert seen.text is not None
    picture, text = (torch.from_numpy(np.log(np.maximum(one, 1e-30))) for one in (seen.picture, seen.text))
    plain.weight.fill_(best_share(picture, text, torch.from_numpy(items.codes[apart])))
    return plain


if __name__ == "__main__":
    main()
