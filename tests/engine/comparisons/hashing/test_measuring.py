"""What a method is worth: known values, the slow naive way, and the limits on time."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.comparisons.hashing import timing
from engine.comparisons.hashing.measuring import (
    BATCH,
    Data,
    StudyRow,
    kept_megabytes,
    measure,
    median_interval,
    quality,
    true_neighbours,
)
from engine.core.errors import Stopped
from engine.core.progress import Reporter
from engine.indexes import make_index
from engine.indexes.index import Neighbours


def drawn(count=500, queries=40, dimensions=8, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dimensions)).astype(np.float32)
    return Data(vectors, rng.normal(size=(queries, dimensions)).astype(np.float32), "euclidean", 10)


def built(method, data, **options):
    return make_index(method, data.metric, **options).build(np.arange(len(data.vectors)), data.vectors)


def with_truth(data):
    truth = true_neighbours(built("exact", data), data, Reporter())
    return Data(data.vectors, data.queries, data.metric, data.neighbours, truth)


def answers(distances):
    distances = np.array(distances, dtype=np.float32)
    ids = np.where(np.isfinite(distances), np.arange(distances.size).reshape(distances.shape), -1)
    return Neighbours(ids, distances, np.full(len(distances), 20))


def judged(found, truth):
    vectors = np.zeros((100, 2), np.float32)
    return quality(answers(found), Data(vectors, vectors[: len(found)], "euclidean", len(truth[0]), answers(truth)))


def test_known_values():
    inf = np.inf
    found = judged([[1, 2, inf, inf], [1, 9, 9, 9]], [[1, 2, 3, 4]] * 2)
    assert found["map"] == 1  # of what was returned all that is right stands first
    assert found["strict_map"] == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert found["recall"] == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert (found["candidates"], found["share"]) == (20, 0.2)


def test_the_share_of_empty_results_and_the_interval_of_the_recall():
    inf = np.inf
    found = judged([[1, 2, inf, inf], [inf] * 4, [inf] * 4], [[1, 2, 3, 4]] * 3)
    assert found["empty"] == pytest.approx(2 / 3)
    assert found["map"] == pytest.approx(1 / 3)  # the share of queries that found anything, not how much they found
    assert found["strict_map"] == pytest.approx(found["recall"])
    assert found["found"] == (2, 0, 0)
    assert found["recall_low"] <= found["recall"] <= found["recall_high"]


def test_a_wrong_one_before_right_ones_costs_average_precision():
    # A method that does not rank by the true distance: right ones at the 2nd and the 4th place.
    found = judged([[9, 1, 9, 2]], [[1, 2, 3, 4]])
    assert found["map"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert found["strict_map"] == pytest.approx((1 / 2 + 2 / 4) / 4)


def test_nothing_found_is_worth_nothing():
    found = judged([[np.inf] * 4], [[1, 2, 3, 4]])
    assert (found["map"], found["strict_map"], found["recall"]) == (0, 0, 0)


def test_equally_near_ones_are_equally_right():
    assert judged([[1, 2, 2, 2]], [[1, 2, 2, 2]])["recall"] == 1
    truth = answers([[1, 2, 2, 2]])
    other = Neighbours(truth.ids + 50, truth.distances, truth.examined)
    vectors = np.zeros((100, 2), np.float32)
    assert quality(other, Data(vectors, vectors[:1], "euclidean", 4, truth))["strict_map"] == 1


def test_the_truth_is_that_of_comparing_all():
    data = drawn(queries=2 * BATCH + 7)
    truth = true_neighbours(built("exact", data), data, Reporter())
    distances = np.linalg.norm(data.queries[:, None].astype(float) - data.vectors[None], axis=2)
    np.testing.assert_array_equal(truth.ids, np.argsort(distances, axis=1, kind="stable")[:, :10])


def test_a_hash_index_beside_the_slow_way(tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "_SECONDS", math.inf)  # each query is timed, however slow the computer is
    data = with_truth(drawn())
    index = built("lsh", data, bits=6, tables=2, probes=0)
    found = measure(index, data, Reporter(), tmp_path)
    answer = index.search(data.queries, 10)
    hits = [len(set(a) & set(b)) for a, b in zip(answer.ids.tolist(), data.truth.ids.tolist(), strict=True)]
    assert found["recall"] == pytest.approx(np.mean(hits) / 10)
    assert 0 < found["recall"] < 1
    assert found["candidates"] == answer.examined.mean()
    assert (found["size"], found["dimensions"], found["queries"], found["neighbours"]) == (500, 8, 40, 10)
    assert found["p99"] >= found["p50"] > 0
    assert found["batch_ms"] > 0
    assert found["chosen"]["bits"] == 6
    assert found["note"] == ""
    assert found["slowest_ms"] is None
    assert found["vectors_megabytes"] == data.vectors.nbytes / 1e6
    assert not list(tmp_path.iterdir())  # what was written to be weighed is gone


def test_the_slowest_part_is_reported(tmp_path):
    data = with_truth(drawn())
    found = measure(built("rdh", data, parts=3, bits=4), data, Reporter(), tmp_path)
    assert 0 < found["slowest_ms"] < found["p50"]


def test_exact_search_finds_all(tmp_path):
    data = with_truth(drawn())
    found = measure(built("exact", data), data, Reporter(), tmp_path)
    assert (found["recall"], found["recall_10"], found["strict_map"], found["share"]) == (1, 1, 1, 1)


def test_quality_is_over_all_queries_where_time_is_up(tmp_path, monkeypatch):
    data = with_truth(drawn(queries=150))
    index = built("lsh", data, bits=6, tables=1, probes=0)
    whole = measure(index, data, Reporter(), tmp_path)
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    short = measure(index, data, Reporter(), tmp_path)
    assert {n: short[n] for n in ("recall", "map", "candidates")} == {
        n: whole[n] for n in ("recall", "map", "candidates")
    }
    assert short["note"] == "Timed with 20 of the 150 queries, one at a time."


@pytest.mark.parametrize("at_once", [1, 2])
def test_answers_that_lack_a_part_are_reported_for_single_queries_and_batches(tmp_path, monkeypatch, at_once):
    data = with_truth(drawn(queries=150))
    index = built("exact", data)
    whole = index.search

    def lacking(queries, k):
        lost = len(queries) >= 2 if at_once == 2 else len(queries) == 1
        return replace(whole(queries, k), share=0.6 if lost else 1.0)

    monkeypatch.setattr(index, "search", lacking)
    monkeypatch.setattr(timing, "_SECONDS", 0.0)
    assert "Some results covered only 60\xa0% of the vectors." in measure(index, data, Reporter(), tmp_path)["note"]


def test_fewer_vectors_than_neighbours(tmp_path):
    data = with_truth(drawn(count=6, queries=3))
    found = measure(built("exact", data), data, Reporter(), tmp_path)
    assert (found["recall"], found["recall_10"], found["strict_map"]) == (1, 1, 1)


def test_only_what_is_kept_besides_the_vectors_is_weighed(tmp_path):
    data = drawn()
    index = built("lsh", data, bits=6, tables=2, probes=0)
    (tmp_path / "saved").mkdir()
    index.save(tmp_path / "saved")
    files = [path for path in (tmp_path / "saved").iterdir() if path.name != "vectors.npy"]
    assert kept_megabytes(index, tmp_path / "below") == (sum(path.stat().st_size for path in files) / 1e6, "")


def test_what_cannot_be_seen_is_said(tmp_path):
    class Elsewhere:
        def save(self, folder):
            raise PermissionError("another machine")

    assert kept_megabytes(Elsewhere(), tmp_path) == (
        0.0,
        "The files of its parts could not be read from this computer.",
    )


def test_a_person_may_stop_it(tmp_path):
    (tmp_path / "stop").touch()
    data = with_truth(drawn())
    with pytest.raises(Stopped):
        measure(built("exact", data), data, Reporter(tmp_path), tmp_path)


def test_a_row_survives_json():
    row = StudyRow("k", "lsh", "LSH", {"bits": 8}, map=0.5, slowest_ms=None)
    assert StudyRow.from_dict(row.as_dict()) == row


def test_the_interval_of_a_median_holds_the_true_one_in_95_of_100_samples():
    rng = np.random.default_rng(0)
    found = [median_interval(rng.exponential(size=200)) for _ in range(2000)]
    held = np.mean([low <= np.log(2) <= high for low, high in found])
    assert 0.93 < held < 0.98
    assert median_interval(np.array([3.0])) == (3.0, 3.0)
