"""The figures of search among held-out products, against slow and plain ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import _products_search as search
from engine.core.home import Home
from engine.workbench.workbench import Workbench
from tests import shop as things


def test_precision_equals_a_count_by_hand() -> None:
    rng = np.random.default_rng(3)
    stored, queries = rng.normal(size=(2, 40, 5))
    codes = rng.integers(0, 4, 40)
    right = 0
    for row in range(40):
        nearness = [
            (float(queries[row] @ one / np.linalg.norm(one)), other) for other, one in enumerate(stored) if other != row
        ]
        right += sum(codes[other] == codes[row] for _, other in sorted(nearness)[-search.K :])
    assert search.precision(queries, stored, codes) == pytest.approx(right / (40 * search.K))


def test_the_best_possible_counts_what_there_is() -> None:
    codes = np.array([0] * 9 + [1] * 3)
    assert search.best_possible(codes) == pytest.approx((9 * 8 + 3 * 2) / (12 * 8))
    apart = np.eye(2)[codes]
    assert search.precision(apart, apart, codes) == pytest.approx(search.best_possible(codes))


def test_the_table_is_measured_once_and_again_when_the_plan_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LEARNED", ("early",))
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="csv", title="Shop", path=str(things.table(tmp_path / "shop", 60)))
    plan, kept = things.plan("early"), tmp_path / "kept.json"
    assert search.out_of_fold(bench, plan, kept, None, measure=False) == []
    table = search.out_of_fold(bench, plan, kept, None)
    assert [line[0] for line in table][1:4] == ["picture", "text", "both side by side, 25 % text"]
    figures = {line[0]: [float(cell.split()[0]) for cell in line[1:] if cell] for line in table[1:]}
    assert figures["the best possible"] == [1.0]
    assert len(figures["Early fusion, trained"]) == len(search.ASKED_BY)
    assert figures["Early fusion, trained"][0] > 0.9
    before = kept.stat().st_mtime_ns
    assert search.out_of_fold(bench, plan, kept, None) == table
    assert kept.stat().st_mtime_ns == before
    assert search.out_of_fold(bench, things.plan("early", seed=1), kept, None, measure=False) == []
