"""The review of predictions: decisions are stored beside them, and written to the collection on request.

    <folder of the predictor>/reviews/<collection>.json   by the id of an item the label that was decided for it
                                                          (sealed); "" where it was skipped

Whether a decision has been written is not stored: it has if the item carries that label. So after labels are reverted,
the decisions wait again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from engine.classification.predictions import StoredPrediction, predictions, predictor, source_of
from engine.collections.collection import Collection, Images
from engine.collections.labelling import checked_label, write_labels
from engine.core.errors import NotFound
from engine.core.home import Home
from engine.core.storage import full_disk_named, read_json, shape_checked, write_json
from engine.core.tables import csv_text


@dataclass(frozen=True)
class Review:
    """The predictions for items still in the collection, the lowest confidence first, and the decisions.

    Attributes:
        labels: the items' current ones, "" for none. decisions: by id; "" if the user skipped the item.
        made: when the predictions were made, in seconds since 1970.
    """

    predictions: tuple[StoredPrediction, ...]
    labels: Mapping[int, str]
    decisions: Mapping[int, str]
    made: float

    @property
    def undecided(self) -> list[StoredPrediction]:
        """Predictions without a decision."""
        return [one for one in self.predictions if one.id not in self.decisions]

    @property
    def waiting(self) -> dict[int, str]:
        """The decided labels that have not been written to the collection yet, by id."""
        chosen = {one.id: self.decisions.get(one.id, "") for one in self.predictions}
        return {id: label for id, label in chosen.items() if label and label != self.labels[id]}

    def to_csv(self) -> str:
        """One row per prediction, with its decision; spreadsheet formulas are neutralised."""
        header = [
            "id",
            "picture",
            "label now",
            "predicted",
            "confidence",
            "by picture",
            "by text",
            "decision",
            "decided",
        ]
        return csv_text(header, [self._line(one) for one in self.predictions])

    def _line(self, one: StoredPrediction) -> list[object]:
        sides = [predicted[0][0] if predicted else "" for predicted in (one.picture, one.text)]
        decided = self.decisions.get(one.id, "")
        return [
            one.id,
            one.name,
            self.labels[one.id],
            one.predicted,
            one.confidence,
            *sides,
            self.decision(one),
            decided,
        ]

    def decision(self, one: StoredPrediction) -> str:
        """accepted, corrected, skipped, or "" without a decision."""
        if one.id not in self.decisions:
            return ""
        label = self.decisions[one.id]
        return "skipped" if not label else "accepted" if label == one.predicted else "corrected"


def review(home: Home, name: str, collection: str, images: Images | None = None) -> Review | None:
    """A classifier's predictions for a collection with the decisions; None if it was not applied.

    Args:
        images: the collection's, if already read.

    Raises:
        NotFound: no such classifier or collection. Corrupt: a file has been damaged.
    """
    found = predictions(home, name, collection)
    if found is None:
        return None
    images = Collection.open(home, collection).images() if images is None else images
    now = {int(id): (name, label) for id, name, label in zip(images.ids, images.names, images.labels, strict=True)}
    standing = tuple(one for one in found.predictions if one.id in now and now[one.id][0] == one.name)
    decisions = _read(_path(home, name, collection))
    return Review(standing, {one.id: now[one.id][1] for one in standing}, decisions, found.made)


def decide(home: Home, name: str, collection: str, decisions: Mapping[int, str | None]) -> None:
    """Store decisions: a label by the id of an item, "" to skip it, None to withdraw a decision.

    Raises:
        NotFound: no such classifier. BadParameter: an invalid label; nothing is stored then.
        StorageFull: the disk refused. Corrupt: the stored decisions are damaged.
    """
    path = _path(home, name, collection)
    wanted = {int(id): None if label is None else checked_label(label) for id, label in decisions.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with full_disk_named("what was decided"), FileLock(path.parent / f".{path.stem}.lock"):  # two tabs may decide
        after = {id: label for id, label in {**_read(path), **wanted}.items() if label is not None}
        write_json(path, {str(id): label for id, label in after.items()})


def write_decided(home: Home, name: str, collection: str) -> int:
    """Write all decided labels to the collection, or none; returns how many changed.

    `engine.collections.labelling.undo_labels` reverts them.

    Raises:
        NotFound: no such classifier or collection, or it was not applied. BadParameter: nothing waits.
        BenzerError: other work changes the collection right now.
    """
    found = review(home, name, collection)
    if found is None:
        raise NotFound(f"The classifier {name!r} was not applied to {collection!r}.", way_out="Apply it first.")
    source = source_of(predictor(home, name))
    return write_labels(Collection.open(home, collection), found.waiting, source, by="classifier")


def _path(home: Home, name: str, collection: str) -> Path:
    if collection != Path(collection).name:
        raise NotFound(f"There is no collection {collection!r}.")
    return predictor(home, name).folder / "reviews" / f"{collection}.json"


def _read(path: Path) -> dict[int, str]:
    try:
        with shape_checked(path):
            return {int(id): str(label) for id, label in read_json(path).items()}
    except FileNotFoundError:
        return {}
