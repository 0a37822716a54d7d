"""DeepCluster: groups of its own making that get better, and what comes of a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.core.device import Device, device
from engine.core.errors import BadParameter, NoWeights
from engine.core.home import Home
from engine.core.progress import Progress, Reporter
from engine.encoders import choices, open_encoder
from engine.encoders.networks.table import backbone, is_counter
from engine.runs import listing as runs
from engine.training import TrainingConfig, continue_run, loop, train_run
from engine.training.estimate import estimate
from engine.training.job import train
from engine.training.objectives.body import seeded
from engine.training.objectives.deepcluster import DeepCluster
from engine.training.pictures import Pictures, stream
from engine.training.tensorboard import TensorBoard
from engine.training.train import card, training_data
from tests.engine.narrow import NARROW
from tests.engine.training.conftest import Blobs
from tests.engine.training.objectives.deepcluster.conftest import SMALL, WITH_NORMALISATION, Shapes

EXACT = Device("cpu", torch.float32, "")
NETWORK = SMALL | {"network": "squeezenet-1-1", "size": 32}


def objective_on(collection: Any, **more: Any) -> tuple[DeepCluster, Pictures, NDArray[np.int64]]:
    config = TrainingConfig(**(SMALL | more))
    data = training_data(config, collection, Reporter())
    return DeepCluster(config, EXACT, data), Pictures(data, EXACT), np.arange(len(data.ids) - 3)


# ── what it does ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_its_groups_come_nearer_to_the_labels_that_it_never_sees(home: Home) -> None:
    settings = {"network": "resnet-18", "size": 48, "epochs": 8, "clusters": 8, "batch": 16, "rate": 0.0005}
    run = train_run(home, TrainingConfig(**(SMALL | settings), name="learns"), Shapes(96), Reporter())
    events = run.events()
    assert events[-1]["label_nmi"] > events[1]["label_nmi"] + 0.1
    assert events[-1]["nmi"] > events[2]["nmi"] + 0.1  # the groups settle
    assert events[-1]["retrieval"] > events[1]["retrieval"] + 0.05
    assert events[-1]["retrieval"] > events[0]["retrieval"]  # of the network with random weights
    assert events[-1]["train"] < 0.8 * events[1]["train"]


def test_every_epoch_notes_its_groups(home: Home) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="noted"), Shapes(24), Reporter())
    untrained, first, second = run.events()
    assert "label_nmi" not in untrained
    assert "validation" not in untrained  # there are no groups yet that a head could name
    assert (first["clusters"], "nmi" in first, 0 <= first["label_nmi"] <= 1) == (4.0, False, True)
    assert 0 <= second["nmi"] <= 1
    assert {"train", "validation", "retrieval"} <= set(second)
    assert run.card["best_epoch"] == 2
    assert TrainingConfig.from_dict(run.config).keep == "last"
    watched = run.watched(2)
    assert watched is not None
    assert (watched.reconstructions, watched.neighbours is None) == (b"", False)


def test_without_labels_there_is_only_the_agreement_with_the_epoch_before(home: Home) -> None:
    class Bare(Shapes):
        def images(self) -> SimpleNamespace:
            return SimpleNamespace(ids=np.arange(self.count), labels=[""] * self.count)

    events = train_run(home, TrainingConfig(**SMALL, name="bare"), Bare(24), Reporter()).events()
    assert all("label_nmi" not in event for event in events)
    assert "nmi" in events[-1]


def test_the_labels_change_nothing_that_is_learned(home: Home) -> None:
    class Renamed(Shapes):
        def images(self) -> SimpleNamespace:
            return SimpleNamespace(ids=np.arange(self.count), labels=["a", "b"] * (self.count // 2))

    digests = {
        train_run(home, TrainingConfig(**SMALL, name=kind.__name__.lower()), kind(24), Reporter()).digest
        for kind in (Shapes, Renamed)
    }
    assert len(digests) == 1


def test_batches_are_even_over_the_groups_and_a_round_is_prepared_once() -> None:
    objective, pictures, learning = objective_on(Blobs(31))
    begun = objective.begin_epoch(0, pictures, learning, lambda: None)
    labels = objective.network.labels.numpy()
    sizes = np.bincount(labels[begun.order], minlength=4)
    assert set(begun.order.tolist()) <= set(learning.tolist())
    assert len(begun.order) == len(learning)
    assert sizes.max() - sizes.min() <= 1
    assert labels.min() >= 0  # pictures that are held out have joined a group
    assert len(begun.fresh) == 3
    again = objective.begin_epoch(0, pictures, learning, lambda: None)  # as after a checkpoint in the middle of it
    assert again.fresh == ()
    assert again.order.tolist() == begun.order.tolist()
    assert again.figures == begun.figures


def test_the_head_begins_as_the_grouping_itself() -> None:
    objective, pictures, learning = objective_on(Blobs(40))
    objective.begin_epoch(0, pictures, learning, lambda: None)
    with torch.no_grad():
        logits = objective.network.head(objective.vectors(pictures.take(learning)))
    named = logits.argmax(1).numpy() == objective.network.labels.numpy()[learning]
    assert named.mean() > 0.9


def test_what_the_optimizer_knew_of_the_head_is_forgotten(home: Home) -> None:
    config = TrainingConfig(**SMALL)
    run = runs.create(home, "mine", config.as_dict(), {})
    training = loop.Training.on_pictures(
        config, training_data(config, Blobs(24), Reporter()), run, Reporter(), device()
    )
    head, body = training.objective.network.head.directions, next(training.objective.network.body.parameters())  # type: ignore[union-attr]
    training.step(training.begin_epoch()[:8])
    assert int(training.optimizer.state[head]["step"]) == 1
    training.position.epoch += 1
    training.step(training.begin_epoch()[:8])
    assert [int(training.optimizer.state[weight]["step"]) for weight in (head, body)] == [1, 2]


def test_a_single_picture_in_the_last_batch_is_no_obstacle_to_batch_normalisation() -> None:
    objective, pictures, learning = objective_on(Blobs(24), network="resnet-18")
    objective.begin_epoch(0, pictures, learning, lambda: None)
    objective.network.train()
    loss = objective.loss(pictures.take(learning[:1]), stream(0, 0), learning[:1])
    assert torch.isfinite(loss)


def test_layers_that_draw_by_themselves_are_repeatable_and_disturb_nobody() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    drawn = []
    for _ in range(2):
        with seeded(stream(1, 2)):
            drawn.append(torch.nn.functional.dropout(torch.ones(50)).tolist())
    assert drawn[0] == drawn[1]
    assert torch.equal(before, torch.random.get_rng_state())


# ── what comes of it ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_is_an_encoder_like_any_other(home: Home) -> None:
    run = train_run(home, TrainingConfig(**SMALL, name="grouped"), Shapes(24), Reporter())
    assert all(name.startswith("encoder.") for name in run.load())
    encoder = open_encoder("model-1", "grouped", home)
    assert encoder.encode(torch.rand(2, 3, 32, 32)).shape == (2, NARROW.blocks[-1], 1, 1)


def test_a_ready_made_network_is_an_encoder_with_the_run_in_its_title(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train_run(home, TrainingConfig(**NETWORK), Shapes(24), Reporter())
    assert (run.name, run.encoder) == ("shapes-squeezenet-1-1-1", "squeezenet-1-1")
    assert run.card["title"] == "SqueezeNet 1.1, trained on Shapes"
    run.rename("My shapes")
    mine = [choice for choice in choices(home) if (choice.name, choice.weights) == (run.encoder, run.name)]
    assert [(choice.name, choice.title, choice.ready) for choice in mine] == [
        ("squeezenet-1-1", "SqueezeNet 1.1 · My shapes", True)
    ]
    (home.root / "squeezenet1_1-b8a52dc0.pth").touch()
    monkeypatch.setenv("BENZER_WEIGHTS", str(home.root))
    of_it = [choice.weights for choice in choices(home) if choice.name == "squeezenet-1-1"]
    assert of_it == ["", run.name]  # who names no weights means the ready-made ones
    encoder = open_encoder("squeezenet-1-1", run.name, home)
    assert (encoder.info.weights, encoder.info.input_size, encoder.info.title) == (run.name, 32, mine[0].title)
    images = torch.rand(3, 3, 32, 32)
    training = loop.Training.on_pictures(
        TrainingConfig.from_dict(run.config), training_data(TrainingConfig(**NETWORK), Shapes(24), Reporter()), run,
        Reporter(), device(), run.load(),
    )  # fmt: skip
    training.objective.network.eval()
    with torch.no_grad():
        expected = training.objective.vectors(images)
    found = encoder.encode(images).mean((2, 3))
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.999
    with pytest.raises(BadParameter, match="a run of squeezenet-1-1"):
        open_encoder("resnet-18", run.name, home)
    with pytest.raises(BadParameter, match="a run of squeezenet-1-1"):
        open_encoder("model-4", run.name, home)


def test_it_begins_with_given_weights_where_it_is_asked_to(home: Home) -> None:
    network = backbone("squeezenet-1-1")
    drawn = torch.Generator().manual_seed(1)
    given = {name: torch.randn(shape, generator=drawn) * 0.02 for name, shape in network.shapes().items()}
    asked: list[str] = []

    def pretrained(name: str) -> Any:
        asked.append(name)
        return given

    still = NETWORK | {"start": "pretrained", "rate": 1e-8, "epochs": 1}
    run = train_run(home, TrainingConfig(**still, name="further"), Shapes(24), Reporter(), pretrained)
    assert asked == ["squeezenet-1-1"]
    assert all(torch.allclose(run.load()[name], given[name], atol=1e-5) for name in given)
    assert "trained further" in run.card["licence"]
    fresh = train_run(home, TrainingConfig(**(still | {"start": "random"}), name="new"), Shapes(24), Reporter())
    assert fresh.digest != run.digest


def test_weights_that_no_epoch_improves_remain(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    described: list[Any] = []
    monkeypatch.setattr(TensorBoard, "describe", lambda self, settings, event: described.append(event))
    given = backbone("squeezenet-1-1").fresh(5).state_dict()
    still = NETWORK | {"start": "pretrained", "rate": 1e-8, "keep": "recognition"}
    run = train_run(home, TrainingConfig(**still, name="still"), Shapes(24), Reporter(), lambda _: given)
    assert run.card["best_epoch"] == 0
    assert run.card["recognition"] == run.events()[0]["recognition"]
    assert described == [run.events()[0]]
    assert all(torch.equal(run.load()[name], given[name]) for name in run.load())


def test_a_training_that_was_cut_off_in_its_first_checkpoint_begins_with_given_weights(home: Home) -> None:
    config = TrainingConfig(**(NETWORK | {"start": "pretrained", "epochs": 1}), name="cut")
    data = training_data(config, Shapes(24), Reporter())
    run = runs.create(home, "cut", config.as_dict(), card(config, Shapes(24), data, EXACT))
    (run.folder / "checkpoint" / ".building-1").mkdir(parents=True)
    given = backbone("squeezenet-1-1").fresh(5).state_dict()
    continue_run(run, Shapes(24), Reporter(), None, lambda _: given)
    whole = train_run(
        home, TrainingConfig(**(config.as_dict() | {"name": "whole"})), Shapes(24), Reporter(), lambda _: given
    )
    assert runs.run(home, "cut").digest == whole.digest


def test_given_weights_keep_their_statistics_and_random_ones_learn_theirs(home: Home) -> None:
    network = backbone("mobilenet-v3-small")
    given = {name: value for name, value in network.fresh(3).state_dict().items() if not is_counter(name)}
    statistics = [name for name in given if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for start, kept in (("pretrained", True), ("random", False)):
        config = TrainingConfig(**(WITH_NORMALISATION | {"start": start, "epochs": 1}), name=start)
        run = train_run(home, config, Shapes(24), Reporter(), lambda _: given)
        before = given if kept else network.fresh(0).state_dict()
        found = run.load()
        assert all(torch.equal(found[name], before[name]) for name in statistics) == kept


def test_weights_that_are_not_there_leave_no_run_behind(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    monkeypatch.setattr("engine.collections.collection.Collection.open", lambda *_: Shapes(24))
    config = TrainingConfig(**(NETWORK | {"start": "pretrained"})).as_dict()
    with pytest.raises(NoWeights, match="weights download squeezenet-1-1"):
        train({"home": str(home.root), "collection": "shapes", "config": config}, Reporter())
    assert not [run for run in runs.runs(home) if not run.shipped]


def test_the_time_can_be_estimated(home: Home) -> None:
    made = estimate(TrainingConfig(**(NETWORK | {"clusters": 500})), 1000)
    assert made.images_per_second > 0
    assert made.seconds > 0


def test_progress_names_the_epoch(home: Home) -> None:
    seen: list[Progress] = []
    train_run(home, TrainingConfig(**SMALL), Shapes(24), Reporter(listen=seen.append))
    assert (seen[-1].done, seen[-1].total) == (2 * 21, 2 * 21)
