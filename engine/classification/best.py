"""The most accurate model of a classification, and whether its lead over the others is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.classification import measures
from engine.classification.corruptions import CLEAN
from engine.classification.results import FoldRow, ResultLine
from engine.core.humanize import percent, with_unit
from engine.evaluation.statistics.decision import Decision, p_text
from engine.evaluation.statistics.mcnemar import mcnemar
from engine.evaluation.statistics.proportion import clopper_pearson
from engine.evaluation.statistics.resampled import corrected_resampled_t


@dataclass(frozen=True)
class Best:
    """The most accurate model on clean items.

    Attributes:
        line: its figures. other: the second best, or the first of those that may be as good; None where there is no
            other. chance: the share of the most frequent
            class, the accuracy of always predicting it. asked, right: the numbers of predicted and of right items.
        over_items: its lead over `other` by the items that only one of them predicted right (McNemar), None where the
            predictions were not kept. alone: how many items `line` alone and `other` alone predicted right.
        over_folds: its lead by the folds that both are measured on (corrected resampled t-test), None for fewer than 2.
    """

    line: ResultLine
    other: ResultLine | None
    chance: float
    asked: int
    right: int = 0
    over_items: Decision | None = None
    alone: tuple[int, int] = (0, 0)
    over_folds: Decision | None = None

    @property
    def clear(self) -> bool:
        """Whether the lead over `other`, and so over all, is decided both over the items and over the folds."""
        tests = [one for one in (self.over_items, self.over_folds) if one is not None]
        return self.over_folds is not None and all(one.outcome == "better" for one in tests)

    @property
    def headline(self) -> str:
        """One sentence: the model and its accuracy with its exact 95 % interval."""
        accuracy = f"{percent(self.line.accuracy, 1)} ({accuracy_interval(self.right, self.asked)})"
        if self.other is None:
            return f"{self.line.title}: {accuracy} accuracy."
        if self.clear:
            return f"{self.line.title} has the highest accuracy: {accuracy}."
        return f"{self.line.title}: {accuracy} accuracy, but no lead over {self.other.title.lower()} is decided."

    @property
    def beside(self) -> str:
        """The lead over the second best, and the chance level."""
        chance = f"Chance level, always predicting the most frequent class: {percent(self.chance, 1)}."
        return chance if self.other is None else f"{self._lead(self.other)} {chance}"

    def _lead(self, other: ResultLine) -> str:
        tests = f" ({', '.join(self._tests())})" if self._tests() else ""
        if self.clear and self.over_folds is not None:
            by = f"{100 * self.over_folds.effect:.1f} percentage points"
            return f"{self.line.title} is ahead of {other.title.lower()} by {by}{tests}."
        if self.over_folds is None:
            return f"{self.line.title} and {other.title.lower()} share one fold only, which decides nothing."
        return f"Which of {self.line.title.lower()} and {other.title.lower()} is better is not decided{tests}."

    def _tests(self) -> list[str]:
        tests = []
        if self.over_items is not None:
            first, second = self.alone
            tests.append(f"alone right about {first} items against {second}, McNemar {p_text(self.over_items.p)}")
        if self.over_folds is not None:
            tests.append(f"over the folds {p_text(self.over_folds.p)} by the corrected t-test")
        return tests


def accuracy_interval(right: int, asked: int) -> str:
    """The exact 95 % interval of an accuracy in per cent, as "98.3–100.0 %"."""
    low, high = clopper_pearson(right, asked) if asked else (0.0, 1.0)
    return with_unit(f"{100 * low:.1f}–{100 * high:.1f}", "%")


def best(table: Sequence[ResultLine], rows: Sequence[FoldRow]) -> Best | None:
    """The best of a classification's table, None if nothing is measured; `rows` are its measured rows."""
    clean = sorted((line for line in table if line.condition.name == CLEAN), key=lambda line: -line.accuracy)
    if not clean:
        return None
    own = {row.fold: row for row in rows if row.fusion == clean[0].fusion}
    counts = np.sum([row.counts() for row in own.values()], axis=0)
    total, right = counts.sum(1), int(np.trace(counts))
    found = Best(clean[0], None, float(total.max() / max(total.sum(), 1)), int(total.sum()), right)
    against = [_against(found, own, line, rows) for line in clean[1:]]
    return next((one for one in against if not one.clear), against[0] if against else found)


def _against(first: Best, own: Mapping[int, FoldRow], other: ResultLine, rows: Sequence[FoldRow]) -> Best:
    """The first with its lead over another model."""
    others = {row.fold: row for row in rows if row.fusion == other.fusion}
    shared = sorted(own.keys() & others.keys())
    over_items, alone = _over_items(*({fold: side[fold] for fold in shared} for side in (own, others)))
    pairs = [(own[fold], others[fold]) for fold in shared]
    return replace(first, other=other, over_items=over_items, alone=alone, over_folds=_over_folds(pairs))


def _over_items(own: Mapping[int, FoldRow], others: Mapping[int, FoldRow]) -> tuple[Decision | None, tuple[int, int]]:
    """McNemar over the items that both models were asked about, and how many each alone predicted right."""
    first, second = ({(f, a.id): a.right for f, row in side.items() for a in row.answers} for side in (own, others))
    pairs = [(first[item], second[item]) for item in sorted(first.keys() & second.keys())]
    if not pairs:
        return None, (0, 0)
    alone = pairs.count((True, False)), pairs.count((False, True))
    return mcnemar([one for one, _ in pairs], [other for _, other in pairs]), alone


def _over_folds(pairs: Sequence[tuple[FoldRow, FoldRow]]) -> Decision | None:
    """The lead over the folds; None for fewer than two."""
    if len(pairs) < 2:
        return None
    leads = [measures.accuracy(own.counts()) - measures.accuracy(other.counts()) for own, other in pairs]
    learned, asked = (float(np.mean([getattr(own, name) for own, _ in pairs])) for name in ("learned", "asked"))
    return corrected_resampled_t(leads, max(learned, 1.0), max(asked, 1.0))
