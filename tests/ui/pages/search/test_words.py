"""Search by words on the search page, alone and beside a picture, without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.recipe import Recipe
from engine.workbench.workbench import Query, Workbench
from tests import shop as things
from tests.ui.conftest import SCRIPT, workbench_at
from ui.session.query import MOST_WORDS, SessionQuery
from ui.sidebar.recipe_picker import offered

BAG, CAP = 1, 2  # ids


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recipe]:
    """The home of a shop with a classifier of early fusion, and a second collection without texts."""
    home = tmp_path_factory.mktemp("words")
    bench, recipe = things.shop(home)
    path = things.table(home / "tables" / "silent", 12, silent=True)
    bench.run("import", source="csv", title="Silent", path=str(path))
    return home, recipe


@pytest.fixture
def bench(made: tuple[Path, Recipe], monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    yield from workbench_at(made[0], monkeypatch)


@pytest.fixture
def recipe(made: tuple[Path, Recipe], bench: Workbench) -> Recipe:
    return made[1]


def visit(recipe: Recipe, **query: str) -> AppTest:
    """A fresh visitor with that recipe and query in the address."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    address = {"collection": recipe.collection, "encoder": encoder, "embedding": recipe.embedding}
    for name, value in {**address, "metric": "cosine", "method": "exact", **query}.items():
        test.query_params[name] = value
    return ran(test)


def ran(test: AppTest) -> AppTest:
    test.run()
    assert not test.exception
    return test


def pictures_only(recipe: Recipe) -> Recipe:
    return recipe.but(encoder="colour-histogram", weights="")


def heading(test: AppTest) -> str:
    return test.header[0].value.replace("\\", "")


def said(test: AppTest) -> str:
    kinds = (test.warning, test.error, test.info, test.caption, test.markdown)
    return " | ".join(part.value for kind in kinds for part in kind).replace("\\", "")


def params(test: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in test.query_params.items()}


def labels(test: AppTest, bench: Workbench) -> list[str]:
    """The labels of the answers, from what the page offers as JSON."""
    answer = bench.search(test.session_state.recipe, test.session_state.query.as_query())
    return [hit.label for hit in answer.hits]


def type_words(test: AppTest, words: str) -> AppTest:
    test.text_input(key="words-typed").set_value(words)
    button = next(button for button in test.button if button.key == "words-send")
    button.click()
    return ran(test)


def press(test: AppTest, key: str) -> AppTest:
    next(button for button in test.button if button.key == key).click()
    return ran(test)


def keys(test: AppTest) -> list[str]:
    return [str(button.key) for button in test.button]


# ── words alone ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_words_take_the_place_of_a_proposed_picture(recipe: Recipe, bench: Workbench) -> None:
    test = type_words(visit(recipe), "sun   cap ")
    assert heading(test) == "8 most similar to “sun cap”"
    assert params(test)["words"] == "sun cap"
    assert "q" not in params(test)
    assert labels(test, bench) == ["Caps"] * 8
    assert "Exact search over 30 pictures" in said(test)
    assert not test.select_slider  # there is nothing to weigh them against


def test_a_link_with_words_needs_no_picture(recipe: Recipe, bench: Workbench) -> None:
    test = visit(recipe, words="leather bag", share="40")
    assert heading(test) == "8 most similar to “leather bag”"
    assert labels(test, bench) == ["Bags"] * 8
    assert "share" not in params(test)  # which says something only beside a picture
    assert test.text_input(key="words-typed").value == "leather bag"


def test_cleared_words_leave_a_picture_of_the_collection(recipe: Recipe) -> None:
    beside = visit(recipe, words="cap", q="1")
    for test in (press(beside, "words-clear"), type_words(visit(recipe, words="cap"), "")):
        assert heading(test) == "8 most similar to 0.png"
        assert "words" not in params(test)
        assert test.text_input(key="words-typed").value == ""


def test_words_that_nobody_knows_are_a_sentence(recipe: Recipe) -> None:
    test = visit(recipe, words="xyzzy")
    assert heading(test) == "Search failed"
    assert "None of these words occur in the texts" in said(test)
    both = visit(recipe, words="xyzzy", q=str(BAG))
    assert heading(both) == "8 most similar to 0.png and “xyzzy”"
    assert (
        "None of the words “xyzzy” occur in the texts that this encoder was trained on; only the picture was used."
        in said(both)
    )


def test_odd_words_are_shown_as_they_are(recipe: Recipe) -> None:
    hostile = "<b>cap</b> **x** $y$ [l](u)"
    test = visit(recipe, words=hostile)
    assert heading(test) == f"8 most similar to “{hostile}”"
    assert "\\*" in test.header[0].value  # Markdown of the words is no Markdown of the page
    assert params(test)["words"] == hostile


def test_many_words_are_cut(recipe: Recipe) -> None:
    test = visit(recipe, words="cap " * 500)
    assert len(params(test)["words"]) <= MOST_WORDS
    assert test.text_input(key="words-typed").max_chars == MOST_WORDS


# ── words beside a picture ───────────────────────────────────────────────────────────────────────────────────────────


def test_words_stand_beside_a_chosen_picture_and_the_slider_weighs_them(recipe: Recipe, bench: Workbench) -> None:
    test = type_words(visit(recipe, q=str(BAG)), "sun cap")
    assert heading(test) == "8 most similar to 0.png and “sun cap”"
    assert test.select_slider(key="words-share").value == "as trained"
    assert params(test) | {"q": "1", "words": "sun cap"} == params(test)
    first = {}
    for share in (5, 95):
        test.select_slider(key="words-share").set_value(share)
        ran(test)
        assert params(test)["share"] == str(share)
        first[share] = labels(test, bench)[0]
    assert first == {5: "Bags", 95: "Caps"}
    assert visit(recipe, **{name: params(test)[name] for name in ("q", "words", "share")}).session_state.query == (
        SessionQuery(image_id=BAG, words="sun cap", share=95)
    )
    test.select_slider(key="words-share").set_value("as trained")
    assert "share" not in params(ran(test))


def test_what_is_taken_away_shows_the_searched_words(recipe: Recipe, bench: Workbench) -> None:
    test = visit(recipe, q=str(BAG), words="sun cap", share="33")
    assert test.select_slider(key="words-share").value == 33  # a link may lie between the steps
    answer = bench.search(test.session_state.recipe, test.session_state.query.as_query())
    query = json.loads(answer.to_json())["query"]
    assert (query["image"], query["text"], query["share"]) == (BAG, "sun cap", 33)
    assert "'--words=sun cap' --share 33 --image 1" in answer.command()
    assert any("--share 33" in code.value for code in test.code)


def test_the_picture_can_be_taken_out_of_the_query(recipe: Recipe) -> None:
    test = press(visit(recipe, q=str(BAG), words="sun cap"), "words-only")
    assert heading(test) == "8 most similar to “sun cap”"
    assert "words-only" not in keys(test)


def test_back_and_forth(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    test = visit(recipe, q=str(BAG))
    test = type_words(test, "cap")
    monkeypatch.setattr("ui.session.history.went_through_history", lambda: True)
    del test.query_params["words"]
    assert heading(ran(test)) == "8 most similar to 0.png"
    assert test.text_input(key="words-typed").value == ""
    del test.query_params["q"]
    test.query_params["words"] = "shirt"
    assert heading(ran(test)) == "8 most similar to “shirt”"
    assert test.text_input(key="words-typed").value == "shirt"


def test_words_stay_while_the_browser_still_sends_a_former_address(recipe: Recipe) -> None:
    test = visit(recipe, q=str(BAG))
    former = params(test)
    test = press(type_words(test, "cap"), "words-only")
    for late in (former, former | {"words": "cap"}):
        for name in list(test.query_params):
            del test.query_params[name]
        for name, value in late.items():
            test.query_params[name] = value
        assert heading(ran(test)) == "8 most similar to “cap”"
        assert "q" not in test.query_params


@pytest.mark.parametrize("share", ["101", "-1", "many", "nan"])
def test_a_share_that_is_none_is_left_out_with_a_sentence(recipe: Recipe, share: str) -> None:
    test = visit(recipe, q=str(BAG), words="cap", share=share)
    assert "Part of this link could not be read" in said(test)
    assert "8 most similar" in heading(test)


def test_the_methods_are_compared_by_words_too(recipe: Recipe) -> None:
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    test.session_state.compare = True
    for name, value in params(visit(recipe, words="sun cap")).items():
        test.query_params[name] = value
    assert said(ran(test)).count("30 pictures · ") == 5  # the answer and four methods
    assert not test.error


# ── encoders that see pictures only ──────────────────────────────────────────────────────────────────────────────────


def test_without_a_trained_encoder_words_are_looked_for_in_what_is_written(recipe: Recipe) -> None:
    test = visit(pictures_only(recipe), words="leather")  # names nothing that the lexicon knows
    assert heading(test) == "Best matches for “leather”"
    assert "By what is written" in [one.value for one in test.subheader]
    assert test.info[0].value.replace("\\", "") == "Known from names, labels and texts only"
    assert test.text_input(key="words-typed").value == "leather"


def test_words_that_nobody_knows_are_refused(recipe: Recipe) -> None:
    test = visit(pictures_only(recipe), words="xqz")
    assert heading(test) == "Nothing found"
    assert "Nothing is known of “xqz”" in said(test)


def test_words_weigh_half_beside_a_picture_where_nothing_was_trained(recipe: Recipe) -> None:
    test = visit(pictures_only(recipe), q=str(CAP), words="leather")
    assert heading(test) == "8 most similar to 1.png and “leather”"
    assert test.select_slider(key="words-share").value == 50
    assert "as trained" not in test.select_slider(key="words-share").options


def test_the_way_to_words_takes_a_classifier_of_both_sides_where_there_is_one(
    recipe: Recipe, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bench.choices(recipe.collection)
    both = next(choice for choice in found if choice.words and choice.ready)
    blind = replace(both, title="Words alone", pictures=False)
    monkeypatch.setattr(Workbench, "choices", lambda *_, **__: [blind, *found])
    assert "you can search with a picture, with text, or with both" in said(visit(pictures_only(recipe)))
    monkeypatch.setattr(Workbench, "choices", lambda *_, **__: [blind, *(one for one in found if one is not both)])
    assert "With Words alone you can search with text only." in said(visit(pictures_only(recipe)))


def test_the_way_to_words_is_shown_where_there_are_texts(recipe: Recipe, bench: Workbench) -> None:
    test = visit(pictures_only(recipe))
    assert "you can search with a picture, with text, or with both" in said(test)
    assert test.session_state.encoder == "colour-histogram"
    test = press(test, "words-use")
    assert test.session_state.encoder == f"fused@{recipe.weights}"
    assert any(field.key == "words-typed" for field in test.text_input)
    silent = visit(pictures_only(recipe).but(collection="silent"))
    assert "words-use" not in keys(silent)


def test_without_a_classifier_the_way_leads_to_classify(
    recipe: Recipe, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = [choice for choice in bench.choices("shop") if not choice.words]
    monkeypatch.setattr(Workbench, "choices", lambda self, *_, **__: rest)
    test = visit(pictures_only(recipe))
    assert "With a classifier trained on both" in said(test)
    assert "words-train" in keys(test)


# ── the list of encoders ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_classifier_is_listed_second_for_its_own_collection_and_last_elsewhere(
    recipe: Recipe, bench: Workbench
) -> None:
    own = [choice.name for choice in offered(bench.choices("shop"), "shop", "")]
    elsewhere = [choice for choice in offered(bench.choices("silent"), "silent", "") if choice.ready]
    assert own.index("fused") == 1
    assert elsewhere[-1].name == "fused"
    assert own[0] == bench.default_recipe("shop").encoder


def test_only_the_newest_are_offered_and_the_one_that_is_meant(recipe: Recipe, bench: Workbench) -> None:
    lines = bench.choices("shop")
    [one] = [choice for choice in lines if choice.words]
    many = [replace(one, weights=f"run-{number}") for number in range(9)]
    lines = [*(choice for choice in lines if choice is not one), *many]
    kept: Any = lambda meant: [c.weights for c in offered(lines, "shop", meant) if c.name == "fused"]  # noqa: E731
    assert kept("") == ["run-0", "run-1", "run-2"]
    assert kept("fused@run-7") == ["run-0", "run-1", "run-2", "run-7"]
    assert len([c for c in offered(lines, "silent", "") if c.words]) == 3


def test_what_reads_texts_only_is_not_offered_where_there_are_none(recipe: Recipe, bench: Workbench) -> None:
    lines = [replace(choice, pictures=not choice.words) for choice in bench.choices("silent")]
    assert not [choice for choice in offered(lines, "silent", "") if choice.words]
    assert [choice for choice in offered(lines, "shop", "") if choice.words]


def test_a_query_without_a_picture() -> None:
    assert SessionQuery(words="cap", share=30).as_query() == Query(text="cap", name="cap")
    assert SessionQuery(data=b"x", name="n", words="cap", share=30).as_query() == Query(
        data=b"x", name="n", text="cap", share=30
    )
