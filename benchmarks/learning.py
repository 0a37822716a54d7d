"""Learning from one's own pictures without labels: precision@8 by epochs, beside what needs no labels, and minutes.

    python -m benchmarks.learning [--home FOLDER] [--seeds 0,1,2] [--epochs N] [--batch N] [--probe N] [--encoders …]

Trains the small network on the photographs of $BENZER_TEST_DATA/animals with the settings of *Learn from my pictures*,
measures the retrieval of the probe after every epoch beside the altered copy found, and what the run is worth
as an encoder beside others. A run that stands in the home folder is used as it is, or continued where it was cut off.
Writes benchmarks/results/learning.md.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import _machine
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.errors import NotFound
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.choosing import with_weights
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.retrieval import Scores, evaluate
from engine.evaluation.statistics.correlation import spearman
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training import TrainingConfig, continue_run, train_run
from engine.training.config import with_defaults

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
FINISHES = ("avg", "avg-sqrt", "avg-sqrt-dba")
_LINES = 10  # epochs in the table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "learning")
    parser.add_argument("--seeds", default="0", help="of the trainings, with commas")
    parser.add_argument("--epochs", type=int, help="default: as on the page")
    parser.add_argument("--batch", type=int, help="default: as on the page")
    parser.add_argument("--probe", type=int, help="pictures that are asked after each epoch (default: all)")
    parser.add_argument("--encoders", default="colour-histogram", help="others to measure, with commas")
    wanted = parser.parse_args()
    home = Home(wanted.home.resolve())
    collection = photographs(home)
    given = {name: value for name in ("epochs", "batch", "probe") if (value := getattr(wanted, name))}
    trained = [learned(home, collection, int(seed), given) for seed in wanted.seeds.split(",")]
    parts = [
        HEAD,
        _machine.facts(),
        "",
        *settings(trained[0]),
        *curves(trained),
        *worth(home, collection, trained, wanted),
    ]
    text = "\n".join([*parts, ""])
    print(text)
    (PROJECT / "benchmarks" / "results" / "learning.md").write_text(text, encoding="utf-8")


def photographs(home: Home) -> Collection:
    """The collection, imported where it is not there yet."""
    try:
        return Collection.open(home, "animals")
    except NotFound:
        importing.import_folder(home, "Animals", DATA / "animals", Reporter())
        return Collection.open(home, "animals")


def learned(home: Home, collection: Collection, seed: int, given: dict[str, Any]) -> Run:
    """The finished run of that seed, trained where it is missing; its probe holds every picture."""
    name = f"learned-{seed}"
    if (home.weights / name / "run.json").exists():
        found = runs.run(home, name)
        return continue_run(found, collection, Reporter(), None) if found.can_continue else found
    settings = {"seed": seed, "name": name, "probe": len(collection)} | given
    return train_run(home, TrainingConfig(**with_defaults(settings, len(collection))), collection, Reporter())


def settings(run: Run) -> Iterator[str]:
    """The settings of the trainings in a sentence."""
    config = run.config
    shown = "network probe size batch rate schedule weight_decay temperature epochs keep patience"
    yield ", ".join(f"{name.replace('_', ' ')} {config[name]}" for name in shown.split()) + ".\n"


def curves(trained: list[Run]) -> Iterator[str]:
    """Both measures over the epochs of the first run, and their rank correlation in each."""
    yield f"## While it learns (seed {trained[0].config['seed']})\n"
    yield "| epoch | loss | altered copy found | precision@8 of the probe | minutes of training | kept |"
    yield "|---:|---:|---:|---:|---:|---|"
    events, minutes = trained[0].events(), 0.0
    for number, event in enumerate(events):
        minutes += event.get("seconds", 0.0) / 60
        if number % max(1, len(events) // _LINES) == 0 or event is events[-1]:
            kept = "kept" if event["epoch"] == trained[0].card["best_epoch"] else ""
            loss = f"{event['train']:.3f}" if "train" in event else ""
            figures = f"{event['recognition']:.3f} | {event['retrieval']:.3f} | {minutes:.1f}"
            yield f"| {event['epoch']} | {loss} | {figures} | {kept} |"
    yield ""
    for run in trained:
        after = [event for event in run.events() if event["epoch"]]
        found = spearman([e["recognition"] for e in after], [e["retrieval"] for e in after])
        best = max(after, key=lambda event: float(event["retrieval"]))
        if found is not None:
            yield f"Seed {run.config['seed']}: rank correlation over {len(after)} epochs {found.text('.2f')}."
            highest = f"highest precision@8 {best['retrieval']:.3f} in epoch {best['epoch']}"
            yield f"Of them {highest}, kept epoch {run.card['best_epoch']}.\n"


def worth(home: Home, collection: Collection, trained: list[Run], wanted: argparse.Namespace) -> Iterator[str]:
    """What the weights that were kept are worth beside other encoders."""
    yield "## What it is worth\n"
    yield "| encoder | " + " | ".join(FINISHES) + " | 95 % of the last | minutes of training |"
    yield "|---|" + "---:|" * len(FINISHES) + "---|---:|"
    names = [f"{run.encoder}@{run.name}" for run in trained] + wanted.encoders.split(",")
    for name in names:
        scores = [measured(home, collection, name, finish) for finish in FINISHES]
        low, high = scores[-1].interval
        run = next((run for run in trained if name.endswith(f"@{run.name}")), None)
        minutes = f"{sum(event.get('seconds', 0.0) for event in run.events()) / 60:.1f}" if run else ""
        figures = " | ".join(f"{score.precision:.3f}" for score in scores)
        yield f"| {name} | {figures} | {low:.3f}–{high:.3f} | {minutes} |"


def measured(home: Home, collection: Collection, encoder: str, embedding: str) -> Scores:
    """precision@8 of every picture, itself left out, by cosine."""
    name, _, weights = with_weights(home, encoder, "a benchmark").partition("@")
    vectors = vectors_of(collection, open_encoder(name, weights, home, collection), embedding, Reporter())
    return evaluate(vectors.matrix, collection.images().labels, "cosine")


HEAD = """# Learning from one's own pictures, without labels

precision@8: every one of 1,500 photographs (500 each of cats, dogs and pandas) is the query once and left out of its
own results; cosine. Made by `python -m benchmarks.learning`. Minutes count the training alone, not the measuring after
each epoch, which asks the pictures of the probe among each other.
"""

if __name__ == "__main__":
    main()
