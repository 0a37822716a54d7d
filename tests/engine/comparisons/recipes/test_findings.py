"""Which findings of the report hold, on rows whose figures are made up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.findings import (
    REPORT_HITS,
    REPORT_LOSSES,
    TITLES,
    findings,
    rank_correlation,
    table,
)
from engine.comparisons.recipes.plan import REPORT_COLUMNS


def rows(precisions: list[tuple[float, ...]], losses: list[float], hits: list[tuple[int, ...]]) -> list[ExperimentRow]:
    """A row for each cell of the report's tables."""
    found = []
    for title, values, loss, ones in zip(TITLES, precisions, losses, hits, strict=False):
        for (embedding, metric), precision, one in zip(REPORT_COLUMNS, values, ones, strict=True):
            known = {"precision": precision, "losses": {"mse": loss}, "single": {"query": 1, "hits": one}}
            found.append(
                ExperimentRow(
                    f"{title}{embedding}{metric}", title, "", "model", "w", embedding, metric, "exact", **known
                )
            )
    return found


def test_the_reports_own_figures_confirm_all_but_one_of_its_findings() -> None:
    own = rows([tuple(h / 8 for h in hits) for hits in REPORT_HITS], list(REPORT_LOSSES), list(REPORT_HITS))
    assert len(table(own)) == 36
    pair, loss, best, picture = findings(own)
    assert not pair.holds  # by its own table flatten with cosine has 45 of 72 hits, max pool with cosine 38
    assert "flatten, cosine 0.625, max pool, Euclidean 0.556, max pool, cosine 0.528" in pair.measured
    assert loss.holds
    assert best.holds
    assert picture.holds  # measured against itself
    assert loss.sentence.startswith("A low reconstruction loss does not mean a good search. Agrees: ")


def test_a_loss_that_ranks_like_the_search_refutes() -> None:
    precisions = [tuple(0.9 - 0.05 * n + 0.01 * c for c in range(4)) for n in range(9)]
    made = rows(precisions, [0.01 + 0.001 * n for n in range(9)], list(REPORT_HITS))
    loss = findings(made)[1]
    assert not loss.holds
    assert "is -1.00" in loss.measured


def test_trainings_that_are_the_same_to_the_bit_count_once() -> None:
    precisions = [(0.1 * n,) * 4 for n in (1, 2, 3, 4, 5)] + [(0.5,) * 4] * 4
    losses = [0.05, 0.02, 0.03, 0.04, 0.01, 0.01, 0.01, 0.01, 0.01]
    loss = findings(rows(precisions, losses, [(4,) * 4] * 9))[1]
    expected = float(spearmanr(losses[:5], [0.1, 0.2, 0.3, 0.4, 0.5]).statistic)
    assert loss.measured.startswith("over 5 different trainings ")
    assert f"(max pool, cosine) is {expected:+.2f};" in loss.measured


@pytest.mark.parametrize("count", [0, 3])
def test_too_little_says_nothing(count: int) -> None:
    assert findings(rows([(0.5,) * 4] * count, [0.1] * count, [(4,) * 4] * count)) == []


def test_failed_and_foreign_rows_are_passed_over() -> None:
    (row,) = rows([(0.5,) * 4], [0.1], [(4,) * 4])[:1]
    others = [ExperimentRow(**{**vars(row), "error": "no"}), ExperimentRow(**{**vars(row), "method": "lsh"})]
    assert table([*others, ExperimentRow(**{**vars(row), "title": "Mine"})]) == {}


def test_rank_correlation_is_spearmans() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.integers(0, 6, (2, 12)).tolist()
        assert rank_correlation(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None
