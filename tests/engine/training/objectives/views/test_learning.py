"""Learning from views of the pictures alone: the views, and the run that becomes an encoder."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from engine.core.device import device
from engine.core.errors import BadParameter, Corrupt, NotTrained
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.runs import listing as runs
from engine.training import TrainingConfig, train_run
from engine.training.augment import half_colour_view
from engine.training.estimate import estimate
from engine.training.job import train
from engine.training.objectives.balance import whole_batches
from engine.training.objectives.views import Views
from engine.training.train import training_data
from models.specs import RESIDUAL, SPECS
from tests.engine.training.conftest import Blobs
from tests.engine.training.objectives.views.conftest import KINDS, NARROW, SMALL


class Bare(Blobs):
    """Blobs without labels."""

    def images(self) -> SimpleNamespace:
        return SimpleNamespace(ids=np.arange(self.count), labels=[""] * self.count)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ── views ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_views_are_pictures_and_depend_on_their_stream_alone() -> None:
    pictures = torch.rand(6, 3, 40, 40, generator=seeded())
    first = half_colour_view(pictures, 32, seeded(1))
    assert first.shape == (6, 3, 32, 32)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, half_colour_view(pictures, 32, seeded(1)))
    assert not torch.allclose(first, half_colour_view(pictures, 32, seeded(2)), atol=0.1)


def test_a_view_holds_nothing_of_another_picture() -> None:
    pictures = torch.rand(6, 3, 32, 32, generator=seeded())
    others = pictures.clone()
    others[1:] = 0
    assert torch.equal(half_colour_view(pictures, 32, seeded(3))[0], half_colour_view(others, 32, seeded(3))[0])


def test_some_views_are_grey_and_hues_stay() -> None:
    red = torch.zeros(400, 3, 16, 16)
    red[:, 0], red[:, 1] = 0.8, 0.3
    views = half_colour_view(red, 16, seeded())
    means = views.mean((2, 3))
    grey = (means.amax(1) - means.amin(1)) < 1e-4
    assert 0.05 < float(grey.float().mean()) < 0.16
    coloured = means[~grey]
    assert (coloured[:, 0] > coloured[:, 1]).all()
    assert (coloured[:, 1] > coloured[:, 2] - 1e-6).all()


@pytest.mark.parametrize(("count", "size", "steps"), [(20, 8, 3), (16, 8, 2), (5, 8, 1), (1, 8, 1), (9, 8, 2)])
def test_every_batch_is_whole_and_nothing_is_left_out(count: int, size: int, steps: int) -> None:
    order = np.random.default_rng(0).permutation(count)
    filled = whole_batches(order, size)
    assert filled[:count].tolist() == order.tolist()
    assert len(filled) == (steps * size if count > size else count)
    assert filled[count:].tolist() == order[: len(filled) - count].tolist()


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_learns_to_recognise_without_labels(home: Home) -> None:
    config = TrainingConfig(**(SMALL | {"epochs": 12, "batch": 24}), name="learns")
    run = train_run(home, config, Bare(48), Reporter())
    events = run.events()
    assert events[-1]["train"] < 0.9 * events[1]["train"]
    assert run.card["recognition"] == max(event["recognition"] for event in events[1:])
    assert config.keep == "recognition"


def test_labels_are_measured_with_and_never_learned_from(home: Home) -> None:
    with_labels = train_run(home, TrainingConfig(**SMALL, name="labelled"), Blobs(24), Reporter())
    without = train_run(home, TrainingConfig(**SMALL, name="bare"), Bare(24), Reporter())
    assert with_labels.load().keys() == without.load().keys()
    first, second = with_labels.events()[-1], without.events()[-1]
    assert first["train"] == second["train"]
    assert (with_labels.probe().measure, without.probe().measure) == ("precision@8", "own copy found")  # type: ignore[union-attr]
    assert second["retrieval"] == second["recognition"]


def test_the_run_is_an_encoder_that_sees_a_picture_and_its_mirror_image_alike(home: Home) -> None:
    run = train_run(home, TrainingConfig(**SMALL), Blobs(24), Reporter())
    assert (run.name, run.encoder) == ("blobs-small-resnet-1", "small-resnet")
    assert run.card["title"] == "Small ResNet, trained on Blobs"
    run.rename("My discs")
    mine = next(choice for choice in choices(home) if choice.key == f"small-resnet@{run.name}")
    assert (mine.name, mine.title, mine.ready) == ("small-resnet", "Small ResNet · My discs", True)
    assert "“Blobs”" in mine.good_for
    encoder = open_encoder("small-resnet", run.name, home)
    assert (encoder.info.input_size, encoder.info.spatial, encoder.info.title) == (32, True, mine.title)
    images = torch.rand(3, 3, 32, 32, generator=seeded())
    found = encoder.encode(images).mean((2, 3))
    assert found.shape == (3, 16)
    assert torch.allclose(found, encoder.encode(images.flip(3)).mean((2, 3)), atol=1e-5)


def test_the_encoder_gives_the_vectors_that_were_measured(home: Home) -> None:
    run = train_run(home, TrainingConfig(**SMALL), Blobs(24), Reporter())
    config = TrainingConfig.from_dict(run.config)
    objective = Views(config, device(), training_data(config, Blobs(24), Reporter()))
    body: Any = objective.network.body
    body.network.load_state_dict(run.load(), strict=False)
    objective.network.eval()
    images = torch.rand(3, 3, 32, 32, generator=seeded())
    with torch.no_grad():
        expected = objective.vectors(images)
    found = open_encoder("small-resnet", run.name, home).encode(images).mean((2, 3))
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.999


def test_an_untrained_one_says_how_to_train_it(home: Home) -> None:
    line = next(choice for choice in choices(home) if choice.name == "small-resnet")
    assert (line.ready, line.weights) == (False, "")
    with pytest.raises(NotTrained, match="--objective contrastive"):
        open_encoder("small-resnet", "", home)


def test_weights_of_other_runs_and_broken_ones_are_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="mine"), Blobs(24), Reporter())
    with pytest.raises(BadParameter, match="a run of small-resnet"):
        open_encoder("model-4", "mine", home)
    with monkeypatch.context() as patch:
        patch.setitem(RESIDUAL, "small-resnet", replace(NARROW, widths=(8, 8, 16, 24)))
        with pytest.raises(BadParameter, match="made for it"):
            open_encoder("small-resnet", "mine", home)
    broken = run.load()
    broken["stem.conv.weight"][0] = torch.nan
    run.keep(broken)
    with pytest.raises(Corrupt, match="not numbers"):
        open_encoder("small-resnet", "mine", home)


def test_the_models_learn_by_it_too(home: Home) -> None:
    run = train_run(home, TrainingConfig(**(SMALL | {"network": "", "model": 1, "epochs": 1})), Blobs(24), Reporter())
    assert run.encoder == "model-1"
    assert open_encoder("model-1", run.name, home).encode(torch.rand(2, 3, 32, 32)).shape[1] == SPECS[1].blocks[-1]


def test_a_job_without_a_config_learns_from_the_pictures(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.collections.collection.Collection.open", lambda *_: Blobs(24))
    monkeypatch.setattr("engine.training.config._EPOCHS", (1, 1))
    made = train({"home": str(home.root), "collection": "blobs"}, Reporter())
    config = runs.run(home, made["run"]).config
    assert (config["objective"], config["network"], config["epochs"]) == ("contrastive", "small-resnet", 1)


@pytest.mark.parametrize("kind", ["contrastive", "supcon"])
def test_the_time_can_be_estimated(kind: str) -> None:
    made = estimate(TrainingConfig(**(SMALL | KINDS[kind])), 1000)
    assert made.images_per_second > 0
    assert made.seconds > 0
