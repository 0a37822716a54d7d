"""Which configuration is best: decided by the same queries, told in sentences, refused where figures do not belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.comparisons.recipes.experiment import Experiment, ExperimentRow, create, unmeasured
from engine.comparisons.recipes.leads import NOT_KEPT, OTHER_PICTURES, Leads, between, difference_sentence, leads
from engine.comparisons.recipes.plan import ExperimentPlan
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.evaluation.single_queries import SingleQueries

COUNT = 319


def queries(hits: np.ndarray, ids: np.ndarray | None = None) -> SingleQueries:
    found = hits / 8
    asked = np.arange(len(hits)) if ids is None else ids
    return SingleQueries(asked, np.zeros((len(hits), 8), dtype=np.int64), {"precision": found})


def stored(
    home: Path, *figures: SingleQueries, made_of: str = "pictures-encoder"
) -> tuple[Experiment, list[ExperimentRow]]:
    """An experiment with a measured row for each of these figures."""
    plan = ExperimentPlan("T", "c", tuple(f"model-{n}@r" for n in range(1, len(figures) + 1)))
    made = create(Home(home), plan)
    for cell, one in zip(made.plan.cells(), figures, strict=True):
        row = unmeasured(
            cell, str(cell.recipe), made_of=made_of, queries=len(one.ids), precision=one.means["precision"]
        )
        made.keep(made.keep_measured(row, one))
    return made, made.rows()


def name_of(rows: list[ExperimentRow]) -> dict[str, str]:
    return {row.key: row.title for row in rows}


def pooled(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two rows whose own intervals overlap by half, of which the first is better by .019 on the same queries."""
    rng = np.random.default_rng(seed)
    second = rng.choice([8, 8, 8, 7, 6, 4], COUNT)
    first = np.minimum(8, second + (rng.random(COUNT) < 0.2) - (rng.random(COUNT) < 0.03))
    return first, second


def test_overlapping_intervals_do_not_make_two_rows_equally_good(tmp_path: Path) -> None:
    first, second = pooled()
    made, rows = stored(tmp_path, queries(first), queries(second))
    half = [1.96 * (hits / 8).std() / COUNT**0.5 for hits in (first, second)]
    assert (first / 8).mean() - half[0] < (second / 8).mean() + half[1]
    found = leads(made, rows)
    assert found.decided
    assert [found.marked(row.key) for row in rows] == [True, False]
    sentence = found.sentence(name_of(rows).__getitem__, f"precision@8 {rows[0].precision:.3f}")
    assert (
        sentence == f"model-1@r: precision@8 {(first / 8).mean():.3f}, better than the other configuration (p < .001)."
    )
    assert found.row_sentence(rows[1].key).startswith("Against the highest −0.0")
    assert found.row_sentence(rows[1].key).endswith(": behind the highest.")
    assert found.row_sentence(rows[0].key) == ""


def test_a_difference_that_chance_can_make_marks_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    made, rows = stored(tmp_path, *(queries(rng.binomial(8, 0.6, 64)) for _ in range(5)))
    found = leads(made, rows)
    assert not any(found.marked(row.key) for row in rows)
    sentence = found.sentence(name_of(rows).__getitem__, "precision@8 0.6")
    assert sentence.startswith("Which configuration is best is not decided: ")
    assert sentence.endswith(" and 1 more is decided.")
    other = next(key for key in found.against)
    assert found.row_sentence(other).endswith(": not decided.")


def test_rows_with_the_same_results_are_equals(tmp_path: Path) -> None:
    first, second = pooled()
    made, rows = stored(tmp_path, queries(first), queries(first), queries(second))
    found = leads(made, rows)
    assert [found.marked(row.key) for row in rows] == [True, True, False]
    assert found.row_sentence(rows[1].key) == "The same results as the highest for every query."
    assert "model-1@r and model-2@r" in found.sentence(name_of(rows).__getitem__, "precision@8 0.9")
    alone, same = stored(tmp_path / "2", queries(first), queries(first))
    assert "the same results for every query" in leads(alone, same).sentence(name_of(same).__getitem__, "x")


@pytest.mark.parametrize("what", ["collection", "queries", "older", "damaged"])
def test_figures_that_do_not_belong_together_are_refused(tmp_path: Path, what: str) -> None:
    first, second = pooled()
    ids = np.arange(COUNT) + (1 if what == "queries" else 0)
    made, rows = stored(tmp_path, queries(first), queries(second, ids))
    if what == "collection":
        made.keep(replace(rows[1], made_of="others-encoder"))
    if what == "older":
        made.keep(replace(rows[1], single_queries=""))
    if what == "damaged":
        [file] = (made.folder / "queries").glob(f"{rows[1].key}.*")
        file.write_bytes(file.read_bytes()[:-1] + b"\0")
    rows = made.rows()
    found = leads(made, rows)
    reason = NOT_KEPT if what in ("older", "damaged") else OTHER_PICTURES
    assert found.refused == {rows[1].key: reason}
    assert found.row_sentence(rows[1].key) == reason
    assert not found.decided
    assert not found.marked(rows[0].key)


def test_nothing_to_compare(tmp_path: Path) -> None:
    made, rows = stored(tmp_path, queries(pooled()[0]))
    assert leads(made, rows).sentence(name_of(rows).__getitem__, "x") == ""
    assert leads(made, []) == Leads()
    failed = [replace(rows[0], error="It failed.", single_queries="")]
    assert leads(made, failed) == Leads()


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    first, _ = pooled()
    made, [row] = stored(tmp_path, queries(first))
    found = made.queries(row)
    assert found is not None
    assert found.figures["precision"].tolist() == (first / 8).tolist()
    assert found.ids.tolist() == list(range(COUNT))
    assert made.queries(replace(row, single_queries="0" * 64)) is None
    (made.folder / "queries" / f"{row.key}.safetensors").unlink()
    assert made.queries(row) is None


def test_any_two_rows_are_compared_by_the_same_queries(tmp_path: Path) -> None:
    first, second = pooled()
    made, rows = stored(tmp_path, queries(first), queries(second))
    found = between((made, rows[1]), (made, rows[0]))
    assert (found.outcome, found.cases) == ("worse", COUNT)
    assert found.effect == pytest.approx((second / 8).mean() - (first / 8).mean())
    told = difference_sentence(rows[1], rows[0], found)
    assert told.startswith(f"precision@8 {rows[1].precision:.3f} against {rows[0].precision:.3f}, −0.0")
    assert told.endswith("p < .001: worse.")


@pytest.mark.parametrize("made_of", ["others-encoder", "pictures-encoder"])
def test_rows_of_other_collections_or_queries_are_not_compared(tmp_path: Path, made_of: str) -> None:
    first, second = pooled()
    made, [row] = stored(tmp_path, queries(first))
    ids = np.arange(COUNT) + (made_of == "pictures-encoder")
    other, [beside] = stored(tmp_path, queries(second, ids), made_of=made_of)
    with pytest.raises(BadParameter, match="the same pictures, labels and queries"):
        between((made, row), (other, beside))
