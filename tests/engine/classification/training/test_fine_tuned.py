"""Encoders that learn with the head of a classifier: what moves, what stays, and that a cut-off training goes on."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.classification.folds import held_out
from engine.classification.training import train
from engine.classification.training.config import ClassifierConfig
from engine.classification.training.fine_tuned import FineTunable, FineTuning, RawExamples
from engine.classification.training.train import train_classifier
from engine.core.device import Device
from engine.core.errors import BadParameter, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.examples.examples import Examples
from engine.runs import listing as runs
from engine.runs.run import Run
from engine.training.loop import Training
from models.bert import Bert
from models.fusion import Fusion
from models.specs import BertSpec
from models.tunable import PICTURE, TEXT, TrainableImageEncoder, TrainableTextEncoder, parted
from tests.engine.rounding import of_sums

EXACT = Device("cpu", torch.float32, "processor")
COUNT, CLASSES = 36, 3


@pytest.fixture(autouse=True)
def few_epochs_of_the_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.classification.training.config._HEAD_EPOCHS", 3)


def through(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = network(images)
    return found


def pooled(latents: torch.Tensor) -> torch.Tensor:
    return latents.mean((2, 3))


def seeing() -> TrainableImageEncoder:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 1))
    return TrainableImageEncoder(nn.Sequential(*layers).eval(), through, pooled, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def reading() -> TrainableTextEncoder:
    torch.manual_seed(1)
    return TrainableTextEncoder(Bert(BertSpec(12, 1, 2, pieces=20, places=8)).eval(), first=False)


def given() -> tuple[Examples, FineTunable]:
    """Things of which the vectors tell nothing, the pictures and the words all; the first has no picture."""
    random = np.random.default_rng(0)
    codes = np.arange(COUNT) % CLASSES
    colours = np.array([(200, 60, 60), (60, 200, 60), (60, 60, 200)])
    pixels = np.clip(random.normal(colours[codes][:, None, None], 30, (COUNT, 8, 8, 3)), 0, 255).astype(np.uint8)
    pieces = [[2, 5 + int(code), *random.integers(8, 20, 1 + row % 3).tolist(), 3] for row, code in enumerate(codes)]
    starts = np.concatenate([[0], np.cumsum([len(text) - 2 for text in pieces])])
    noise = [random.normal(size=(count, width)) for count, width in ((COUNT, 6), (COUNT, 12), (starts[-1], 12))]
    columns = [values.astype(np.float32) for values in noise]
    there = np.arange(COUNT) > 0
    items = Examples(np.arange(COUNT), *columns, starts, there, np.ones(COUNT, bool), codes, tuple("abc"))
    places = np.where(there, COUNT - 1 - np.arange(COUNT), -1)
    return items, FineTunable(seeing(), reading(), pixels[::-1].copy(), places, pieces)


def config(**changes: Any) -> ClassifierConfig:
    usual: dict[str, Any] = {"epochs": 4, "batch": 8, "fusion": "late", "fine_tune": "both", "encoder_rate": 0.003}
    return ClassifierConfig(**usual | changes)


def trained(
    folder: Path, reporter: Reporter | None = None, tunable: FineTunable | None = None, **changes: Any
) -> tuple[Fusion, Run]:
    made, (items, own) = config(**changes), given()
    learning, apart = held_out(items.codes, np.arange(COUNT), made.validation, made.seed)
    run = Run(folder / "one")
    if not (run.folder / "run.json").exists():
        run = runs.create(Home(folder), "one", made.as_dict(), {}, folder)
    rest = (run, reporter or Reporter(), EXACT, tunable or own)
    return train_classifier(made, items, learning, apart, *rest), run


def said(run: Run, **changes: Any) -> np.ndarray[Any, Any]:
    """The classes that the weights in a run tell, read anew."""
    items, own = given()
    objective = FineTuning(config(**changes), items, np.arange(COUNT), EXACT, own)
    objective.restore(run.load())
    objective.network.eval()
    with torch.inference_mode():
        batch = objective.source.take(np.arange(COUNT))
        found: np.ndarray[Any, Any] = objective.head(objective.pair(batch)).softmax(1).numpy()
    return found


@pytest.mark.parametrize("fusion", ["picture", "text", "early", "intermediate"])
def test_what_the_vectors_do_not_tell_is_learned_from_the_things_themselves(tmp_path: Path, fusion: str) -> None:
    codes = given()[0].codes
    changes = {"fusion": fusion, "epochs": 16, "validation": 0.0, "dropout": 0.0, "patience": 0, "augment": False}
    _, run = trained(tmp_path, **changes, rate=0.01, encoder_rate=0.02)
    right = said(run, **changes).argmax(1) == codes
    assert right[1:].all()  # the first has no picture
    _, frozen = trained(tmp_path / "frozen", **{**changes, "fine_tune": "none", "epochs": 1})
    assert not parted(frozen.load())[1]
    assert not parted(frozen.load())[2]


@pytest.mark.parametrize(("fine_tune", "moves"), [("picture", (True, False)), ("text", (False, True))])
def test_what_learns_moves_and_what_does_not_stays(tmp_path: Path, fine_tune: str, moves: tuple[bool, bool]) -> None:
    items, own = given()
    objective = FineTuning(config(fusion="early", fine_tune=fine_tune), items, np.arange(COUNT), EXACT, own)
    assert (objective.network.picture is not None, objective.network.text is not None) == moves
    assert [group["share"] for group in objective.groups] == pytest.approx([1, 3])
    _, run = trained(tmp_path, fusion="early", fine_tune=fine_tune)
    _, *encoders = parted(run.load())
    begun = {PICTURE: own.picture, TEXT: own.text}
    for moved, weights, network in zip(moves, encoders, begun.values(), strict=True):
        assert bool(weights) == moved
        parameters = dict(network.network.named_parameters())  # type: ignore[union-attr]
        changed = [name for name in parameters if name in weights and not torch.equal(weights[name], parameters[name])]
        assert len(changed) > len(parameters) / 2 or not moved
    assert objective.pair(objective.source.take(np.arange(4))).words.shape[2] == 12


def test_statistics_of_batch_normalisation_are_left_alone(tmp_path: Path) -> None:
    before = given()[1].picture
    assert before is not None
    _, run = trained(tmp_path, fusion="picture")
    after = parted(run.load())[1]
    for name, value in before.network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            assert torch.equal(after[name], value)
    assert not torch.equal(after["1.weight"], before.network.state_dict()["1.weight"])  # its scale learns


@pytest.mark.parametrize(("fusion", "stop", "head"), [("late", 7, True), ("early", 6, False), ("late", 19, False)])
def test_a_stopped_training_ends_with_the_same_bits(tmp_path: Path, fusion: str, stop: int, head: bool) -> None:
    """Stopped while the head learns alone, in the middle of an epoch, and while the second side of a fusion learns."""
    changes: dict[str, Any] = {"fusion": fusion, "missing": 0.2, "epochs": 3, "patience": 0}
    whole = trained(tmp_path / "whole", **changes)[1].load()
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", StopAfter(stop, head), **changes)
    parts = trained(tmp_path / "parts", **changes)[1].load()
    assert whole.keys() == parts.keys()
    assert any(name.startswith(PICTURE) for name in whole)
    assert any(name.startswith(TEXT) for name in whole)
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def test_every_training_begins_with_the_weights_as_they_came(tmp_path: Path) -> None:
    own = given()[1]
    first = trained(tmp_path / "first", tunable=own, fusion="early")[1].load()
    assert own.picture is not None
    assert own.text is not None
    for network, fresh in ((own.picture, seeing()), (own.text, reading())):
        assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in network.state_dict().items())
    second = trained(tmp_path / "second", tunable=own, fusion="early")[1].load()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_the_head_learns_alone_before_the_encoders_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: dict[str, dict[str, torch.Tensor]] = {}

    def noted(made: ClassifierConfig, setup: Any, *rest: Any) -> Training:
        begun[made.fine_tune] = {name: value.clone() for name, value in setup.objective.head.state_dict().items()}
        return Training(made, setup, *rest)

    monkeypatch.setattr(train, "Training", noted)
    trained(tmp_path / "both", fusion="early", epochs=1)
    before = config(fusion="early", epochs=1).before
    assert (before.fine_tune, before.epochs) == ("none", 3)
    alone = trained(tmp_path / "alone", **{**before.as_dict(), "encoder_rate": 0.003})[1].load()
    assert all(torch.equal(alone[name], value) for name, value in begun["both"].items())
    assert any(not torch.equal(alone[name], value) for name, value in begun["none"].items())
    assert not list((tmp_path / "both" / "one").glob("parts"))


def test_what_a_training_begins_with_is_kept_where_nothing_is_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = itertools.count()
    monkeypatch.setattr(FineTuning, "measures", lambda *_: {"loss": torch.tensor(float(next(worse)))})
    _, run = trained(tmp_path, fusion="picture", epochs=2)
    assert (run.card["best_epoch"], run.epochs_done) == (0, 2)
    begun, kept = given()[1].picture, parted(run.load())[1]
    assert begun is not None
    assert all(torch.equal(kept[name], value) for name, value in begun.network.named_parameters())


def test_the_batches_hold_what_the_encoders_saw() -> None:
    items, own = given()
    with torch.inference_mode():
        batch = RawExamples(items, own, ("picture", "text"), "cpu").take(np.array([0, 5, 4]))
        assert batch.pictures is not None
        assert batch.pieces is not None
        assert batch.there is not None
        assert not batch.pictures[0].any()
        assert np.array_equal((batch.pictures[1] * 255).permute(1, 2, 0).round().numpy(), own.pixels[own.places[5]])
        assert batch.there.sum(1).tolist() == [len(own.pieces[row]) for row in (0, 5, 4)]
        assert own.text is not None
        vectors, words, there = own.text(batch.pieces, batch.there)
        alone, own_words, _ = own.text(
            torch.tensor([own.pieces[4]]), torch.ones(1, len(own.pieces[4]), dtype=torch.bool)
        )
    bound = of_sums(5 * 12 + 48)  # queries, keys or values, their products, what comes of them, and a layer of 48
    assert torch.allclose(vectors[2], alone[0], atol=bound)
    assert torch.allclose(words[2][there[2]], own_words[0], atol=bound)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fine_tune": "words"}, "fine-tuning of the training must be one of none, picture, text, both; got 'words'"),
        ({"encoder_rate": 0.0}, "rate of the encoders of the training must be a number from"),
        ({"augment": 1}, "augment of the training must be true or false"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        config(**changes)


def test_a_fusion_that_looks_at_one_side_trains_no_encoder_of_the_other() -> None:
    assert config(fusion="picture").tuned == ("picture",)
    assert config(fusion="picture", fine_tune="text").tuned == ()
    assert config(fusion="early").tuned == ("picture", "text")
    assert replace(config(), fine_tune="none").tuned == ()


@pytest.mark.parametrize(("fusion", "told"), [("text", 3), ("late", 1)])
def test_a_side_that_stays_as_it_is_learns_as_long_as_a_head_alone(tmp_path: Path, fusion: str, told: int) -> None:
    lengths: dict[str, int] = {}

    class Counted(Reporter):
        def event(self, **facts: Any) -> None:
            lengths[facts["run"]] = facts["epoch"]

    _, run = trained(tmp_path, Counted(), fusion=fusion, fine_tune="picture", epochs=1, patience=0)
    assert lengths == ({"one": 3} if fusion == "text" else {"head": 3, "picture": 1, "text": 3})
    assert run.epochs_done == told  # of a late one those that both sides went through


class StopAfter(Reporter):
    """Asks to stop at the n-th report: of a head that learns alone, or of one that does not."""

    def __init__(self, reports: int, head: bool) -> None:
        super().__init__()
        self.left, self.head = reports, head

    def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
        self.left -= ("alone" in note) == self.head
        if self.left <= 0:
            raise Stopped
