"""The fixed set of pictures that tells after every epoch how well a network searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.core.device import Device
from engine.evaluation.retrieval import evaluate
from engine.training import TrainingConfig
from engine.training.pictures import Data, Pictures
from engine.training.probe import BY_COPIES, BY_LABELS, probe

CPU = Device("cpu", torch.float32, "")


class Thumbnails:
    """An objective whose vectors are the pictures themselves, made small."""

    def vectors(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.adaptive_avg_pool2d(pictures, 8).flatten(1)


class Blind:
    """An objective that sees the same in every picture."""

    def vectors(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.ones(len(pictures), 4)


def data(labels: list[str], size: int = 16) -> Data:
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), size, size, 3), dtype=np.uint8)
    return Data(pixels, np.arange(100, 100 + len(labels)), tuple(labels))


def test_it_is_precision_at_8_as_evaluation_measures_it() -> None:
    some = data([f"label {row % 3}" for row in range(60)])
    chosen = probe(some, TrainingConfig(probe=40))
    assert chosen is not None
    assert chosen.measure == BY_LABELS
    objective: Any = Thumbnails()
    pictures = Pictures(some, CPU)
    value, neighbours = chosen.ask(objective, pictures, 0)
    vectors = objective.vectors(pictures.take(chosen.rows)).numpy()
    scores = evaluate(vectors, [some.labels[row] for row in chosen.rows], "cosine")
    assert value == pytest.approx(scores.precision)
    assert chosen.chance == pytest.approx(scores.chance)
    assert neighbours.shape == (40, 8)
    assert not (neighbours == np.arange(40)[:, None]).any()


def test_without_labels_each_looks_for_its_own_copy() -> None:
    some = data([""] * 40)
    chosen = probe(some, TrainingConfig(probe=32))
    assert chosen is not None
    assert (chosen.measure, chosen.chance) == (BY_COPIES, 1 / 32)
    smooth = Data(np.repeat(np.repeat(some.pixels[:, ::8, ::8], 8, 1), 8, 2), some.ids, some.labels)
    seeing: Any = Thumbnails()
    blind: Any = Blind()
    assert chosen.ask(seeing, Pictures(smooth, CPU), 0)[0] > 0.5
    assert chosen.ask(blind, Pictures(smooth, CPU), 0)[0] == pytest.approx(1 / 32)


def test_beside_labels_copies_altered_as_strongly_as_views_are_looked_for() -> None:
    some = data([f"label {row % 3}" for row in range(60)])
    smooth = Data(np.repeat(np.repeat(some.pixels[:, ::8, ::8], 8, 1), 8, 2), some.ids, some.labels)
    weak, strong = probe(smooth, TrainingConfig(probe=40)), probe(smooth, TrainingConfig(probe=40, keep="recognition"))
    assert weak is not None
    assert strong is not None
    assert (weak.strong, strong.strong, strong.measure) == (False, True, BY_LABELS)
    seeing: Any = Thumbnails()
    blind: Any = Blind()
    pictures = Pictures(smooth, CPU)
    found = [chosen.copies_found(seeing, pictures, 0) for chosen in (weak, strong)]
    assert found[0] > found[1] > 1 / 40
    assert strong.copies_found(blind, pictures, 0) == pytest.approx(1 / 40)


def test_a_label_of_its_own_takes_no_part() -> None:
    chosen = probe(data(["a"] * 10 + ["b"] * 10 + ["alone"]), TrainingConfig(probe=32))
    assert chosen is not None
    assert chosen.rows.tolist() == list(range(20))


def test_with_a_hundred_labels_eight_alike_can_still_be_found() -> None:
    labels = [f"label {row % 100}" for row in range(2000)] + [f"alone {row}" for row in range(300)]
    chosen = probe(data(labels), TrainingConfig(probe=256))
    assert chosen is not None
    _, sizes = np.unique(chosen.codes, return_counts=True)
    assert sizes.tolist() == [9] * 28  # as many labels as fit with nine of each
    assert chosen.chance == pytest.approx(8 / (9 * 28 - 1))


@pytest.mark.parametrize(
    "labels", [["same"] * 20, [f"own {row}" for row in range(20)], ["a", "a", "b", "b"] + [""] * 16]
)
def test_labels_that_tell_nothing_are_not_used(labels: list[str]) -> None:
    chosen = probe(data(labels), TrainingConfig(probe=16))
    assert chosen is not None
    assert (chosen.measure, len(chosen.rows)) == (BY_COPIES, 16)


def test_fewer_than_nine_pictures_leave_places_empty() -> None:
    some = data([""] * 5)
    chosen = probe(some, TrainingConfig(probe=16))
    assert chosen is not None
    objective: Any = Thumbnails()
    _, neighbours = chosen.ask(objective, Pictures(some, CPU), 0)
    assert (neighbours[:, 4:] == -1).all()
    assert (neighbours[:, :4] >= 0).all()


def test_none_is_wanted() -> None:
    assert probe(data([""] * 20), TrainingConfig(probe=0)) is None
