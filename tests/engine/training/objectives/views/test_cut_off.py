"""Learning from views cut off anywhere, and its settings."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.core.device import device
from engine.core.errors import BadParameter, Diverged, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, loop, train_run
from engine.training.config import with_defaults
from engine.training.objectives.views import Views
from engine.training.train import training_data
from models.specs import RESIDUAL
from tests.engine.killing import killable
from tests.engine.training.conftest import Blobs
from tests.engine.training.objectives.views.conftest import KINDS, NARROW, SMALL
from tests.engine.training.stopping import StopAfter
from tests.engine.training.test_survival import killed_to_the_end
from tests.engine.training.told import train_and_tell

SEEN = ("epoch", "train", "retrieval", "recognition", "rate", "best")
# ── cut off ──────────────────────────────────────────────────────────────────────────────────────────────────────────
CUTS = [*(("contrastive", steps) for steps in (1, 3, 7)), *((kind, 4) for kind in KINDS)]


@pytest.mark.parametrize(("kind", "steps"), CUTS)
def test_a_stopped_training_goes_on_to_the_same_bits(home: Home, kind: str, steps: int) -> None:
    longer = SMALL | {"epochs": 3} | KINDS[kind]
    whole = train_run(home, TrainingConfig(**longer, name="whole"), Blobs(20), Reporter())
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**longer, name="parts"), Blobs(20), StopAfter(steps))
    run = continue_run(runs.run(home, "parts"), Blobs(20), Reporter(), None)
    assert (run.state, run.digest) == ("done", whole.digest)
    assert [[e.get(k) for k in SEEN] for e in run.events()] == [[e.get(k) for k in SEEN] for e in whole.events()]


def train_blobs(root: str, name: str) -> None:
    """Begin the run of that name, or go on with it."""
    RESIDUAL["small-resnet"] = NARROW
    torch.set_num_threads(1)
    train_and_tell(root, name, Blobs(20), SMALL | {"epochs": 3} | KINDS[name.split("-")[0]])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["contrastive", "crops", "vicreg", "supcon", "triplet"])
def test_a_training_killed_at_any_moment_goes_on_to_the_same_bits(tmp_path: Path, kind: str) -> None:
    chance, first = random.Random(1), (str(tmp_path), f"{kind}-whole")
    with killable(__name__, "train_blobs", first, BENZER_CHECKPOINT_SECONDS="0") as work:
        began = time.monotonic()
        assert work(str(tmp_path), f"{kind}-again")
        longest, kills, whole = time.monotonic() - began, 0, runs.run(Home(tmp_path), f"{kind}-whole")
        for number in range(12):
            kills += killed_to_the_end(work, tmp_path, f"{kind}-parts-{number}", longest, chance)
            run = runs.run(Home(tmp_path), f"{kind}-parts-{number}")
            assert (run.state, run.digest) == ("done", whole.digest)
            if kills >= 3:
                return
    raise AssertionError(f"only {kills} kills hit")


def test_a_loss_that_is_not_a_number_ends_it_and_keeps_what_was_best(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, calls = Views.loss, [0]

    def broken(self: Views, *inputs: Any) -> torch.Tensor:
        calls[0] += 1
        return honest(self, *inputs) * (torch.nan if calls[0] > 4 else 1)

    monkeypatch.setattr(Views, "loss", broken)
    with pytest.raises(Diverged, match="epoch 2"):
        train_run(home, TrainingConfig(**SMALL, name="nan"), Blobs(24), Reporter())
    run = runs.run(home, "nan")
    assert (run.state, run.ready, run.card["best_epoch"]) == ("failed", True, 1)


def test_where_memory_runs_out_a_batch_is_halved(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Views.loss

    def short(self: Views, pictures: torch.Tensor, *others: Any) -> torch.Tensor:
        if len(pictures) > 4:
            raise RuntimeError("not enough memory: you tried to allocate memory")
        return honest(self, pictures, *others)

    monkeypatch.setattr(Views, "loss", short)
    run = train_run(home, TrainingConfig(**SMALL, name="short"), Blobs(24), Reporter())
    assert [note["kind"] for note in run.notes()] == ["halved"]


# ── settings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"network": "resnet-19"}, "network of the training must be one of"),
        ({"objective": "autoencoding"}, "Choose another objective, such as contrastive"),
        ({"contrast": 1.0}, "contrast of contrastive must be 0"),
        ({"start": "pretrained"}, "start of Small ResNet must be random"),
        ({"keep": "recognition", "probe": 0}, "probe of a training that keeps the best by recognition"),
        ({"keep": "luck"}, "loss, retrieval, recognition or last"),
        ({"temperature": 0.0}, "temperature of the training must be"),
        ({"settings": {"margin": 1.0}}, "setting of the objective contrastive must be one of none"),
        ({"objective": "triplet", "settings": {"margin": 9.0}}, "margin of the objective triplet must be"),
        ({"crops": 9}, "number of small views of the training must be"),
        ({"crops": 1, "size": 16}, "size of small views of the training must be"),
        ({"optimizer": "lars"}, "optimizer of the training must be one of adamw"),
        ({"momentum": 1.0}, "momentum of the training must be"),
        ({"warmup": 3.0}, "warm-up of the training must be at most its 2 epochs"),
        ({"clip": -1.0}, "gradient norm of the training must be"),
        ({"precision": "float16"}, "precision of the training must be float32 or bfloat16"),
        ({"objective": "deepcluster", "crops": 1}, "number of small views of deepcluster must be left out"),
        ({"weight_decay": -1.0}, "weight decay of the training must be"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        TrainingConfig(**(SMALL | wrong))


def test_without_a_probe_the_last_weights_are_kept() -> None:
    assert TrainingConfig(**(SMALL | {"probe": 0})).keep == "last"


def test_weights_decay_but_biases_and_normalisations_do_not(home: Home) -> None:
    config = TrainingConfig(**SMALL, name="decay")
    run = runs.create(home, "decay", config.as_dict(), {})
    training = loop.Training.on_pictures(
        config, training_data(config, Blobs(24), Reporter()), run, Reporter(), device()
    )
    decaying, others = training.optimizer.param_groups
    assert (decaying["weight_decay"], others["weight_decay"]) == (5e-4, 0.0)
    assert {weight.ndim for weight in others["params"]} == {1}
    assert min(weight.ndim for weight in decaying["params"]) == 2


def test_many_pictures_are_learned_from_larger_and_in_fewer_epochs() -> None:
    few, some, many = (with_defaults({}, count) for count in (50, 4000, 30_000))
    assert [made["epochs"] for made in (few, some, many)] == [100, 50, 20]
    assert [made["size"] for made in (few, some, many)] == [64, 64, 96]
