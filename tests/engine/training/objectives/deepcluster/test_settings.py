"""Settings of DeepCluster that cannot be, and those of earlier runs."""

from __future__ import annotations

from typing import Any

import pytest
from safetensors.torch import load_file

from engine.core.errors import BadParameter, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, train_run
from tests.engine.training.objectives.deepcluster.conftest import SMALL, Shapes
from tests.engine.training.stopping import StopAfter


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"objective": "guessing"}, "objective of the training must be contrastive, .*autoencoding or deepcluster"),
        ({"clusters": 1}, "number of clusters"),
        ({"clusters": 2.5}, "number of clusters"),
        ({"network": "resnet-19"}, "network of the training must be one of"),
        ({"network": 3}, "network of the training must be one of"),
        ({"start": "warm"}, "start of the training must be random or pretrained"),
        ({"start": "pretrained"}, "Name a ready-made network"),
        ({"network": "resnet-18", "objective": "autoencoding"}, "Choose another objective, such as contrastive"),
        ({"contrast": 1.0}, "contrast of deepcluster must be 0"),
        ({"keep": "loss"}, "keep of deepcluster must be last, retrieval or recognition"),
        ({"patience": 3}, "patience"),
        ({"model": 4, "size": 96}, "Try 127"),
        ({"network": "vit-b-16", "size": 96}, "Try 224"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        TrainingConfig(**(SMALL | wrong))


def test_more_groups_than_pictures_are_refused_before_anything_is_learned(home: Home) -> None:
    with pytest.raises(BadParameter, match="at most 10, half of the 21 training pictures"):
        train_run(home, TrainingConfig(**(SMALL | {"clusters": 12})), Shapes(24), Reporter())
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_settings_of_earlier_runs_are_still_valid() -> None:
    old = TrainingConfig(model=2, size=96).as_dict()
    for name in ("objective", "network", "start", "clusters"):
        del old[name]
    config = TrainingConfig.from_dict(old)
    assert (config.objective, config.keep, config.encoder) == ("autoencoding", "loss", "model-2")


def test_the_checkpoint_holds_the_groups(home: Home) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="cut"), Shapes(24), StopAfter(1))
    state = load_file(max((runs.run(home, "cut").folder / "checkpoint").glob("*/last.safetensors")))
    assert state["labels"].shape == (24,)
    assert int(state["epoch"]) == 0
