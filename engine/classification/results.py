"""Classifications on disk (see `engine.comparisons.comparison`), and summaries over their folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.classification import measures
from engine.classification.corruptions import CLEAN, Corruption
from engine.classification.plan import FUSIONS, ClassificationPlan, FoldCell
from engine.comparisons.comparison import Comparison
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home

TOP = 3  # classes of each prediction that are kept, the likeliest first
Probabilities = tuple[tuple[str, float], ...]  # (label, probability), the likeliest first


class FusedPrediction:
    """The label and the confidence of a prediction from picture and text together."""

    fused: Probabilities

    @property
    def predicted(self) -> str:
        """The likeliest label."""
        return self.fused[0][0]

    @property
    def confidence(self) -> float:
        """The probability of the likeliest label."""
        return self.fused[0][1]


@dataclass(frozen=True)
class Prediction(FusedPrediction):
    """The prediction for one test item: from its picture alone, from its text alone (None if unused), and from both."""

    id: int
    label: str
    picture: Probabilities | None
    text: Probabilities | None
    fused: Probabilities

    @property
    def right(self) -> bool:
        """Whether the likeliest label is the true one."""
        return self.predicted == self.label

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Prediction:
        """The prediction of `as_list`."""
        id, label, *predictions = values
        return cls(int(id), str(label), *(None if one is None else tuple(map(tuple, one)) for one in predictions))  # type: ignore[arg-type]

    def as_list(self) -> list[Any]:
        """Plain values for JSON, without their names to save space."""
        return [self.id, self.label, self.picture, self.text, self.fused]


@dataclass(frozen=True)
class FoldRow:
    """The results of one training.

    Attributes:
        key, title, fusion, fold: the cell's. made_of: changes when pictures, labels, texts or weights do.
        learned, asked: the numbers of training and of test items. classes: the labels in order.
        confusion: by condition, rows are the true classes. ece, log_loss, brier: by condition (`brier` is missing in
        older rows). reliability: of the items as they are. share: the text's weight in a late fusion, else None.
        curve: of each epoch its "epoch", "train", "validation" and "accuracy". epoch: whose weights were taken.
        answers: the prediction for each clean test item. seconds: of the training.
        error: why it could not be measured, else "".
        made_with: what made the pictures' vectors, as `engine.search.provenance.Provenance`; empty for texts alone.
    """

    key: str
    title: str
    fusion: str
    fold: int
    made_of: str = ""
    learned: int = 0
    asked: int = 0
    classes: tuple[str, ...] = ()
    confusion: Mapping[str, list[list[int]]] = field(default_factory=dict)
    ece: Mapping[str, float] = field(default_factory=dict)
    log_loss: Mapping[str, float] = field(default_factory=dict)
    brier: Mapping[str, float] = field(default_factory=dict)
    reliability: tuple[measures.Bin, ...] = ()
    share: float | None = None
    curve: tuple[Mapping[str, Any], ...] = ()
    epoch: int = 0
    answers: tuple[Prediction, ...] = ()
    seconds: float = 0.0
    error: str = ""
    made_with: Mapping[str, Any] = field(default_factory=dict)

    def counts(self, condition: str = CLEAN) -> NDArray[np.int64]:
        """(c, c) the confusion matrix of a condition."""
        return np.array(self.confusion[condition], dtype=np.int64)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        answers = [answer.as_list() for answer in self.answers]
        return asdict(self) | {"answers": answers}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FoldRow:
        """The row of `as_dict`; BadParameter for other keys."""
        if not set(values) <= set(cls.__dataclass_fields__):
            raise BadParameter("keys", "a row of results", "those that rows have", sorted(values))
        lists: dict[str, Any] = {
            "classes": tuple(values.get("classes", ())),
            "reliability": tuple(measures.Bin(**one) for one in values.get("reliability", ())),
            "curve": tuple(values.get("curve", ())),
            "answers": tuple(map(Prediction.from_list, values.get("answers", ()))),
        }
        return cls(**{**values, **lists})


@dataclass(frozen=True)
class ResultLine:
    """One fusion under one condition, over the folds: the mean of each figure, and its standard deviation.

    The calibration error is not a mean, as that of a small fold is above zero by chance: it is computed over all
    predictions together, if they were stored. `brier` is None in older rows.
    """

    fusion: str
    title: str
    condition: Corruption
    folds: int
    accuracy: float
    accuracy_deviation: float
    f1: float
    f1_deviation: float
    ece: float
    log_loss: float
    seconds: float
    brier: float | None = None

    @property
    def figures(self) -> tuple[float, ...]:
        """Folds, accuracy, F1 (each with its deviation), calibration error, log loss, and seconds a fold."""
        scores = (self.accuracy, self.accuracy_deviation, self.f1, self.f1_deviation)
        return (self.folds, *scores, self.ece, self.log_loss, self.seconds)


@dataclass(frozen=True)
class Classification(Comparison[ClassificationPlan, FoldCell, FoldRow]):
    """One classification, read from its folder, whose `runs/` holds unfinished trainings."""

    kind = "classification"
    noun = "classification"
    command = "python -m engine classify --list"
    format = 1
    plans = ClassificationPlan
    lines = FoldRow

    def table(self) -> list[ResultLine]:
        """Every fusion under every condition, in the plan's order, over the folds that are measured."""
        plan, rows = self.plan, [row for row in self.rows() if not row.error]
        by_fusion = {fusion: [row for row in rows if row.fusion == fusion] for fusion in dict.fromkeys(plan.fusions)}
        return [
            _line(fusion, condition, of_fusion)
            for condition in plan.asked
            for fusion, of_fusion in by_fusion.items()
            if of_fusion
        ]

    def counts(self, fusion: str, condition: str = CLEAN) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """(classes, (c, c) confusion matrix) of a fusion, added up over its folds.

        Raises:
            NotFound: nothing of it is measured yet.
        """
        rows = self._of(fusion)
        return rows[0].classes, np.sum([row.counts(condition) for row in rows], axis=0)

    def per_class(self, fusion: str) -> list[tuple[str, float, float, float, int]]:
        """(label, precision, recall, F1, support) of every class, over all folds."""
        classes, counts = self.counts(fusion)
        return [(label, *found) for label, found in zip(classes, measures.per_class(counts), strict=True)]

    def answers(self, fusion: str, label: str = "", predicted: str = "", wrong: bool = False) -> list[Prediction]:
        """The predictions for the test items; of one true label, of one predicted label, or errors only."""
        every = [answer for row in self._of(fusion) for answer in row.answers]
        kept = (one for one in every if label in ("", one.label) and predicted in ("", one.predicted))
        return [one for one in kept if not (wrong and one.right)]

    def same_as(self, fusion: str) -> str:
        """The title of an earlier model with identical predictions, "" if there is none.

        A late fusion that gives one side all weight is that side.
        """
        predicted_by: dict[str, set[tuple[int, int, str]]] = {}
        for row in (row for row in self.rows() if not row.error):
            predicted_by.setdefault(row.fusion, set()).update((row.fold, one.id, one.predicted) for one in row.answers)
        own, earlier = predicted_by.get(fusion, set()), self.plan.fusions[: self.plan.fusions.index(fusion)]
        return next((FUSIONS[other] for other in earlier if own and predicted_by.get(other) == own), "")

    def calibration(self, fusion: str) -> measures.Calibration:
        """How well the confidence of all predictions together is calibrated, with its interval."""
        return measures.calibration(*confidences(self.answers(fusion)))

    def reliability(self, fusion: str) -> list[measures.Bin]:
        """The reliability diagram over all folds: accuracy by confidence."""
        found: dict[float, list[measures.Bin]] = {}
        for row in self._of(fusion):
            for one in row.reliability:
                found.setdefault(one.low, []).append(one)
        return [_together(bins) for _, bins in sorted(found.items())]

    def curves(self, fusion: str) -> list[tuple[int, tuple[Mapping[str, Any], ...]]]:
        """(fold, its epochs) with the losses of each epoch."""
        return [(row.fold, row.curve) for row in self._of(fusion)]

    def _of(self, fusion: str) -> list[FoldRow]:
        rows = [row for row in self.rows() if row.fusion == fusion and not row.error]
        if not rows:
            raise NotFound(f"Nothing of {FUSIONS.get(fusion, fusion)!r} has been measured yet.")
        return rows


def create(home: Home, plan: ClassificationPlan) -> Classification:
    """Store a plan as a new classification, named after its title."""
    name = Classification.fresh_name(home.classifications, plan.title)
    return Classification.store(home.classifications, name, plan)


def classification(home: Home, name: str) -> Classification:
    """The classification of that name; NotFound if there is none, Corrupt if its plan is damaged."""
    return Classification.find(home.classifications, name)


def classifications(home: Home) -> list[Classification]:
    """Every readable classification, newest first."""
    return Classification.every(home.classifications)


def likeliest(probabilities: NDArray[np.float64], classes: Sequence[str]) -> Probabilities:
    """The most probable classes of (c,) probabilities."""
    order = np.argsort(-probabilities, kind="stable")[:TOP]
    return tuple((classes[place], round(float(probabilities[place]), 5)) for place in order)


def confidences(answers: Sequence[Prediction]) -> tuple[list[float], list[float]]:
    """The confidence of each prediction, and 1 for a correct one, else 0."""
    return [answer.confidence for answer in answers], [float(answer.right) for answer in answers]


def _line(fusion: str, condition: Corruption, rows: Sequence[FoldRow]) -> ResultLine:
    counted = [row.counts(condition.name) for row in rows]
    right, scores = [measures.accuracy(one) for one in counted], [measures.macro_f1(one) for one in counted]
    ece = _calibration_error(condition, rows)
    loss = float(np.mean([row.log_loss[condition.name] for row in rows]))
    figures = (*_spread(right), *_spread(scores), ece, loss, float(np.mean([row.seconds for row in rows])))
    scores_kept = [row.brier[condition.name] for row in rows if condition.name in row.brier]
    brier = float(np.mean(scores_kept)) if len(scores_kept) == len(rows) else None
    return ResultLine(fusion, FUSIONS[fusion], condition, len(rows), *figures, brier)


def _calibration_error(condition: Corruption, rows: Sequence[FoldRow]) -> float:
    """Over all clean predictions together; of corrupted items only the figures per fold are stored."""
    answers = [answer for row in rows for answer in row.answers]
    if condition.name != CLEAN or not answers:
        return float(np.mean([row.ece[condition.name] for row in rows]))
    confidence, right = (np.array(values) for values in confidences(answers))
    return measures.calibration_error(measures.equal_bins(confidence, right))


def _spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (that of a sample; 0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _together(bins: Sequence[measures.Bin]) -> measures.Bin:
    count = sum(one.count for one in bins)
    confidence = sum(one.count * one.confidence for one in bins) / count
    right = sum(one.count * one.accuracy for one in bins) / count
    return measures.Bin(bins[0].low, bins[0].high, count, confidence, right)
