"""Classifiers as encoders: what can be asked of them, and why a query cannot be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.cli.parser import main
from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.workbench.workbench import Query, Workbench
from tests import shop as things

FUSIONS = ("early", "late", "picture", "text")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workbench, dict[str, Recipe]]:
    """A shop with a classifier of each kind, and a collection without texts that they have embedded, too."""
    home: Path = tmp_path_factory.mktemp("fused")
    bench, early = things.shop(home)
    recipes = {"early": early} | {fusion: things.classifier(bench, fusion) for fusion in FUSIONS[1:]}
    bench.run("import", source="csv", title="Silent", path=str(things.table(home / "silent", 12, silent=True)))
    for fusion in ("early", "late"):
        bench.run("embed", recipe=recipes[fusion].but(collection="silent").as_dict())
    return bench, recipes


def picture(bench: Workbench, id: int = 1) -> bytes:
    return bench.collection("shop").picture(id)


def test_a_choice_says_what_can_be_asked_for(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    bench, recipes = shop
    lines = {line.weights: line for line in bench.choices() if line.name == "fused"}
    sides = {
        fusion: (lines[recipe.weights].pictures, lines[recipe.weights].words) for fusion, recipe in recipes.items()
    }
    assert sides == {"early": (True, True), "late": (True, True), "picture": (True, False), "text": (False, True)}
    assert {line.learned_from for line in lines.values()} == {"shop"}
    titles = {fusion: lines[recipe.weights].title.partition(" · ")[0] for fusion, recipe in recipes.items()}
    assert titles == {"early": "Picture and text", "late": "Picture and text", "picture": "Picture", "text": "Text"}
    others = [line for line in bench.choices() if line.name != "fused"]
    assert all((line.pictures, line.words, line.learned_from) == (True, False, "") for line in others)


def test_who_reads_words(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    bench, recipes = shop
    reads = {fusion: bench.reads_words("fused", recipe.weights) for fusion, recipe in recipes.items()}
    assert reads == {"early": True, "late": True, "picture": False, "text": True}
    assert not bench.reads_words("fused", "nobody")
    assert not bench.reads_words("fused", "../../etc")
    assert not bench.reads_words("colour-histogram", recipes["early"].weights)


@pytest.mark.parametrize(
    ("fusion", "pictured", "words", "sentence", "way_out"),
    [
        ("early", False, "xyzzy", "None of these words occur in the texts", "other words or a picture"),
        ("text", False, "xyzzy", "None of these words occur in the texts", "Try other words."),
        ("text", True, "", "was trained on texts only", "Search with text."),
        ("picture", False, "cap", "was trained on pictures only", "Search with a picture."),
    ],
)
def test_why_a_query_cannot_be_used(
    shop: tuple[Workbench, dict[str, Recipe]], fusion: str, pictured: bool, words: str, sentence: str, way_out: str
) -> None:
    bench, recipes = shop
    query = Query(data=picture(bench) if pictured else None, name="1.png", text=words)
    with pytest.raises(BenzerError, match=sentence) as caught:
        bench.search(recipes[fusion], query)
    assert way_out in caught.value.way_out


def test_it_says_whether_it_knows_a_word(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    bench, recipes = shop
    opened = {fusion: bench.classifier(recipes[fusion].weights) for fusion in ("early", "picture")}
    assert opened["early"].understands("xyzzy cap")
    assert not opened["early"].understands("xyzzy")
    assert not opened["early"].understands("")
    assert not opened["picture"].understands("cap")


def test_words_find_pictures_without_texts_only_where_both_meet(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    bench, recipes = shop
    query = Query(text="sun cap", name="sun cap")
    found = bench.search(recipes["early"].but(collection="silent", k=3), query)
    assert {hit.label for hit in found.hits} == {"Caps"}
    with pytest.raises(BenzerError, match="compares text with text, and this collection has no texts") as caught:
        bench.search(recipes["late"].but(collection="silent"), query)
    assert "early or intermediate" in caught.value.way_out
    both = Query(data=picture(bench), name="1.png", text="sun cap")
    assert bench.search(recipes["late"].but(collection="silent", k=3), both).hits[0].label == "Bags"


def test_vectors_of_words_are_whitened_as_the_collections_are(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    bench, recipes = shop
    white = recipes["early"].but(embedding="flatten-white", k=3)
    bench.run("embed", recipe=white.as_dict())
    assert {hit.label for hit in bench.search(white, Query(text="sun cap", name="sun cap")).hits} == {"Caps"}


def test_a_share_of_nothing_is_the_other_side_alone(shop: tuple[Workbench, dict[str, Recipe]]) -> None:
    from functools import partial

    from engine.collections.reading.workers import read_in_worker

    bench, recipes = shop
    opened, seen = bench.classifier(recipes["early"].weights), partial(read_in_worker, picture(bench))
    both = [opened.embed_query(seen, "sun cap", share) for share in (0, 100)]
    alone = [opened.embed_query(seen, None), opened.embed_query(None, "sun cap")]
    assert np.allclose(both, alone, atol=1e-6)


def test_words_that_count_nothing_are_named(
    shop: tuple[Workbench, dict[str, Recipe]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, recipes = shop
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    asked = ["search", "--collection", "shop", "--encoder", "fused", "--weights", recipes["early"].weights]
    asked += ["--embedding", "flatten", "--image", "1", "--k", "2"]
    for words, said in (("xyzzy", True), ("cap", False)):
        assert main([*asked, "--text", words]) == 0
        assert ("None of these words is known" in capsys.readouterr().err) == said
