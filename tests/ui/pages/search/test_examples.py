"""Several examples, further results and filters, and their addresses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine.collections.facts.where import parse_where
from engine.workbench.workbench import Workbench
from tests.ui.pages.search.conftest import RAW, captions, headings, params, sentences, tiny, visit
from ui.pages.search.filters import row_of_filters

_FILTERED = """
import streamlit as st
from ui.pages.search.filters import _filtered

for field, conditions in st.session_state.steps:
    _filtered("shapes", field, conditions)
"""


def test_further_results_are_in_the_address_and_a_new_search_begins_with_eight(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.pages.search.query_bar.random.choice", lambda ids: ids[4])
    test = visit(**RAW, q="1", shown="11")
    assert headings(test)[0] == "11 most similar to 00.png"
    assert params(test)["shown"] == "11"
    next(button for button in test.button if button.label == "Random picture").click().run()
    assert headings(test)[0].startswith("8 most similar")
    assert "shown" not in params(test)
    broken = visit(**RAW, q="1", shown="many")
    assert headings(broken)[0].startswith("8 most similar")


def test_several_examples_are_asked_with_and_stand_in_the_address(bench: Workbench) -> None:
    test = visit(**RAW, examples="#1 + #3@2 - #2")
    assert headings(test)[0] == "8 most similar to 2 pictures, unlike 1 picture"
    assert params(test)["examples"] == "#1 + #3@2 - #2"
    assert "2 × mean of 2 plus − mean of 1 minus" in captions(test)
    assert "q" not in params(test)
    assert bench.search(test.session_state.recipe, bench.parse_query("#1 + #3@2 - #2")).hits[0].id not in (1, 2, 3)
    test.sidebar.selectbox(key="collection").select("few").run()
    assert "examples" not in params(test), "its pictures are not in the other collection"


def test_words_among_the_examples_are_changed_in_the_field(bench: Workbench) -> None:
    test = visit(**RAW, examples='#1 + "navy" - #2')
    field = next(one for one in test.text_input if one.key == "words-typed")
    assert field.value == "navy"
    field.set_value("gold")
    next(button for button in test.button if button.label == "Search").click().run()
    assert params(test)["examples"] == '#1 - #2 + "gold"'


@pytest.mark.parametrize("broken", ["#1 -", "- #1", "#1 + upload:00000000", '#1 + "', "#4711", "#1[2,0,0,0]"])
def test_broken_examples_are_a_sentence(bench: Workbench, broken: str) -> None:
    test = visit(**RAW, examples=broken)
    assert headings(test)
    assert "unexpected" not in "".join(element.value for element in test.error)


def test_an_upload_has_an_address_of_its_own(bench: Workbench, small_home: Path) -> None:
    test = visit(**RAW)
    data = (small_home / "pictures" / "Shapes" / "navy" / "01.png").read_bytes()
    test.file_uploader[0].set_value(("mine.png", data, "image/png")).run()
    link = params(test)
    assert link["upload"] == hashlib.sha256(data).hexdigest()[:16]
    other = visit(**link)
    assert headings(other)[0] == "8 most similar to mine.png"
    test.file_uploader[1].set_value(("other.png", tiny(), "image/png")).run()
    assert headings(test)[0] == "8 most similar to 2 pictures"
    linked = visit(**params(test))
    assert headings(linked)[0] == "8 most similar to 2 pictures"
    gone = visit(**RAW, upload="0" * 16)
    assert any("Part of this link" in element.value for element in gone.warning)


def test_filters_narrow_the_results_and_stand_in_the_address(bench: Workbench) -> None:
    test = visit(**RAW, q="1", where="folder=navy;size<1MP")
    assert headings(test)[0] == "6 most similar to 00.png"
    assert headings(test)[1] == "6 pictures that meet the filters"
    assert params(test)["where"] == "folder=navy;size<1MP"
    none = visit(**RAW, q="1", where="size>=12MP")
    assert headings(none)[0] == "Nothing found"
    assert "No picture of this collection meets the filter 'size>=12MP'." in sentences(none)
    broken = visit(**RAW, q="1", where="date>=never")
    assert any("Part of this link" in element.value for element in broken.warning)


def test_filters_of_the_row_are_those_the_collection_has_values_for(bench: Workbench) -> None:
    values = {"label": [("b", 2), ("a", 1)], "folder": [("x", 3)], "date": [("2023", 3)], "season": [("Summer", 3)]}
    where = parse_where("date>=2023-02-01;colour=red")
    row = {one.field: one for one in row_of_filters(values, "a", where, texts=False)}
    assert list(row) == ["label", "date", "size", "name", "season", "colour"]
    assert row["label"].values == [("a", "a (1)"), ("b", "b (2)")]
    assert row["label"].chosen == [("=", "a")]
    assert (row["date"].kind, row["date"].chosen) == ("dates", [(">=", "2023-02-01")])
    assert row["colour"].chosen == [("=", "red")]
    columns = {"column.baseColour": "Base colour", "column.base_colour": "Base colour", "column.ISBN": "ISBN"}
    named = row_of_filters({field: [("a", 1)] for field in columns}, "", [], texts=False)
    assert [one.title for one in named if one.field in columns] == list(columns.values())
    values["tag"] = [("lake", 1)]
    row = {one.field: one for one in row_of_filters(values, "", parse_where("label="), texts=False, unlabelled=True)}
    assert row["label"].values[-1] == ("", "without a label")
    assert row["label"].chosen == [("=", "")]
    assert row["tag"].values == [("lake", "lake (1)"), ("", "without a tag")]


def test_pictures_without_a_label_are_a_choice_of_the_filter(bench: Workbench) -> None:
    test = AppTest.from_string(_FILTERED, default_timeout=60)
    test.session_state.steps = [("label", [("=", "navy")]), ("label", [("=", "")])]
    test.run()
    assert not test.exception
    assert (test.session_state.label, test.session_state.where) == ("", {"shapes": "label="})
    test.session_state.steps = [("label", [("=", "navy")])]
    test.run()
    assert (test.session_state.label, test.session_state.where) == ("navy", {"shapes": ""})


def test_results_beyond_the_most_of_a_search_are_shown_too(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.pages.search.results.MAX_K", 4)
    monkeypatch.setattr("ui.pages.search.page.MAX_K", 4)
    assert headings(visit(**RAW, q="1", k="4", shown="9"))[0] == "9 most similar to 00.png"
    assert headings(visit(**RAW, q="1", k="4", shown="3000"))[0] == "11 most similar to 00.png"
    assert headings(visit(**RAW, q="1", k="4"))[0] == "4 most similar to 00.png"
