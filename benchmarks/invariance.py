"""How far photographs can be altered and are still found, for nine encoders. Writes docs/invariance.md.

    python -m benchmarks.invariance [--home FOLDER] [--queries 30] [--only-train | --kept]

Models 1–3 are trained on the photographs first, shortly, as plain autoencoders; Model 4 is the one that ships. What is
measured is kept in the home folder: an interrupted benchmark goes on with the next curve.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import _machine
from benchmarks._page import markdown, said
from benchmarks.finishing import DATA, collections
from engine.collections.collection import Collection
from engine.comparisons.invariances.invariance import InvarianceRow, Invariances
from engine.comparisons.invariances.leads import invariance_leads
from engine.comparisons.invariances.report import cell_text, to_csv
from engine.comparisons.invariances.run import plan_for
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.evidence.alterations import ALTERATIONS
from engine.runs import listing as runs
from engine.training import TrainingConfig, train_run
from engine.workbench.workbench import Workbench

SIZE, EPOCHS, LIMIT = 96, 2, 200  # of the trainings: minutes on two cores
QUERIES, LEVELS = 30, 5
ENCODERS = {
    "efficientnet-lite0": "EfficientNet-Lite0",
    "mobilenet-v2": "MobileNet-v2",
    "model-1@altered-model-1": "Model 1, trained here",
    "model-2@altered-model-2": "Model 2, trained here",
    "model-3@altered-model-3": "Model 3, trained here",
    "model-4@default": "Model 4, as it ships",
    "hog": "Edges (HOG)",
    "sift-vlad": "Local features (SIFT, VLAD)",
    "colour-histogram": "Colour histogram",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "invariance")
    parser.add_argument(
        "--queries", type=int, default=QUERIES, help=f"photographs that are altered (default: {QUERIES})"
    )
    parser.add_argument("--only-train", action="store_true", help="train Models 1–3 and measure nothing")
    parser.add_argument("--kept", action="store_true", help="measure nothing: write the page of what is kept")
    wanted = parser.parse_args()
    os.environ.setdefault("BENZER_WEIGHTS", str(DATA / "weights"))
    bench = Workbench(Home(wanted.home.resolve()))
    [collection] = collections(bench.home, ["animals"])
    if not wanted.kept:
        train_missing(bench.home, collection)
    if not wanted.only_train:
        table = measured(bench, collection, wanted.queries, wanted.kept)
        (PROJECT / "docs" / "invariance.md").write_text(page(table, len(collection)), encoding="utf-8")
        (PROJECT / "benchmarks" / "results" / "invariance.csv").write_text(to_csv(table), encoding="utf-8")


def train_missing(home: Home, collection: Collection) -> None:
    """Train those of Models 1–3 that have no run yet."""
    for model in (1, 2, 3):
        name = f"altered-model-{model}"
        if (home.weights / name).exists() and runs.run(home, name).state == "done":
            continue
        config = TrainingConfig(
            model=model, name=name, epochs=EPOCHS, size=SIZE, limit=LIMIT, batch=16, schedule="cosine", loss="mse"
        )
        run = train_run(home, config, collection, Reporter())
        print(f"{name}: validation MSE {run.card['validation_loss']:.4f}", flush=True)


def measured(bench: Workbench, collection: Collection, queries: int, kept: bool = False) -> Invariances:
    """The table of that many queries, measured now as far as that is not done; `kept`: as it is."""
    title = f"Nine encoders, {queries} queries"
    found = [table for table in bench.invariance_tables() if table.title == title]
    plan = plan_for(bench.home, title, collection.name, tuple(ENCODERS), queries=queries, levels=LEVELS)
    table = found[0] if found else bench.plan_invariances(plan)
    if not kept:
        bench.run("invariance", said, name=table.name)
    return table


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def page(table: Invariances, pictures: int) -> str:
    rows = [row for row in table.rows() if not row.error]
    queries = max(row.queries for row in rows)
    parts = [
        HEAD.format(pictures=pictures, queries=queries, levels=LEVELS, size=SIZE, epochs=EPOCHS, limit=LIMIT),
        "## Found first, over all strengths\n\n" + by_encoder(rows, cell_text),
        "## Where only half are found\n\n" + HALF + by_encoder(rows, half_text),
        "## Which encoder is best\n\n" + BEST + best(rows),
        *missing(table),
        f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.",
    ]
    return "\n\n".join(parts) + "\n"


def by_encoder(rows: Sequence[InvarianceRow], told: Callable[[InvarianceRow], str]) -> str:
    """Alterations by encoders: ten rows read better than ten columns."""
    known = {(row.encoder.partition("/")[0], row.alteration): row for row in rows}
    there = [encoder for encoder in ENCODERS if any(key[0] == encoder for key in known)]
    lines = [["alteration, up to", *(ENCODERS[encoder] for encoder in there)]]
    for name, way in ALTERATIONS.items():
        cells = [told(known[encoder, name]) if (encoder, name) in known else "–" for encoder in there]
        lines.append([f"{way.title}, {way.in_words(1.0)}", *cells])
    return markdown(lines)


def half_text(row: InvarianceRow) -> str:
    """The strength at which half are lost, with its unit."""
    half = row.half()
    return "never" if half is None else ALTERATIONS[row.alteration].in_words(half)


def best(rows: Sequence[InvarianceRow]) -> str:
    names = {row.key: ENCODERS[row.encoder.partition("/")[0]] for row in rows}
    leads = invariance_leads(rows)
    return "\n".join(f"- {ALTERATIONS[way].title}: {lead.sentence(names)}." for way, lead in leads.items())


def missing(table: Invariances) -> list[str]:
    """What could not be measured, and what has not been, a paragraph each."""
    rows = {(row.encoder.partition("/")[0], row.alteration): row for row in table.rows()}
    failed = [f"{ENCODERS[key[0]]}, {key[1]}: {row.error}" for key, row in rows.items() if row.error]
    left = [title for encoder, title in ENCODERS.items() if any((encoder, way) not in rows for way in ALTERATIONS)]
    told = [f"Not measured to the end: {', '.join(left)}."] if left else []
    return told + (["Could not be measured: " + " ".join(failed)] if failed else [])


HEAD = """# How far pictures can be altered and are still found

{queries} of {pictures:,} photographs of cats, dogs and pandas, drawn at random, are altered in ten ways at {levels}
strengths each, evenly up to the one in the first column, and searched with among all {pictures:,} as they are: is the
photograph that the altered one was made from the nearest? Exact search by cosine distance, each encoder with its usual
pooling; every encoder is asked the same altered pictures. Made by `python -m benchmarks.invariance`; every share with
its exact interval (Clopper and Pearson) is in [invariance.csv](../benchmarks/results/invariance.csv). On other pictures
the page *Compare* measures the same, and so does `python -m engine invariance`.

Models 1–3 were trained on {limit} of these photographs as plain autoencoders, at {size} pixels for {epochs} epochs:
very short trainings, which say little of longer ones. Model 4 is the one that ships, trained on drawn animal faces to
recognise altered views.

What an alteration does at a strength is in `engine/evidence/alterations.py`: a rotated picture keeps all its content,
and its corners get the mean colour; *smaller* loses detail, as every encoder stretches pictures to its own size; a
covered picture is covered from its middle."""
HALF = """The weakest strength at which only half of the pictures are found first, between strengths by a straight line;
*never*: more than half are found at the strongest, too. A curve can rise again beyond: half a turn is nearer than a
quarter.

"""
BEST = """By the share of strengths at which each picture is found, paired over the same pictures (permutation test); p
is corrected for all pairs of encoders under all alterations (Holm).

"""

if __name__ == "__main__":
    main()
