"""The most accurate model of a classification, its lead, and whether the lead exceeds the variation between folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.classification import measures
from engine.classification.corruptions import CLEAN
from engine.classification.results import FoldRow, ResultLine


@dataclass(frozen=True)
class Best:
    """The most accurate model on clean items.

    Attributes:
        line: its figures. other: the second best, None where there is no other. chance: the share of the most frequent
            class, the accuracy of always predicting it. asked: the number of predicted items.
        difference, deviation: by how much it is more accurate than `other` on the folds that both are measured on, and
            the standard deviation of that difference over these folds. folds: how many these are.
    """

    line: ResultLine
    other: ResultLine | None
    chance: float
    asked: int
    difference: float = 0.0
    deviation: float = 0.0
    folds: int = 0

    @property
    def clear(self) -> bool:
        """Whether the lead is larger than it differs from fold to fold."""
        return self.folds > 1 and self.difference > self.deviation

    @property
    def headline(self) -> str:
        """One sentence: the model, its accuracy, and the deviation over the folds."""
        over = f"± {100 * self.line.accuracy_deviation:.1f} over {self.line.folds} folds"
        told = f"{100 * self.line.accuracy:.1f} %"
        spread = f"({over if self.line.folds > 1 else 'one fold'})."
        if self.other is None:
            return f"{self.line.title}: {told} accuracy {spread}"
        if self.clear:
            return f"{self.line.title} has the highest accuracy: {told} {spread}"
        return f"{self.line.title} and {self.other.title.lower()} are about equally good: {told} accuracy {spread}"

    @property
    def beside(self) -> str:
        """The lead over the second best, and the chance level."""
        chance = f"Chance level, always predicting the most frequent class: {100 * self.chance:.1f} %."
        return chance if self.other is None else f"{self._lead(self.other)} {chance}"

    def _lead(self, other: ResultLine) -> str:
        lead = f"{self.line.title} is ahead of {other.title.lower()} by {100 * self.difference:.1f} percentage points"
        varies = f"it varies from fold to fold (± {100 * self.deviation:.1f})"
        if self.folds < 2:
            return f"{lead} on a single fold, which is not decisive."
        if not self.difference and not self.deviation:
            return "Both have the same accuracy in every fold."
        return (
            f"{lead}, more than {varies}." if self.clear else f"{lead}, no more than {varies}: not a significant lead."
        )


def best(table: Sequence[ResultLine], rows: Sequence[FoldRow]) -> Best | None:
    """The best of a classification's table, None where nothing is measured; `rows` are its rows that have figures."""
    clean = sorted((line for line in table if line.condition.name == CLEAN), key=lambda line: -line.accuracy)
    if not clean:
        return None
    own = {row.fold: row for row in rows if row.fusion == clean[0].fusion}
    total = np.sum([row.counts().sum(1) for row in own.values()], axis=0)
    found = Best(clean[0], None, float(total.max() / max(total.sum(), 1)), int(total.sum()))
    if len(clean) == 1:
        return found
    others = {row.fold: row for row in rows if row.fusion == clean[1].fusion}
    leads = [_right(own[fold]) - _right(others[fold]) for fold in sorted(own.keys() & others.keys())]
    spread = float(np.std(leads, ddof=1)) if len(leads) > 1 else 0.0
    mean = float(np.mean(leads)) if leads else 0.0
    return Best(clean[0], clean[1], found.chance, found.asked, mean, spread, len(leads))


def _right(row: FoldRow) -> float:
    return measures.accuracy(row.counts())
