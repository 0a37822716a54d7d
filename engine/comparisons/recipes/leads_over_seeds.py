"""Whether the configuration with the highest mean over its seeds is better than the others that were repeated.

Every row was asked the same queries. The differences of rows with equal seeds decide: over other seeds, by Student's t,
and over other queries, by what these differences share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from engine.comparisons.recipes.experiment import Experiment, ExperimentRow
from engine.comparisons.recipes.leads import Leads, precisions_of, why_refused
from engine.comparisons.recipes.seeds import seeded
from engine.core.cache import Cache
from engine.evaluation.single_queries import SingleQueries
from engine.evaluation.statistics.decision import Decision, holm
from engine.evaluation.statistics.repeats import difference_over_seeds, shared_variance

_Kept = Mapping[str, SingleQueries | None]
_known: Cache[Leads] = Cache(32)


def leads_over_seeds(experiment: Experiment, rows: Sequence[ExperimentRow]) -> Leads:
    """How the configuration with the highest mean leads; each is named by the key of its first row."""
    groups = seeded(experiment.plan, rows)
    if len(groups) < 2:
        return Leads()
    stamp = tuple((row.key, row.made_of, row.single_queries, row.precision) for group in groups for row in group)
    return _known.get((experiment.folder, stamp), lambda: _compared(experiment, groups))


def _compared(experiment: Experiment, groups: Sequence[Sequence[ExperimentRow]]) -> Leads:
    kept = {row.key: experiment.queries(row) for group in groups for row in group}
    best, *others = sorted(groups, key=lambda group: -fmean(row.precision for row in group))
    refused = {other[0].key: reason for other in others if (reason := _refused(best, other, kept))}
    tested = [other for other in others if other[0].key not in refused]
    pairs = len(tested) * (len(tested) + 1) // 2  # the best was chosen by the same figures
    decisions = holm([_difference(best, other, kept) for other in tested], pairs=pairs)
    against = {other[0].key: one for other, one in zip(tested, decisions, strict=True)}
    return Leads(best[0].key, (), against, refused)


def _refused(best: Sequence[ExperimentRow], other: Sequence[ExperimentRow], kept: _Kept) -> str:
    """Why two configurations cannot be compared, "" if they can."""
    reasons = [why_refused(best[0], row, kept) for row in (*best[1:], *other)]
    return next(filter(None, reasons), "")


def _difference(best: Sequence[ExperimentRow], other: Sequence[ExperimentRow], kept: _Kept) -> Decision:
    pairs = list(zip(best, other, strict=False))  # of a configuration that is being measured some are missing
    leads = [precisions_of(kept[one.key]) - precisions_of(kept[beside.key]) for one, beside in pairs]
    asked = [found.ids for one, _ in pairs if (found := kept[one.key]) is not None]
    return difference_over_seeds([lead.mean() for lead in leads], shared_variance(leads, asked))
