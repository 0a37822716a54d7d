"""Orders of an epoch in which labels are mixed evenly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engine.training.objectives.balance import TOGETHER, in_rounds


def order(sizes: list[int], batch: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return labels, in_rounds(labels, batch, np.random.default_rng(seed))


@pytest.mark.parametrize("sizes", [[300, 20, 5], [40, 40], [1, 1, 98], [10] * 10])
def test_labels_come_equally_often(sizes: list[int]) -> None:
    labels, found = order(sizes, 32)
    assert len(found) == sum(sizes)
    counts = Counter(labels[found].tolist())
    assert max(counts.values()) - min(counts.get(label, 0) for label in range(len(sizes))) <= TOGETHER


def test_every_batch_has_several_pictures_of_several_labels() -> None:
    labels, found = order([30] * 12, 16)
    for start in range(0, 320, 16):
        counts = Counter(labels[found[start : start + 16]].tolist())
        assert len(counts) >= 2
        assert min(counts.values()) >= TOGETHER


def test_no_picture_comes_again_before_all_of_its_label_have_come() -> None:
    labels, found = order([9, 90], 8)
    few = [row for row in found.tolist() if labels[row] == 0]
    assert all(sorted(few[start : start + 9]) == list(range(9)) for start in range(0, len(few) - 9, 9))


def test_small_batches_hold_two_labels_and_the_order_depends_on_the_seed() -> None:
    labels, found = order([8, 8], 2)
    assert {labels[pair].tolist()[0] == labels[pair].tolist()[1] for pair in found.reshape(-1, 2)} == {False}
    assert (order([8, 8], 2)[1] == found).all()
    assert (order([8, 8], 2, seed=1)[1] != found).any()
