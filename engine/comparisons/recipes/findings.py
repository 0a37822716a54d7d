"""Tables 4 and 5 of the course report "Image Similarity Engine": its own figures, and which of its findings hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.plan import REPORT_COLUMNS, REPORT_ROWS

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
_AGREE = -0.5  # rank correlation from which a lower loss counts as going with a better search


@dataclass(frozen=True)
class Finding:
    """A finding of the report: what we measured, and whether it holds here."""

    claim: str
    measured: str
    holds: bool

    @property
    def verdict(self) -> str:
        return "Agrees" if self.holds else "Not reproduced"

    @property
    def sentence(self) -> str:
        return f"{self.claim} {self.verdict}: {self.measured}"


def table(rows: Sequence[ExperimentRow]) -> dict[tuple[str, str, str], ExperimentRow]:
    """The rows of the report's tables that have figures, by title, embedding and metric; exact search only."""
    columns = set(REPORT_COLUMNS)
    kept = [row for row in rows if row.title in TITLES and row.method == "exact" and not row.error]
    return {(r.title, r.embedding, r.metric): r for r in kept if (r.embedding, r.metric) in columns}


def findings(rows: Sequence[ExperimentRow]) -> list[Finding]:
    """Which of the report's findings hold, as far as enough has been measured."""
    found = table(rows)
    complete = [title for title in TITLES if all((title, *column) in found for column in REPORT_COLUMNS)]
    if len(complete) < _LEAST_ROWS:
        return []
    precisions = {(title, column): found[title, *column].precision for title in complete for column in REPORT_COLUMNS}
    whole = len(complete) == len(TITLES)
    possible = [_best_pair(precisions, complete), _loss(found, precisions, complete)]
    possible += [_best_rows(precisions, complete)] if whole else []
    possible.append(_one_picture(found, complete))
    return [finding for finding in possible if finding is not None]


def different(found: Mapping[tuple[str, str, str], ExperimentRow], titles: Sequence[str]) -> list[str]:
    """The titles without bit-identical duplicates, e.g. of a plateau schedule that never triggered."""
    seen: dict[tuple[object, ...], str] = {}
    for title in titles:
        rows = [found[title, *column] for column in REPORT_COLUMNS]
        seen.setdefault((*sorted((rows[0].losses or {}).items()), *(row.precision for row in rows)), title)
    return list(seen.values())


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's rank correlation of two lists, ties sharing their mean rank; None if either is constant.

    >>> rank_correlation([1, 2, 3], [10, 30, 20])
    0.5
    """
    one, other = (_ranks(np.asarray(values, dtype=np.float64)) for values in (a, b))
    spread = float(np.sqrt((one * one).sum() * (other * other).sum()))
    return round(float((one * other).sum()) / spread, 6) if spread else None


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centred ranks."""
    below = (values[None, :] < values[:, None]).sum(1)
    alike = (values[None, :] == values[:, None]).sum(1)
    ranks: NDArray[np.float64] = below + (alike - 1) / 2
    return ranks - ranks.mean()


Precisions = Mapping[tuple[str, tuple[str, str]], float]


def _best_pair(precisions: Precisions, titles: Sequence[str]) -> Finding:
    means = {column: float(np.mean([precisions[t, column] for t in titles])) for column in REPORT_COLUMNS}
    order = sorted(means, key=lambda column: -means[column])
    told = ", ".join(f"{COLUMN_TITLES[column]} {means[column]:.3f}" for column in order)
    measured = f"mean precision@8 over {len(titles)} trainings is {told}."
    return Finding("Max pool with cosine is the best pair.", measured, means[BEST_PAIR] >= means[order[0]])


def _loss(
    found: Mapping[tuple[str, str, str], ExperimentRow], precisions: Precisions, titles: Sequence[str]
) -> Finding | None:
    losses = {title: (found[title, *BEST_PAIR].losses or {}).get("mse") for title in different(found, titles)}
    known = {title: loss for title, loss in losses.items() if loss is not None}
    if len(known) < _LEAST_ROWS:
        return None
    r = rank_correlation(list(known.values()), [precisions[title, BEST_PAIR] for title in known])
    if r is None:
        return None
    low, best = min(known, key=known.__getitem__), max(known, key=lambda title: precisions[title, BEST_PAIR])
    measured = f"over {len(known)} different trainings the rank correlation between the lowest MSE and precision@8 "
    measured += f"(max pool, cosine) is {r:+.2f}; the loss is lowest for {low}, the precision highest for {best}."
    measured += " At −1 a lower loss would always mean a better search, at +1 a worse one."
    return Finding("A low reconstruction loss does not mean a good search.", measured, r > _AGREE)


def _best_rows(precisions: Precisions, titles: Sequence[str]) -> Finding:
    best = {title: max(precisions[title, column] for column in REPORT_COLUMNS) for title in titles}
    order = sorted(best, key=lambda title: -best[title])
    told = ", ".join(f"{title} ({best[title]:.3f})" for title in order[:3])
    claim = f"{BEST_ROWS[0]} and {BEST_ROWS[1]} are the best."
    holds = all(best[title] >= best[order[1]] for title in BEST_ROWS)
    return Finding(claim, f"ranked by their best column, the first three are {told}.", holds)


def _one_picture(found: Mapping[tuple[str, str, str], ExperimentRow], titles: Sequence[str]) -> Finding | None:
    cells = [found[title, *column] for title in titles for column in REPORT_COLUMNS]
    pairs = [(float(row.single["hits"]), row.precision) for row in cells if row.single]
    r = rank_correlation([hits for hits, _ in pairs], [precision for _, precision in pairs]) if pairs else None
    if r is None:
        return None
    measured = (
        f"over {len(pairs)} configurations the rank correlation between the correct results for one picture and "
        f"precision@8 over all pictures is {r:+.2f}."
    )
    return Finding("The results for one picture tell how good a configuration is.", measured, r >= 0.9)
