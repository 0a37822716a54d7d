"""Learning from views of the pictures alone: the views, the run that becomes an encoder, cut off anywhere."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.core.device import device
from engine.core.errors import BadParameter, Corrupt, Diverged, NotTrained, Stopped
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.encoders import choices, open_encoder
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, loop, train_run
from engine.training.augment import half_colour_view
from engine.training.config import with_defaults
from engine.training.estimate import estimate
from engine.training.job import train
from engine.training.learned import learned_note
from engine.training.objectives.balance import whole_batches
from engine.training.objectives.views import Views
from engine.training.pictures import Data, batches
from engine.training.split import rows_of, split
from engine.training.train import card, training_data
from models.specs import RESIDUAL, SPECS
from tests.engine.killing import killable
from tests.engine.training.conftest import Blobs
from tests.engine.training.test_loop import StopAfter
from tests.engine.training.test_survival import killed_to_the_end

NARROW = replace(RESIDUAL["small-resnet"], widths=(8, 8, 16, 16))
SMALL: dict[str, Any] = with_defaults({"size": 32, "batch": 8, "epochs": 2, "probe": 16})
KINDS: dict[str, dict[str, Any]] = {
    "contrastive": {},
    "crops": {"crops": 1},
    "vicreg": {"objective": "vicreg", "optimizer": "sgd", "rate": 0.01, "clip": 1.0},
    "supcon": {"objective": "supcon", "validation": 0.2, "optimizer": "nadam", "warmup": 1.5},
    "triplet": {"objective": "triplet", "settings": {"mining": "batch-hard"}, "optimizer": "rmsprop", "rate": 1e-4},
    "semi-hard": {"objective": "triplet", "optimizer": "radam"},
}
SEEN = ("epoch", "train", "retrieval", "recognition", "rate", "best")


@pytest.fixture(autouse=True)
def small_and_repeatable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A narrow network on one thread."""
    monkeypatch.setitem(RESIDUAL, "small-resnet", NARROW)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Bare(Blobs):
    """Blobs without labels."""

    def images(self) -> SimpleNamespace:
        return SimpleNamespace(ids=np.arange(self.count), labels=[""] * self.count)


class Equal(Blobs):
    """Twice as many pictures as a batch, all of them the same."""

    def pixels(self, size: int, report: Reporter) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        return np.arange(self.count), np.full((self.count, size, size, 3), 90, np.uint8)


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


# ── odd collections ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_equal_pictures_end_without_an_error(home: Home, kind: str) -> None:
    run = train_run(home, TrainingConfig(**(SMALL | KINDS[kind]), name="equal"), Equal(20), Reporter())
    assert run.state == "done"
    assert all(np.isfinite(event["train"]) for event in run.events()[1:])


def test_ten_pictures_are_too_few(home: Home, few: Blobs) -> None:
    with pytest.raises(BadParameter, match="at least 16"):
        train_run(home, TrainingConfig(**SMALL), few, Reporter())
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_other_pictures_do_not_continue_a_run(home: Home) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SMALL, name="cut"), Blobs(24), StopAfter(2))
    with pytest.raises(BadParameter, match="Train a new run"):
        continue_run(runs.run(home, "cut"), Blobs(25), Reporter(), None)


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class Some(Blobs):
    """Blobs of which every third has no label."""

    def images(self) -> SimpleNamespace:
        labels = ["" if row % 3 == 0 else "ab"[row % 2] for row in range(self.count)]
        return SimpleNamespace(ids=np.arange(self.count), labels=labels)


class Named(Blobs):
    """Blobs with these labels in turn."""

    def __init__(self, count: int, names: str) -> None:
        super().__init__(count)
        self.names = names

    def images(self) -> SimpleNamespace:
        labels = [self.names[row % len(self.names)] for row in range(self.count)]
        return SimpleNamespace(ids=np.arange(self.count), labels=labels)


SUPERVISED = SMALL | {"objective": "supcon", "validation": 0.2}


def test_it_learns_two_labels_and_is_judged_by_pictures_that_it_has_not_seen(home: Home) -> None:
    config = TrainingConfig(**(SUPERVISED | {"epochs": 8, "validation": 0.5}), name="labels")
    run = train_run(home, config, Blobs(80), Reporter())
    assert run.events()[-1]["train"] < run.events()[1]["train"]
    assert (run.learned_labels, config.keep) == (True, "retrieval")
    assert run.card["labels"]["title"] == "learned from: 2 (even, odd)"
    probe = run.probe()
    assert probe is not None
    held_out = set(split(80, config)[1].tolist())
    assert set(probe.ids.tolist()) <= held_out
    assert learned_note(run, Blobs(80), probe.ids) == ""  # type: ignore[arg-type]
    said = learned_note(run, Blobs(80), np.arange(80))  # type: ignore[arg-type]
    assert said.startswith("It learned the labels of 40 of the 80 queries")


def test_pictures_without_a_label_are_left_out(home: Home) -> None:
    config = TrainingConfig(**SUPERVISED, name="some")
    learning, held_out = rows_of(Some(48).images().labels, config)
    assert all(row % 3 for row in [*learning, *held_out])
    assert train_run(home, config, Some(48), Reporter()).state == "done"


def test_labels_of_held_out_pictures_alone_are_not_said_to_be_learned() -> None:
    config, labels = TrainingConfig(**SUPERVISED), ["a", "b"] * 20
    labels[split(40, config)[1][0]] = "c"
    data = Data(np.zeros((40, 32, 32, 3), np.uint8), np.arange(40), tuple(labels))
    said = card(config, Blobs(40), data, device())["labels"]["title"]  # type: ignore[arg-type]
    assert said == "learned from: 2 (a, b)"


def test_held_out_pictures_of_one_folder_are_not_measured_by_themselves() -> None:
    labels = ["a"] * 100 + ["b"] * 100
    config = TrainingConfig(**(SUPERVISED | {"validation": 0.5}))
    learning, held_out = rows_of(labels, config)
    assert all({labels[row] for row in some} == {"a", "b"} for some in batches(held_out, 20))
    assert sorted([*learning, *held_out]) == list(range(200))
    assert (rows_of(labels, config)[1] == held_out).all()


@pytest.mark.parametrize("names", ["", "a", ["", "", "", "a", "b", ""]])
def test_too_few_labels_are_one_sentence_and_leave_no_run(home: Home, names: str) -> None:
    with pytest.raises(BadParameter, match="labels of a training with supcon must be of two kinds at least"):
        train_run(home, TrainingConfig(**SUPERVISED), Named(24, names or [""]), Reporter())  # type: ignore[arg-type]
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_other_labels_do_not_continue_a_run_that_learned_them(home: Home) -> None:
    with pytest.raises(Stopped):
        train_run(home, TrainingConfig(**SUPERVISED, name="cut"), Blobs(24), StopAfter(2))
    run, other = runs.run(home, "cut"), Named(24, "xyz")
    with pytest.raises(BadParameter, match="labels of a continued training"):
        continue_run(run, other, Reporter(), None)  # type: ignore[arg-type]
    assert "cannot be told" in learned_note(run, other, np.arange(24))  # type: ignore[arg-type]


def test_the_precision_is_that_of_the_run(home: Home) -> None:
    for precision in ("float32", "bfloat16"):
        run = train_run(home, TrainingConfig(**(SMALL | {"epochs": 1, "precision": precision})), Blobs(16), Reporter())
        assert run.card["device"].endswith(precision)
    losses = [run.events()[1]["train"] for run in runs.runs(home) if not run.shipped]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


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
    """Begin the run of that name, or go on with it; each step is told in a file before it may be in a checkpoint."""
    RESIDUAL["small-resnet"] = NARROW
    torch.set_num_threads(1)
    home, told = Home(Path(root)), os.open(Path(root) / f"{name}.told", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def tell(progress: Progress) -> None:
        os.write(told, b"step\n")

    if (home.weights / name / "run.json").exists():
        continue_run(runs.run(home, name), Blobs(20), Reporter(listen=tell), None)
    else:
        config = TrainingConfig(**(SMALL | {"epochs": 3} | KINDS[name.split("-")[0]]), name=name)
        train_run(home, config, Blobs(20), Reporter(listen=tell))


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
