"""The weights that an encoder gets where none are named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.storage import write_json
from engine.encoders.best import MeasuredBest, keep_best, measured_best
from engine.encoders.choosing import default_choice, default_embedding, newest_weights, with_weights
from engine.encoders.networks.table import BACKBONES
from engine.runs import listing as runs
from engine.search.opening import default_recipe
from models.autoencoder import Autoencoder


def trained(home: Home, name: str, collection: str, **config: Any) -> None:
    made = runs.create(home, name, {"model": 1, "size": 64, **config}, {"collection": {"name": collection}})
    made.keep(Autoencoder(1).initialise(0).state_dict())
    made.end("done")


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, network in BACKBONES.items():
        if network.package:
            monkeypatch.setitem(BACKBONES, name, replace(network, package="not-installed-pytorch-model"))


def test_a_ready_made_network_is_the_default(home: Home) -> None:
    trained(home, "own", "holiday")
    assert str(default_recipe(home, "holiday")) == "holiday/efficientnet-lite0/avg-sqrt/cosine/exact/8"


@pytest.mark.usefixtures("no_packages")
def test_without_one_colours_and_textures_are_with_what_learned_on_the_collection(home: Home) -> None:
    trained(home, "own", "holiday")
    assert str(default_recipe(home, "holiday")) == "holiday/side-by-side/avg-dba/cosine/exact/8"
    trained(home, "learned", "holiday", contrast=True)
    assert str(default_recipe(home, "holiday")) == "holiday/side-by-side@learned/avg-dba/cosine/exact/8"
    assert default_choice(home, "garden").key == "side-by-side"


@pytest.mark.usefixtures("no_packages")
def test_without_a_collection_to_fit_to_it_is_the_colour_histogram(home: Home) -> None:
    trained(home, "learned", "holiday", contrast=True)
    assert default_choice(home, "").key == "colour-histogram"


BETTER = MeasuredBest("colour-histogram", "", "max-sqrt", 0.9, (0.1, 0.2), "efficientnet-lite0/avg-sqrt")


def test_what_measured_better_on_a_collection_is_its_default(home: Home) -> None:
    (home.datasets / "holiday").mkdir(parents=True)
    keep_best(home.datasets / "holiday", BETTER)
    assert measured_best(home, "holiday") == BETTER
    assert str(default_recipe(home, "holiday")) == "holiday/colour-histogram/max-sqrt/cosine/exact/8"
    assert default_recipe(home, "garden").encoder == "efficientnet-lite0"
    assert default_choice(home, "holiday", measured=False).name == "efficientnet-lite0"
    keep_best(home.datasets / "holiday", None)
    assert default_recipe(home, "holiday").encoder == "efficientnet-lite0"


def test_what_is_gone_or_damaged_is_no_default(home: Home) -> None:
    folder = home.datasets / "holiday"
    folder.mkdir(parents=True)
    keep_best(folder, replace(BETTER, encoder="model-1", weights="gone"))
    assert default_recipe(home, "holiday").encoder == "efficientnet-lite0"
    keep_best(folder, BETTER)
    path = folder / "best_encoder.json"
    path.write_text(path.read_text().replace("max-sqrt", "max-pool"))
    assert measured_best(home, "holiday") is None
    assert default_recipe(home, "holiday").encoder == "efficientnet-lite0"
    write_json(path, {"encoder": "hog"})
    assert measured_best(home, "holiday") is None


def test_each_encoder_has_its_embedding(home: Home) -> None:
    trained(home, "own", "holiday")
    assert default_embedding(home, "efficientnet-lite0") == "avg-sqrt"
    assert default_embedding(home, "resnet-50") == "avg-sqrt"
    assert default_embedding(home, "model-1", "own") == "max"
    assert default_embedding(home, "nobody") == "max"


def test_the_newest_weights_that_are_ready(home: Home, make_run: Callable[..., Any]) -> None:
    assert newest_weights(home, "model-1", "a study") == ""
    make_run(1, "first", 32)
    make_run(1, "second", 32)
    assert newest_weights(home, "model-1", "a study") == "second"
    assert newest_weights(home, "raw-pixels", "a study") == ""
    assert with_weights(home, "model-1", "a study") == "model-1@second"
    assert with_weights(home, "model-1@first", "a study") == "model-1@first"
    assert with_weights(home, "raw-pixels", "a study") == "raw-pixels"


def test_no_such_encoder(home: Home) -> None:
    with pytest.raises(BadParameter, match=r"The encoder of a study must be one of .*raw-pixels.*; got 'nobody'"):
        newest_weights(home, "nobody", "a study")
