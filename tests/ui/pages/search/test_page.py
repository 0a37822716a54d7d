"""The search page: its address, its choices and its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import StopException

from engine.core.errors import StorageFull
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import seeing
from tests.ui.pages.search.conftest import RAW, captions, headings, params, tiny, visit
from ui.pages.search.tiles import result_pictures


def test_a_bare_visit_answers_and_fills_the_address(bench: Workbench) -> None:
    test = visit(collection="shapes", encoder="raw-pixels", embedding="max")
    assert headings(test)[0] == "8 most similar to 00.png"
    assert "Exact search over 11 pictures" in captions(test)
    assert params(test) == {**RAW, "q": "1"}


def test_the_address_makes_the_recipe(bench: Workbench) -> None:
    test = visit(**RAW | {"metric": "euclidean", "method": "lsh(bits=3,tables=2)", "k": "4", "q": "5", "self": "1"})
    recipe = test.session_state.recipe
    assert str(recipe) == "shapes/raw-pixels/max/euclidean/lsh(bits=3,tables=2)/4"
    assert params(test)["method"] == "lsh(bits=3,tables=2)"
    assert params(test)["k"] == "4"
    assert test.session_state.query.image_id == 5


def test_a_result_tells_its_label_and_its_text(bench: Workbench) -> None:
    recipe = bench.recipe_of("shapes").but(encoder="raw-pixels", weights="", embedding="max")
    hit = bench.search(recipe, 1).hits[0]
    both, text, label = (
        replace(hit, label=label, text=text) for label, text in (("red", "kite"), ("", "kite"), ("red", ""))
    )
    shown = result_pictures(recipe, [both, text, label], "red")
    assert [picture.second for picture in shown] == ["red · kite", "kite", "red"]
    assert [picture.same for picture in shown] == [True, None, True]
    assert result_pictures(recipe, [both], "blue")[0].same is False


def test_a_changed_choice_changes_the_address(bench: Workbench) -> None:
    test = visit(**RAW, q="5")
    seeing(test).selectbox(key="metric").select("euclidean").run()
    assert params(test)["metric"] == "euclidean"
    assert params(test)["q"] == "5"


def test_what_is_done_to_the_vectors_is_a_choice_and_a_part_of_the_address(bench: Workbench) -> None:
    test = visit(**RAW | {"embedding": "avg-white"}, q="5")
    assert seeing(test).selectbox(key="embedding").value == "avg"
    assert seeing(test).selectbox(key="finish").value == "-white"
    assert headings(test)[0] == "Not searched yet"
    seeing(test).selectbox(key="finish").select("").run()
    assert params(test)["embedding"] == "avg"
    assert headings(test)[0].startswith("8 most similar")
    seeing(test).selectbox(key="finish").select("-white").run()
    assert str(test.session_state.recipe) == "shapes/raw-pixels/avg-white/cosine/exact/8"
    bench.run("embed", recipe=test.session_state.recipe.as_dict())
    test.run()
    assert headings(test)[0].startswith("8 most similar")
    test.query_params["embedding"] = "max"
    test.run()
    assert seeing(test).selectbox(key="finish").value == ""


@pytest.mark.parametrize("before", ["lsh(tables=20)", "kmeans(clusters=3)"])
def test_a_link_without_settings_takes_the_former_ones_back(bench: Workbench, before: str) -> None:
    test = visit(**RAW | {"method": before}, q="5")
    assert params(test)["method"] == before
    test.query_params["method"] = "lsh"
    test.run()
    assert str(test.session_state.recipe) == "shapes/raw-pixels/max/cosine/lsh/8"
    assert params(test)["method"] == "lsh"
    test.query_params["method"] = before.partition("(")[0]
    test.run()
    assert not test.session_state.recipe.options


def test_changing_the_collection_drops_the_query_picture(bench: Workbench) -> None:
    test = visit(**RAW, q="9")
    test.sidebar.selectbox(key="collection").select("few").run()
    assert test.session_state.query.image_id == 1
    assert not test.error


def test_fewer_pictures_than_asked_for_are_all_shown_and_it_says_so(bench: Workbench) -> None:
    test = visit(**RAW | {"collection": "few"})
    assert headings(test)[0] == "4 most similar to 00.png"
    assert "All 4 pictures" in captions(test)


@pytest.mark.parametrize(
    "broken",
    [
        {"k": "many"},
        {"k": "0"},
        {"k": "99999999999999999999"},
        {"q": "one"},
        {"q": "-1"},
        {"q": "1", "crop": "0,0,0,0"},
        {"q": "1", "crop": "nan,0,1,1"},
        {"q": "1", "crop": "0,0"},
        {"method": "lsh(bits=many)"},
        {"method": "lsh(bits=1e300)"},
        {"method": "lsh(nonsense=3)"},
        {"method": "lsh(bits=-5,tables=100000)"},
        {"method": "nothing"},
        {"method": ""},
        {"metric": "hamming"},
        {"encoder": "model-9@none"},
        {"encoder": "@"},
        {"embedding": "<b>"},
        {"collection": "../../etc"},
        {"label": "no such label"},
        {"self": "maybe"},
    ],
)
def test_a_broken_link_still_gives_an_answer_or_a_sentence(bench: Workbench, broken: dict[str, str]) -> None:
    test = visit(**RAW | broken)
    assert len(headings(test)) >= 1
    assert "unforeseen" not in "".join(element.value for element in test.error)


def test_a_picture_that_is_gone_has_a_way_out(bench: Workbench) -> None:
    test = visit(**RAW, q="4711")
    assert headings(test)[0] == "Picture not found"
    next(button for button in test.button if button.label == "Choose another picture").click().run()
    assert headings(test)[0].startswith("8 most similar to")


def test_a_label_narrows_the_answer(bench: Workbench) -> None:
    test = visit(**RAW, label="navy", q="1")
    assert headings(test)[0] == "6 most similar to 00.png"
    assert params(test)["label"] == "navy"


def test_the_address_stands_before_the_results_are_drawn(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the next click, which ends the drawing, would make Back pass over this search."""
    seen: list[dict[str, str]] = []

    def interrupted(*_: object, **__: object) -> None:
        seen.append({name: st.query_params[name] for name in st.query_params})
        raise StopException

    monkeypatch.setattr(Workbench, "search", interrupted)
    visit(**RAW, q="3", label="a label of another collection", k="4")
    assert seen == [{**RAW, "q": "3", "k": "4"}]


def test_an_error_of_the_engine_is_two_sentences(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageFull("The disk refused to store `x`.", way_out="Free some space.")

    monkeypatch.setattr(Workbench, "search", full)
    test = visit(**RAW)
    assert "Free some space" in test.error[0].value.replace("\\", "")


def test_an_upload_is_searched_and_a_broken_one_is_named(bench: Workbench, small_home: Path) -> None:
    test = visit(**RAW)
    data = (small_home / "pictures" / "Shapes" / "navy" / "01.png").read_bytes()
    test.file_uploader[0].set_value(("mine.png", data, "image/png")).run()
    assert headings(test)[0] == "8 most similar to mine.png"
    assert "q" not in params(test)
    test.file_uploader[0].set_value(("tiny.png", tiny(), "image/png")).run()
    assert headings(test)[0] == "8 most similar to tiny.png"
    test.file_uploader[0].set_value(("torn.png", data[:60], "image/png")).run()
    assert headings(test)[0] == "torn.png cannot be used"
