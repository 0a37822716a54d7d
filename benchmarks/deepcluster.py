"""What DeepCluster learns on the drawn animal faces from random weights: NMI of its groups, and precision@8.

    python -m benchmarks.deepcluster [--home FOLDER] [--epochs N]

Trains each line of RUNS that has no finished run in the home folder yet, and prints for each how its groups came nearer
to the species, round by round; then precision@8 over all pictures beside the same networks untrained, the weights that
ship, and the plain autoencoders of `benchmarks.report_tables` that lie in the home folder.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import _machine
from engine.collections import importing
from engine.collections.collection import Collection
from engine.encoders import open_encoder
from engine.encoders.pipeline import embed_collection
from engine.encoders.vectors import stored
from engine.errors import NotFound
from engine.evaluation.retrieval import leave_one_out
from engine.home import PROJECT, Home
from engine.jobs import Reporter
from engine.training import TrainingConfig, runs, train_run

COMMON: dict[str, Any] = {"objective": "deepcluster", "clusters": 24, "batch": 32, "schedule": "cosine"}
RUNS: dict[str, dict[str, Any]] = {
    "deepcluster-resnet-18": {"network": "resnet-18", "size": 96, "rate": 0.0005, "epochs": 40},
    "deepcluster-model-4": {"model": 4, "size": 128, "rate": 0.0002, "epochs": 16},
}
PLAIN = [f"animal-faces-m{model}-none" for model in (1, 2, 3, 4)]  # as `benchmarks.report_tables` calls them
EMBEDDINGS = ("flatten", "avg", "max")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "deepcluster")
    parser.add_argument("--epochs", type=int, help="instead of each run's own")
    parser.add_argument("--run", action="append", choices=list(RUNS), help="only this one (can be repeated)")
    arguments = parser.parse_args()
    home = Home(arguments.home.resolve())
    collection, chosen = faces(home), arguments.run or list(RUNS)
    for name in chosen:
        print(rounds(trained(home, collection, name, arguments.epochs)), flush=True)
    print(searches(home, collection, chosen), flush=True)
    print(f"\nMeasured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.")


def faces(home: Home) -> Collection:
    """The drawn animal faces, drawn where they are not there yet."""
    try:
        return Collection.open(home, "animal-faces")
    except NotFound:
        importing.import_sample(home, "animal-faces", Reporter())
        return Collection.open(home, "animal-faces")


def config_of(name: str, epochs: int | None = None) -> TrainingConfig:
    """The training of that line."""
    values = COMMON | RUNS[name] | {"name": name}
    return TrainingConfig.from_dict(values | ({"epochs": epochs} if epochs else {}))


def trained(home: Home, collection: Collection, name: str, epochs: int | None) -> runs.Run:
    """The finished run of that name: there already, or trained now."""
    config = config_of(name, epochs)
    if (home.weights / name).exists():
        run = runs.run(home, name)
        if run.state == "done":
            return run
        run.remove()  # cut off
    return train_run(home, config, collection, Reporter())


def rounds(run: runs.Run) -> str:
    """One line a round. Its groups were made before the epoch, its precision was measured after it."""
    head = ["", f"### {run.name}: {run.card['title']}", "", _settings(run), ""]
    head += [
        "| round | groups | NMI with the round before | NMI with the species | precision@8 of the probe | seconds |"
    ]
    lines = [*head, "|---:|---:|---:|---:|---:|---:|"]
    for event in run.events():
        figures = [f"{event[name]:.3f}" if name in event else "" for name in ("nmi", "label_nmi", "retrieval")]
        groups, seconds = event.get("clusters"), event.get("seconds")
        cells = [
            event["epoch"] or "untrained",
            int(groups) if groups else "",
            *figures,
            f"{seconds:.1f}" if seconds else "",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _settings(run: runs.Run) -> str:
    config, seconds = run.config, sum(event.get("seconds", 0.0) for event in run.events())
    return (
        f"{config['size']} pixels, {config['clusters']} groups, batch {config['batch']}, Adam {config['rate']:g} "
        f"({config['schedule']}), seed {config['seed']}, {config['epochs']} epochs of {run.card['images']} pictures "
        f"less a tenth held out; {seconds / 60:.1f} minutes on: {run.card['device']}."
    )


def searches(home: Home, collection: Collection, names: list[str]) -> str:
    """Precision@8 over all pictures, by cosine, of what was trained and of what it is to be compared with."""
    lines = ["", "| encoder | " + " | ".join(EMBEDDINGS) + " |", "|---|" + "---:|" * len(EMBEDDINGS)]
    for title, encoder, weights in subjects(home, names):
        found = [f"{precision(home, collection, encoder, weights, embedding):.3f}" for embedding in EMBEDDINGS]
        lines.append(f"| {title} | " + " | ".join(found) + " |")
    return "\n".join(lines)


def subjects(home: Home, names: list[str]) -> Iterator[tuple[str, str, str]]:
    """Title, encoder and weights of every line."""
    for name in names:
        config = config_of(name)
        yield f"{config.title} at {config.size}, untrained", config.encoder, untrained(home, config)
        yield f"{config.title} at {config.size}, DeepCluster", config.encoder, name
    for name in PLAIN:
        if (home.weights / name).exists():
            run = runs.run(home, name)
            yield f"Model {run.model} at {run.config['size']}, plain autoencoder", run.encoder, name
    yield "Model 4 at 224, the weights that ship", "model-4", "default"


def untrained(home: Home, config: TrainingConfig) -> str:
    """The name of a run with the weights that the training began with, made where it is missing."""
    from engine.training.body import body

    name = f"untrained-{config.encoder}-{config.size}"
    if not (home.weights / name).exists():
        run = runs.create(home, name, config.as_dict() | {"name": name}, {"title": "fresh weights, seed 0"})
        run.keep(body(config).weights())
        run.end("done")
    return name


def precision(home: Home, collection: Collection, encoder: str, weights: str, embedding: str) -> float:
    """precision@8 of all pictures, each asked once and left out of its own answer."""
    opened = open_encoder(encoder, weights, home)
    embed_collection(collection, opened, [embedding], Reporter())
    found, images = stored(collection, opened.info, embedding), collection.images()
    assert found is not None
    labels = dict(zip(images.ids.tolist(), images.labels, strict=True))
    return leave_one_out(found.matrix, [labels[id] for id in found.ids.tolist()], "cosine").precision


if __name__ == "__main__":
    main()
