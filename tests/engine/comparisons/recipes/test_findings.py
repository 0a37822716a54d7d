"""Which findings of the report hold, on rows whose figures are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import spearmanr

from engine.comparisons.recipes.experiment import ExperimentRow
from engine.comparisons.recipes.findings import (
    BEST_ROWS,
    REPORT_HITS,
    REPORT_LOSSES,
    TITLES,
    findings,
    table,
)
from engine.comparisons.recipes.plan import REPORT_COLUMNS, report_tables


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


def test_the_reports_own_figures_decide_little() -> None:
    own = rows([tuple(h / 8 for h in hits) for hits in REPORT_HITS], list(REPORT_LOSSES), list(REPORT_HITS))
    assert len(table(own)) == 36
    pair, loss, best, picture = findings(own)
    assert pair.verdict == "Not decided"  # by its own table flatten with cosine has 45 of 72 hits, max with cosine 38
    assert "flatten, cosine 0.625, max pool, Euclidean 0.556, max pool, cosine 0.528" in pair.measured
    assert loss.verdict == best.verdict == "Not decided"
    assert picture.verdict == "Agrees here"  # measured against itself
    assert loss.sentence.startswith("The reconstruction loss says nothing about the search. Not decided: over 9 ")
    cut = report_tables("faces", epochs=2)
    assert {finding.verdict for finding in findings(own, cut)} == {"Not decided"}
    assert "trained for 2 instead of 40 epochs, which decides nothing; " in findings(own, cut)[0].measured
    assert findings(own, report_tables("faces")) == findings(own)


@pytest.mark.parametrize(("slope", "search"), [(1, "better"), (-1, "worse")])
def test_a_loss_that_ranks_like_the_search_says_much_either_way(slope: int, search: str) -> None:
    precisions = [tuple(0.5 - 0.02 * n + 0.01 * c for c in range(4)) for n in range(9)]
    loss = findings(rows(precisions, [0.1 + slope * 0.001 * n for n in range(9)], list(REPORT_HITS)))[1]
    assert loss.verdict == "Not reproduced here"
    assert f"So a lower loss goes with a {search} search" in loss.measured
    assert f"{-slope:+.2f}".replace("-", "−") in loss.measured


def test_a_pair_of_columns_is_best_only_where_every_other_is_worse() -> None:
    lead = [(0.4 + 0.01 * n, 0.41, 0.5 + 0.011 * n, 0.42) for n in range(9)]
    made = rows(lead, [0.01 * n for n in range(1, 10)], list(REPORT_HITS))
    assert findings(made)[0].verdict == "Agrees here"
    behind = rows([(a, b, 0.1, c) for a, b, _, c in lead], [0.01 * n for n in range(1, 10)], list(REPORT_HITS))
    assert findings(behind)[0].verdict == "Not reproduced here"


def test_the_best_rows_are_judged_over_their_queries() -> None:
    high = [(0.9 if title in BEST_ROWS else 0.5,) * 4 for title in TITLES]
    made = rows(high, [0.01 * n for n in range(1, 10)], list(REPORT_HITS))
    assert findings(made)[2].verdict == "Not decided"  # of no queries
    assert findings([replace(row, queries=1000) for row in made])[2].verdict == "Agrees here"
    turned = [replace(row, queries=1000, precision=1 - row.precision) for row in made]
    assert findings(turned)[2].verdict == "Not reproduced here"


def test_trainings_that_are_the_same_to_the_bit_count_once() -> None:
    precisions = [(0.1 * n,) * 4 for n in (1, 2, 3, 4, 5)] + [(0.5,) * 4] * 4
    losses = [0.05, 0.02, 0.03, 0.04, 0.01, 0.01, 0.01, 0.01, 0.01]
    hits = [(n, n, n, n) for n in (1, 2, 3, 4, 5, 5, 5, 5, 5)]
    pair, loss, _, picture = findings(rows(precisions, losses, hits))
    expected = float(spearmanr(losses[:5], [0.1, 0.2, 0.3, 0.4, 0.5]).statistic)
    assert loss.measured.startswith("over 5 different trainings ")
    assert f"(max pool, cosine) is {expected:+.2f} [".replace("-", "−") in loss.measured
    assert "over 5 different trainings" in pair.measured
    assert "over 20 different configurations" in picture.measured


@pytest.mark.parametrize("count", [0, 3])
def test_too_little_says_nothing(count: int) -> None:
    assert findings(rows([(0.5,) * 4] * count, [0.1] * count, [(4,) * 4] * count)) == []


def test_failed_and_foreign_rows_are_passed_over() -> None:
    (row,) = rows([(0.5,) * 4], [0.1], [(4,) * 4])[:1]
    others = [ExperimentRow(**{**vars(row), "error": "no"}), ExperimentRow(**{**vars(row), "method": "lsh"})]
    assert table([*others, ExperimentRow(**{**vars(row), "title": "Mine"})]) == {}
