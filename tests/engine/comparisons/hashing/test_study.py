"""What the rows of a study say together: folds, speed-up, size-up, and what to take."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from statistics import stdev

import numpy as np
import pytest

from engine.comparisons.hashing.curves import quality_against_bits, quality_against_time
from engine.comparisons.hashing.measuring import unmeasured
from engine.comparisons.hashing.plan import StudyPlan, is_random
from engine.comparisons.hashing.report import to_csv, to_html
from engine.comparisons.hashing.study import create, highest_recall, studies, study
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def kept(home, figures, **changes):
    """A study in which figures(cell) says what was measured of each cell; None leaves it out."""
    made = create(home, StudyPlan("Try <b>it</b>", "file:/data/base.npy", **changes))
    for cell in made.plan.cells():
        values = figures(cell)
        if values is not None:
            known = {"size": cell.size or 1000, "queries": 10, "neighbours": 10}
            made.keep(unmeasured(cell, **known | values))
    return made


def test_the_cheapest_that_reaches_the_recall(home):
    worth = {"exact": (1.0, 9.0), "lsh(bits=8)": (0.99, 3.0), "lsh(bits=16)": (0.96, 1.0), "hnsw": (0.9, 0.1)}
    made = kept(home, lambda cell: dict(zip(("recall", "p50"), worth[cell.method], strict=True)), methods=tuple(worth))
    assert made.best(0.95).method == "lsh(bits=16)"
    assert made.best(0.98).method == "lsh(bits=8)"
    assert made.best(0.995) is None  # exact search is the measure, not a competitor
    assert "LSH · 16 bits with recall 0.960 in 1 ms: the cheapest" in made.advice(0.95).sentence
    assert "Nothing reaches a recall of 0.995; the nearest is LSH · 8 bits" in made.advice(0.995).sentence


def test_honest_advice_may_be_exact_search(home):
    made = kept(home, lambda cell: {"recall": 1.0, "p50": 1.0 if cell.method == "exact" else 2.0}, methods=("hnsw",))
    assert made.advice(0.9).sentence.startswith("Exact search, in 1 ms")


def test_folds_are_averaged_with_their_deviation(home):
    recalls = [0.8, 0.9, 0.7]
    made = kept(home, lambda cell: {"recall": recalls[cell.fold], "p50": 1.0 + cell.fold}, methods=("lsh",), folds=3)
    [_, found] = made.folded()
    assert (found.folds, found.row.queries) == (3, 30)
    assert found.row.recall == pytest.approx(0.8)
    assert found.deviations["recall"] == pytest.approx(stdev(recalls))
    assert found.row.p50 == pytest.approx(2.0)


def test_methods_whose_folds_differ_by_a_row_stay_comparable(home):
    def figures(cell):
        done = cell.method == "exact" or cell.fold == 0  # the second fold of the other has not been measured yet
        return {"recall": 0.9, "p50": 1.0, "size": 666 + 2 * cell.fold} if done else None

    made = kept(home, figures, methods=("lsh",), folds=2)
    assert [(row.method, row.size) for row in made.averaged()] == [("exact", 667), ("lsh", 666)]
    assert made.best(0.9).method == "lsh"


def test_one_fold_has_no_deviation(home):
    made = kept(home, lambda cell: {"recall": 0.5}, methods=("lsh",))
    assert [one.deviations for one in made.folded()] == [{}, {}]


def test_speed_up_is_against_one_part(home):
    times = {
        "exact": {},
        "rdh(bits=8,parts=1)": {"p50": 8.0, "slowest_ms": 6.0, "build_seconds": 10.0, "chosen": {"parts": 1}},
        "rdh(bits=8,parts=4)": {"p50": 4.0, "slowest_ms": 1.5, "build_seconds": 5.0, "chosen": {"parts": 4}},
        "rdh(bits=16,parts=4)": {"p50": 4.0, "slowest_ms": 1.5, "build_seconds": 5.0, "chosen": {"parts": 4}},
    }
    found = kept(home, lambda cell: times[cell.method], methods=tuple(times)).speed_up()
    assert [(one.method, one.parts) for one in found] == [("rdh(bits=8)", 1), ("rdh(bits=8)", 4)]
    assert (found[1].speed_up, found[1].machines, found[1].build_speed_up) == (2, 4, 2)


def test_size_up_is_against_the_fewest(home):
    made = kept(home, lambda cell: {"p50": cell.size / 100}, methods=("lsh",), sizes=(1000, 100))
    found = [one for one in made.size_up() if one.method == "lsh"]
    assert [(one.size, one.times_larger, one.times_slower) for one in found] == [(100, 1, 1), (1000, 10, 10)]
    assert {row.size for row in made.averaged()} == {1000}  # advice is about the most vectors


def test_curves_leave_out_what_is_beaten(home):
    worth = {"lsh(bits=8)": (3.0, 0.9), "lsh(bits=16)": (1.0, 0.5), "lsh(bits=24)": (2.0, 0.4), "hnsw": (1.0, 0.9)}
    made = kept(
        home,
        lambda cell: dict(zip(("p50", "recall"), worth.get(cell.method, (9.0, 1.0)), strict=True)),
        methods=tuple(worth),
    )
    rows = made.averaged()
    assert quality_against_time(rows)["LSH"] == [(1.0, 0.5), (3.0, 0.9)]
    assert quality_against_bits(rows) == {"LSH": [(8, 0.9), (16, 0.5), (24, 0.4)]}


def test_failed_cells_take_no_part(home):
    made = kept(home, lambda cell: {"error": "It cannot be."} if cell.method == "lsh" else {}, methods=("lsh",))
    assert len(made.rows()) == 2
    assert [row.method for row in made.averaged()] == ["exact"]
    assert made.advice(0.9).sentence == "Nothing has been measured yet."


def test_the_page_says_it_all_and_runs_nothing(home):
    def figures(cell):
        if cell.method == "itq(bits=16)":
            return {"error": "Too many <bits>."}
        parts = {"rdh(parts=1)": 1, "rdh(parts=2)": 2}.get(cell.method, 0)
        return {"recall": 0.5, "p50": 1.0, "note": "Timed & told.", "chosen": {"parts": parts}}

    methods = ("itq(bits=16)", "rdh(parts=1)", "rdh(parts=2)", "lsh(bits=8)", "lsh(bits=9)")
    made = kept(home, figures, methods=methods, folds=2, sizes=(10, 20))
    page = to_html(made)
    for told in ("Results", "Quality against time", "Quality against bits", "Repetitions", "Speed-up", "Size-up"):
        assert f"<h2>{told}</h2>" in page
    assert "Too many &lt;bits&gt;." in page
    assert "Timed &amp; told." in page
    assert "Try &lt;b&gt;it&lt;/b&gt;" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_csv_holds_every_row_and_disarms_formulas(home):
    made = kept(home, lambda cell: {"recall": 0.25, "note": "=1+1", "chosen": {"bits": 8}}, methods=("lsh",))
    [_, line] = csv.DictReader(io.StringIO(to_csv(made)))
    assert (line["recall"], line["note"], line["settings in force"]) == ("0.25", "'=1+1", "bits=8")
    assert line["precision"] == "", "vectors of a file say nothing of an encoder"
    failed = kept(home, lambda cell: {"error": "No."}, methods=("lsh",))
    assert next(csv.DictReader(io.StringIO(to_csv(failed))))["recall"] == ""


def test_an_empty_study_has_a_page(home):
    assert "Nothing has been measured yet." in to_html(kept(home, lambda cell: None, methods=("lsh",)))


def test_found_listed_renamed_removed(home):
    first, second = (kept(home, lambda cell: None, methods=("lsh",)) for _ in range(2))
    assert (first.name, second.name) == ("try-b-it-b", "try-b-it-b-2")
    assert {one.name for one in studies(home)} == {first.name, second.name}
    first.rename("Another")
    assert study(home, first.name).title == "Another"
    first.remove()
    with pytest.raises(NotFound, match="hashing --list"):
        study(home, first.name)
    (second.folder / "plan.json").write_bytes(b"{}")
    assert studies(home) == []
    with pytest.raises(Corrupt):
        study(home, second.name)


def found_of(home, *counts, **known):
    """The averaged rows of a study whose methods found that many of ten true neighbours for each query."""
    methods = tuple(f"lsh(bits={8 + place})" for place in range(len(counts)))
    rows = dict(zip(methods, counts, strict=True))

    def figures(cell):
        found = rows.get(cell.method, [10] * len(counts[0]))
        return {"recall": float(np.mean(found)) / 10, "found": tuple(int(count) for count in found), **known}

    return kept(home, figures, methods=methods).averaged()


def test_the_highest_recall_is_marked_only_if_the_queries_decide_it(home):
    rng = np.random.default_rng(0)
    low = rng.integers(3, 8, 200)
    rows = found_of(home, low + 2, low, low)
    assert [row.key in highest_recall(rows) for row in rows] == [False, True, False, False]
    undecided = found_of(home, low, rng.permutation(low), low[::-1])
    assert highest_recall(undecided) == set()
    equals = found_of(home, low + 1, low + 1, low)
    assert [row.key in highest_recall(equals) for row in equals] == [False, True, True, False]
    older = [replace(row, found=()) for row in rows]
    assert highest_recall(older) == set()
    assert highest_recall(rows[:2]) == set()  # exact search does not compete, and one row alone leads nothing


def test_folds_pool_what_their_queries_found(home):
    made = kept(home, lambda cell: {"found": (10, 6 + 2 * cell.fold), "empty": 0.5, "recall": 0.9}, methods=("lsh",),
                folds=2)  # fmt: skip
    [_, one] = made.folded()
    assert (one.row.found, one.row.empty) == ((10, 6, 10, 8), 0.5)
    assert one.row.recall_low < np.mean(one.row.found) / 10 < one.row.recall_high


def test_a_recall_that_may_miss_the_target_is_not_decided(home):
    figures = {"recall": 0.96, "recall_low": 0.94, "recall_high": 0.97}
    made = kept(home, lambda cell: figures | {"p50": 9.0 if cell.method == "exact" else 1.0}, methods=("lsh(bits=8)",))
    assert made.advice(0.95).sentence == (
        "LSH · 8 bits with recall 0.960 [0.940, 0.970] in 1 ms: the cheapest that reaches 0.95. That it reaches 0.95 "
        "is not decided."
    )
    assert made.advice(0.93).sure


def test_times_whose_intervals_overlap_decide_nothing(home):
    times = {"exact": (0.9, 1.0, 1.3), "lsh(bits=8)": (0.7, 0.8, 0.95)}

    def figures(cell):
        return dict(zip(("p50_low", "p50", "p50_high"), times[cell.method], strict=True)) | {"recall": 1.0}

    made = kept(home, figures, methods=("lsh(bits=8)",))
    assert made.advice(0.9).against_exact == "not decided"
    assert "whether it is faster than exact search, 1 ms, is not decided." in made.advice(0.9).sentence


def test_draws_are_averaged_and_a_query_counts_once(home):
    found = {0: (8, 6), 1: (6, 6), 2: (4, 6)}

    def figures(cell):
        return {"recall": sum(found[cell.draw]) / 20, "found": found[cell.draw], "queries": 2}

    made = kept(home, figures, methods=("lsh", "hnsw"), draws=3)
    assert [cell.draw for cell in made.plan.cells() if cell.method == "lsh"] == [0, 1, 2]
    assert [cell.draw for cell in made.plan.cells() if cell.method == "exact"] == [0]
    lsh = next(one for one in made.folded() if one.row.method == "lsh")
    assert (lsh.folds, lsh.draws, lsh.row.queries) == (1, 3, 2)
    assert lsh.row.found == (6, 6)
    assert lsh.deviations["recall"] == pytest.approx(stdev([0.7, 0.6, 0.5]))
    assert "Means and standard deviations over 3 draws of the random parts." in to_html(made)


def test_one_draw_keeps_the_keys_of_before():
    plain = StudyPlan("T", "file:/a.npy", methods=("lsh",))
    several = StudyPlan("T", "file:/a.npy", methods=("lsh",), draws=3)
    assert {cell.key for cell in plain.cells()} < {cell.key for cell in several.cells()}
    assert is_random("lsh(bits=8)")
    assert not is_random("exact")
    with pytest.raises(BadParameter, match="number of draws"):
        StudyPlan("T", "file:/a.npy", draws=0)


def test_times_of_other_minutes_are_scaled_by_exact_search(home):
    times = {
        "exact": {"p50": 1.0, "p50_low": 0.9, "p50_high": 1.1},
        # The computer was three times as slow while this was measured.
        "lsh(bits=8)": {"p50": 1.5, "p50_low": 1.2, "p50_high": 1.8, "p99": 3.0, "slowest_ms": 0.6,
                        "exact_ms": 3.0, "exact_low": 2.7, "exact_high": 3.6},
        "kmeans": {"p50": 0.8, "p50_low": 0.8, "p50_high": 0.8, "exact_ms": 1.0, "exact_low": 1.0, "exact_high": 1.0},
    }  # fmt: skip
    made = kept(home, lambda cell: times[cell.method] | {"recall": 1.0}, methods=tuple(times)[1:])
    _, lsh, _ = made.averaged()
    assert (lsh.p50, lsh.p99, lsh.slowest_ms) == pytest.approx((0.5, 1.0, 0.2))
    found = made.advice(0.9)
    assert (found.best.title, found.against_exact) == ("LSH · 8 bits", "better")
    assert (found.exact.p50, found.exact.p50_low, found.exact.p50_high) == pytest.approx((1.0, 0.9, 1.2))
    assert made.row(made.plan.cells()[1]).p50 == 1.5  # what is stored is what was measured
    assert "took 1.00 to 3.00 times as long" in made.timing
    assert made.timing in to_html(made)


def test_older_benchmarks_say_that_exact_search_was_timed_once(home):
    made = kept(home, lambda cell: {"p50": 2.0}, methods=("lsh",))
    assert [row.p50 for row in made.averaged()] == [2.0, 2.0]
    assert made.timing.startswith("Exact search was timed once")
    assert kept(home, lambda cell: {"p50": 2.0}, methods=()).timing == ""
