"""The report's tables 4 and 5, repeated: nine trainings, searched in four ways. Writes docs/experiments.md.

    python -m benchmarks.report_tables [--home FOLDER] [--size 224 | --sizes 160,160,160,224] [--epochs 40] [--limit N]
                                       [--collections animal-faces,photographs] [--loss mse]
                                       [--seeds 1] [--only KINDS] [--write-only] [--records FOLDER] [--out FILE]

Uses the drawn animal faces and the photographs of $BENZER_TEST_DATA/animals (left out, and said so, where they are
absent); --epochs and --limit take one number for both, or one for each with a comma. Each finished training leaves a
record in benchmarks/results/report-tables; only those without one are trained, the most informative first, and the page
is written from the records after each. A training that was cut off goes on where its home folder is: the same command
again does the rest, on this or another machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import _report_records as kept
from benchmarks._page import said
from benchmarks._report_page import Part, document, section
from benchmarks.autoencoders import collections
from engine.collections.collection import Collection
from engine.comparisons.recipes.experiment import Experiment, pictures_digest
from engine.comparisons.recipes.plan import ExperimentPlan, Training, report_tables
from engine.comparisons.recipes.seeds import repeated
from engine.core.home import PROJECT, Home, slug
from engine.training.losses import LOSSES
from engine.workbench.workbench import Workbench

RECORDS = PROJECT / "benchmarks" / "results" / "report-tables"
ORDER = (
    *("model-1-none", "model-2-none", "model-4-none", "model-2-reduce-on-plateau", "model-2-warm-restarts-t0-10"),
    *("model-2-warm-restarts-t0-5", "model-4-reduce-on-plateau", "model-3-none", "model-3-reduce-on-plateau"),
)  # the cheap ones first, and those whose twins may be told from them


def main() -> int:
    arguments = words().parse_args()
    bench = Workbench(Home(arguments.home.resolve()))
    wanted = arguments.collections.split(",")
    there = [one for one in collections(bench.home) if one.name in wanted]
    if not there:
        print(f"There is no collection of {', '.join(wanted)} to measure.", file=sys.stderr)
        return 1
    plans = {one.name: plan(one, arguments, wanted.index(one.name)) for one in there}
    for collection in [] if arguments.write_only else there:
        for training in ordered(plans[collection.name].trainings, arguments.only):
            if train(bench, collection, plans[collection.name], training, arguments.records):
                write_page(there, plans, arguments)
    write_page(there, plans, arguments)
    print(f"Wrote {arguments.out}.")
    return 0


def words() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "report-tables")
    parser.add_argument("--size", type=int, default=224, help="pixels a side, for every model the nearest that fits")
    parser.add_argument("--sizes", help="pixels a side of Models 1 to 4, with commas, instead of --size")
    parser.add_argument("--epochs", default="40")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--loss", default="mse", choices=LOSSES, help="that is trained with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="of each training, from --seed on")
    parser.add_argument("--limit", default="", help="train on at most so many images (default: all)")
    parser.add_argument("--collections", default="animal-faces,photographs", help="which, with commas")
    parser.add_argument("--only", type=kinds, default=ORDER, help=f"these in this order, of {','.join(ORDER)}")
    parser.add_argument("--write-only", action="store_true", help="train and measure nothing, write what is there")
    parser.add_argument("--records", type=Path, default=RECORDS, help="where finished trainings are recorded")
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "experiments.md")
    return parser


def kinds(text: str) -> tuple[str, ...]:
    """The kinds of trainings that a text names with commas."""
    named = tuple(text.split(","))
    if unknown := [name for name in named if name not in ORDER]:
        raise argparse.ArgumentTypeError(f"there is no {unknown[0]}, only {', '.join(ORDER)}")
    return named


def plan(collection: Collection, arguments: argparse.Namespace, place: int) -> ExperimentPlan:
    """The report's nine rows; the title names the settings, so that other settings are another experiment."""
    epochs, limit = number_at(arguments.epochs, place) or 40, number_at(arguments.limit, place)
    sizes = dict(enumerate(map(int, arguments.sizes.split(",")), 1)) if arguments.sizes else {}
    pixels = arguments.sizes or str(arguments.size)
    images = f"{limit} images" if limit else "all images"
    told = f"{arguments.loss.upper()}, {pixels} pixels, {epochs} epochs, batch {arguments.batch}, {images}"
    once = report_tables(
        collection.name,
        size=arguments.size,
        sizes=sizes,
        epochs=epochs,
        limit=limit,
        title=f"{collection.name} {told}",
        loss=arguments.loss,
        batch=arguments.batch,
        seed=arguments.seed,
    )
    return repeated(once, arguments.seeds)


def number_at(text: str, place: int) -> int | None:
    """The number for one collection: its own of several with commas, or the one for all; None for an empty text."""
    parts = text.split(",")
    part = parts[min(place, len(parts) - 1)]
    return int(part) if part else None


def ordered(trainings: Sequence[Training], only: Sequence[str]) -> list[Training]:
    """The trainings of these kinds, in their order; all of one seed before the next."""
    chosen = [training for training in trainings if slug(kind(training)) in only]
    return sorted(chosen, key=lambda one: (int(one.config.get("seed") or 0), only.index(slug(kind(one)))))


def kind(training: Training) -> str:
    """Its title without the seed."""
    return training.title.partition(" · seed ")[0]


def train(bench: Workbench, collection: Collection, plan: ExperimentPlan, training: Training, folder: Path) -> bool:
    """Train and measure what has no record yet, and leave one; whether there is a new one."""
    pictures = pictures_digest(collection.images())
    if kept.standing(kept.records(folder), [training], pictures):
        print(f"{training.title}: recorded already.", flush=True)
        return False
    title = f"{kind(training)}, seed {training.config['seed']}, {plan.title}"
    experiment = planned(bench, replace(plan, title=title, trainings=(training,)))
    print(experiment.title, bench.run("experiment", said, name=experiment.name), flush=True)
    rows = experiment.rows()
    if failed := [row.error for row in rows if row.error]:
        print(f"{training.title}: {failed[0]}", file=sys.stderr, flush=True)
        return False
    record = kept.recorded(experiment, bench.training_run(rows[0].weights), pictures)
    print(f"Recorded {kept.write(folder, record)}.", flush=True)
    return True


def planned(bench: Workbench, plan: ExperimentPlan) -> Experiment:
    """The experiment of that plan: the one that is there, else a new one."""
    there = (found for found in bench.experiments() if found.title == plan.title)
    return next(there, None) or bench.plan_experiment(plan)


def write_page(there: Sequence[Collection], plans: dict[str, ExperimentPlan], arguments: argparse.Namespace) -> None:
    """The page with the tables of these collections as far as they stand; one without any record stays as it is."""
    found, parts = kept.records(arguments.records), []
    for collection in there:
        plan = plans[collection.name]
        standing = kept.standing(found, plan.trainings, pictures_digest(collection.images()))
        if standing:
            part = Part(collection.name, collection.labels(), plan, standing)
            parts.append((part, section(part, arguments.out.parent / "figures")))
    before = arguments.out.read_text(encoding="utf-8") if arguments.out.exists() else ""
    arguments.out.write_text(document(before, parts), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
