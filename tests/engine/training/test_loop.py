"""The training loop: it learns, repeats itself, and ends well whatever happens."""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.collections.samples.animal_faces import EACH, SPECIES, face
from engine.core.device import Device, device
from engine.core.errors import BadParameter, Diverged, NameTaken, OutOfMemory, Stopped
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, loop, pictures, train_run
from engine.training.objectives.autoencoding import Autoencoding
from engine.training.train import training_data
from tests.engine.training.stopping import SMALL, StopAfter


def test_a_training_learns_and_is_noted(home: Home, blobs: Any) -> None:
    seen: list[Progress] = []
    config = TrainingConfig(**(SMALL | {"epochs": 6}), name="first")
    run = train_run(home, config, blobs, Reporter(listen=seen.append))
    events = run.events()
    assert [event["epoch"] for event in events] == [0, 1, 2, 3, 4, 5, 6]
    assert events[-1]["train"] < 0.6 * events[1]["train"]
    best = min(events[1:], key=lambda event: event["validation"])
    assert run.state == "done"
    assert run.card["validation_loss"] == best["validation"]
    assert run.card["best_epoch"] == best["epoch"]
    assert TrainingConfig.from_dict(run.config) == config
    assert seen[-1].done == seen[-1].total == 6 * 21
    assert "epoch 6 of 6" in seen[-1].note


def test_the_kept_weights_have_the_noted_loss(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**SMALL, name="first")
    run = train_run(home, config, blobs, Reporter())
    training = loop.Training.on_pictures(config, training_data(config, blobs, Reporter()), run, Reporter(), device())
    training.objective.network.load_state_dict(run.load())
    assert training.validate(9)["validation"] == pytest.approx(run.card["validation_loss"], rel=1e-6)


def test_the_same_seed_gives_the_same_weights(home: Home, blobs: Any) -> None:
    noisy = SMALL | {"noise": 0.1, "flip": True}
    digests = [train_run(home, TrainingConfig(**noisy, seed=seed), blobs, Reporter()).digest for seed in (0, 0, 1)]
    assert digests[0] == digests[1] != digests[2]


def test_of_equally_many_copies_found_the_later_weights_are_kept(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**SMALL, keep="recognition", patience=2, name="ties")
    run = runs.create(home, "ties", config.as_dict(), {})
    training = loop.Training.on_pictures(config, training_data(config, blobs, Reporter()), run, Reporter(), device())
    kept = [
        training.keep_if_best(epoch, 1.0, {"recognition": found}) for epoch, found in enumerate((0.5, 0.5, 0.25, 0.5))
    ]
    assert kept == [True, True, False, True]
    assert run.card["best_epoch"] == 3


def test_weights_that_do_not_decay_move_as_by_adam() -> None:
    moved = []
    for kind in (torch.optim.Adam, torch.optim.AdamW):
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4))
        optimizer = kind([weight], lr=0.01, weight_decay=0.0, fused=True)
        for step in range(3):
            weight.grad = torch.sin(weight.detach() * (step + 1))
            optimizer.step()
        moved.append(weight.detach().clone())
    assert torch.equal(*moved)


@pytest.mark.slow
@pytest.mark.usefixtures("whole_model")
def test_bf16_reaches_the_loss_of_fp32_on_the_samples(home: Home) -> None:
    faces = [face(species, number) for species in SPECIES for number in range(0, EACH, 24)]
    pixels = np.stack([np.asarray(face.convert("RGB").resize((32, 32))) for face in faces])
    data = pictures.Data(pixels, np.arange(len(pixels)), ("",) * len(pixels))
    losses = []
    for dtype in (torch.float32, torch.bfloat16):
        config = TrainingConfig(model=1, size=32, batch=8, epochs=4, probe=0, name=str(dtype).removeprefix("torch."))
        run = runs.create(home, config.name, config.as_dict(), {})
        losses.append(loop.train(config, data, run, Reporter(), Device("cpu", dtype, "")).card["validation_loss"])
        events = run.events()
        assert events[-1]["train"] < 0.8 * events[1]["train"], events  # it has learned something
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


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


@pytest.mark.parametrize("steps", [1, 3, 4, 6])
def test_a_stopped_training_goes_on_to_the_same_bits(home: Home, blobs: Any, steps: int) -> None:
    """In the middle of an epoch, at its end, or in the next one: nothing tells afterwards that it was interrupted."""
    restless = SMALL | {"epochs": 3, "noise": 0.1, "flip": True, "crop": True, "colour": True, "schedule": "plateau"}
    whole = train_run(home, TrainingConfig(**restless, name="whole"), blobs, Reporter())
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**restless, name="parts"), blobs, StopAfter(steps))
    run = runs.run(home, "parts")
    assert run.can_continue
    continue_run(run, blobs, Reporter(), None)
    assert run.state == "done"
    assert run.digest == whole.digest
    kept = ("epoch", "train", "validation", "mse", "ssim", "retrieval", "rate", "best")
    assert [[e.get(k) for k in kept] for e in run.events()] == [[e.get(k) for k in kept] for e in whole.events()]
    assert [note["kind"] for note in run.notes()] == ["continued"]


def test_two_epochs_and_two_more_are_four(home: Home, blobs: Any) -> None:
    four = train_run(home, TrainingConfig(**(SMALL | {"epochs": 4}), name="four"), blobs, Reporter())
    run = train_run(home, TrainingConfig(**SMALL, name="two", keep_state=True), blobs, Reporter())
    assert not run.can_continue
    with pytest.raises(BadParameter, match="ask for more epochs"):
        continue_run(run, blobs, Reporter(), None)
    with pytest.raises(BadParameter, match="whole number from 3"):
        continue_run(run, blobs, Reporter(), 1)
    continue_run(run, blobs, Reporter(), 4)
    assert (run.state, run.epochs_done, run.config["epochs"]) == ("done", 4, 4)
    assert run.digest == four.digest


def test_a_collection_with_other_images_is_refused(home: Home, blobs: Any, few: Any) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="stopped"), blobs, StopAfter(2))
    with pytest.raises(BadParameter, match="must be as when the run stopped began"):
        continue_run(runs.run(home, "stopped"), few, Reporter(), None)


def test_short_memory_halves_the_batch_once_and_says_so(
    home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = Autoencoding.loss

    def hungry(self: Autoencoding, images: torch.Tensor, *more: Any) -> torch.Tensor:
        if len(images) > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return loss(self, images, *more)

    notes: list[str] = []
    monkeypatch.setattr(Autoencoding, "loss", hungry)
    run = train_run(home, TrainingConfig(**SMALL), blobs, Reporter(listen=lambda p: notes.append(p.note)))
    assert run.state == "done"
    assert [note["kind"] for note in run.notes()] == ["halved"]
    assert all("two halves" in note for note in notes if "loss" in note)
    with pytest.raises(OutOfMemory, match="Try a batch of 4"):
        train_run(home, TrainingConfig(**(SMALL | {"batch": 16})), blobs, Reporter())


def test_two_halves_give_the_gradient_of_the_whole(home: Home, blobs: Any) -> None:
    config = TrainingConfig(**SMALL)
    run = runs.create(home, "halves", config.as_dict(), {})
    exact = Device("cpu", torch.float32, "")
    training = loop.Training.on_pictures(config, training_data(config, blobs, Reporter()), run, Reporter(), exact)
    gradients = []
    for parts in (1, 2):
        training.position.parts = parts
        training._gradients(np.arange(7))
        gradients.append([w.grad.clone() for w in training.objective.network.parameters()])  # type: ignore[union-attr]
    assert all(torch.allclose(a, b, atol=1e-5, rtol=1e-3) for a, b in zip(*gradients, strict=True))


def test_early_stop_and_the_best_by_retrieval(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    course = iter([0.2, 0.3, 0.6, 0.5, 0.6, 0.9])
    validate = loop.Training.validate
    monkeypatch.setattr(
        loop.Training, "validate", lambda self, epoch: validate(self, epoch) | {"retrieval": next(course)}
    )
    config = TrainingConfig(**(SMALL | {"epochs": 9}), keep="retrieval", patience=2, name="patient")
    run = train_run(home, config, blobs, Reporter())
    assert (run.state, run.epochs_done, run.card["best_epoch"], run.card["retrieval"]) == ("done", 4, 2, 0.6)
    assert [event.get("best") for event in run.events()] == [None, True, True, False, False]


def test_what_is_watched(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL, probe=16), blobs, Reporter())
    probe = run.probe()
    assert probe is not None
    assert run.watched_epochs() == [0, 1, 2]
    watched = run.watched(2)
    assert watched is not None
    assert watched.neighbours is not None
    assert watched.neighbours.shape == (16, 8)
    assert set(watched.neighbours.ravel().tolist()) <= set(probe.ids.tolist())
    assert not (watched.neighbours == probe.ids[:, None]).any()
    labels = blobs.images().labels
    hits = [labels[i] == labels[id] for id, row in zip(probe.ids, watched.neighbours, strict=True) for i in row]
    assert run.events()[-1]["retrieval"] == pytest.approx(np.mean(hits))
    for strip in (probe.originals, watched.reconstructions):
        assert Image.open(io.BytesIO(strip)).size == (32 * 6, 32)
    assert len(set(probe.pictures)) == 6


def test_the_curves_are_there_for_tensorboard(home: Home, blobs: Any) -> None:
    from tensorboardX.proto.event_pb2 import Event

    run = train_run(home, TrainingConfig(**SMALL), blobs, Reporter())
    (file,) = (run.folder / "tensorboard").glob("events.*")
    data, found, tabs = file.read_bytes(), {}, {}  # TFRecord: length, its checksum, the event, its checksum
    while data:
        length = int.from_bytes(data[:8], "little")
        event = Event.FromString(data[12 : 12 + length])
        found |= {(value.tag, event.step): value.simple_value for value in event.summary.value}
        tabs |= {value.tag: value.metadata.plugin_data for value in event.summary.value}
        data = data[16 + length :]
    for event in run.events()[1:]:
        assert found["loss/train", event["epoch"]] == pytest.approx(event["train"], rel=1e-6)
        assert found["retrieval", event["epoch"]] == pytest.approx(event["retrieval"], rel=1e-6)
    started = tabs["_hparams_/session_start_info"]
    assert started.plugin_name == "hparams"
    assert b"rate" in started.content
    assert b"keep_state" in started.content


def test_the_vectors_of_the_probe_are_there_for_the_projector(home: Home, blobs: Any) -> None:
    run = train_run(home, TrainingConfig(**SMALL), blobs, Reporter())
    folder, probe = run.folder / "tensorboard", run.probe()
    assert probe is not None
    assert "tensors.tsv" in (folder / "projector_config.pbtxt").read_text()
    (stored,) = folder.glob("00002/*/tensors.tsv")
    vectors = np.loadtxt(stored)
    assert len(vectors) == len(probe.ids)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearness = unit @ unit.T
    np.fill_diagonal(nearness, -1)
    watched = run.watched(2)
    assert watched is not None
    assert watched.neighbours is not None
    nearest = probe.ids[nearness.argmax(1)]
    assert (nearest == watched.neighbours[:, 0]).mean() > 0.9  # but for ties: they are the vectors that were judged
    names = (stored.parent / "metadata.tsv").read_text().split("\n")
    assert names[0].split()[0] in ("odd", "even")
    assert (stored.parent / "sprite.png").exists()


def test_nan_stops_and_keeps_what_was_good(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step, calls = loop.Training._gradients, []

    def poisoned(self: loop.Training, rows: Any) -> torch.Tensor:
        calls.append(1)
        return torch.tensor(math.nan) if len(calls) == 5 else step(self, rows)

    monkeypatch.setattr(loop.Training, "_gradients", poisoned)
    with pytest.raises(Diverged, match=r"epoch 2; the best checkpoint up to epoch 1 is kept\. Try a lower"):
        train_run(home, TrainingConfig(**SMALL, name="broken"), blobs, Reporter())
    run = runs.run(home, "broken")
    assert (run.state, run.can_continue) == ("failed", False)
    assert "Try a lower learning rate" in run.error
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


def test_a_limit_leaves_the_other_pictures_where_they_are(blobs: Any) -> None:
    config = TrainingConfig(**SMALL, limit=16, seed=4)
    data = training_data(config, blobs, Reporter())
    _, pixels = blobs.pixels(32, Reporter())
    assert data.places is not None
    assert data.ids.tolist() == data.places.tolist()
    taken = pictures.Pictures(data, device()).take(np.array([3, 9]))
    assert np.array_equal((taken * 255).round().permute(0, 2, 3, 1).numpy(), pixels[data.ids[[3, 9]]])


def test_a_stop_before_the_first_epoch_loses_nothing(home: Home, blobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    validate = loop.Training.validate

    def stopping(self: loop.Training, epoch: int) -> dict[str, float]:
        monkeypatch.setattr(loop.Training, "validate", validate)
        raise Stopped

    monkeypatch.setattr(loop.Training, "validate", stopping)
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="early"), blobs, Reporter())
    run = continue_run(runs.run(home, "early"), blobs, Reporter(), None)
    assert [event["epoch"] for event in run.events()] == run.watched_epochs() == [0, 1, 2]
    assert run.digest == train_run(home, TrainingConfig(**SMALL, name="whole"), blobs, Reporter()).digest


def test_a_taken_name(home: Home, blobs: Any) -> None:
    train_run(home, TrainingConfig(**SMALL, name="mine"), blobs, Reporter())
    before = hashlib.sha256((home.weights / "mine" / "run.json").read_bytes()).hexdigest()
    with pytest.raises(NameTaken):
        train_run(home, TrainingConfig(**SMALL, name="mine"), blobs, Reporter())
    assert hashlib.sha256((home.weights / "mine" / "run.json").read_bytes()).hexdigest() == before
