"""What a training is refused for, how its pictures are split and ordered, and its estimate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from engine.core.device import device
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, loop, pictures
from engine.training.estimate import estimate
from engine.training.split import split
from engine.training.train import training_data
from tests.engine.training.stopping import SMALL


def test_the_split_is_whole_and_seeded() -> None:
    config = TrainingConfig(validation=0.25, seed=3)
    learning, held_out = split(41, config)
    assert sorted([*learning, *held_out]) == list(range(41))
    assert len(held_out) == math.ceil(0.25 * 41)
    assert len(split(41, TrainingConfig(validation=0.0))[1]) == 0


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    rows = np.arange(50)
    first = pictures.shuffled(rows, 1, 2)
    assert np.array_equal(first, pictures.shuffled(rows, 1, 2))
    assert not np.array_equal(first, pictures.shuffled(rows, 1, 3))
    assert sorted(first) == list(rows)


@pytest.mark.parametrize(
    "wrong",
    [{"model": 5}, {"model": "4"}, {"loss": "l1"}, {"schedule": "linear"}, {"rate": 0.0}, {"rate": math.nan},
     {"batch": 0}, {"batch": 2.5}, {"epochs": 0}, {"epochs": True}, {"validation": 1.0}, {"seed": -1}, {"limit": 3},
     {"size": 100}, {"size": 128}, {"noise": -0.1}, {"options": {"t_0": 5}}, {"crop": 1}, {"keep": "map"},
     {"patience": -1}, {"probe": 3}, {"probe": 0, "keep": "retrieval"}, {"name": "../up"}],
)  # fmt: skip
def test_wrong_numbers_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadParameter):
        TrainingConfig(**({"model": 4} | wrong))


def test_a_wrong_size_names_the_nearest_that_fit() -> None:
    with pytest.raises(BadParameter, match="The nearest are"):
        TrainingConfig(model=2, size=128)


def test_pictures_of_another_size_are_refused(home: Home, blobs: Any) -> None:
    run = runs.create(home, "sizes", {}, {})
    data = training_data(TrainingConfig(**(SMALL | {"size": 64})), blobs, Reporter())
    with pytest.raises(BadParameter, match=r"\(n, 32, 32, 3\)"):
        loop.train(TrainingConfig(**SMALL), data, run, Reporter(), device())


def test_an_estimate_comes_from_measured_batches() -> None:
    found = estimate(TrainingConfig(**(SMALL | {"epochs": 3, "validation": 0.2})), 100)
    assert found.images_per_second > 0
    assert found.seconds >= 3 * 80 / found.images_per_second * 0.99
    longer = estimate(TrainingConfig(**(SMALL | {"epochs": 300, "validation": 0.2})), 100)
    assert longer.seconds > 10 * found.seconds
