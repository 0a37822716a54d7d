"""Settings of a training side by side, each trained once on photographs with the same seed.

    python -m benchmarks.objectives [NAME …] [--home FOLDER]

Each comparison of `COMPARISONS` trains its variants on the 1,500 photographs of $BENZER_TEST_DATA/animals and asks
every picture (precision@8, cosine, itself left out); the differences from the first variant are paired by query and
corrected for the number of variants (Holm). A run that stands in the home folder is used as it is. Writes
benchmarks/results/objectives.md with every comparison that has been measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _machine
from benchmarks.learning import measured, photographs
from engine.collections.collection import Collection
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.storage import read_json, write_json
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.retrieval import Scores
from engine.evaluation.statistics.decision import holm
from engine.evaluation.statistics.paired import paired_difference
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig, train_run
from engine.training.config import with_defaults
from engine.training.learned import learned_ids

RESULTS = PROJECT / "benchmarks" / "results" / "objectives.md"


@dataclass(frozen=True)
class Comparison:
    """Variants of one training: the settings they share, and those of each by its title.

    Attributes:
        pooling: of the vectors that are searched. unseen: whether only pictures held out of the trainings are asked.
    """

    title: str
    shared: Mapping[str, Any]
    variants: Mapping[str, Mapping[str, Any]]
    pooling: str = "avg"
    unseen: bool = False

    def names(self) -> list[str]:
        """The names of the runs; variants of the same settings share one."""
        together = [json.dumps({**self.shared, **own}, sort_keys=True) for own in self.variants.values()]
        return [f"variant-{hashlib.sha256(text.encode()).hexdigest()[:8]}" for text in together]


COMPARISONS = {
    "surroundings": Comparison(
        "Surroundings from other pictures, Model 1 with reconstruction and NT-Xent at 64 pixels, 8 epochs",
        {"model": 1, "size": 64, "epochs": 8},
        {"4 of 5 views": {"surroundings": 0.8}, "none": {"surroundings": 0.0}},
        pooling="max",
    ),
    "losses": Comparison(
        "Objectives without labels, the small ResNet at 64 pixels, 10 epochs",
        {"epochs": 10},
        {"NT-Xent": {"objective": "contrastive"}, "VICReg": {"objective": "vicreg"}},
    ),
    "crops": Comparison(
        "Small views beside the two full ones (NT-Xent, the small ResNet at 64 pixels), in about the same time",
        {"objective": "contrastive"},
        {"two views, 10 epochs": {"epochs": 10}, "and two small ones, 8 epochs": {"epochs": 8, "crops": 2}},
    ),
    "labels": Comparison(
        "Learning from four fifths of the labels, the small ResNet at 64 pixels, 10 epochs: pictures it has not seen",
        {"epochs": 10, "validation": 0.2, "keep": "last"},
        {
            "NT-Xent": {"objective": "contrastive"},
            "SupCon": {"objective": "supcon"},
            "triplet, semi-hard": {"objective": "triplet"},
        },
        unseen=True,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(COMPARISONS)} (default: all)")
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "objectives")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    collection = photographs(home)
    for name in wanted.names or COMPARISONS:
        compare(home, collection, name)
    text = "\n".join([HEAD, _machine.facts(), "", *written(home, collection), ""])
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


def compare(home: Home, collection: Collection, name: str) -> None:
    """Train the variants of a comparison that are missing."""
    comparison = COMPARISONS[name]
    for run, settings in zip(comparison.names(), comparison.variants.values(), strict=True):
        trained(home, collection, run, {**comparison.shared, **settings})


def trained(home: Home, collection: Collection, name: str, settings: Mapping[str, Any]) -> Run:
    """The run of that name, trained where it is missing; the processor time is kept beside the runs."""
    if (home.weights / name / "run.json").exists():
        return runs.run(home, name)
    config = TrainingConfig(**with_defaults({"seed": 0, "name": name, **settings}, len(collection)))
    began = time.process_time()
    run = train_run(home, config, collection, Reporter())
    write_json(home.root / "processor" / f"{name}.json", {"seconds": time.process_time() - began})
    return run


def written(home: Home, collection: Collection) -> Iterator[str]:
    """A table for each comparison of which every variant has been trained."""
    for comparison in COMPARISONS.values():
        if all((home.root / "processor" / f"{name}.json").exists() for name in comparison.names()):
            yield from table(home, collection, comparison, [runs.run(home, name) for name in comparison.names()])


def table(home: Home, collection: Collection, comparison: Comparison, found: list[Run]) -> Iterator[str]:
    """What each variant is worth, and how it differs from the first."""
    yield f"## {comparison.title}\n"
    yield "| variant | kept epoch | CPU minutes | altered copy found | precision@8 | 95 % | difference from the first |"
    yield "|---|---:|---:|---:|---:|---|---|"
    scores = [measured(home, collection, f"{run.encoder}@{run.name}", comparison.pooling) for run in found]
    if comparison.unseen:
        scores = [of_unseen(score, collection, found) for score in scores]
    for title, run, score, difference in zip(comparison.variants, found, scores, differences(scores), strict=True):
        low, high = score.interval
        card, seconds = run.card, read_json(home.root / "processor" / f"{run.name}.json")["seconds"]
        copies = f"{card['recognition']:.3f}" if "recognition" in card else ""
        kept = f"{card['best_epoch']} of {run.epochs_done}"
        figures = f"{seconds / 60:.1f} | {copies} | {score.precision:.3f} | {low:.3f}–{high:.3f}"
        yield f"| {title} | {kept} | {figures} | {difference} |"
    yield ""


def of_unseen(score: Scores, collection: Collection, found: list[Run]) -> Scores:
    """The scores of the queries that no run has learned from; they search among all pictures."""
    learned = [learned_ids(run, collection) for run in found]
    ids = collection.images().ids[score.queries]
    unseen = ~np.isin(ids, np.concatenate([rows for rows in learned if rows is not None]))
    kept = score.precisions[unseen]
    mean, interval = float(kept.mean()), bootstrap_interval(kept)
    return replace(score, precision=mean, interval=interval, queries=score.queries[unseen], precisions=kept)


def differences(scores: list[Scores]) -> list[str]:
    """How each but the first differs from it, corrected for their number; "" for the first."""
    found = holm([paired_difference(score.precisions, scores[0].precisions) for score in scores[1:]])
    return ["", *(f"{one.text()}: {one.outcome}" for one in found)]


HEAD = """# Settings of a training side by side

precision@8: every one of 1,500 photographs (500 each of cats, dogs and pandas) is the query once and left out of its
own results; cosine. One training each, seed 0. The differences are about these trainings: another seed may change them.
Made by `python -m benchmarks.objectives`. CPU minutes are those of the whole training, the measuring after each epoch
included.
"""

if __name__ == "__main__":
    main()
