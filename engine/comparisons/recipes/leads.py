"""Whether the row with the highest precision is better than the others, asked the same queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.core.cache import Cache
from engine.core.errors import BadParameter
from engine.evaluation.single_queries import SingleQueries
from engine.evaluation.statistics.decision import Decision, p_text
from engine.evaluation.statistics.lead import lead
from engine.evaluation.statistics.paired import paired_difference

_kept: Cache[Leads] = Cache(32)
_MOST_NAMED = 3  # rows in a sentence
OTHER_PICTURES = "It was measured with other pictures, labels or queries, so it is not compared."
NOT_KEPT = "It was measured before the figures of each query were kept; measure it again to compare it."


@dataclass(frozen=True)
class Leads:
    """The row with the highest precision against every other, all by their keys.

    Attributes:
        best: the key of that row, "" where nothing is measured. equals: the same figure for every query.
        against: its lead over each row that could be compared, with p corrected for all pairs.
        refused: why a row could not be compared.
    """

    best: str = ""
    equals: tuple[str, ...] = ()
    against: Mapping[str, Decision] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided(self) -> bool:
        """Whether the best row is better than every other, none left out."""
        there = list(self.against.values())
        return bool(there) and not self.refused and all(one.outcome == "better" for one in there)

    def marked(self, key: str) -> bool:
        """Whether a row is to be marked as the best: only if that is decided."""
        return self.decided and key in (self.best, *self.equals)

    def sentence(self, name_of: Callable[[str], str], figure: str) -> str:
        """Whether there is a best row, as one sentence; "" where there is nothing to compare.

        Args:
            name_of: what a row is called, by its key. figure: that of the best, as "precision@8 0.812".
        """
        if not self.best or not (self.against or self.refused or self.equals):
            return ""
        first = " and ".join(name_of(key) for key in (self.best, *self.equals)[:_MOST_NAMED])
        if self.decided:
            worst = max(one.p for one in self.against.values())
            count = len(self.against)
            others = "the other configuration" if count == 1 else f"each of the {count:,} other configurations"
            return f"{first}: {figure}, better than {others} ({p_text(worst)})."
        near = [key for key, one in self.against.items() if not one.decided] + list(self.refused)
        if not near:
            return f"{first} have the same results for every query: {figure}."
        named = ", ".join(name_of(key) for key in near[:_MOST_NAMED])
        more = f" and {len(near) - _MOST_NAMED} more" if len(near) > _MOST_NAMED else ""
        undecided = f"{first} has the highest {figure}, but no lead over {named}{more} is decided."
        return f"Which configuration is best is not decided: {undecided}"

    def row_sentence(self, key: str) -> str:
        """How one row stands against the best, as a sentence without names; "" for the best row itself."""
        if key in self.refused:
            return self.refused[key]
        if key in self.equals:
            return "The same results as the highest for every query."
        if key not in self.against:
            return ""
        found = self.against[key].opposite
        verdict = "behind the highest" if found.decided else "not decided"
        return f"Against the highest {found.text()}: {verdict}."


def leads(experiment: Experiment, rows: Sequence[ExperimentRow]) -> Leads:
    """How the most precise of these rows of an experiment leads, by the figures kept of each query."""
    measured = [row for row in rows if not row.error and row.queries]
    stamp = tuple((row.key, row.made_of, row.single_queries, row.precision) for row in measured)
    return _kept.get((experiment.folder, stamp), lambda: _compared(experiment, measured))


def between(first: tuple[Experiment, ExperimentRow], second: tuple[Experiment, ExperimentRow]) -> Decision:
    """How the precision of one measured row differs from that of another, over the same queries.

    The rows may be of two experiments. p is that of one comparison; who looks for a difference among many pairs has to
    correct it (`leads` does).

    Raises:
        BadParameter: they were measured with other pictures, labels or queries, or single queries were not kept.
    """
    (one, row), (other, beside) = first, second
    kept = {"first": one.queries(row), "second": other.queries(beside)}
    reason = why_refused(replace(row, key="first"), replace(beside, key="second"), kept)
    if reason:
        wanted = "measured with the same pictures, labels and queries, each of which was kept"
        raise BadParameter("configurations", "a paired comparison", wanted, f"{row.recipe} and {beside.recipe}")
    return paired_difference(precisions_of(kept["first"]), precisions_of(kept["second"]))


def difference_sentence(row: ExperimentRow, beside: ExperimentRow, found: Decision) -> str:
    """A decision about two rows, to follow the name of the first."""
    return f"precision@{row.k} {row.precision:.3f} against {beside.precision:.3f}, {found.text()}: {found.outcome}."


def _compared(experiment: Experiment, rows: Sequence[ExperimentRow]) -> Leads:
    if not rows:
        return Leads()
    best = max(rows, key=lambda row: row.precision)
    kept = {row.key: experiment.queries(row) for row in rows}
    refused = {row.key: reason for row in rows if row is not best and (reason := why_refused(best, row, kept))}
    there = [row.key for row in rows if row.key not in refused]
    if len(there) < 2:
        return Leads(best.key, refused=refused)
    found = lead([precisions_of(kept[key]) for key in there])
    against = {there[place]: one for place, one in found.against.items()}
    return Leads(there[found.first], tuple(there[place] for place in found.equals), against, refused)


def why_refused(best: ExperimentRow, row: ExperimentRow, kept: Mapping[str, SingleQueries | None]) -> str:
    """Why two rows cannot be compared, "" if they can."""
    first, other = kept[best.key], kept[row.key]
    pictures = [one.made_of.partition("-")[0] for one in (best, row)]
    if pictures[0] != pictures[1]:
        return OTHER_PICTURES
    if first is None or other is None:
        return NOT_KEPT
    return "" if np.array_equal(first.ids, other.ids) else OTHER_PICTURES


def precisions_of(queries: SingleQueries | None) -> np.ndarray:
    return np.empty(0) if queries is None else queries.figures["precision"]
