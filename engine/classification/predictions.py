"""Predictions of labels that wait for a review, by a classifier or by words without training.

<folder of the predictor>/guesses/<collection>.json   the predictions for the items of a collection, the lowest
                                                      confidence first (sealed)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.classification.results import FusedPrediction, Probabilities
from engine.core.home import Home
from engine.core.storage import read_json, shape_checked, write_json
from engine.core.tables import csv_text
from engine.runs.classifiers import classifier
from engine.search.classes import NETWORK
from engine.search.provenance import COLUMNS, provenance_cells
from engine.texts.lexicon.lexicon import lexicon

SUGGESTED = "suggested_labels"  # no run's name can hold an underscore


class Predictor(Protocol):
    """What predicts labels: a classifier's run, or `SuggestedLabels`."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def folder(self) -> Path: ...
    @property
    def card(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class SuggestedLabels:
    """The predictor that needs no training: the classes of an ImageNet network and the words for them."""

    home: Home
    name: str = SUGGESTED
    title: str = "Suggested labels"

    @property
    def folder(self) -> Path:
        return self.home.classifiers / self.name

    @property
    def card(self) -> dict[str, Any]:
        """The card as of a classifier: it uses pictures only, and knows the words of the lexicon."""
        return {"picture": {"encoder": NETWORK, "weights": ""}, "text": None, "classes": list(lexicon().classes)}


def predictor(home: Home, name: str) -> Predictor:
    """The predictor of that name: a classifier, or the suggested labels; NotFound if it does not exist."""
    return SuggestedLabels(home) if name == SUGGESTED else classifier(home, name)


def source_of(one: Predictor) -> str:
    """The source that is recorded with written labels."""
    return "suggested labels" if one.name == SUGGESTED else f"the classifier {one.title}"


@dataclass(frozen=True)
class StoredPrediction(FusedPrediction):
    """A prediction for one item: from its picture and from its text alone (None if missing), and from both.

    Attributes:
        label: its current label, "" for none.
    """

    id: int
    name: str
    label: str
    picture: Probabilities | None
    text: Probabilities | None
    fused: Probabilities

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StoredPrediction:
        """The prediction of `asdict`."""
        predictions = {
            side: None if values[side] is None else tuple((str(label), float(p)) for label, p in values[side])
            for side in ("picture", "text", "fused")
        }
        return cls(values["id"], values["name"], values["label"], **predictions)  # type: ignore[arg-type]


@dataclass(frozen=True)
class StoredPredictions:
    """All predictions for a collection, the lowest confidence first.

    Attributes:
        classifier: the name of the predictor. made: in seconds since 1970.
        made_with: what determines the predictions, as `engine.search.provenance.Provenance`; None if not recorded.
    """

    classifier: str
    collection: str
    made: float
    predictions: tuple[StoredPrediction, ...]
    made_with: dict[str, Any] | None = None

    def keep(self, home: Home) -> StoredPredictions:
        """Store them, replacing earlier ones, and return them."""
        facts = {"classifier": self.classifier, "collection": self.collection, "made": self.made}
        every = [asdict(one) for one in self.predictions]
        place = _path(predictor(home, self.classifier), self.collection)
        write_json(place, facts | {"guesses": every, "made_with": self.made_with})
        return self

    def to_csv(self) -> str:
        """One row per prediction; spreadsheet formulas are neutralised."""
        header = ["id", "picture", "label now", "predicted", "confidence", "by picture", "by text", *COLUMNS]
        made_with = provenance_cells(self.made_with)
        lines = [
            [
                one.id,
                one.name,
                one.label,
                one.predicted,
                one.confidence,
                _first(one.picture),
                _first(one.text),
                *made_with,
            ]
            for one in self.predictions
        ]
        return csv_text(header, lines)


def _first(predicted: Probabilities | None) -> str:
    return f"{predicted[0][0]} ({predicted[0][1]:.3f})" if predicted else ""


def predictions(home: Home, name: str, collection: str) -> StoredPredictions | None:
    """The last predictions of a predictor for a collection, None if there are none.

    Raises:
        NotFound: no such classifier. Corrupt: the file has been damaged.
    """
    path = _path(predictor(home, name), collection)
    try:
        with shape_checked(path):
            values = read_json(path)
            every = tuple(StoredPrediction.from_dict(one) for one in values["guesses"])
            facts = values["classifier"], values["collection"], values["made"]
            return StoredPredictions(*facts, every, values.get("made_with"))
    except FileNotFoundError:
        return None


def _path(one: Predictor, collection: str) -> Path:
    return one.folder / "guesses" / f"{collection}.json"
