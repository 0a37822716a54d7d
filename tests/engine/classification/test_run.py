"""Classifications end to end on real files: measured, stopped, taken up again, kept, applied, searched, and refused."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.classification import task
from engine.classification.classifiers import train_final
from engine.classification.plan import ClassificationPlan
from engine.classification.report import to_csv
from engine.classification.results import Classification
from engine.classification.run import run_classification
from engine.cli.parser import main
from engine.collections.labelling import write_labels
from engine.core.errors import BadParameter, Corrupt, NotFound, NoVectors, Stopped
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders.encoder import EncoderChoice
from engine.encoders.fusion import FusionEncoder
from engine.workbench.workbench import Query, Workbench

COLOURS = {"Bags": (200, 60, 60), "Caps": (60, 180, 70), "Shirts": (60, 70, 210)}
WORDS = {"Bags": "leather bag", "Caps": "sun cap", "Shirts": "cotton shirt"}
FAST = {"epochs": 8, "batch": 16, "rate": 0.003}


def shop(folder: Path, count: int = 33, **changes: Any) -> Path:
    """A table of pictures in three colours with a text each; three have no label, some an empty or an odd text."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(count):
        label = list(COLOURS)[number % 3]
        pixels = np.clip(rng.normal(COLOURS[label], 45, (24, 24, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        text = f"<b>{WORDS[label]}</b> number {number}"
        text = {5: "", 8: "word " * 10_000 + WORDS[label], 11: "=cmd()", 12: "Größe é"}.get(number, text)
        line = {"image": f"{number}.png", "text": text, "label": label if number < 30 else "", "season": "Summer"}
        lines.append(line | {name: value(number) for name, value in changes.items()})
    lines.append(lines[0] | {"image": "missing.png"})
    with open(folder / "shop.csv", "w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return folder / "shop.csv"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("classes")
    report = Workbench(Home(root / "home")).run("import", source="csv", title="Shop", path=str(shop(root / "table")))
    assert (report["added"], len(report["rejects"])) == (33, 1)
    return root / "home"


@pytest.fixture
def bench(origin: Path, tmp_path: Path) -> Workbench:
    shutil.copytree(origin, tmp_path / "home")
    return Workbench(Home(tmp_path / "home"))


def plan(**changes: Any) -> ClassificationPlan:
    given: dict[str, Any] = {"title": "Try it", "collection": "shop", "picture": "colour-histogram", "folds": 2}
    return ClassificationPlan(**given | {"embedding": "flatten", "fusions": ("late",), "settings": FAST} | changes)


def measured(bench: Workbench, **changes: Any) -> Classification:
    found = bench.plan_classification(plan(**changes))
    bench.run("classification", name=found.name)
    return found


def picture(bench: Workbench, name: str) -> bytes:
    collection = bench.collection("shop")
    images = collection.images()
    return collection.picture(int(images.ids[images.names.index(name)]))


def test_five_models_are_measured_fold_by_fold(bench: Workbench) -> None:
    found = bench.plan_classification(plan(fusions=("picture", "text", "early", "intermediate", "late")))
    assert (found.state(bench.jobs()), found.rows()) == ("planned", [])
    assert bench.run("classification", name="try-it") == {"classification": "try-it", "measured": 10, "failed": 0}
    assert found.state(bench.jobs()) == "done"
    table = {line.fusion: line for line in found.table()}
    assert all(line.accuracy > 0.8 for line in table.values())
    assert {row.asked for row in found.rows()} == {15}  # those without a label take no part
    for fusion in table:
        answers = found.answers(fusion)
        assert len({answer.id for answer in answers}) == 30  # each was held out once
        classes, counts = found.counts(fusion)
        assert classes == ("Bags", "Caps", "Shirts")
        assert counts.sum() == 30
        assert np.trace(counts) == sum(answer.right for answer in answers)
        assert len(found.answers(fusion, label="Bags", predicted="Caps")) == counts[0, 1]
        assert len(found.answers(fusion, wrong=True)) == 30 - np.trace(counts)
        assert sum(one.count for one in found.reliability(fusion)) == 30
        assert [row[4] for row in found.per_class(fusion)] == [10, 10, 10]
        assert all(curve[-1]["epoch"] <= 8 for _, curve in found.curves(fusion))
    sides = {fusion: found.answers(fusion)[0] for fusion in table}
    assert sides["picture"].text is None
    assert sides["late"].picture is not None
    assert sides["late"].text is not None
    assert 0 <= next(row.share for row in found.rows() if row.fusion == "late") <= 1
    assert "Late fusion,as they are,2," in to_csv(found)
    line = next(csv.DictReader(io.StringIO(to_csv(found))))
    assert line["precision"] == "float32"
    assert line["contents of the collection"] == bench.collection("shop").images().content_digest()
    assert "benzer=" in line["versions"]
    assert not list((found.folder / "runs").glob("[!.]*"))  # trainings leave nothing behind


def test_measured_once_then_only_what_changed(bench: Workbench) -> None:
    found = measured(bench)
    assert bench.run("classification", name=found.name)["measured"] == 0
    cell = next((found.folder / "cells").glob("*.json"))
    cell.write_bytes(cell.read_bytes()[:-9])
    assert bench.run("classification", name=found.name)["measured"] == 1
    images = bench.collection("shop").images()
    write_labels(bench.collection("shop"), {int(images.ids[images.labels.index("")]): "Caps"}, "by hand")
    assert bench.run("classification", name=found.name)["measured"] == 2
    assert sum(row.asked for row in found.rows()) == 31


def test_folds_of_other_things_are_never_put_together(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    found, shop = measured(bench, folds=3), bench.collection("shop")
    ids = shop.images().ids.tolist()
    write_labels(shop, dict.fromkeys(ids[:3], "Hats"), "by hand")
    keep = Classification.keep

    def keep_one(self: Classification, row: Any) -> None:
        keep(self, row)
        raise Stopped

    monkeypatch.setattr(Classification, "keep", keep_one)
    with pytest.raises(Stopped):
        bench.run("classification", name=found.name)
    assert [(row.fold, row.classes) for row in found.rows()] == [(0, ("Bags", "Caps", "Hats", "Shirts"))]
    assert found.counts("late")[1].shape == (4, 4)
    monkeypatch.undo()
    assert bench.run("classification", name=found.name)["measured"] == 2


def test_a_stopped_classification_goes_on_with_the_same_figures(bench: Workbench) -> None:
    whole, parts = measured(bench), bench.plan_classification(plan())

    class StopAfter(Reporter):
        left = 11

        def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
            self.left -= stage == "Training"
            if self.left <= 0:
                raise Stopped

    with pytest.raises(Stopped):
        run_classification(bench.home, parts.name, StopAfter())
    assert list((parts.folder / "runs").glob("[!.]*"))
    bench.run("classification", name=parts.name)
    for one, other in zip(whole.rows(), parts.rows(), strict=True):
        assert one.answers == other.answers
        assert one.confusion == other.confusion


def test_missing_and_noisy_sides(bench: Workbench) -> None:
    conditions = ("picture=missing", "text=missing", "text=drop-80", "picture=blur-8")
    found = measured(bench, fusions=("picture", "text"), conditions=conditions)
    table = {(line.fusion, line.condition.name): line.accuracy for line in found.table()}
    assert table["picture", "picture=missing"] < 0.5 < table["picture", "text=missing"]
    assert table["text", "text=missing"] < 0.5 < table["text", "picture=missing"]
    assert table["text", "text=drop-80"] < table["text", "clean"]
    assert table["picture", "clean"] == table["picture", "text=missing"]
    assert len(list(bench.collection("shop").folder.glob("blurred_vectors/*-8-*"))) == 1


def test_classes_from_another_column_and_some_labels_only(bench: Workbench, tmp_path: Path) -> None:
    assert {row.classes for row in measured(bench, labels=("Bags", "Caps")).rows()} == {("Bags", "Caps")}
    table = shop(tmp_path / "other", season=lambda number: ["Summer", "Winter"][number % 2])
    bench.run("import", source="csv", title="Other", path=str(table))
    found = measured(bench, collection="other", column="Season", fusions=("text",), each=12)
    assert found.rows()[0].classes == ("Summer", "Winter")
    assert sum(row.asked for row in found.rows()) == 24


def test_a_classifier_is_kept_applied_and_asked(bench: Workbench) -> None:
    found = measured(bench, fusions=("intermediate", "late"))
    name = bench.run("classifier", name=found.name, fusion="intermediate", title="Sorter")["classifier"]
    assert [run.name for run in bench.classifiers()] == [name] == ["sorter-1"]
    assert bench.run("apply", name=name, collection="shop") == {"classifier": name, "collection": "shop", "guesses": 3}
    predictions = bench.predictions(name, "shop")
    assert predictions is not None
    assert {one.name: one.predicted for one in predictions.predictions} == {
        "30.png": "Bags",
        "31.png": "Caps",
        "32.png": "Shirts",
    }
    assert [one.confidence for one in predictions.predictions] == sorted(
        one.confidence for one in predictions.predictions
    )
    assert "id,picture,label now,predicted" in predictions.to_csv()
    opened = bench.classifier(name)
    both = bench.judge(opened, picture(bench, "0.png"), "<i>leather bag</i>")
    assert both["fused"][0][0] == "Bags"
    assert [word for word, _ in both["words"]] == ["leather", "bag"]
    assert sum(share for _, share in both["words"]) == pytest.approx(1, abs=1e-4)
    unknown = bench.judge(opened, picture(bench, "0.png"), "qwxz")  # of other words it knows nothing
    assert (unknown["text"], unknown["words"]) == (None, [])
    assert unknown["picture"] == both["picture"]
    alone = bench.judge(opened, None, "sun cap")
    assert (alone["picture"], alone["text"][0][0]) == (None, "Caps")
    with pytest.raises(BadParameter, match="query of a classifier must be a picture, a text, or both; got 'neither'"):
        bench.judge(opened, None, "")
    write_labels(bench.collection("shop"), {one.id: one.predicted for one in predictions.predictions}, "a classifier")
    with pytest.raises(BadParameter, match="without a label yet"):
        bench.run("apply", name=name, collection="shop")


def test_a_classifier_cut_off_before_its_words_were_kept_gets_them_when_it_goes_on(bench: Workbench) -> None:
    found = bench.plan_classification(plan(fusions=("text",)))

    class Stop(Reporter):
        def update(self, stage: str, done: int, total: int, unit: str = "images", note: str = "") -> None:
            if stage == "Training":
                raise Stopped

    with pytest.raises(Stopped):
        train_final(bench.home, found.name, "text", Stop(), "Mine")
    (run,) = bench.classifiers()
    (run.folder / "text.json").unlink()
    assert train_final(bench.home, found.name, "text", Reporter(), "Mine").name == run.name
    assert bench.judge(bench.classifier(run.name), None, "leather bag")["fused"]


def test_a_run_that_learned_the_labels_is_refused(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = EncoderChoice("raw-pixels", "", "Taught", "", ready=True, trained_on="shop", learned_labels=True)
    monkeypatch.setattr(task, "choices", lambda *_: [taught])
    monkeypatch.setattr(task, "newest_weights", lambda *_: "")
    with pytest.raises(BadParameter, match="has not learned from Shop already: it knows their labels"):
        bench.plan_classification(plan(picture="raw-pixels"))


def test_encoders_that_know_the_answers_or_read_texts_are_refused(bench: Workbench, tmp_path: Path) -> None:
    found = bench.plan_classification(plan(fusions=("late",)))
    name = bench.run("classifier", name=found.name, fusion="late")["classifier"]
    bench.run("import", source="csv", title="Other", path=str(shop(tmp_path / "other")))
    for encoder in (f"fused@{name}", f"local-binary-patterns+fused__{name}"):
        with pytest.raises(BadParameter, match="has not learned from Shop already: it knows their labels"):
            bench.plan_classification(plan(picture=encoder))
        with pytest.raises(BadParameter, match="one that sees pictures only: this one reads their texts as well"):
            bench.plan_classification(plan(picture=encoder, collection="other"))


def test_texts_find_pictures(bench: Workbench) -> None:
    found = measured(bench, settings={**FAST, "missing": 0.3})
    name = bench.run("classifier", name=found.name, fusion="late")["classifier"]
    recipe = Recipe("shop", "fused", name, embedding="flatten", k=5)
    assert bench.readiness(recipe).action == "embed"
    bench.run("embed", recipe=recipe.as_dict())
    predicted = bench.search(recipe, Query(text="a sun cap", name="a sun cap"))
    assert {hit.label for hit in predicted.hits} <= {"Caps", ""}
    data = picture(bench, "0.png")  # a bag
    assert {hit.label for hit in bench.search(recipe, Query.picture(data)).hits} <= {"Bags", ""}
    mostly = [bench.search(recipe, Query(data=data, text="sun cap", share=share)).hits[0].label for share in (10, 90)]
    assert mostly == ["Bags", "Caps"]
    assert bench.search(recipe, Query.image(int(bench.collection("shop").images().ids[0]))).hits
    blind = recipe.but(encoder="colour-histogram", weights="")
    bench.run("embed", recipe=blind.as_dict())
    with pytest.raises(NoVectors, match="Searching by words needs"):
        bench.search(blind, Query(text="cap"))
    with pytest.raises(BadParameter, match="share of the query"):
        bench.search(blind, Query(data=data, text="number", share=101))
    with pytest.raises(BadParameter, match="share of the query"):
        bench.search(recipe, Query(data=data, text="cap", share=101))


def test_vectors_of_changed_texts_are_made_again(bench: Workbench) -> None:
    found = measured(bench)
    name = bench.run("classifier", name=found.name, fusion="late")["classifier"]
    collection, opened = bench.collection("shop"), bench.classifier(name)
    before = opened.at(collection).info.fingerprint
    with collection.catalogue.writing() as writing:
        row = collection.rows("image")[0]
        writing.replace(replace(row, text="another text"))
    assert opened.at(collection).info.fingerprint != before


def test_a_damaged_classifier_is_named(bench: Workbench) -> None:
    found = measured(bench)
    name = bench.run("classifier", name=found.name, fusion="late")["classifier"]
    [weights] = (bench.home.classifiers / name).glob("weights-*.safetensors")
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(Corrupt, match="damaged"):
        FusionEncoder.open("fused", name, bench.home)
    with pytest.raises(NotFound, match="no classifier 'nobody'"):
        bench.classifier("nobody")


def test_a_failing_cell_keeps_its_sentence(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.classification import run as classifying

    def fails(*_: Any, **__: Any) -> None:
        raise MemoryError

    found = bench.plan_classification(plan())
    monkeypatch.setattr(classifying.FoldTrainings, "_asked", fails)
    assert bench.run("classification", name=found.name) == {"classification": "try-it", "measured": 0, "failed": 2}
    assert all(row.error for row in found.rows())
    assert found.table() == []
    monkeypatch.undo()
    assert bench.run("classification", name=found.name)["failed"] == 0


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"labels": ("Bags",)}, r"labels of a classification must be two or more different ones; got \"only 'Bags'\""),
        ({"labels": ("Bags", "Hats")}, "label of a classification must be one of Bags, Caps, Shirts; got 'Hats'"),
        ({"folds": 11}, "must be at most 10, as many as there are items with the label 'Bags'; got 11"),
        ({"folds": 5, "each": 4}, "number of folds of a classification must be at most 4"),
        ({"folds": 1}, "number of folds of a classification must be a whole number from 2 to 20"),
        ({"column": "colour"}, r"label column of the table shop.csv must be one of label, season; got 'colour'"),
        ({"column": "image"}, "label column of the table"),
        ({"column": "season"}, "only 'Summer'"),
        ({"picture": "resnet-1"}, "encoder of a classification must be one of"),
        ({"text": "word2vec"}, "text encoder of a classification must be one of"),
        ({"embedding": "best"}, "embedding"),
        ({"embedding": "flatten-white"}, "embedding of a classification must be one of .*, nothing after it"),
        ({"fusions": ("middle",)}, "fusion of a classification"),
        ({"settings": {"speed": 3}}, "setting of the training"),
        ({"conditions": ("picture=gone",)}, "condition of a classification"),
        ({"title": " "}, "title of a classification"),
    ],
)
def test_what_cannot_be_classified_is_refused(bench: Workbench, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        bench.plan_classification(plan(**changes))
    assert bench.classifications() == []


def test_collections_without_texts_labels_or_tables(bench: Workbench, tmp_path: Path) -> None:
    silent = shop(tmp_path / "silent", text=lambda number: "")
    bench.run("import", source="csv", title="Silent", path=str(silent))
    with pytest.raises(BadParameter, match="texts of a classification must be given for some of the items; got 'none'"):
        bench.plan_classification(plan(collection="silent"))
    assert measured(bench, collection="silent", fusions=("picture",)).table()[0].accuracy > 0.8
    bare = shop(tmp_path / "bare", label=lambda number: "")
    bench.run("import", source="csv", title="Bare", path=str(bare))
    with pytest.raises(BadParameter, match="two or more different ones; got 'none'"):
        bench.plan_classification(plan(collection="bare"))
    bench.run("import", source="folder", title="Folder", path=str(tmp_path / "bare"))
    with pytest.raises(BadParameter, match="left out: the collection was not imported from a table"):
        bench.plan_classification(plan(collection="folder", column="season"))


def test_the_command(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["classify", "--collection", "shop", "--encoder", "colour-histogram", "--embedding", "flatten"]
    words += ["--text", "tf-idf", "--fusion", "late", "--folds", "2", "--epochs", "3", "--keep", "late"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "Late fusion" in out
    assert "Classification: classify-shop" in out
    assert "The classifier shop-late-1 is kept." in out
    assert main(["classify", "--list"]) == 0
    assert "classifier" in capsys.readouterr().out
    assert main(["classify", "--show", "classify-shop", "--csv", str(tmp_path / "t.csv")]) == 0
    assert (tmp_path / "t.csv").read_text(encoding="utf-8-sig").startswith("model,condition,folds,accuracy")
    capsys.readouterr()
    assert main(["classify", "--show", "classify-shop", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["rows"]) == 2
    assert main(["classify", "--apply", "shop-late-1", "--collection", "shop"]) == 0
    assert "3 in all, the least confident first" in capsys.readouterr().out
    assert main(["classify", "--ask", "shop-late-1", "--words", "cotton shirt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fused"][0][0] == "Shirts"
    assert main(["classify", "--ask", "shop-late-1", "--words", "cotton shirt", "--csv"]) == 0
    assert capsys.readouterr().out.splitlines()[:2][1].startswith("fused,Shirts,")
    assert main(["search", "--collection", "shop", "--encoder", "fused", "--text", "sun cap", "--k", "2"]) == 0
    assert "Exact search over" in capsys.readouterr().out
    assert main(["classify", "--show", "classify-shop", "--folds", "3"]) == 1
    assert "--folds does not go with classify --show" in capsys.readouterr().err
    assert main(["classify", "--collection", "nowhere"]) == 1
    assert "There is no collection 'nowhere'" in capsys.readouterr().err
    for name in ("shop-late-1", "classify-shop"):
        assert main(["classify", "--delete", name, "--yes"]) == 0
    assert (bench.classifiers(), bench.classifications()) == ([], [])
