"""Every ready encoder × what is done to its vectors × every collection at hand, and words. Writes docs/quality.md.

    python -m benchmarks.quality [--home FOLDER] [--collections animals,products …] [--encoders …] [--kept]

The collections are photographs, paintings and products of $BENZER_TEST_DATA and two drawn samples. What is measured is
kept in the home folder: an interrupted benchmark goes on with the next encoder. All figures are also written to
benchmarks/results/quality.csv, whose rows stay where an encoder with its weights is not measured, and is not in the
home either.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import _machine
from benchmarks.finishing import DATA, FOLDERS, SAMPLE, collections
from benchmarks.words import HEADER, rows
from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.storage import write_bytes
from engine.core.tables import csv_text
from engine.encoders import choices, open_encoder
from engine.encoders.encoder import EncoderChoice
from engine.encoders.pooling import FINISHES, ROOT, unfinished
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.retrieval import evaluate
from engine.evaluation.statistics.decision import Decision, Outcome, holm
from engine.evaluation.statistics.intervals import decision_of_interval
from engine.evaluation.statistics.paired import paired_difference
from engine.workbench import Workbench

SAMPLES = (SAMPLE, "artworks")  # the drawn products have the name of the photographed ones
DEFAULT = ("efficientnet-lite0", ROOT)
HEADS = ("plain", "square root, centred", "neighbours", "both", "whitening", "whitening, neighbours")
CSV = PROJECT / "benchmarks" / "results" / "quality.csv"
_CSV = ["collection", "encoder", "after it", "precision@8", "low", "high", "lead low", "lead high", "lead p"]


@dataclass(frozen=True)
class Figure:
    """A mean precision@8 with its 95 % interval, and its paired lead over the default; None without one."""

    mean: float
    interval: tuple[float, float]
    lead: Decision | None


@dataclass(frozen=True)
class Line:
    """An encoder with its weights, as in a recipe, on a collection: its figure by finish."""

    encoder: str
    title: str
    pooling: str
    figures: dict[str, Figure]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "quality")
    parser.add_argument("--collections", default=",".join([*FOLDERS, *SAMPLES]), help="with commas (default: all)")
    parser.add_argument("--encoders", default="", help="with commas (default: all that are ready)")
    parser.add_argument("--kept", action="store_true", help="measure nothing: write the page of what is kept")
    wanted = parser.parse_args()
    os.environ.setdefault("BENZER_WEIGHTS", str(DATA / "weights"))
    bench = Workbench(Home(wanted.home.resolve()))
    parts, figures = [], list[list[object]]()
    for collection in collections(bench.home, wanted.collections.split(",")):
        lines = measured(bench.home, collection, list(filter(None, wanted.encoders.split(","))), wanted.kept)
        parts.append(table(collection, lines) + _missing(bench.home, collection, lines))
        figures += [row for line in lines for row in rows_of(collection.name, line)]
        print(parts[-1], flush=True)
    words = [row for collection in collections(bench.home, wanted.collections.split(","))
             for row in rows(bench, collection.name)]  # fmt: skip
    page = HEAD + "".join(parts) + WORDS + "\n".join([*HEADER, *words]) + "\n"
    page += f"\nMeasured until {time.strftime('%Y-%m-%d')}, the words on {_machine.facts()}.\n"
    (PROJECT / "docs" / "quality.md").write_text(page, encoding="utf-8")
    CSV.write_text(csv_text(_CSV, figures), encoding="utf-8")


def measured(home: Home, collection: Collection, only: Sequence[str], kept: bool) -> list[Line]:
    """A line for each encoder: measured now or before in this home, else from the CSV; `kept`: nothing is measured."""
    known, lines = former(collection.name), []
    offered = sorted(choices(home, collection.name), key=lambda choice: choice.name != DEFAULT[0])
    default: list[float] | None = None
    for choice in offered:
        name = f"{choice.name}@{choice.weights}" if choice.weights else choice.name
        precisions = _precisions(home, collection, choice, name, kept or not _wanted(choice, only))
        default = precisions.get(DEFAULT[1]) if choice.name == DEFAULT[0] else default
        figures = {finish: figure(values, default) for finish, values in precisions.items()}
        figures = figures or known.get(name, {})
        if figures:
            lines.append(Line(name, choice.title.partition(" · ")[0], unfinished(choice.embedding), figures))
    return lines


def _wanted(choice: EncoderChoice, only: Sequence[str]) -> bool:
    return choice.ready and not choice.rare and (not only or choice.name in only)


def _precisions(
    home: Home, collection: Collection, choice: EncoderChoice, name: str, kept: bool
) -> dict[str, list[float]]:
    """By finish the (q,) precision@8 of every query, measured unless that has been done; {} if it is not to be."""
    path = home.root / "measured" / collection.name / f"{name}.json"
    if not path.exists() and kept:
        return {}
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, json.dumps(precisions_of(home, collection, choice)).encode())
        print(f"{collection.name}: {choice.title}", flush=True)
    found: dict[str, list[float]] = json.loads(path.read_bytes())
    return found


def figure(values: Sequence[float], default: Sequence[float] | None) -> Figure:
    """The figure of (q,) precisions, and its lead over those of the default for the same queries."""
    lead = paired_difference(values, default) if default else None
    return Figure(float(np.mean(values)), bootstrap_interval(np.asarray(values)), lead)


def former(collection: str) -> dict[str, dict[str, Figure]]:
    """What the CSV says of a collection, by encoder and finish."""
    found: dict[str, dict[str, Figure]] = {}
    for row in csv.DictReader(CSV.read_text(encoding="utf-8").splitlines()) if CSV.exists() else ():
        if row["collection"] == collection:
            finish = row["after it"].removeprefix(unfinished(row["after it"]))
            mean, low, high = (_number(row[name]) for name in _CSV[3:6])
            found.setdefault(row["encoder"], {})[finish] = Figure(mean, (low, high), _former_lead(row))
    return found


def _former_lead(row: Mapping[str, str]) -> Decision | None:
    """The lead over the default, of the oldest rows by its interval alone."""
    if not row["lead low"]:
        return None
    lead = decision_of_interval((_number(row["lead low"]), _number(row["lead high"])))
    return replace(lead, p=_number(row["lead p"])) if row.get("lead p") else lead


def _number(cell: str) -> float:
    """A number of the CSV, in which a minus may stand behind an apostrophe for the sake of spreadsheets."""
    return float(cell.removeprefix("'"))


def precisions_of(home: Home, collection: Collection, choice: EncoderChoice) -> dict[str, list[float]]:
    """By finish the precision@8 of every query, cosine; a finish that the collection is too small for is left out."""
    encoder = open_encoder(choice.name, choice.weights, home, collection)
    labels, found = collection.images().labels, {}
    for finish in FINISHES:
        try:
            vectors = vectors_of(collection, encoder, f"{unfinished(choice.embedding)}{finish}", Reporter())
        except BenzerError as error:
            print(f"{collection.name}, {choice.title}{FINISHES[finish]}: {error}", flush=True)
            continue
        found[finish] = evaluate(vectors.matrix, labels, "cosine").precisions.tolist()
    return found


def table(collection: Collection, lines: Sequence[Line]) -> str:
    """The Markdown table of a collection, best encoder first; the best figure is bold."""
    best = max(one.mean for line in lines for one in line.figures.values())
    kinds = ", ".join(f"{count} {label}" for label, count in collection.labels().items())
    out = [f"## {collection.title}", "", f"{len(collection):,} pictures: {kinds}.", ""]
    out += ["| encoder | pooling | " + " | ".join(HEADS) + " |", "|---|---|" + "---:|" * len(HEADS)]
    told = verdicts(lines)
    for line in sorted(lines, key=lambda line: -max(one.mean for one in line.figures.values())):
        cells = [_cell(line.figures.get(finish), best, told.get((line.encoder, finish))) for finish in FINISHES]
        out.append("| " + " | ".join([line.title, line.pooling, *cells]) + " |")
    return "\n".join([*out, "", ""])


def verdicts(lines: Sequence[Line]) -> dict[tuple[str, str], Outcome]:
    """By encoder and finish whether it is better or worse than the default, corrected for their number."""
    leads = {(line.encoder, finish): one.lead for line in lines for finish, one in line.figures.items()}
    others = {place: lead for place, lead in leads.items() if lead is not None and place != DEFAULT}
    corrected = holm(list(others.values()))
    return {place: lead.outcome for place, lead in zip(others, corrected, strict=True)}


def _missing(home: Home, collection: Collection, lines: Sequence[Line]) -> str:
    """The ready encoders that have not been measured on the collection."""
    ready = [choice.title for choice in choices(home, collection.name) if choice.ready and not choice.rare]
    left = [title for title in ready if title not in [line.title for line in lines]]
    return f"Not measured here: {', '.join(left)}.\n\n" if left else ""


def rows_of(collection: str, line: Line) -> Iterator[list[object]]:
    """The rows of the CSV: each precision with its interval, and that of its lead over the default."""
    for finish, one in line.figures.items():
        lead = (*one.lead.interval, one.lead.p) if one.lead else ("", "", "")
        yield [collection, line.encoder, f"{line.pooling}{finish}", one.mean, *one.interval, *lead]


def _cell(one: Figure | None, best: float, outcome: Outcome | None) -> str:
    """For example "0.979 ±0.005 ▲": half the 95 % interval, and the verdict."""
    if one is None:
        return "–"
    low, high = one.interval
    mean = f"**{one.mean:.3f}**" if one.mean == best else f"{one.mean:.3f}"
    return f"{mean} ±{(high - low) / 2:.3f}" + {"better": " ▲", "worse": " ▼"}.get(outcome or "", "")


HEAD = """# How well each encoder searches

*precision@8*: every picture is the query once, is left out of its own results, and the share of its eight nearest by
cosine distance that carry its label is averaged over **all** pictures. ± is half the 95 % bootstrap interval. ▲ and ▼:
better or worse than the default recipe, EfficientNet-Lite0 with square root and centring, by a paired permutation test
over the same queries, corrected for all figures of the table (Holm); of figures from earlier runs p is that of their
interval. No mark: not decided. Bold is the highest figure, which need not be better than the next. Made by
`python -m benchmarks.quality`; every interval is in [quality.csv](../benchmarks/results/quality.csv). *Neighbours* is
DBA: each vector averaged with its eight nearest. The weights of MobileNet-v2 and SqueezeNet 1.0 come from compressed
releases (`$BENZER_TEST_DATA/weights`); torchvision's own may score slightly differently. What Models 1–4 reach when
they are trained on a collection itself is [measured apart](autoencoders.md). So are, on animals and paintings, colour
layout and colour texture, and everywhere both [side by side](without-labels.md) with the grey texture. The rows are of
several runs.

"""
WORDS = """## Words without training

Each label typed once, as it stands: the share of the eight pictures found by what they show that carry it. What is not
known is refused, as nearly all names of styles are; of a label with several words the known ones count. The network,
which was trained on photographs, misses some of the drawn animals. A shop's labels are finer than its classes: *Casual
Shoes*, *Formal Shoes* and *Sports Shoes* all find the same shoes, *Shirts*, *Tshirts* and *Kurtas* the same T-shirts.

"""

if __name__ == "__main__":
    main()
