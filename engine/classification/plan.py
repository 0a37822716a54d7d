"""The plan of a classification as a frozen value: which items, encoders and fusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.classification.corruptions import CLEAN, Corruption
from engine.core.errors import BadParameter
from engine.core.settings import check_whole, is_whole
from engine.core.storage import digest_of

FUSIONS: dict[str, str] = {
    "picture": "Picture only",
    "text": "Text only",
    "early": "Early fusion",
    "intermediate": "Intermediate fusion",
    "late": "Late fusion",
}
_LONGEST_TITLE = 120


@dataclass(frozen=True)
class FoldCell:
    """One training: a fusion, trained on all folds but one and tested on that one."""

    fusion: str
    fold: int
    key: str

    @property
    def title(self) -> str:
        return FUSIONS[self.fusion]


@dataclass(frozen=True)
class ClassificationPlan:
    """A classification of one labelled collection.

    Attributes:
        picture: the encoder of pictures as in a recipe, "mobilenet-v2" or "model-4@default", and its `embedding`.
        text: the encoder of texts. fusions: names of FUSIONS. folds: of the cross validation.
        labels: only items with these labels, () for all. each: max. items per label, None for all.
        column: the column of the collection's table that holds the classes, "" for the collection's labels.
        conditions: corruptions that are tested besides clean items (see `conditions.py`).
        settings: of the training, as in `ClassifierConfig`, without fusion, name and seed. seed: of everything random.
    """

    title: str
    collection: str
    picture: str
    text: str = "tf-idf"
    embedding: str = "avg"
    fusions: tuple[str, ...] = tuple(FUSIONS)
    folds: int = 5
    labels: tuple[str, ...] = ()
    each: int | None = None
    column: str = ""
    conditions: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.title.strip() or len(self.title) > _LONGEST_TITLE:
            wanted = f"a text of 1 to {_LONGEST_TITLE} characters"
            raise BadParameter("title", "a classification", wanted, self.title)
        if not self.fusions or not set(self.fusions) <= set(FUSIONS):
            wrong = next((name for name in self.fusions if name not in FUSIONS), "none")
            raise BadParameter("fusion", "a classification", "one or more of " + ", ".join(FUSIONS), wrong)
        check_whole("number of folds", "a classification", self.folds, 2, 20)
        if self.each is not None and (not is_whole(self.each) or self.each < 2):
            raise BadParameter("number of each label", "a classification", "a whole number from 2 on", self.each)
        check_whole("seed", "a classification", self.seed, 0, 2**31 - 1)
        for condition in self.conditions:
            Corruption.parse(condition)

    @property
    def asked(self) -> tuple[Corruption, ...]:
        """The conditions each fold is tested under: clean items, then each corruption."""
        names = dict.fromkeys([CLEAN, *self.conditions])
        return tuple(map(Corruption.parse, names))

    @property
    def needs_text(self) -> bool:
        """Whether any of its fusions uses texts."""
        return self.fusions != ("picture",)

    def cells(self) -> list[FoldCell]:
        """All trainings, fusion by fusion and fold by fold."""
        every = (self.collection, self.picture, self.embedding, self.text, self.folds, self.labels, self.each)
        rest = (self.column, self.conditions, sorted(self.settings.items()), self.seed)
        return [
            FoldCell(fusion, fold, f"{fusion}-{fold + 1}-{digest_of(*every, *rest, fusion, fold)}")
            for fusion in dict.fromkeys(self.fusions)
            for fold in range(self.folds)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"settings": dict(self.settings)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ClassificationPlan:
        """The plan of `as_dict`; BadParameter for a key it does not have."""
        names = [one.name for one in fields(cls)]
        unknown = sorted(set(values) - set(names))
        if unknown:
            raise BadParameter("setting", "a classification", "one of " + ", ".join(names), unknown[0])
        lists = {name: tuple(values[name]) for name in ("fusions", "labels", "conditions") if name in values}
        return cls(**{**values, **lists})
