"""The recipe that a preset of grouping asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.core.home import Home
from engine.encoders import choices
from engine.grouping.presets import PRESETS
from engine.grouping.run import recipe_of_preset
from engine.runs import listing as runs
from engine.training import TrainingConfig


def test_a_run_of_a_network_is_not_the_network_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    home = Home(tmp_path)
    config = TrainingConfig(objective="deepcluster", network="resnet-50", name="mine")
    run = runs.create(home, "mine", config.as_dict(), {"title": "Mine"})
    run.keep({"weight": torch.zeros(1)})
    run.end("done")
    recipe = recipe_of_preset(home, PRESETS["recommended"], "animals")
    ready = [(choice.name, choice.weights) for choice in choices(home) if choice.ready]
    assert ("resnet-50", "mine") in ready
    assert (recipe.encoder, recipe.weights) in ready, "the network's own weights are not here"
    assert recipe.metric == "cosine"
