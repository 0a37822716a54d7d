"""What a new training begins with, and what a stored one means."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.errors import BadParameter
from engine.training.config import OBJECTIVES, ORIGINAL_STUDY, TrainingConfig, canonical_settings, with_defaults
from models.specs import SPECS


def test_a_new_training_defaults_to_contrastive_learning_with_a_small_network() -> None:
    config = TrainingConfig.from_dict(with_defaults({"epochs": 3}))
    assert (config.objective, config.network, config.epochs, config.size) == ("contrastive", "small-resnet", 3, 64)


@pytest.mark.parametrize("named", [{"model": 4}, {"loss": "ssim"}, {"flip": True}, {"objective": "autoencoding"}])
def test_a_setting_of_an_autoencoder_means_one(named: dict[str, Any]) -> None:
    config = TrainingConfig.from_dict(with_defaults(named))
    assert (config.model, config.epochs, config.size, config.contrast) == (4, 10, 160, 1.0)
    given = TrainingConfig.from_dict(with_defaults(named | {"epochs": 3, "contrast": 0.0}))
    assert (given.epochs, given.size, given.contrast) == (3, 160, 0.0)


@pytest.mark.parametrize("model", SPECS)
def test_every_model_can_begin_with_the_defaults_of_every_objective(model: int) -> None:
    for objective in OBJECTIVES:
        config = TrainingConfig.from_dict(with_defaults({"objective": objective, "model": model}))
        assert (config.encoder, config.objective) == (f"model-{model}", objective)


def test_deepcluster_begins_with_a_ready_made_network() -> None:
    config = TrainingConfig.from_dict(with_defaults({"objective": "deepcluster"}))
    assert (config.network, config.size, config.schedule, config.contrast) == ("resnet-18", 96, "cosine", 0.0)


def test_pretrained_weights_are_tuned_gently_by_either_objective() -> None:
    config = TrainingConfig.from_dict(with_defaults({"start": "pretrained"}, pictures=1500))
    assert (config.objective, config.network, config.keep) == ("deepcluster", "efficientnet-lite0", "recognition")
    assert (config.rate, config.epochs, config.size, config.views, config.clusters) == (5e-5, 5, 224, 128, 24)
    given = {"start": "pretrained", "objective": "contrastive", "network": "resnet-18", "epochs": 2}
    other = TrainingConfig.from_dict(with_defaults(given))
    assert (other.objective, other.network, other.epochs, other.rate) == ("contrastive", "resnet-18", 2, 5e-5)
    labels = TrainingConfig.from_dict(with_defaults({"start": "pretrained", "objective": "supcon"}))
    assert (labels.network, labels.rate, labels.validation, labels.keep) == (
        "efficientnet-lite0",
        5e-5,
        0.2,
        "retrieval",
    )


@pytest.mark.parametrize(("pictures", "clusters"), [(16, 4), (40, 10), (96, 24)])
def test_few_pictures_are_tuned_with_few_clusters(pictures: int, clusters: int) -> None:
    config = TrainingConfig.from_dict(with_defaults({"start": "pretrained"}, pictures))
    assert config.clusters == clusters
    config.check_clusters(pictures)


def test_a_stored_config_that_lacks_a_key_means_what_it_always_meant() -> None:
    old = TrainingConfig.from_dict({"model": 2})
    assert {name: getattr(old, name) for name in ORIGINAL_STUDY} == ORIGINAL_STUDY


def test_an_unknown_objective_is_refused() -> None:
    with pytest.raises(BadParameter, match="objective of the training must be contrastive, vicreg, supcon"):
        TrainingConfig.from_dict(with_defaults({"objective": "magic"}))


def test_one_training_written_in_two_ways_is_the_same() -> None:
    brief = TrainingConfig(objective="triplet", network="small-resnet", schedule="one-cycle", name="mine")
    whole = TrainingConfig.from_dict(brief.canonical().as_dict() | {"name": "other", "keep_state": True})
    assert set(whole.settings) == {"margin", "mining"}
    assert "pct_start" in whole.options
    assert brief.canonical() == whole.canonical() != TrainingConfig().canonical()
    assert canonical_settings(brief.as_dict()) == canonical_settings(whole.as_dict())
    assert canonical_settings({"name": "mine", "of_another_version": 1}) == {"of_another_version": 1}
