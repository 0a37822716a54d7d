"""The training loop: it learns, repeats itself, and ends well whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import math
from typing import Any

import numpy as np
import pytest
import torch

from engine.encoders.device import Device, device
from engine.errors import BadParameter, Diverged, NameTaken, Stopped
from engine.home import Home
from engine.jobs import Progress, Reporter
from engine.training import TrainingConfig, loop, runs, train_run

SMALL: dict[str, Any] = {"model": 1, "size": 32, "batch": 8, "epochs": 2}


class StopAfter(Reporter):
    """A reporter through which a person asks to stop after some steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def update(self, *values: Any, **named: Any) -> None:
        super().update(*values, **named)
        self.steps -= 1
        if self.steps < 0:
            raise Stopped


def test_a_training_learns_and_is_noted(home: Home, blobs: Any) -> None:
    seen: list[Progress] = []
    config = TrainingConfig(**(SMALL | {"epochs": 6}), name="first")
    run = train_run(home, config, blobs, Reporter(listen=seen.append))
    events = run.events()
    assert [event["epoch"] for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[-1]["train"] < 0.6 * events[0]["train"]
    best = min(events, key=lambda event: event["validation"])
    assert run.state == "done"
    assert run.card["validation_loss"] == best["validation"]
    assert run.card["best_epoch"] == best["epoch"]
    assert TrainingConfig.from_dict(run.config) == config
    assert seen[-1].done == seen[-1].total == 6 * 21
    assert "epoch 6 of 6" in seen[-1].note


def test_the_kept_weights_have_the_noted_loss(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**SMALL, name="first")
    run = train_run(home, config, blobs, Reporter())
    _, pixels = blobs.pixels(32, Reporter())
    _, held_out = loop.split(len(pixels), config)
    training = loop.Training(config, device())
    training.network.load_state_dict(run.load())
    work = loop.Work(run, Reporter(), 0, 1)
    value = training.validate(loop.Pictures(pixels, device()), held_out, work)
    assert value == pytest.approx(run.card["validation_loss"], rel=1e-6)


def test_the_same_seed_gives_the_same_weights(home: Home, blobs: Any) -> None:
    noisy = SMALL | {"noise": 0.1, "flip": True}
    digests = [train_run(home, TrainingConfig(**noisy, seed=seed), blobs, Reporter()).digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_bf16_follows_fp32(home: Home, blobs: Any) -> None:
    _, pixels = blobs.pixels(32, Reporter())
    losses = []
    for dtype in (torch.float32, torch.bfloat16):
        config = TrainingConfig(**SMALL, name=str(dtype).removeprefix("torch."))
        run = runs.create(home, config.name, config.as_dict(), {})
        loop.train(config, pixels, run, Reporter(), Device("cpu", dtype, ""))
        losses.append(run.events()[-1]["train"])
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_stopping_keeps_the_best_weights(home: Home, blobs: Any) -> None:
    steps_an_epoch = math.ceil(21 / 8)
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(steps_an_epoch + 1))
    run = runs.run(home, "stopped")
    assert (run.state, run.card["epochs_done"], run.ready) == ("stopped", 1, True)
    assert run.load()


def test_stopping_at_once_leaves_a_run_without_weights(home: Home, blobs: Any) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(0))
    run = runs.run(home, "stopped")
    assert (run.state, run.ready, run.digest) == ("stopped", False, "")


def test_nan_stops_and_keeps_what_was_good(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = loop.Training.step, []

    def poisoned(self: loop.Training, *batch: Any) -> float:
        calls.append(1)
        return math.nan if len(calls) == 5 else step(self, *batch)

    monkeypatch.setattr(loop.Training, "step", poisoned)
    with pytest.raises(Diverged, match=r"epoch 2; the best weights up to epoch 1 are kept\. Try a lower"):
        train_run(home, TrainingConfig(**SMALL, name="broken"), blobs, Reporter())
    run = runs.run(home, "broken")
    assert run.state == "failed"
    assert all(tensor.isfinite().all() for tensor in run.load().values())


def test_an_absurd_rate_diverges_or_learns_nothing_but_never_stores_nan(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**(SMALL | {"rate": 1000.0, "epochs": 3}), name="wild")
    with contextlib.suppress(Diverged):
        train_run(home, config, blobs, Reporter())
    run = runs.run(home, "wild")
    assert not run.ready or all(tensor.isfinite().all() for tensor in run.load().values())


def test_too_few_images(home: Home, few: Any) -> None:
    with pytest.raises(BadParameter, match="must be at least 16; got 10"):
        train_run(home, TrainingConfig(**SMALL), few, Reporter())
    assert runs.runs(home) == [] or all(run.name == "default" for run in runs.runs(home))


def test_a_limit_takes_so_many_drawn_by_the_seed(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, limit=16), blobs, Reporter())
    assert run.card["images"] == 16
    assert run.name == "blobs-model-1-1"


def test_a_taken_name(home: Home, blobs: Any) -> None:
    train_run(home, TrainingConfig(**SMALL, name="mine"), blobs, Reporter())
    before = hashlib.sha256((home.weights / "mine" / "run.json").read_bytes()).hexdigest()
    with pytest.raises(NameTaken):
        train_run(home, TrainingConfig(**SMALL, name="mine"), blobs, Reporter())
    assert hashlib.sha256((home.weights / "mine" / "run.json").read_bytes()).hexdigest() == before


def test_the_split_is_whole_and_seeded() -> None:
    config = TrainingConfig(validation=0.25, seed=3)
    learning, held_out = loop.split(41, config)
    assert sorted([*learning, *held_out]) == list(range(41))
    assert len(held_out) == math.ceil(0.25 * 41)
    assert len(loop.split(41, TrainingConfig(validation=0.0))[1]) == 0


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    rows = np.arange(50)
    first = loop.shuffled(rows, 1, 2)
    assert np.array_equal(first, loop.shuffled(rows, 1, 2))
    assert not np.array_equal(first, loop.shuffled(rows, 1, 3))
    assert sorted(first) == list(rows)


def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_noise_is_on_the_input_alone() -> None:
    images = torch.rand(4, 3, 32, 32)
    inputs, targets = loop.augmented(images, TrainingConfig(noise=0.2), random())
    assert torch.equal(targets, images)
    assert 0.1 < float((inputs - images).std()) < 0.25
    assert torch.equal(inputs, loop.augmented(images, TrainingConfig(noise=0.2), random())[0])


def test_mirrored_pictures_are_mirrored_as_a_whole() -> None:
    images = torch.rand(16, 3, 32, 32)
    inputs, targets = loop.augmented(images, TrainingConfig(flip=True), random())
    assert torch.equal(inputs, targets)
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(images, inputs, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(images, inputs, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert any(mirrored)
    assert any(same)


@pytest.mark.parametrize(
    "wrong",
    [{"model": 5}, {"model": "4"}, {"loss": "l1"}, {"schedule": "linear"}, {"rate": 0.0}, {"rate": math.nan},
     {"batch": 0}, {"batch": 2.5}, {"epochs": 0}, {"epochs": True}, {"validation": 1.0}, {"seed": -1}, {"limit": 3},
     {"size": 100}, {"size": 128}, {"noise": -0.1}, {"options": {"t_0": 5}}],
)  # fmt: skip
def test_wrong_numbers_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadParameter):
        TrainingConfig(**({"model": 4} | wrong))


def test_a_wrong_size_names_the_nearest_that_fit() -> None:
    with pytest.raises(BadParameter, match="The nearest are"):
        TrainingConfig(model=2, size=128)


def test_pictures_of_another_size_are_refused(home: Home, blobs: Any) -> None:
    run = runs.create(home, "sizes", {}, {})
    _, pixels = blobs.pixels(64, Reporter())
    with pytest.raises(BadParameter, match=r"\(n, 32, 32, 3\)"):
        loop.train(TrainingConfig(**SMALL), pixels, run, Reporter(), device())
