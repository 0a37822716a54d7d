"""How well each model finds its own kind: precision@8 over all images, the query left out. Writes docs/autoencoders.md.

    python -m benchmarks.autoencoders [--home FOLDER] [--no-training]

Trains Models 1–4 on the drawn animal faces and on the photographs of $BENZER_TEST_DATA/animals (left out, and said so,
where they are absent), and measures them next to untrained networks, raw pixels, a colour histogram and chance. Runs
that stand in the home folder already are used as they are: an interrupted training session goes on with the next model.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks import _machine
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.errors import NotFound
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import stored
from engine.evaluation.retrieval import Scores, evaluate
from engine.runs import listing as runs
from engine.training import TrainingConfig, train_run

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
COLUMNS = [(embedding, metric) for embedding in ("flatten", "max") for metric in ("cosine", "euclidean")]
PLAIN: dict[str, Any] = {"size": 160, "batch": 16, "schedule": "cosine", "loss": "mse"}
EPOCHS = 8
SLOW = {3: 4}  # Model 3 costs twice as much: its convolutions stand where the others pool
TITLES = {"animal-faces": "the drawn animal faces", "photographs": "photographs of cats, dogs and pandas"}


@dataclass(frozen=True)
class Line:
    """One encoder on one collection: its scores by (embedding, metric)."""

    title: str
    note: str
    scores: dict[tuple[str, str], Scores]
    loss: float | None = None  # of reconstruction on the held-out images, where the model was trained for the table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "quality")
    parser.add_argument("--no-training", action="store_true", help="measure only the runs that are there")
    arguments = parser.parse_args()
    home = Home(arguments.home.resolve())
    tables = []
    for collection in collections(home):
        if not arguments.no_training:
            train_missing(home, collection)
        tables.append(table(collection, list(lines(home, collection))))
        print(tables[-1], flush=True)
    (PROJECT / "docs" / "autoencoders.md").write_text(document(tables), encoding="utf-8")


def collections(home: Home) -> Iterator[Collection]:
    """The drawn faces, and the photographs where they are."""
    yield _opened(home, "animal-faces") or _sample(home)
    photographs = DATA / "animals"
    if photographs.is_dir():
        yield _opened(home, "photographs") or _folder(home, photographs)
    else:
        print(f"Left out: there are no photographs at {photographs}.")


def _opened(home: Home, name: str) -> Collection | None:
    try:
        return Collection.open(home, name)
    except NotFound:
        return None


def _sample(home: Home) -> Collection:
    importing.import_sample(home, "animal-faces", Reporter())
    return Collection.open(home, "animal-faces")


def _folder(home: Home, folder: Path) -> Collection:
    importing.import_folder(home, "Photographs", folder, Reporter())
    return Collection.open(home, "photographs")


def train_missing(home: Home, collection: Collection) -> None:
    """Train each model that has no finished run for this collection yet."""
    for model in (1, 2, 3, 4):
        name = f"{collection.name}-model-{model}"
        if (home.weights / name).exists():
            if runs.run(home, name).state == "done":
                continue
            shutil.rmtree(home.weights / name)  # cut off before its end
        began = time.monotonic()
        config = TrainingConfig(model=model, name=name, epochs=SLOW.get(model, EPOCHS), **PLAIN)
        run = train_run(home, config, collection, Reporter())
        print(f"{name}: {run.card['validation_loss']:.5f} in {time.monotonic() - began:.0f} s", flush=True)


def lines(home: Home, collection: Collection) -> Iterator[Line]:
    """Every encoder, the yardsticks first."""
    for name, title in (("raw-pixels", "raw pixels 32×32"), ("colour-histogram", "colour histogram (HSV)")):
        yield measured(home, collection, name, "", title, "")
    for model in (1, 2, 3, 4):
        weights = untrained(home, model)
        yield measured(home, collection, f"model-{model}", weights, f"Model {model}, untrained", "fresh weights")
    for model in (1, 2, 3, 4):
        try:
            run = runs.run(home, f"{collection.name}-model-{model}")
        except NotFound:
            continue
        if run.state == "done":
            loss = run.card["validation_loss"]
            note = f"validation MSE {loss:.4f} after {run.card['epochs_done']} epochs"
            line = measured(home, collection, f"model-{model}", run.name, f"Model {model}, trained here", note)
            yield replace(line, loss=loss)
    yield from shipped(home, collection)


def shipped(home: Home, collection: Collection) -> Iterator[Line]:
    """The weights that ship, where they are."""
    try:
        run = runs.run(home, "default")
    except NotFound:
        return
    title = f"**Model {run.model}, the weights that ship**"
    yield measured(home, collection, f"model-{run.model}", "default", title, "see weights/README.md")


def untrained(home: Home, model: int) -> str:
    """The name of a run that holds freshly drawn weights, made where it is missing."""
    from models.autoencoder import Autoencoder

    name = f"untrained-model-{model}"
    if name not in {run.name for run in runs.runs(home)}:
        run = runs.create(home, name, {"model": model, "size": PLAIN["size"]}, {"title": "fresh weights, seed 0"})
        run.keep(Autoencoder(model).initialise(0).state_dict())
        run.end("done")
    return name


def measured(home: Home, collection: Collection, name: str, weights: str, title: str, note: str) -> Line:
    """Embed the collection with one encoder and ask with every image."""
    encoder = open_encoder(name, weights, home)
    embed_collection(collection, encoder, ["flatten", "max"], Reporter())
    images = collection.images()
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    scores = {}
    for embedding, metric in COLUMNS:
        found = stored(collection, encoder.info, embedding)
        assert found is not None
        scores[embedding, metric] = evaluate(found.matrix, [labels[id] for id in found.ids.tolist()], metric)
    return Line(title, note, scores)


def table(collection: Collection, rows: list[Line]) -> str:
    """The Markdown table of one collection; the best of each column is bold."""
    first = next(iter(rows[0].scores.values()))
    kinds = ", ".join(f"{count} {label}" for label, count in collection.labels().items())
    head = ["encoder", *(f"{embedding} {metric}" for embedding, metric in COLUMNS), "remark"]
    best = {column: max(row.scores[column].precision for row in rows) for column in COLUMNS}
    out = [f"## On {TITLES[collection.name]}", "", f"{len(collection):,} images: {kinds}.", ""]
    out += ["| " + " | ".join(head) + " |", "|---|" + "---:|" * len(COLUMNS) + "---|"]
    out.append("| chance | " + " | ".join([f"{first.chance:.3f}"] * len(COLUMNS)) + " | |")
    for row in rows:
        cells = [_cell(row.scores[column], best[column]) for column in COLUMNS]
        out.append("| " + " | ".join([row.title, *cells, row.note]) + " |")
    return "\n".join([*out, "", _widest(rows), "", _loss_against_retrieval(rows), ""])


def _loss_against_retrieval(rows: list[Line]) -> str:
    """Whether the lowest reconstruction loss is also the best search."""
    trained = [row for row in rows if row.loss is not None]
    if len(trained) < 2:
        return ""
    low = min(trained, key=lambda row: row.loss or 0.0)
    best = max(trained, key=lambda row: row.scores["max", "cosine"].precision)
    return (
        f"Among those trained here the lowest reconstruction loss is that of {low.title.split(',')[0]}; the best "
        f"precision@8 with max pool and cosine is that of {best.title.split(',')[0]}."
    )


def _cell(scores: Scores, best: float) -> str:
    text = f"{scores.precision:.3f}"
    return f"**{text}**" if scores.precision == best else text


def _widest(rows: list[Line]) -> str:
    wide = max((s.interval[1] - s.interval[0]) / 2 for row in rows for s in row.scores.values())
    return f"Bootstrap intervals (95 %) are at most ±{wide:.3f}."


def document(tables: list[str]) -> str:
    """The whole page."""
    return HEAD + "\n".join(tables) + "\n" + f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.\n"


HEAD = f"""# How well Models 1–4 search

*precision@8*: every image is the query once, is left out of its own answer, and the share of its eight nearest images
that carry its label is averaged over **all** images. Made by `python -m benchmarks.autoencoders`, which trains the
models, measures them and writes this page.

What was trained for these tables: each of Models 1–4 as a plain autoencoder (MSE, Adam 0.001, batch {PLAIN["batch"]},
one cosine over the whole training, seed 0, a tenth of the images held out for validation, no labels), at
{PLAIN["size"]} pixels instead of 224, which all four reconstruct exactly at half the work, for {EPOCHS} epochs
(Model 3, by far the slowest: {SLOW[3]}). These are short trainings on two
processor cores, far from the 40 epochs of the app's default. At 160 pixels the latent of Model 4 has one single
position (1024×1×1), so flatten and max pool are the same vector there. *Untrained* is the same network with freshly
drawn weights: what the architecture gives away for free. *The weights that ship* are Model 4 at 224 pixels, trained
on the drawn faces to reconstruct and to recognise altered views, without labels (weights/README.md).

"""

if __name__ == "__main__":
    main()
