"""Classes of products by picture, text and both: five models, several encoders, missing and noisy sides.

    python -m benchmarks.products [--home FOLDER] [--folds 5] [--only WORD]

Reads the 1,604 fashion products of $BENZER_TEST_DATA (the drawn products where they are absent, and says so). Every
table is a classification of the engine, kept in the home folder: started again, only what is missing is measured.
Encoders whose weights are not on this computer are left out, and named.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import _machine
from benchmarks._page import markdown, said
from benchmarks._products_search import K, out_of_fold, precision, side_by_side
from engine.classification.corruptions import CLEAN, USUAL
from engine.classification.plan import FUSIONS, ClassificationPlan
from engine.classification.results import Classification, ResultLine
from engine.core.errors import BenzerError, NameTaken
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.workbench.workbench import Workbench

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
RESULTS = PROJECT / "benchmarks" / "results" / "products.md"
THREE = ("Handbags", "Tshirts", "Watches")
BOTH = ("early", "intermediate", "late")
SETTINGS = {"epochs": 12, "patience": 4}  # of the trainings on all labels, whose epochs are long
SEARCHED = {
    "all-tf-idf": "TF-IDF",
    "all-tf-idf-prepared": "TF-IDF, prepared for missing sides",
    "all-minilm": "MiniLM",
    "all-minilm-prepared": "MiniLM, prepared for missing sides",
}


_ABOUT = (
    "A fusion learned from the other folds, and the held-out products look for each other by the vector that it tells "
    "classes from; the first lines are about the same products and learn nothing. The best possible is less than 1 "
    "where a label has fewer than nine held-out products. Asked by one side alone, the products found still have both."
)


@dataclass(frozen=True)
class Part:
    """One classification of the benchmark: its key, what its table is about, and how its plan differs."""

    key: str
    picture: str
    text: str
    embedding: str = "avg"
    changes: dict[str, Any] = field(default_factory=dict)


def parts(labels: tuple[str, ...]) -> Iterator[Part]:
    """All classifications; the most important first."""
    few = {"labels": labels, "each": 100}
    every = {"settings": SETTINGS}
    yield Part("few-tf-idf", "mobilenet-v2", "tf-idf", changes=few)
    yield Part("few-minilm", "mobilenet-v2", "all-minilm-l6-v2", changes=few)
    yield Part("all-tf-idf", "mobilenet-v2", "tf-idf", changes={**every, "conditions": USUAL})
    prepared = {"conditions": USUAL, "fusions": BOTH, "settings": {**SETTINGS, "missing": 0.2}}
    yield Part("all-tf-idf-prepared", "mobilenet-v2", "tf-idf", changes=prepared)
    yield Part("all-minilm", "mobilenet-v2", "all-minilm-l6-v2", changes={**every, "conditions": USUAL})
    yield Part("all-minilm-prepared", "mobilenet-v2", "all-minilm-l6-v2", changes=prepared)
    yield Part("pictures-squeezenet", "squeezenet-1-0", "tf-idf", changes={**every, "fusions": ("picture", "late")})
    yield Part("pictures-colour", "colour-histogram", "tf-idf", "flatten", {**every, "fusions": ("picture", "late")})
    yield Part("pictures-hog", "hog", "tf-idf", "flatten", {**every, "fusions": ("picture", "late")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "products")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--only", default="", help="measure only the tables whose key begins so, and write nothing")
    parser.add_argument("--measured", action="store_true", help="measure nothing: write what is there")
    arguments = parser.parse_args()
    bench = Workbench(Home(arguments.home.resolve()))
    collection, labels = imported(bench)
    found: dict[str, Classification] = {}
    left_out = []
    for part in parts(labels):
        if not part.key.startswith(arguments.only):
            continue
        try:
            one = planned(bench, collection, part, arguments.folds)
            if not arguments.measured:
                bench.run("classification", said, name=one.name)
            if len(one.rows()) == len(one.plan.cells()):
                found[part.key] = one
            else:
                left_out.append(f"{part.key}: {len(one.rows())} of {len(one.plan.cells())} trainings are done.")
        except BenzerError as error:
            left_out.append(f"{part.key}: {error.message}")
            print(left_out[-1], flush=True)
    tables = list(trained(bench, found, not arguments.measured))
    text = page(found, left_out, searched(bench, found), tables)
    print(text)
    if not arguments.only:
        RESULTS.write_text(text, encoding="utf-8")


def imported(bench: Workbench) -> tuple[str, tuple[str, ...]]:
    """The collection that is measured, and its three labels for the small tables."""
    table = DATA / "products" / "products.csv"
    if not table.exists():
        print("The real products are absent ($BENZER_TEST_DATA): the drawn ones are measured.", flush=True)
        bench.run("sample", said, name="products")
        return "products", tuple(list(bench.collection("products").labels())[:3])
    with suppress(NameTaken):
        bench.run("import", said, source="csv", title="Fashion products", path=str(table))
    return "fashion-products", THREE


def planned(bench: Workbench, collection: str, part: Part, folds: int) -> Classification:
    """One classification: that of an earlier start, else a new one."""
    values = {"embedding": part.embedding, "folds": folds, **part.changes}
    plan = ClassificationPlan(part.key, collection, part.picture, part.text, **values)
    there = next((one for one in bench.classifications() if one.plan == plan), None)
    return there or bench.plan_classification(plan)


def page(
    found: dict[str, Classification],
    left_out: Sequence[str],
    search: list[list[str]],
    learned: Sequence[tuple[str, list[list[str]]]] = (),
) -> str:
    """All tables as Markdown."""
    head = f"# Classes of products by picture and text\n\n    python -m benchmarks.products\n\n{_machine.facts()}\n"
    sections = [*_models(found), *_encoders_and_noise(found), *_searches(search, learned)]
    return "\n".join([head, *sections, *(f"- Left out: {sentence}" for sentence in left_out)]).rstrip() + "\n"


def _models(found: dict[str, Classification]) -> Iterator[str]:
    """The tables of all models, few labels first."""
    for title, key in (
        ("Three labels, MobileNet-v2 and TF-IDF", "few-tf-idf"),
        ("Three labels, MobileNet-v2 and MiniLM", "few-minilm"),
        ("All labels, MobileNet-v2 and TF-IDF", "all-tf-idf"),
        ("All labels, MobileNet-v2 and MiniLM", "all-minilm"),
    ):
        if key in found:
            yield from (f"## {title}", "", about(found[key]), "", markdown(clean(found[key])), "")


def _encoders_and_noise(found: dict[str, Classification]) -> Iterator[str]:
    """The tables of other picture encoders, and of missing and noisy sides."""
    pictures = [(key, one) for key, one in found.items() if key.startswith("pictures") or key == "all-tf-idf"]
    if pictures:
        yield from ("## Other encoders of pictures, with TF-IDF", "", markdown(other_pictures(pictures)), "")
    for text, title in (("tf-idf", "TF-IDF"), ("minilm", "MiniLM")):
        measured = [found[key] for key in (f"all-{text}", f"all-{text}-prepared") if key in found]
        if measured:
            yield from (f"## Missing and noisy sides, {title}: accuracy", "", markdown(disturbed(measured)), "")


def _searches(search: list[list[str]], learned: Sequence[tuple[str, list[list[str]]]]) -> Iterator[str]:
    """The tables of search, by stored vectors and by those of fusions."""
    if len(search) > 1:
        title = f"## Search: precision@{K} by stored vectors side by side, nothing learned from labels"
        yield from (title, "", markdown(search), "")
    if learned:
        title = f"## Search among held-out products: precision@{K}, the mean over the folds ± deviation"
        yield from (title, "", _ABOUT, "")
    for heading, table in learned:
        yield from (f"**{heading}**", "", markdown(table), "")


def about(found: Classification) -> str:
    """How many things, labels and folds, and the encoders."""
    first = found.plan.fusions[0]
    rows = [row for row in found.rows() if row.fusion == first and not row.error]
    if not rows:
        return "Nothing was measured."
    row = rows[0]
    return (
        f"{sum(row.asked for row in rows):,} products in {len(row.classes)} labels, {found.plan.folds} folds, "
        f"about {row.learned:,} learned from in each; mean ± standard deviation over the folds."
    )


def clean(found: Classification) -> list[list[str]]:
    """The table of the models, things as they are."""
    head = ["model", "accuracy", "macro F1", "calibration error", "log loss", "s a fold"]
    lines = [one for one in found.table() if one.condition.name == CLEAN]
    return [
        head,
        *([one.title, *_scores(one), f"{one.ece:.3f}", f"{one.log_loss:.3f}", f"{one.seconds:.1f}"] for one in lines),
    ]


def other_pictures(found: Sequence[tuple[str, Classification]]) -> list[list[str]]:
    """Picture only and late fusion with each encoder of pictures."""
    lines = [["encoder of pictures", "picture only: accuracy", "macro F1", "late fusion: accuracy", "macro F1"]]
    for _, one in found:
        by_fusion = {line.fusion: line for line in one.table() if line.condition.name == CLEAN}
        if {"picture", "late"} <= set(by_fusion):
            lines.append([one.plan.picture, *_scores(by_fusion["picture"]), *_scores(by_fusion["late"])])
    return lines


def disturbed(found: Sequence[Classification]) -> list[list[str]]:
    """Accuracy of every model under every condition; those prepared by modality drop-out below."""
    conditions = found[0].plan.asked
    lines = [["model", *(condition.title for condition in conditions)]]
    for one in found:
        note = ", prepared" if one.plan.settings.get("missing") else ""
        table = {(line.fusion, line.condition.name): line for line in one.table()}
        for fusion in one.plan.fusions:
            cells = [table.get((fusion, condition.name)) for condition in conditions]
            lines.append([FUSIONS[fusion] + note, *(f"{cell.accuracy:.3f}" if cell else "" for cell in cells)])
    return lines


def searched(bench: Workbench, found: dict[str, Classification]) -> list[list[str]]:
    """precision@8 of stored vectors side by side, the text counting more and more; nothing is learned from labels."""
    from engine.classification.task import Task

    lines = [["vectors", "picture", *(f"{share} % text" for share in (25, 50, 75)), "text"]]
    for key in ("all-tf-idf", "all-minilm"):
        if key in found:
            plan = found[key].plan
            things = Task.of(bench.home, bench.collection(plan.collection), plan).items(Reporter())
            every = [side_by_side(things, share) for share in (0, 25, 50, 75, 100)]
            scores = [precision(vectors, vectors, things.codes) for vectors in every]
            lines.append([f"{plan.picture} and {plan.text}", *(f"{score:.3f}" for score in scores)])
    return lines


def trained(bench: Workbench, found: dict[str, Classification], measure: bool) -> Iterator[tuple[str, list[list[str]]]]:
    """A title and a table for each classification: precision@8 among held-out products, by vectors of fusions too."""
    for key, one in found.items():
        if key in SEARCHED:
            kept = bench.home.root / f"search-{key}.json"
            table = out_of_fold(bench, one.plan, kept, said, measure)
            if table:
                yield SEARCHED[key], table


def _scores(one: ResultLine) -> list[str]:
    return [f"{one.accuracy:.3f} ± {one.accuracy_deviation:.3f}", f"{one.f1:.3f} ± {one.f1_deviation:.3f}"]


if __name__ == "__main__":
    main()
