"""Tables 4 and 5 of the course report "Image Similarity Engine": its own figures, and which of its findings hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS, REPORT_ROWS, ExperimentPlan
from engine.comparisons.recipes.seeds import means_over_seeds
from engine.evaluation.statistics.correlation import spearman
from engine.evaluation.statistics.decision import Decision, Outcome, holm, p_text
from engine.evaluation.statistics.paired import paired_difference
from engine.evaluation.statistics.shares import mean_shares
from engine.training.config import ORIGINAL_STUDY

TITLES = tuple(title for *_, title in REPORT_ROWS)
COLUMN_TITLES = {
    ("flatten", "cosine"): "flatten, cosine",
    ("flatten", "euclidean"): "flatten, Euclidean",
    ("max", "cosine"): "max pool, cosine",
    ("max", "euclidean"): "max pool, Euclidean",
}
# The lowest loss (MSE, 4,738 animal faces of six species) and the hits out of 8 for one picture, in the order of
# REPORT_ROWS and REPORT_COLUMNS.
REPORT_LOSSES = (0.00662, 0.01402, 0.01415, 0.0107, 0.01028, 0.01087, 0.01823, 0.0216, 0.026)
REPORT_HITS = (
    (6, 3, 6, 7),
    (7, 5, 7, 7),
    (5, 2, 1, 1),
    (5, 2, 5, 5),
    (5, 4, 6, 5),
    (2, 1, 4, 2),
    (1, 1, 1, 1),
    (7, 7, 2, 4),
    (7, 7, 6, 8),
)
BEST_PAIR = ("max", "cosine")  # according to the report
BEST_ROWS = ("Model 4 · reduce on plateau", "Model 2 · none")
_LEAST_ROWS = 4  # with fewer, a rank correlation is meaningless
_LITTLE = 0.5  # a rank correlation that is surely nearer to 0 counts as saying nothing
_CLOSE = 0.7  # and one that surely reaches this counts as telling


Found = Mapping[tuple[str, str, str], ExperimentRow]
Verdict = Literal["Agrees here", "Not reproduced here", "Not decided"]
_VERDICTS: dict[Outcome, Verdict] = {
    "better": "Agrees here", "worse": "Not reproduced here", "not decided": "Not decided"
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """A finding of the report: what we measured, and whether that decides it."""

    claim: str
    measured: str
    verdict: Verdict

    @property
    def sentence(self) -> str:
        """The claim, the verdict and the figures in one sentence."""
        return f"{self.claim} {self.verdict}: {self.measured}"


def table(rows: Sequence[ExperimentRow]) -> dict[tuple[str, str, str], ExperimentRow]:
    """The rows of the report's tables that have figures, by title, embedding and metric; exact search only.

    A training that was repeated with several seeds has the means over them.
    """
    columns = set(REPORT_COLUMNS)
    measured = means_over_seeds([row for row in rows if row.method == "exact" and not row.error])
    kept = [row for row in measured if row.title in TITLES]
    return {(r.title, r.embedding, r.metric): r for r in kept if (r.embedding, r.metric) in columns}


def findings(rows: Sequence[ExperimentRow], plan: ExperimentPlan | None = None) -> list[Finding]:
    """Which of the report's findings hold, as far as enough has been measured.

    Trainings that are the same to the bit count once. Trainings that `plan` cuts short of the report's epochs decide
    nothing.
    """
    found = table(rows)
    complete = [title for title in TITLES if all((title, *column) in found for column in REPORT_COLUMNS)]
    if len(complete) < _LEAST_ROWS:
        return []
    kinds = different(found, complete)
    possible = [_best_pair(found, kinds), _loss(found, kinds)]
    possible += [_best_rows(found, kinds)] if len(complete) == len(TITLES) else []
    possible.append(_one_picture(found, kinds))
    short = shortened(plan) if plan else ""
    there = [finding for finding in possible if finding is not None]
    return [replace(one, measured=f"{short} {one.measured}", verdict="Not decided") if short else one for one in there]


def shortened(plan: ExperimentPlan) -> str:
    """Whether the plan trains for fewer epochs than the report did, as a clause; "" if not."""
    wanted = int(ORIGINAL_STUDY["epochs"])
    least = min((int(one.config.get("epochs", wanted)) for one in plan.trainings), default=wanted)
    return f"trained for {least} instead of {wanted} epochs, which decides nothing;" if least < wanted else ""


def different(by_cell: Found, titles: Sequence[str]) -> list[str]:
    """The titles without bit-identical duplicates, e.g. of a plateau schedule that never triggered."""
    seen: dict[tuple[object, ...], str] = {}
    for title in titles:
        rows = [by_cell[title, *column] for column in REPORT_COLUMNS]
        seen.setdefault((*sorted((rows[0].losses or {}).items()), *(row.precision for row in rows)), title)
    return list(seen.values())


def mean_precisions(rows: Found, titles: Sequence[str]) -> dict[tuple[str, str], float]:
    """The mean precision@8 of every column over the trainings, the highest first."""
    means = {column: float(np.mean([rows[title, *column].precision for title in titles])) for column in REPORT_COLUMNS}
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _best_pair(rows: Found, titles: Sequence[str]) -> Finding:
    """Best only if better than every other pair; refuted if some other pair is better, corrected for their number."""
    means = mean_precisions(rows, titles)
    own, *others = ([rows[t, *c].precision for t in titles] for c in sorted(means, key=lambda c: c != BEST_PAIR))
    against = [paired_difference(own, other) for other in others]
    figures = ", ".join(f"{COLUMN_TITLES[column]} {mean:.3f}" for column, mean in means.items())
    tests = ", ".join(p_text(one.p) for one in against)
    measured = f"mean precision@8 over {len(titles)} different trainings is {figures}; against the other pairs {tests}."
    return Finding("Max pool with cosine is the best pair.", measured, _VERDICTS[_over_all(against)])


def _over_all(against: Sequence[Decision]) -> Outcome:
    """ "better" if every decision is, "worse" if one is after correction for their number."""
    if all(one.outcome == "better" for one in against):
        return "better"
    return "worse" if any(one.outcome == "worse" for one in holm(against)) else "not decided"


def _loss(rows: Found, titles: Sequence[str]) -> Finding | None:
    losses = {title: (rows[title, *BEST_PAIR].losses or {}).get("mse") for title in titles}
    known = {title: loss for title, loss in losses.items() if loss is not None}
    if len(known) < _LEAST_ROWS:
        return None
    rho = spearman(list(known.values()), [rows[title, *BEST_PAIR].precision for title in known])
    if rho is None:
        return None
    measured = f"over {len(known)} different trainings the rank correlation between the lowest MSE and precision@8 "
    measured += f"(max pool, cosine) is {rho.text('+.2f')}. At −1 a lower loss would always mean a better search, at "
    measured += "+1 a worse one."
    verdict: Verdict = "Agrees here" if rho.within(_LITTLE) else "Not decided"
    if rho.decided:
        verdict = "Not reproduced here"
        measured += f" So a lower loss goes with a {'worse' if rho.outcome == 'better' else 'better'} search."
    return Finding("The reconstruction loss says nothing about the search.", measured, verdict)


def _best_rows(rows: Found, titles: Sequence[str]) -> Finding:
    """By the best column of each training; only single figures per query could tell more than this cautious test."""
    best = {title: max((rows[title, *c] for c in REPORT_COLUMNS), key=lambda row: row.precision) for title in titles}
    order = sorted(best, key=lambda title: -best[title].precision)
    leaders = ", ".join(f"{title} ({best[title].precision:.3f})" for title in order[:3])
    claim = f"{BEST_ROWS[0]} and {BEST_ROWS[1]} are the best."
    measured = f"ranked by their best column, the first three are {leaders}; seeds, which vary as well, are not judged."
    claimed, others = [t for t in titles if t in BEST_ROWS], [t for t in titles if t not in BEST_ROWS]
    asked = min(row.queries for row in best.values())
    if not asked or len(claimed) < len(BEST_ROWS):
        return Finding(claim, measured, "Not decided")
    against = [mean_shares(best[one].precision, best[other].precision, asked) for one in claimed for other in others]
    return Finding(claim, measured, _VERDICTS[_over_all(against)])


def _one_picture(rows: Found, titles: Sequence[str]) -> Finding | None:
    cells = [rows[title, *column] for title in titles for column in REPORT_COLUMNS]
    pairs = [(float(row.single["hits"]), row.precision) for row in cells if row.single]
    rho = spearman([hits for hits, _ in pairs], [precision for _, precision in pairs]) if len(pairs) > 2 else None
    if rho is None:
        return None
    measured = (
        f"over {len(pairs)} different configurations the rank correlation between the correct results for one picture "
        f"and precision@8 over all pictures is {rho.text('+.2f')}; it would have to be at least {_CLOSE:.2f}."
    )
    low, high = rho.interval
    verdict: Verdict = "Agrees here" if low >= _CLOSE else "Not reproduced here" if high < _CLOSE else "Not decided"
    return Finding("The results for one picture tell how good a configuration is.", measured, verdict)
