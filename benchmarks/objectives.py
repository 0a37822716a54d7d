"""Settings of a training side by side, each trained on photographs with the same seeds.

    python -m benchmarks.objectives [NAME …] [--seeds 0,1,2] [--home FOLDER]

Each comparison of `COMPARISONS` trains its variants on the 1,500 photographs of $BENZER_TEST_DATA/animals and asks
every picture (precision@8, cosine, itself left out); the differences from the first variant, of the means over the
seeds, are paired by query and corrected for the number of variants (Holm). A run that stands in the home folder is used
as it is. Writes
benchmarks/results/objectives.md with every comparison that has been measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _machine
from benchmarks.learning import measured, photographs
from engine.collections.collection import Collection
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.storage import read_json, write_json
from engine.evaluation.retrieval import Scores
from engine.evaluation.statistics.decision import holm
from engine.evaluation.statistics.paired import paired_difference
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig, train_run
from engine.training.config import with_defaults
from engine.training.learned import learned_ids

Seeds = Sequence[Run]  # of one variant
_MOST_SEEDS = 10
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

    def settings(self, seed: int) -> dict[str, dict[str, Any]]:
        """The settings of each variant by the name of its run; variants of the same settings share one."""
        wholes = [{**self.shared, **own} | ({"seed": seed} if seed else {}) for own in self.variants.values()]
        texts = [json.dumps(whole, sort_keys=True) for whole in wholes]
        names = [f"variant-{hashlib.sha256(text.encode()).hexdigest()[:8]}" for text in texts]
        return dict(zip(names, wholes, strict=True))


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
    "crops-longer": Comparison(
        "The same for three times as long",
        {"objective": "contrastive"},
        {"two views, 30 epochs": {"epochs": 30}, "and two small ones, 24 epochs": {"epochs": 24, "crops": 2}},
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
    parser.add_argument("--seeds", default="0", help="of the trainings, with commas")
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "objectives")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    collection = photographs(home)
    for name, seed in product(wanted.names or COMPARISONS, map(int, wanted.seeds.split(","))):
        for run, settings in COMPARISONS[name].settings(seed).items():
            trained(home, collection, run, settings)
    text = "\n".join([HEAD, _machine.facts(), "", *written(home, collection), ""])
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


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
    """A table for each comparison, over the seeds with which every variant has been trained."""
    for comparison in COMPARISONS.values():
        names = [list(comparison.settings(seed)) for seed in range(_MOST_SEEDS)]
        there = [one for one in names if all((home.root / "processor" / f"{name}.json").exists() for name in one)]
        found = [[runs.run(home, name) for name in one] for one in there]
        if found:
            yield from table(home, collection, comparison, list(zip(*found, strict=True)))


def table(home: Home, collection: Collection, comparison: Comparison, found: list[Seeds]) -> Iterator[str]:
    """What each variant is worth, and how it differs from the first."""
    yield f"## {comparison.title}\n"
    columns = "kept epochs | CPU minutes | altered copy found | precision@8 | by seed | difference from the first"
    yield f"| variant | {columns} |"
    yield "|---|---|---:|---:|---:|---|---|"
    asked = [asked_of(home, collection, comparison, seeds, found) for seeds in found]  # (seeds, q) each
    for title, seeds, figures, difference in zip(comparison.variants, found, asked, differences(asked), strict=True):
        spent = [read_json(home.root / "processor" / f"{run.name}.json")["seconds"] / 60 for run in seeds]
        copies = [run.card["recognition"] for run in seeds if "recognition" in run.card]
        copied = f"{np.mean(copies):.3f}" if copies else ""
        kept = ", ".join(str(run.card["best_epoch"]) for run in seeds) + f" of {seeds[0].epochs_done}"
        each = ", ".join(f"{mean:.3f}" for mean in figures.mean(1))
        yield f"| {title} | {kept} | {np.mean(spent):.1f} | {copied} | {figures.mean():.3f} | {each} | {difference} |"
    yield f"\n{asked[0].shape[1]:,} queries.\n"


def asked_of(
    home: Home, collection: Collection, comparison: Comparison, seeds: Seeds, found: list[Seeds]
) -> NDArray[np.float64]:
    """(seeds, q) precision@8 of each query."""
    rows = []
    for number, run in enumerate(seeds):
        score = measured(home, collection, f"{run.encoder}@{run.name}", comparison.pooling)
        together = [variant[number] for variant in found]
        rows.append(of_unseen(score, collection, together) if comparison.unseen else score.precisions)
    return np.array(rows)


def of_unseen(score: Scores, collection: Collection, found: Sequence[Run]) -> NDArray[np.float64]:
    """The figures of the queries that none of these runs has learned from; they search among all pictures."""
    learned = [learned_ids(run, collection) for run in found]
    seen = np.concatenate([ids for ids in learned if ids is not None])
    return score.precisions[~np.isin(collection.images().ids[score.queries], seen)]


def differences(asked: list[NDArray[np.float64]]) -> list[str]:
    """How each but the first differs from it, corrected for their number; "" for the first."""
    found = holm([paired_difference(figures.mean(0), asked[0].mean(0)) for figures in asked[1:]])
    return ["", *(f"{one.text()}: {one.outcome}" for one in found)]


HEAD = """# Settings of a training side by side

precision@8: every one of 1,500 photographs (500 each of cats, dogs and pandas) is the query once and left out of its
own results; cosine. The differences are about these trainings: the queries vary, other seeds are not in the intervals.
Made by `python -m benchmarks.objectives`. CPU minutes are those of one training, the measuring after each epoch
included.
"""

if __name__ == "__main__":
    main()
