"""The linear probe: what a line separates is read, what it cannot separate is not, and no vector judges itself."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from engine.core.errors import BadParameter
from engine.evaluation import probe
from engine.evaluation.probe import linear_probe


def blobs(apart: float, count: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = np.arange(count) % 3
    centres = apart * np.eye(3, 8)
    return (centres[codes] + rng.standard_normal((count, 8))).astype(np.float32), codes


def test_what_a_line_separates_is_read_and_noise_is_not() -> None:
    rows, right = linear_probe(*blobs(12))
    assert rows.tolist() == list(range(120))
    assert right.all()
    assert linear_probe(*blobs(0))[1].mean() == pytest.approx(1 / 3, abs=0.15)


def test_a_ring_is_no_matter_for_a_line() -> None:
    rng = np.random.default_rng(0)
    angles, codes = rng.uniform(0, 2 * np.pi, 200), np.arange(200) % 2
    ring = (np.c_[np.cos(angles), np.sin(angles)] * (1 + 4 * codes)[:, None]).astype(np.float32)
    assert linear_probe(ring, codes)[1].mean() < 0.65


def test_against_folds_one_after_the_other() -> None:
    vectors, codes = blobs(1.5)
    right = np.zeros(len(codes), dtype=bool)
    for learned, asked in StratifiedKFold(5, shuffle=True, random_state=0).split(vectors, codes):
        mean, spread = vectors[learned].astype(float).mean(0), vectors[learned].astype(float).std(0)
        model = LogisticRegression(max_iter=200).fit((vectors[learned] - mean) / spread, codes[learned])
        right[asked] = model.predict((vectors[asked] - mean) / spread) == codes[asked]
    assert linear_probe(vectors, codes)[1].mean() == pytest.approx(right.mean(), abs=0.01)


def test_scale_and_offset_of_a_value_do_not_matter() -> None:
    vectors, codes = blobs(1.5)
    moved = vectors * np.array([1, 10, 0.1, 1, 1, 1, 1, 1], np.float32) + 5
    assert linear_probe(vectors, codes)[1].mean() == pytest.approx(linear_probe(moved, codes)[1].mean(), abs=0.01)


def test_single_labels_are_left_out_and_many_vectors_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, codes = blobs(12)
    codes = codes.copy()
    codes[5] = 9
    assert 5 not in linear_probe(vectors, codes)[0]
    monkeypatch.setattr(probe, "MOST", 60)
    assert len(linear_probe(vectors, codes)[0]) <= 60


@pytest.mark.parametrize("codes", [[0] * 6, [0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 3, 4]])
def test_one_label_is_refused(codes: list[int]) -> None:
    with pytest.raises(BadParameter, match="two pictures each"):
        linear_probe(np.eye(6, dtype=np.float32), np.array(codes))


def test_bad_vectors_and_equal_ones() -> None:
    vectors, codes = blobs(3, 12)
    vectors[3, 2] = np.nan
    with pytest.raises(BadParameter, match="finite"):
        linear_probe(vectors, codes)
    assert linear_probe(np.ones((10, 4), np.float32), np.arange(10) % 2)[1].mean() <= 0.5
