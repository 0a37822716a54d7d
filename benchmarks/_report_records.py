"""What a finished training of the report's tables leaves: one file of lines of JSON, kept in the repository.

    <name>.jsonl    the training: its settings, pictures, queries and machine; then a line for each row of the tables,
                    with the hits of every query; then a line for each epoch

So the trainings can be done one by one, on several machines, and the page is written from what stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _machine
from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.plan import Training
from engine.core.home import slug
from engine.core.storage import digest_of, shape_checked, write_bytes
from engine.runs.run import Run
from engine.training import TrainingConfig
from engine.training.config import canonical_settings
from engine.training.schedules import schedule

_HEAD = ("collection", "pictures", "config", "asked", "device", "machine", "made")


@dataclass(frozen=True)
class Record:
    """One training, measured.

    Attributes:
        collection: its name. pictures: `pictures_digest` of it. config: the settings, as TrainingConfig.as_dict gives.
        rows: one for each column of the tables. asked: ids of the queries of every row. hits: for each row how many of
            the 8 results have the label of the query, a digit a query. epochs: the events of each epoch, the untrained
            network first. device: that it was trained on. machine: that it was measured on. made: the day it began.
        same: whether another schedule was trained, which asked for the same rates (see `twin`).
    """

    collection: str
    pictures: str
    config: Mapping[str, Any]
    rows: tuple[ExperimentRow, ...]
    asked: tuple[int, ...]
    hits: tuple[str, ...]
    epochs: tuple[Mapping[str, Any], ...]
    device: str
    machine: str
    made: str
    same: bool = False

    @property
    def title(self) -> str:
        """That of its rows."""
        return self.rows[0].title

    @property
    def minutes(self) -> float:
        """Minutes of the clock that its epochs took."""
        return sum(float(event.get("seconds", 0.0)) for event in self.epochs) / 60

    def course(self, key: str) -> list[float]:
        """One value an epoch, where it was measured."""
        return [event[key] for event in self.epochs if event.get(key) is not None]

    def precisions(self) -> list[NDArray[np.float64]]:
        """For each row the precision@8 of every query, (q,)."""
        return [np.array(list(hits), dtype=np.int64) / row.k for row, hits in zip(self.rows, self.hits, strict=True)]

    def titled(self, training: Training) -> Record:
        """The same with the title of a planned training, whatever it was called where it was measured."""
        return replace(self, rows=tuple(replace(row, title=training.title) for row in self.rows))


def recorded(experiment: Experiment, run: Run, pictures: str) -> Record:
    """The record of a training whose rows are all measured; ValueError if the figures of single queries are gone."""
    rows = experiment.rows()
    queries = [experiment.queries(row) for row in rows]
    there = [one for one in queries if one is not None]
    if len(there) < len(rows) or not all(np.array_equal(one.ids, there[0].ids) for one in there):
        raise ValueError(f"The figures of single queries of {experiment.title} are gone.")
    hits = tuple(_digits(one.figures["precision"] * row.k) for row, one in zip(rows, there, strict=True))
    made = (str(run.card["device"]), _machine.facts(load=False), str(run.card["made"]))
    asked = tuple(there[0].ids.tolist())
    return Record(run.trained_on, pictures, run.config, tuple(rows), asked, hits, tuple(run.events()), *made)


def _digits(counts: NDArray[np.float64]) -> str:
    """(q,) counts of at most 9 as text, a digit each."""
    return "".join(str(round(count)) for count in counts.tolist())


def write(folder: Path, record: Record) -> Path:
    """Store a record in that folder; the name tells its settings, and other pictures have another."""
    config = record.config
    loss = "" if config["loss"] == "mse" else f"{config['loss']} "
    told = f"{record.collection} {record.title} {loss}{config['size']} pixels {config['epochs']} epochs "
    told += f"seed {config['seed']}"
    digest = digest_of(json.dumps(canonical_settings(config), sort_keys=True), record.pictures)
    path = folder / f"{slug(told)}-{digest[:8]}.jsonl"
    head = {name: getattr(record, name) for name in _HEAD}
    lines = [{"kind": "training", **head}]
    lines += [
        {"kind": "row", "hits": hits, **row.as_dict()} for row, hits in zip(record.rows, record.hits, strict=True)
    ]
    lines += [{"kind": "epoch", **event} for event in record.epochs]
    write_bytes(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode())
    return path


def read(path: Path) -> Record:
    """The record of that file; Corrupt if it is damaged."""
    with shape_checked(path):
        head, *rest = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        rows = [line for line in rest if line.pop("kind") == "row"]
        hits = tuple(str(row.pop("hits")) for row in rows)
        epochs = tuple(line for line in rest if "epoch" in line)
        known = {name: head[name] for name in _HEAD} | {"asked": tuple(head["asked"])}
        record = Record(**known, rows=tuple(map(ExperimentRow.from_dict, rows)), hits=hits, epochs=epochs)
        if not rows or {len(one) for one in hits} != {len(record.asked)}:
            raise ValueError("rows without a digit for each query")
    return record


def records(folder: Path) -> list[Record]:
    """Every record in that folder."""
    return [read(path) for path in sorted(folder.glob("*.jsonl"))]


def standing(found: Sequence[Record], trainings: Sequence[Training], pictures: str) -> dict[str, Record]:
    """What is known of each planned training, by its title: its record, or its twin's; those without are left out."""
    fitting = [record for record in found if record.pictures == pictures]
    pairs = ((training, _known(fitting, training)) for training in trainings)
    return {training.title: record.titled(training) for training, record in pairs if record is not None}


def _known(found: Sequence[Record], training: Training) -> Record | None:
    wanted = canonical_settings(training.config)
    same = (record for record in found if canonical_settings(record.config) == wanted)
    return next(same, None) or next(_twins(found, TrainingConfig.from_dict(training.config)), None)


def _twins(found: Sequence[Record], wanted: TrainingConfig) -> Iterator[Record]:
    """Trainings at a constant rate that reducing on a plateau would not have changed: bit for bit the same training."""
    if wanted.schedule == "plateau":
        constant = canonical_settings(replace(wanted, schedule="none", options={}).as_dict())
        for record in found:
            if canonical_settings(record.config) == constant and never_lowered(wanted, record.course("validation")[1:]):
                yield replace(record, same=True)


def never_lowered(config: TrainingConfig, losses: Sequence[float]) -> bool:
    """Whether the schedule asks for the first rate in every epoch, where these are the validation losses after each."""
    asked = schedule(config.schedule, config.rate, config.epochs, config.options)
    for done, loss in enumerate(losses):
        if asked.rate(done) != config.rate:
            return False
        asked.observe(loss)
    return len(losses) == config.epochs
