"""What answers are worth: known values, scikit-learn's, and properties."""

from __future__ import annotations

import numpy as np
import pytest

from engine.classification import measures
from engine.classification.corruptions import USUAL, Corruption, dropped
from engine.classification.folds import drawn, folds
from engine.core.errors import BadParameter

TRUE = np.array([0, 0, 1, 1, 2, 2, 2, 0])
SAID = np.array([0, 1, 1, 1, 2, 0, 2, 0])


def test_a_confusion_matrix_is_known() -> None:
    counts = measures.confusion(TRUE, SAID, 3)
    assert counts.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 2]]
    assert measures.accuracy(counts) == 6 / 8
    assert measures.per_class(counts)[1] == (2 / 3, 1.0, pytest.approx(0.8), 2)


def test_f1_agrees_with_scikit_learn() -> None:
    from sklearn.metrics import f1_score

    random = np.random.default_rng(0)
    true, said = random.integers(0, 5, 200), random.integers(0, 5, 200)
    counts = measures.confusion(true, said, 5)
    assert measures.macro_f1(counts) == pytest.approx(f1_score(true, said, average="macro"))
    assert measures.macro_f1(measures.confusion(TRUE, SAID, 7)) == pytest.approx(f1_score(TRUE, SAID, average="macro"))
    assert measures.macro_f1(np.zeros((3, 3), np.int64)) == 0


def test_calibration_of_answers_that_are_as_sure_as_they_are_right() -> None:
    sure = np.array([[0.75, 0.25]] * 4)
    bins = measures.reliability(np.array([0, 0, 0, 1]), sure)
    assert [(one.low, one.high, one.count, one.accuracy) for one in bins] == [(0.7, 0.8, 4, 0.75)]
    assert measures.calibration_error(bins) == pytest.approx(0)
    assert measures.calibration_error(measures.reliability(np.array([1, 1, 1, 1]), sure)) == pytest.approx(0.75)
    assert measures.log_loss(np.array([0, 0, 0, 1]), sure) == pytest.approx(-(3 * np.log(0.75) + np.log(0.25)) / 4)
    assert len(measures.reliability(np.array([0]), np.array([[1.0, 0.0]]))) == 1


@pytest.mark.parametrize("count", [2, 3, 5])
def test_folds_part_everything_and_every_class_evenly(count: int) -> None:
    codes = np.random.default_rng(count).permutation(np.repeat(np.arange(4), [5, 9, 17, 23]))
    found = folds(codes, count, seed=1)
    assert set(found.tolist()) == set(range(count))
    for code in range(4):
        sizes = np.bincount(found[codes == code], minlength=count)
        assert sizes.max() - sizes.min() <= 1
    whole = np.bincount(found, minlength=count)
    assert whole.max() - whole.min() <= 1
    assert np.array_equal(found, folds(codes, count, seed=1))
    assert not np.array_equal(found, folds(codes, count, seed=2))


def test_a_class_with_fewer_things_than_folds_is_refused() -> None:
    with pytest.raises(BadParameter, match="number of folds of a classification must be at most 2; got 3"):
        folds(np.array([0, 0, 0, 1, 1]), 3, seed=0)


def test_as_many_of_each_class_are_drawn() -> None:
    codes = np.repeat(np.arange(3), [4, 10, 20])
    rows = drawn(codes, 6, seed=0)
    assert np.bincount(codes[rows]).tolist() == [4, 6, 6]
    assert np.array_equal(rows, np.unique(rows))
    assert np.array_equal(drawn(codes, None, seed=0), np.arange(34))


def test_conditions_are_read_and_refused() -> None:
    assert Corruption.parse("picture=blur-4").blur == 4
    assert Corruption.parse("text=missing").missing
    assert len({Corruption.parse(text).title for text in USUAL}) == len(USUAL)
    for text in ("picture=drop-50", "text=blur-4", "picture", "text=drop-0", "text=drop-100"):
        with pytest.raises(BadParameter, match="condition of a classification"):
            Corruption.parse(text)


def test_words_are_dropped_by_the_seed() -> None:
    text = " ".join(map(str, range(10)))
    found = dropped(text, 50, seed=3).split()
    assert len(found) == 5
    assert found == sorted(found)
    assert dropped(text, 50, seed=3).split() == found
    assert dropped(text, 50, seed=4).split() != found
    assert dropped("", 80, seed=0) == ""


def test_the_calibration_of_small_folds_is_worse_than_that_of_all_together() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 200)
    ordered = np.sort(sure)
    right = (np.diff(np.floor(ordered.cumsum()), prepend=0) > 0)[sure.argsort().argsort()] * 1.0  # well calibrated
    parts = np.arange(200).reshape(5, 40)
    of_folds = np.mean([measures.calibration_error(measures.equal_bins(sure[part], right[part])) for part in parts])
    found = measures.calibration(sure.tolist(), right.tolist())
    assert found.error < 0.75 * of_folds
    assert found.error < found.by_chance
    assert found.interval[0] < found.interval[1]
    wrong = measures.calibration([0.95] * 200, [1.0, 0.0] * 100)
    assert wrong.error == pytest.approx(0.45)
    assert wrong.error > 4 * wrong.by_chance
    assert measures.calibration([], []).error == 0


def test_bins_of_equally_many_and_the_brier_score() -> None:
    bins = measures.equal_bins(np.linspace(0, 1, 25), np.ones(25), 5)
    assert [one.count for one in bins] == [5] * 5
    assert bins[0].confidence == pytest.approx(np.linspace(0, 1, 25)[:5].mean())
    sure = np.array([[0.75, 0.25], [0.5, 0.5]])
    assert measures.brier(np.array([0, 1]), sure) == pytest.approx((2 * 0.25**2 + 2 * 0.5**2) / 2)
