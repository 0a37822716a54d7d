"""The report's tables 4 and 5, repeated: nine trainings, searched in four ways. Writes docs/experiments.md.

    python -m benchmarks.report_tables [--home FOLDER] [--size 224 | --sizes 160,160,160,224] [--epochs 40] [--limit N]
                                       [--collections animal-faces,photographs] [--write-only] [--out FILE]

Uses the drawn animal faces and the photographs of $BENZER_TEST_DATA/animals (left out, and said so, where they are
absent); --epochs and --limit take one number for both, or one for each with a comma. Trainings that stand in the home
folder with the same settings and images are used as they are, and whatever was cut off is gone on with: the same
command again does the rest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import _chart, _machine, deepcluster
from benchmarks._page import markdown, said
from benchmarks.autoencoders import TITLES, collections
from engine.collections.collection import Collection
from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.findings import BEST_PAIR, findings
from engine.comparisons.recipes.findings import TITLES as TITLES_OF_ROWS
from engine.comparisons.recipes.plan import ExperimentPlan, report_tables
from engine.comparisons.recipes.report import correlations, report_hits, report_losses
from engine.core.errors import NotFound
from engine.core.home import PROJECT, Home
from engine.evaluation.statistics.shares import mean_shares
from engine.training import TrainingConfig
from engine.workbench.workbench import Workbench

PROBE = 256  # fixed images whose precision@8 every epoch tells
FIGURES = PROJECT / "docs" / "figures"


def main() -> int:
    arguments = words().parse_args()
    bench = Workbench(Home(arguments.home.resolve()))
    wanted = arguments.collections.split(",")
    parts = []
    for collection in collections(bench.home):
        if collection.name in wanted:
            experiment = planned(bench, plan(collection, arguments, wanted.index(collection.name)))
            if not arguments.write_only:
                print(experiment.name, bench.run("experiment", said, name=experiment.name), flush=True)
            parts.append(section(bench, collection, experiment))
    if not parts:
        print(f"There is no collection of {', '.join(wanted)} to measure.", file=sys.stderr)
        return 1
    kept = deepcluster.section(arguments.out)  # another benchmark's part of the page
    arguments.out.write_text(document(parts) + (f"\n{kept}" if kept else ""), encoding="utf-8")
    print(f"Wrote {arguments.out}.")
    return 0


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "report-tables")
    parser.add_argument("--size", type=int, default=224, help="pixels a side, for every model the nearest that fits")
    parser.add_argument("--sizes", help="pixels a side of Models 1 to 4, with commas, instead of --size")
    parser.add_argument("--epochs", default="40")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", default="", help="train on at most so many images (default: all)")
    parser.add_argument("--collections", default="animal-faces,photographs", help="which, with commas")
    parser.add_argument("--write-only", action="store_true", help="train and measure nothing, write what is there")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "experiments.md")
    return parser


def plan(collection: Collection, arguments: argparse.Namespace, place: int) -> ExperimentPlan:
    """The report's nine rows; the title names the settings, so that other settings are another experiment."""
    epochs, limit = number_at(arguments.epochs, place) or 40, number_at(arguments.limit, place)
    sizes = dict(enumerate(map(int, arguments.sizes.split(",")), 1)) if arguments.sizes else {}
    pixels = arguments.sizes or str(arguments.size)
    images = f"{limit} images" if limit else "all images"
    told = f"{pixels} pixels, {epochs} epochs, batch {arguments.batch}, seed {arguments.seed}, {images}"
    return report_tables(
        collection.name,
        size=arguments.size,
        sizes=sizes,
        epochs=epochs,
        limit=limit,
        title=f"Report {collection.name} {told}",
        batch=arguments.batch,
        seed=arguments.seed,
    )


def number_at(text: str, place: int) -> int | None:
    """The number for one collection: its own of several with commas, or the one for all; None for an empty text."""
    parts = text.split(",")
    part = parts[min(place, len(parts) - 1)]
    return int(part) if part else None


def planned(bench: Workbench, plan: ExperimentPlan) -> Experiment:
    """The experiment of that plan: the one that is there, else a new one."""
    there = (found for found in bench.experiments() if found.title == plan.title)
    return next(there, None) or bench.plan_experiment(plan)


def section(bench: Workbench, collection: Collection, experiment: Experiment) -> str:
    """The part of the page about one collection."""
    rows = experiment.rows()
    kinds = ", ".join(f"{count} {label}" for label, count in collection.labels().items())
    parts = [f"## On {TITLES[collection.name]}", f"{len(collection):,} images: {kinds}.", settings(experiment)]
    parts += ["### Table 4: the lowest losses", TABLE_4, markdown(report_losses(rows))]
    parts += ["### Table 5: how well each searches", TABLE_5, markdown(report_hits(rows)), widest(rows)]
    parts += ["### Findings of the original study", held(rows, experiment.plan), better(bench, rows), notes(rows)]
    parts += [twins(bench, rows), trained_on(bench, rows), charts(bench, collection.name, rows)]
    return "\n\n".join(filter(None, parts))


def settings(experiment: Experiment) -> str:
    """How every one of the nine was trained, from the plan itself."""
    configs = [TrainingConfig.from_dict(training.config) for training in experiment.plan.trainings]
    one = configs[0]
    sizes = ", ".join(f"Model {model} at {size}" for model, size in sorted({c.model: c.size for c in configs}.items()))
    images = f"{one.limit:,} images drawn by the seed" if one.limit else "all images"
    return (
        f"Trained with {one.loss.upper()}, Adam {one.rate:g}, batch {one.batch}, {one.epochs} epochs, seed {one.seed}, "
        f"{images}, {one.validation:.0%} of them held out for validation; no noise, no augmentation; the weights with "
        f"the lowest validation loss are searched with. Pixels a side: {sizes}. Warm restarts: T_mult 1, least rate "
        "1e-4; plateau: factor 0.2, patience 2, threshold 1e-4, least rate 5e-5."
    )


def widest(rows: Sequence[ExperimentRow]) -> str:
    good = [row for row in rows if not row.error]
    if not good:
        return ""
    wide = max((row.interval[1] - row.interval[0]) / 2 for row in good)
    single = next((row.single["query"] for row in good if row.single), None)
    asked = f" The one image is image {single}, the first of the largest label." if single is not None else ""
    chance = f"the chance level is {good[0].chance:.3f}."
    return f"Bootstrap intervals (95 %) of precision@8 are at most ±{wide:.3f}; {chance}{asked}"


def held(rows: Sequence[ExperimentRow], plan: ExperimentPlan) -> str:
    """The findings with their verdicts and figures; what is still to be measured is said."""
    done = sum(not row.error for row in rows)
    lines = [f"- **{found.claim} {found.verdict}**: {found.measured}" for found in findings(rows, plan)]
    lines += [f"- {sentence}" for sentence in correlations(rows)]
    missing = f"Only {done} of 36 cells are measured: too few for all findings." if done < 36 else ""
    return "\n\n".join(filter(None, ["\n".join(lines), missing]))


def notes(rows: Sequence[ExperimentRow]) -> str:
    """What must be said of rows, and why some have no figures, each once with the trainings that it is true of."""
    told: dict[str, list[str]] = {}
    for title, text in dict.fromkeys((row.title, text) for row in rows for text in (row.note, row.error) if text):
        told.setdefault(text, []).append(title)
    return "\n".join(f"- {text} ({'; '.join(titles)})" for text, titles in told.items())


def trained_on(bench: Workbench, rows: Sequence[ExperimentRow]) -> str:
    """The devices that the runs were trained on, as their cards say, and how long each was trained."""
    devices: dict[str, Any] = {}
    for name in dict.fromkeys(row.weights for row in rows if row.weights and not row.error):
        try:
            run = bench.training_run(name)
        except NotFound:
            continue
        devices.setdefault(str(run.card.get("device", "a device nobody noted")), set()).add(run.epochs_done)
    told = [f"{device} ({', '.join(map(str, sorted(epochs)))} epochs done)" for device, epochs in devices.items()]
    return f"Trained on: {'; '.join(told)}." if told else ""


def twins(bench: Workbench, rows: Sequence[ExperimentRow]) -> str:
    """Which rows are one and the same training: a plateau that was never reached leaves the rate as it was."""
    same = [
        title for title in TITLES_OF_ROWS if "plateau" in title and len(set(course(bench, rows, title, "rate"))) == 1
    ]
    if not same:
        return ""
    return (
        f"The loss never stood still long enough for the plateau's rate to fall ({'; '.join(same)}): these rows are "
        "the same training as the one without a schedule, to the bit."
    )


def better(bench: Workbench, rows: Sequence[ExperimentRow]) -> str:
    """What training did to the retrieval of the untrained network."""
    courses = [course(bench, rows, title, "retrieval") for title in TITLES_OF_ROWS]
    different = dict.fromkeys(tuple(one) for one in courses if len(one) > 1)
    known = [mean_shares(one[-1], one[0], PROBE) for one in different]
    outcomes = [one.outcome for one in known]
    told = "After its last epoch the network searched better than untrained in {better}, worse in {worse} of {all} "
    told += "different trainings; for the others that is not decided (precision@8 of {probe} fixed images, as drawn)."
    counts = {name: outcomes.count(name) for name in ("better", "worse")}  # type: ignore[arg-type]
    return "- " + told.format(**counts, all=len(known), probe=PROBE) if known else ""


def charts(bench: Workbench, name: str, rows: Sequence[ExperimentRow]) -> str:
    """Retrieval by epoch, and loss against retrieval, as SVG files, and the lines that show them."""
    shown: dict[str, list[tuple[float, float]]] = {}
    for title in TITLES_OF_ROWS:
        points = [(float(epoch), value) for epoch, value in enumerate(course(bench, rows, title, "retrieval"))]
        if points and points not in shown.values():
            shown[title] = points
    found = {row.title: row for row in rows if (row.embedding, row.metric) == BEST_PAIR and row.losses}
    dots = {title: (found[title].losses["mse"], found[title].precision) for title in shown if title in found}  # type: ignore[index]
    if not shown or not dots:
        return ""
    up = "precision@8, max pool, cosine"
    drawn = {
        "epochs": _chart.lines("Retrieval by epoch", shown, across="epochs done", up="precision@8 of the probe"),
        "loss": _chart.points("Loss against retrieval", dots, across="lowest validation MSE", up=up),
    }
    FIGURES.mkdir(exist_ok=True)
    for kind, text in drawn.items():
        (FIGURES / f"{name}-{kind}.svg").write_text(text, encoding="utf-8")
    return (
        f"![Precision@8 of the probe after every epoch; 0 is the untrained network](figures/{name}-epochs.svg)\n\n"
        f"![The lowest validation loss of each training against its precision@8](figures/{name}-loss.svg)"
    )


def course(bench: Workbench, rows: Sequence[ExperimentRow], title: str, key: str) -> list[float]:
    """One value an epoch of the run behind a row."""
    weights = next((row.weights for row in rows if row.title == title and row.weights and not row.error), None)
    events = bench.training_run(weights).events() if weights else []
    return [event[key] for event in events if event.get(key) is not None]


def document(parts: Sequence[str]) -> str:
    """The whole page."""
    end = f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}."
    return "\n\n".join([HEAD, *parts, end]) + "\n"


HEAD = """# Tables 4 and 5 of the original study, reproduced

The course report "Image Similarity Engine" trains four autoencoders with different schedules, searches with them in
four ways (flatten or max pool, cosine or Euclidean), and counts the hits out of 8 for *one* image. Here the same nine
trainings are searched in the same four ways, exactly; beside the hits for one image stands *precision@8 over all
images*: every image is the query once, is left out of its own answer, and the share of its eight nearest images that
carry its label is averaged.

Made by `python -m benchmarks.report_tables`, which trains, measures and writes this page. The report's own figures come
from 4,738 animal faces of six species, which are not part of this project: only the pattern can be compared, not the
height of the figures. Where fewer epochs, fewer or smaller images are used than the report's 40 epochs of all images at
224 pixels, it is because the trainings ran on processor cores; what was used is stated with each table."""
TABLE_4 = "The least loss of any epoch, on the training images and on those held out; in brackets the report's."
TABLE_5 = (
    "Hits of 8 for one image (in brackets the report's) · precision@8 over all images; the highest of each column bold."
)

if __name__ == "__main__":
    sys.exit(main())
