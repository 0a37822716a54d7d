"""Words without training: scores against slow sums, what is refused, and both kinds of results."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.cli.parser import main
from engine.collections.collection import Images
from engine.collections.labelling import last_writing, undo_labels
from engine.core.errors import BenzerError, NotFound, NothingKnown, NoVectors
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders import open_encoder
from engine.encoders.vectors.store import Vectors
from engine.search import classes
from engine.search.classes import KEPT, ClassProbabilities
from engine.search.replay import compared
from engine.search.words import Scores, hits_of, mixed, refuse_the_unknown, shown, written
from engine.texts.lexicon.lexicon import CLASSES, FILE, lexicon
from engine.workbench import Answer, Query, Workbench, words
from models.efficientnet_lite import EfficientNetLite


@pytest.fixture(autouse=True)
def no_kept_layer() -> Iterator[None]:
    """The layer that classifies is kept by the process; here it is another one in every test."""
    classes.head.cache_clear()
    yield
    classes.head.cache_clear()


def images(*rows: tuple[str, str, str]) -> Images:
    names, labels, texts = ([row[part] for row in rows] for part in range(3))
    return Images(np.arange(1, len(rows) + 1), [""] * len(rows), labels, names, texts)


@pytest.fixture
def probabilities() -> ClassProbabilities:
    rng = np.random.default_rng(0)
    ids = np.arange(10, 40)
    picked = np.stack([rng.choice(CLASSES, KEPT, replace=False) for _ in ids]).astype(np.int16)
    values = -np.sort(-rng.dirichlet(np.ones(KEPT), len(ids)), axis=1)
    return ClassProbabilities(ids, picked, values.astype(np.float16))


def test_a_picture_shows_a_kind_as_probably_as_all_its_classes_together(probabilities: ClassProbabilities) -> None:
    meaning = lexicon().meaning("dog")
    dogs = set(np.flatnonzero(meaning.weights).tolist())
    for row, score in enumerate(shown(probabilities, meaning).values):
        kept = zip(probabilities.classes[row].tolist(), probabilities.values[row].tolist(), strict=True)
        assert score == pytest.approx(sum(value for number, value in kept if number in dogs), abs=1e-6)


def test_the_mean_of_some_pictures(probabilities: ClassProbabilities) -> None:
    slow = np.zeros(CLASSES)
    for row in (0, 3):
        for number, value in zip(probabilities.classes[row], probabilities.values[row], strict=True):
            slow[number] += float(value) / 2
    assert probabilities.of(np.array([10, 13])) == pytest.approx(slow)
    assert not probabilities.of(np.array([999])).any()


def test_probabilities_are_those_of_the_whole_network(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = EfficientNetLite(0).eval()
    monkeypatch.setattr(classes.packaged, "load", lambda network_: network.state_dict())
    features = np.random.default_rng(0).random((5, 1280), dtype=np.float32)
    found = classes._computed(Vectors(np.arange(5), [""] * 5, features, "digest", None))
    with torch.no_grad():
        truth = torch.softmax(network._fc(torch.from_numpy(features)), 1).numpy()
    for row in range(5):
        assert found.values[row] == pytest.approx(truth[row][found.classes[row]], rel=2e-3)  # float16 keeps 11 bits
        assert found.values[row][-1] >= np.sort(truth[row])[-KEPT] * (1 - 2e-3)


def test_what_is_written_is_found_in_any_script() -> None:
    some = images(
        ("a/red-shoe.jpg", "Shoes", ""), ("b.jpg", "", "A RED hat"), ("c.jpg", "", "青い帽子"), ("d.jpg", "", "ＲＥＤ"),
    )  # fmt: skip
    assert written(some, "red").values.astype(bool).tolist() == [True, True, False, True]
    assert written(some, "帽子").values.astype(bool).tolist() == [False, False, True, False]
    ids, _ = written(some, "red hat").best(8, some.ids)
    assert ids.tolist() == [2, 1, 4]  # both words first, then by id
    assert not written(some, "xqz").values.any()
    assert not written(some, "  ").values.any()


def test_function_words_are_looked_for_only_where_there_are_no_others() -> None:
    some = images(("1.jpg", "cats", ""), ("2.jpg", "sofa", "on the stage"), ("3.jpg", "", "by the sea"))
    assert written(some, "A kitten on a sofa").values.astype(bool).tolist() == [False, True, False]
    assert not written(some, "a kitten").values.any()
    assert written(some, "on the").values.astype(bool).tolist() == [False, True, True]


@pytest.mark.parametrize("text", ["happiness", "Istanbul", "xqz", "", "y" * 10_000, "猫"])
def test_what_nobody_knows_is_refused(text: str) -> None:
    some = images(("a.jpg", "box", "plain"))
    with pytest.raises(BenzerError, match="Nothing is known of") as caught:
        refuse_the_unknown(text, lexicon().meaning(text), written(some, text))
    assert len(str(caught.value)) < 400
    refuse_the_unknown("box", lexicon().meaning("xqz"), written(some, "box"))  # it is written, so it is answered


def test_words_and_a_picture_are_scaled_before_they_are_added() -> None:
    words = Scores(np.array([1, 2, 3]), np.array([0.9, 0.0, 0.3], np.float32))
    ids, distances = np.array([1, 2, 3]), np.array([0.4, 0.1, 0.2], np.float32)
    assert mixed(words, ids, distances, 100).best(3, ids)[0].tolist() == [1, 3]
    assert mixed(words, ids, distances, 0).best(3, ids)[0].tolist() == [2, 3]
    assert mixed(words, ids, distances, 50).values == pytest.approx([0.5, 0.5, (1 / 3 + 2 / 3) / 2])


def test_results_carry_what_is_known_of_the_picture() -> None:
    some = images(("a.jpg", "box", "plain"), ("b.jpg", "ball", "round"))
    [hit] = hits_of(some, np.array([2]), np.array([0.75], np.float32))
    assert (hit.rank, hit.id, hit.name, hit.label, hit.text, hit.distance) == (1, 2, "b.jpg", "ball", "round", 0.25)


def test_without_vectors_it_says_what_to_do(home: Home) -> None:
    class Empty:
        name, title, folder = "empty", "Empty", home.root / "empty"

    with pytest.raises(NoVectors, match="Searching by words needs"):
        classes.class_probabilities(Empty(), open_encoder("raw-pixels", "", home).info)


@pytest.fixture
def bench(home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workbench:
    """Six pictures, three of them pugs and three lemons by the class layer that stands in for the network's."""
    for number in range(6):
        name = ("pugs", "fruit")[number % 2]
        (tmp_path / "pictures" / name).mkdir(parents=True, exist_ok=True)
        shade = (20 * number, 200, 30) if number % 2 else (200, 20 * number, 30)
        Image.new("RGB", (32, 32), shade).save(tmp_path / "pictures" / name / f"{number}.png")
    bench = Workbench(home)
    bench.run("import", source="folder", title="Mixed", path=str(tmp_path / "pictures"))
    layer, plane = torch.zeros(CLASSES, 3, 32 * 32), 40 / 32**2
    layer[lexicon().classes.index("pug"), 0], layer[lexicon().classes.index("lemon"), 1] = plane, plane  # red, green
    weights = {"_fc.weight": layer.flatten(1), "_fc.bias": torch.zeros(CLASSES)}
    monkeypatch.setattr(classes.packaged, "load", lambda network: weights)
    monkeypatch.setattr(words.packaged, "file_of", lambda network: Path("there"))
    monkeypatch.setattr(words, "words_recipe", lambda name, k=8: Recipe(name, "raw-pixels", "", embedding="avg", k=k))
    bench.run("embed", recipe=Recipe("mixed", "raw-pixels", "", embedding="avg").as_dict())
    return bench


def test_with_damaged_files_of_minilm_the_dictionary_answers_alone(bench: Workbench) -> None:
    folder = bench.home.pretrained / "texts" / "all-minilm-l6-v2"
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "vocab.txt"):
        (folder / name).write_bytes(b"damaged")
    assert not bench.meaning("tennis").known
    with pytest.raises(BenzerError, match="Nothing is known of"):
        by_words(bench, "tennis")


def test_an_unknown_word_is_searched_for_as_the_nearest_kind(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stub:
        def meaning(self, text: str) -> Any:
            found = lexicon().meaning("pug")
            return replace(found, near=((text, "pug"),)) if text == "snub-nosed" else None

    monkeypatch.setattr(words, "folder_of", lambda home, network: Path("there"))
    monkeypatch.setattr(words, "_nearest_kinds", lambda home, folder: Stub())
    answer = by_words(bench, "snub-nosed")
    assert {hit.label for hit in answer.hits} == {"pugs"}
    assert "nearest to “snub-nosed” that can be recognised: pug" in answer.note
    for text in ("happiness", "Istanbul", "xqz"):
        with pytest.raises(BenzerError, match="Nothing is known of"):
            by_words(bench, text)


def by_words(bench: Workbench, text: str, **more: Any) -> Answer:
    recipe = Recipe("mixed", "raw-pixels", "", embedding="avg", k=3)
    return bench.search(recipe, Query(name=text, text=text, **more))


def test_pictures_are_found_by_what_they_show_and_by_what_is_written(bench: Workbench) -> None:
    answer = by_words(bench, "dog")
    assert [hit.label for hit in answer.hits] == ["pugs"] * 3
    assert all(0 <= hit.distance < 0.5 for hit in answer.hits)
    assert not answer.written  # no name, label or text holds "dog"
    assert [hit.label for hit in by_words(bench, "lemon").hits] == ["fruit"] * 3
    assert {hit.label for hit in by_words(bench, "fruit").written} == {"fruit"}


def test_all_that_clearly_show_it_are_counted_within_the_filter(bench: Workbench) -> None:
    answer = by_words(bench, "dog")
    every = bench.search(answer.recipe.but(k=100), Query(name="dog", text="dog")).hits
    assert bench.clearly_shown(answer) == sum(1 - hit.distance >= words.CLEARLY for hit in every) > 0
    assert {hit.label for hit in every if 1 - hit.distance >= words.CLEARLY} == {"pugs"}
    narrowed = bench.search(answer.recipe, Query(name="dog", text="dog"), label="fruit")
    assert bench.clearly_shown(narrowed) == 0
    assert bench.clearly_shown(replace(answer, words=None)) == 0


def test_what_is_not_there_is_said(bench: Workbench) -> None:
    answer = by_words(bench, "airplane")
    assert "no picture clearly shows" in answer.sentence()
    assert "not known: striped" in by_words(bench, "striped dog").sentence()
    assert (
        "“panda” taken for giant panda · no picture clearly shows “giant panda”" in by_words(bench, "panda").sentence()
    )
    assert "taken for" not in by_words(bench, "pugs and lemons, dogs").sentence()
    assert "“sweater” taken for cardigan, sweatshirt · “belts” taken for seat belt" in (
        by_words(bench, "sweater belts").sentence()
    )
    with pytest.raises(BenzerError, match="Nothing is known of"):
        by_words(bench, "happiness")


def test_the_command_finds_what_is_known_and_refuses_the_rest(
    bench: Workbench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    asked = ["search", "--collection", "mixed", "--encoder", "raw-pixels", "--pooling", "avg", "--k", "3", "--json"]
    assert main([*asked, "--words", "dog"]) == 0
    assert [hit["label"] for hit in json.loads(capsys.readouterr().out)["hits"]] == ["pugs"] * 3
    for text in ("happiness", "Istanbul", "xqz", "y" * 10_000, "猫", "سعادة"):
        assert main([*asked, "--words", text]) == 1
        printed = capsys.readouterr()
        assert not printed.out
        assert f"Nothing is known of “{text[:59]}" in printed.err
        assert len(printed.err) < 400
    assert main([*asked, "--words", " "]) == 1


def test_words_beside_a_picture(bench: Workbench) -> None:
    pug = next(hit.id for hit in by_words(bench, "dog").hits)
    assert {hit.label for hit in by_words(bench, "lemon", image_id=pug, share=100).hits} == {"fruit"}
    near = by_words(bench, "lemon", image_id=pug, share=0)
    assert [hit.label for hit in near.hits][:2] == ["pugs", "pugs"]
    assert pug not in {hit.id for hit in near.hits}


def test_an_export_says_what_the_words_were_taken_for(bench: Workbench) -> None:
    body = json.loads(by_words(bench, "pug xqz").to_json())
    used = body["words"]
    assert (used["known"], used["unknown"], used["classes"]) == ([["pug", "pug"]], ["xqz"], ["pug"])
    assert used["lexicon"] == hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert used["encoder"] == body["made_with"]["encoder"]
    assert all(len(hit["sha256"]) == 64 for hit in body["hits"])
    beside = json.loads(by_words(bench, "dog", image_id=body["hits"][0]["id"]).to_json())
    assert beside["query"]["sha256"] == body["hits"][0]["sha256"]
    assert beside["query"]["name"] == body["hits"][0]["name"]
    assert len(beside["words"]["classes"]) > 100
    only_written = json.loads(by_words(bench, "png").to_json())
    assert only_written["made_with"] is None
    assert only_written["words"]["encoder"] == only_written["words"]["weights"] == ""


def test_a_replay_of_words_says_the_same_or_what_differs(bench: Workbench) -> None:
    for text, more in (("dog", {}), ("png", {}), ("lemon", {"image_id": 1, "share": 30})):
        former = json.loads(by_words(bench, text, **more).to_json())
        again = by_words(bench, text, **more).as_dict()
        assert compared(former, again) == (True, ["The same results."])
    former = json.loads(by_words(bench, "dog").to_json())
    former["words"] |= {"lexicon": "0" * 64, "classes": ["tabby"], "weights": "1" * 64, "precision": "bfloat16"}
    same, told = compared(former, by_words(bench, "dog").as_dict())
    assert same
    assert any(one.startswith("Dictionary: sha256 000000000000… then") for one in told)
    assert any(one.startswith("The words stood for tabby then, for ") for one in told)
    assert any("Weights of the network that recognises words" in one for one in told)
    assert any("bfloat16 then, float32 now" in one for one in told)
    del former["words"]  # an export of before
    assert compared(former, by_words(bench, "dog").as_dict()) == (True, ["The same results."])


def test_only_pictures_with_the_label(bench: Workbench) -> None:
    recipe = Recipe("mixed", "raw-pixels", "", embedding="avg", k=3)
    answer = bench.search(recipe, Query(name="dog", text="dog"), label="fruit")
    assert {hit.label for hit in answer.hits} <= {"fruit"}
    with pytest.raises(NothingKnown):
        bench.search(recipe, Query(name="dog", text="dog"), label="nobody")


def test_the_time_of_a_search_is_that_of_looking_at_texts_and_distances(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, between = words.written, words.metric

    def slow_metric(name: str) -> object:
        time.sleep(0.05)
        return between(name)

    def slowly_written(images: Images, text: str) -> Scores:
        time.sleep(0.05)
        return read(images, text)

    by_words(bench, "dog", image_id=1)
    monkeypatch.setattr(words, "written", slowly_written)
    monkeypatch.setattr(words, "metric", slow_metric)
    receipt = by_words(bench, "dog", image_id=1).receipt
    assert receipt.milliseconds > 99
    assert receipt.encode_milliseconds == 0


def test_what_pictures_show_names_them(bench: Workbench) -> None:
    pugs = np.array([hit.id for hit in by_words(bench, "dog").hits])
    assert bench.suggested_name("mixed", pugs)[0] == "pug"
    [(name, value), *_] = bench.suggested_labels("mixed", int(pugs[0]))
    assert (name, value > 0.5) == ("pug", True)
    assert len(bench.suggested_labels("mixed", int(pugs[0]))) == 1  # nothing else is probable
    assert bench.suggested_labels("mixed", 4711) == []


def test_a_suggested_label_is_accepted_with_its_source_and_taken_back(bench: Workbench) -> None:
    assert bench.accept_suggested("mixed", 1, "pug") == 1
    assert bench.accept_suggested("mixed", 1, "pug") == 0
    assert bench.collection("mixed").images().labels[0] == "pug"
    assert last_writing(bench.collection("mixed"))["what"] == "suggested labels"
    for _ in range(2):
        undo_labels(bench.collection("mixed"))
    assert bench.collection("mixed").images().labels[0] in ("pugs", "fruit")
    with pytest.raises(NotFound):
        bench.accept_suggested("mixed", 4711, "pug")


def test_suggestions_follow_the_vectors(bench: Workbench, tmp_path: Path) -> None:
    [(before, _)] = bench.suggested_labels("mixed", 1)
    shade = (0, 250, 0) if before == "pug" else (250, 0, 0)
    Image.new("RGB", (32, 32), shade).save(bench.collection("mixed").image(1).path)
    bench.run("rescan", collection="mixed")
    bench.run("embed", recipe=Recipe("mixed", "raw-pixels", "", embedding="avg").as_dict())
    [(after, _)] = bench.suggested_labels("mixed", 1)
    assert {before, after} == {"pug", "lemon"}


def test_a_new_picture_has_to_be_prepared_first(bench: Workbench) -> None:
    recipe = Recipe("mixed", "hog", "", k=3)
    assert bench.to_prepare(recipe, Query(name="dog", text="dog")) == recipe  # the words' vectors are there
    assert bench.to_prepare(recipe, Query.image(1)) == recipe


def test_without_the_network_what_is_written_still_counts(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words.packaged, "file_of", lambda network: None)
    answer = by_words(bench, "lemon fruit")
    assert not answer.hits
    assert {hit.label for hit in answer.written} == {"fruit"}


def test_every_form_of_a_word_finds_the_same_texts() -> None:
    pile = images(("1.png", "", "eine Ha\u0308ngematte"), ("2.png", "", "eine HÄNGEMATTE"), ("3.png", "", "ein Hund"))
    for word in ("Hängematte", "ha\u0308ngematte", "Ｈänge\u00admatte"):
        assert (written(pile, word).values > 0).tolist() == [True, True, False]
