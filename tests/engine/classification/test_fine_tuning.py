"""Encoders that learn with a classifier, end to end: measured, kept, asked, applied, searched with, and refused."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.classification.fine_tuning import price
from engine.classification.plan import ClassificationPlan
from engine.classification.results import Classification
from engine.cli.parser import main
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.networks.table import backbone, is_counter
from engine.runs import listing as runs
from engine.texts import bert, published
from engine.workbench.workbench import Query, Workbench
from models.autoencoder import Autoencoder
from models.bert import Bert
from models.specs import BertSpec
from models.tunable import PICTURE, TEXT, parted
from tests.engine.narrow import narrow_model  # noqa: F401

COLOURS = {"Bags": (200, 60, 60), "Caps": (60, 180, 70), "Shirts": (60, 70, 210)}
WORDS = {"Bags": "leather bag", "Caps": "sun cap", "Shirts": "cotton shirt"}
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "leather", "bag", "sun", "cap", "cotton", "shirt", "nice", "new"]
FAST: dict[str, Any] = {"epochs": 2, "batch": 16, "rate": 0.003, "encoder_rate": 0.001, "fine_tune": "both"}


def shop(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    with open(folder / "shop.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "text", "label"])
        for number in range(27):
            label = list(COLOURS)[number % 3]
            pixels = np.clip(rng.normal(COLOURS[label], 45, (24, 24, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            text = "" if number == 5 else f"nice {WORDS[label]}"
            writer.writerow([f"{number}.png", text, label if number < 24 else ""])
    return folder / "shop.csv"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop, and MobileNet-v2 with weights drawn by the seed as a run at 32 pixels."""
    root = tmp_path_factory.mktemp("tuned")
    home = Home(root / "home")
    Workbench(home).run("import", source="csv", title="Shop", path=str(shop(root / "table")))
    run = runs.create(home, "drawn", {"model": 0, "network": "mobilenet-v2", "size": 32}, {"title": "Drawn"})
    weights = backbone("mobilenet-v2").fresh(0).state_dict()
    run.keep({name: value for name, value in weights.items() if not is_counter(name)})
    run.end("done")
    model = runs.create(home, "mine", {"model": 1, "size": 32}, {"title": "Mine"})
    model.keep(Autoencoder(1).initialise(0).state_dict())
    model.end("done")
    return root / "home"


@pytest.fixture
def bench(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    torch.manual_seed(0)
    network = replace(published.PUBLISHED["all-minilm-l6-v2"], name="tiny", width=24, layers=1, heads=3, most=8)
    weights = Bert(BertSpec(24, 1, 3)).state_dict()
    monkeypatch.setitem(published.PUBLISHED, "tiny", network)
    monkeypatch.setattr("engine.classification.training.config._HEAD_EPOCHS", 3)
    monkeypatch.setattr(bert, "load", lambda home, network: (weights, VOCABULARY))
    shutil.copytree(origin, tmp_path / "home")
    return Workbench(Home(tmp_path / "home"))


def plan(**changes: Any) -> ClassificationPlan:
    given: dict[str, Any] = {"title": "Try it", "collection": "shop", "picture": "mobilenet-v2@drawn", "folds": 2}
    return ClassificationPlan(**given | {"text": "tiny", "fusions": ("early",), "settings": FAST} | changes)


def measured(bench: Workbench, **changes: Any) -> Classification:
    found = bench.plan_classification(plan(**changes))
    assert bench.run("classification", name=found.name)["failed"] == 0
    return found


def test_a_fine_tuned_classification_and_the_classifier_it_gives(bench: Workbench) -> None:
    conditions = ("picture=blur-4", "text=drop-50", "picture=missing")
    found = measured(bench, conditions=conditions)
    assert len(found.rows()) == 2
    assert {line.condition.name for line in found.table()} == {"clean", *conditions}
    stores = {path.name.split("-")[0] for path in (bench.collection("shop").folder / "vectors").iterdir()}
    assert stores == {"mobilenet"}  # what a fold's encoders see is not kept
    assert not (bench.collection("shop").folder / "blurred_vectors").exists()  # nor made of the weights as they came
    name = bench.run("classifier", name=found.name, fusion="early", title="Sorter")["classifier"]
    opened, again = bench.classifier(name), bench.classifier(name)
    assert (opened.picture.info.name, opened.run.card["tuned"]) == ("tuned", ["picture", "text"])  # type: ignore[union-attr]
    weights = opened.run.load()
    assert all(any(part.startswith(prefix) for part in weights) for prefix in (PICTURE, TEXT))
    collection = bench.collection("shop")
    data = collection.picture(int(collection.images().ids[0]))
    assert bench.judge(opened, data, "leather bag") == bench.judge(again, data, "leather bag")
    assert bench.run("apply", name=name, collection="shop", every=True)["guesses"] == 27
    _vectors_are_those_of_the_new_weights(bench, name)
    _judged_as_it_was_trained(bench, name)


def _vectors_are_those_of_the_new_weights(bench: Workbench, name: str) -> None:
    """The tuned encoder can be searched with alone, and its vectors are not those of the one it began with."""
    [line] = [choice for choice in bench.choices("shop") if choice.name == "tuned"]
    assert (line.weights, line.title, line.learned_from) == (name, "MobileNet-v2, fine-tuned · Sorter", "shop")
    frozen, tuned = (
        Recipe("shop", *which, embedding="avg", k=3) for which in (("mobilenet-v2", "drawn"), ("tuned", name))
    )
    assert bench.readiness(tuned).action == ""  # made when it was applied
    assert len(bench.search(tuned, Query.image(int(bench.collection("shop").images().ids[0]))).hits) == 3
    encoders = [open_encoder(recipe.encoder, recipe.weights, bench.home) for recipe in (frozen, tuned)]
    assert encoders[0].info.fingerprint != encoders[1].info.fingerprint
    with pytest.raises(BadParameter, match="one that has not learned from Shop already: it knows their labels"):
        bench.plan_classification(plan(picture=f"tuned@{name}", settings={}))
    fused = Recipe("shop", "fused", name, embedding="flatten", k=3)
    bench.run("embed", recipe=fused.as_dict())
    assert bench.search(fused, Query(text="sun cap", name="sun cap")).hits


def _judged_as_it_was_trained(bench: Workbench, name: str) -> None:
    """The networks of the training, with the run's weights, say what the opened classifier says."""
    from engine.classification.fine_tuning import tunable
    from engine.classification.task import Task, config_of
    from engine.classification.training.fine_tuned import FineTuning
    from engine.core.device import device

    opened, collection = bench.classifier(name), bench.collection("shop")
    given = bench.classification(opened.run.card["classification"]).plan
    task = Task.of(bench.home, collection, given)
    items = task.items(Reporter(), every=True)
    own = tunable(bench.home, task, items, Reporter())
    assert own is not None
    objective = FineTuning(config_of(given, "early"), items, np.arange(len(items)), device(), own)
    objective.restore(opened.run.load())
    objective.network.eval()
    with torch.inference_mode():
        said = objective.head(objective.pair(objective.source.take(np.arange(len(items))))).softmax(1).cpu().numpy()
    seen = opened.explain(opened.at(collection).items(collection, Reporter())).fused[: len(items)]
    assert np.abs(said - seen).max() < (0.05 if device().reduced else 1e-3)


def test_every_fold_begins_with_the_same_weights(bench: Workbench) -> None:
    """The second fold measured alone gives what it gives after the first."""
    whole = measured(bench, fusions=("late",), picture="model-1@mine", settings=FAST | {"epochs": 1})
    first, second = whole.rows()
    for path in (whole.folder / "cells").glob("*-2-*.json"):
        path.unlink()
    assert bench.run("classification", name=whole.name) == {"classification": whole.name, "measured": 1, "failed": 0}
    again = whole.rows()[1]
    assert (again.answers, again.confusion) == (second.answers, second.confusion)
    assert first.answers != second.answers


def test_one_side_learns_and_the_other_stays(bench: Workbench) -> None:
    found = measured(
        bench, fusions=("late", "text"), text="tf-idf", settings=FAST | {"fine_tune": "picture", "epochs": 1}
    )
    late, text = (bench.run("classifier", name=found.name, fusion=one)["classifier"] for one in ("late", "text"))
    _, seen, read = parted(bench.classifier(late).run.load())
    assert (bool(seen), bool(read)) == (True, False)
    assert bench.classifier(text).run.card["tuned"] == []
    assert bench.judge(bench.classifier(late), None, "sun cap")["text"] is not None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"picture": "colour-histogram"},
            "encoder of pictures of fine-tuning must be a ready-made network of torchvision, such as mobilenet-v2, or "
            "an autoencoder; got 'colour-histogram'",
        ),
        ({"text": "tf-idf"}, "text encoder of fine-tuning must be a network with weights of its own .* got 'tf-idf'"),
        ({"embedding": "gem"}, "embedding of fine-tuning must be one of max, flatten, avg; got 'gem'"),
        (
            {"fusions": ("text",), "settings": FAST | {"fine_tune": "picture"}},
            "fine-tuning of a classification must be none, for the fusion text; got 'picture'",
        ),
        ({"settings": FAST | {"fine_tune": "all"}}, "fine-tuning of the training must be one of none, picture"),
    ],
)
def test_what_cannot_be_fine_tuned_is_refused(bench: Workbench, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        bench.plan_classification(plan(**changes))
    assert bench.classifications() == []


def test_the_time_is_measured_before_the_start(bench: Workbench) -> None:
    both, one = plan(fusions=("late", "text")), plan(fusions=("late", "text"), settings=FAST | {"fine_tune": "text"})
    speed = bench.fine_tuning_speed(both)
    assert min(speed.head, speed.picture) > 0
    assert speed.text >= 0  # so small a network takes no time worth telling
    assert bench.fine_tuning_speed(one).picture == 0
    given = replace(speed, head=0.001, picture=0.1, text=0.01, look=1.0)
    said = price(both, 24, given)
    assert said.frozen == pytest.approx(24 * 3 * 3 * 0.001)  # two heads for a late fusion, one for the text
    assert said.seconds - said.frozen == pytest.approx(24 * 2 * (2 * 0.001 + 0.1 + 0.01 + 0.001 + 0.01))
    assert said.sentence() == (
        "Fine-tuning: the trainings take up to about 6\xa0s on this computer, 28 times as long as with encoders that "
        "stay as they are (1\xa0s)."
    )


def test_the_command(bench: Workbench, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["classify", "--collection", "shop", "--encoder", "model-1@mine", "--text", "tf-idf", "--folds", "2"]
    words += ["--fusion", "picture", "--fine-tune", "picture", "--encoder-rate", "1e-4", "--batch", "16"]
    assert main(words) == 0
    told = capsys.readouterr()
    assert "Fine-tuning: the trainings take up to about" in told.err
    assert "Picture only" in told.out
    settings = bench.classification("classify-shop").plan.settings
    assert settings == {"epochs": 5, "batch": 16, "fine_tune": "picture", "encoder_rate": 1e-4}
    assert main([*words, "--encoder", "hog"]) == 1
    assert "encoder of pictures of fine-tuning must be a ready-made network" in capsys.readouterr().err
