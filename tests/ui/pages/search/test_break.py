"""The dialog that says what breaks a match, without a browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.recipe import Recipe
from engine.evidence.alterations import ALTERATIONS
from engine.evidence.breaking import Standing
from engine.workbench.workbench import Workbench
from tests.ui.pages.search.conftest import RAW, captions, params, sentences, visit
from ui.pages.search.break_chart import breaking_chart, spoken_breaking
from ui.pages.search.break_it import points_in_words, standing_in_words


def recipe_of(bench: Workbench) -> Recipe:
    return bench.default_recipe("shapes").but(encoder="raw-pixels", weights="", embedding="max")


def opened(**more: str) -> AppTest:
    return visit(**RAW, q="1", **{"break": "3", **more})


def test_a_link_opens_the_dialog_and_the_slider_moves_the_match(bench: Workbench) -> None:
    test = opened()
    assert params(test)["break"] == "3"
    assert "The match is number" in captions(test)
    assert "Query, rotated: 54°" in captions(test)
    test.slider(key="break-rotate").set_value(0).run()
    rank = [hit.id for hit in bench.search(recipe_of(bench).but(k=11), 1).hits].index(3) + 1
    assert f"The match is number {rank}" in captions(test)
    assert "Query, unaltered" in captions(test)


def test_breaking_points_are_found_on_request_and_stay(bench: Workbench) -> None:
    test = opened()
    assert not test.table
    test.button(key="break-find").click().run()
    assert not test.exception
    [table] = test.table
    assert list(table.value["Alteration"]) == [way.title for way in ALTERATIONS.values()]
    test.slider(key="break-rotate").set_value(80).run()
    assert len(test.table) == 1
    assert "break-find" not in [button.key for button in test.button]


@pytest.mark.parametrize("match", ["999", "-1"])
def test_a_match_that_is_not_there_is_a_sentence(bench: Workbench, match: str) -> None:
    assert any("no longer in this collection" in told for told in sentences(opened(**{"break": match})))


def test_one_dialog_at_a_time_and_none_for_words(bench: Workbench) -> None:
    assert "The match is number" not in captions(opened(why="3"))
    test = visit(**RAW, words="gold", **{"break": "3"})
    assert "break" not in params(test)


def test_ranks_and_points_in_words(bench: Workbench) -> None:
    assert standing_in_words(Standing(0.5, 3, 0.1, 4)) == "The match is number 3"
    assert standing_in_words(Standing(0.5, 1000, 0.1, 4)) == "The match is number 1,000, beyond the first 8"
    assert standing_in_words(Standing(0.5, 0, 0.1, 4)) == "The match is not among the first 1,000"
    [one] = bench.breaking(recipe_of(bench), 1, 3, ["rotate"])
    assert all(told in spoken_breaking(one) for told in points_in_words(one))


def test_the_chart_has_a_mark_for_every_strength(bench: Workbench) -> None:
    [one] = bench.breaking(recipe_of(bench), 1, 3, ["rotate"])
    marks = breaking_chart(one, 0.5).data[0]
    assert len(marks.x) == len(one.standings) == len(marks.marker.symbol)
