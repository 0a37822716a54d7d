"""The dialog that says why a result is near, without a browser."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.core.recipe import Recipe
from engine.evidence.explanation import Explanation
from engine.workbench.workbench import Query, Workbench
from tests.ui.app_pages import SCRIPT
from tests.ui.pages.search.conftest import RAW, captions, params, sentences, visit
from ui.pages.search.why import can_be_asked, words_can_be_asked
from ui.session.query import SessionQuery
from ui.widgets.evidence_view import ShownSide, evidence_data
from ui.widgets.picture_strips import Strip, StripPicture, strips_data

LITE = RAW | {"encoder": "efficientnet-lite0", "embedding": "avg"}


def seen(**address: str) -> AppTest:
    """A fresh visitor at that address who has looked through encoders before."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in address.items():
        test.query_params[name] = value
    test.session_state["why-view"] = "What the encoder sees"
    test.run()
    assert not test.exception
    return test


def recipe_of(bench: Workbench) -> Recipe:
    recipe = Recipe("shapes", "efficientnet-lite0", "", embedding="avg")
    bench.run("embed", recipe=recipe.as_dict())
    return recipe


def test_a_link_opens_the_evidence_of_a_result(bench: Workbench) -> None:
    recipe = recipe_of(bench)
    distance = next(hit.distance for hit in bench.search(recipe.but(k=11), 1).hits if hit.id == 3)
    test = visit(**LITE, q="1", why="3")
    assert f"a cosine distance of {distance:.4f}" in captions(test)
    assert params(test)["why"] == "3"


def test_without_it_there_is_no_dialog(bench: Workbench) -> None:
    test = visit(**RAW, q="1")
    assert "The places sum to" not in captions(test)
    assert "why" not in params(test)


@pytest.mark.parametrize("why", ["999", "-1"])
def test_a_result_that_is_not_there_is_a_sentence(bench: Workbench, why: str) -> None:
    recipe_of(bench)
    assert any(f"no picture {why}" in sentence for sentence in sentences(visit(**LITE, q="1", why=why)))


def test_an_encoder_without_places_says_so(bench: Workbench) -> None:
    colours = RAW | {"encoder": "colour-histogram"}
    assert any("no places to show" in sentence for sentence in sentences(visit(**colours, q="1", why="3")))


def test_of_two_encoders_the_one_with_places_is_drawn_and_the_other_told(bench: Workbench) -> None:
    pair = "efficientnet-lite0+colour-histogram"
    recipe = Recipe("shapes", pair, "", embedding="avg")
    bench.run("embed", recipe=recipe.as_dict())
    told = captions(visit(**LITE | {"encoder": pair}, q="1", why="3"))
    assert "Seen with EfficientNet-Lite0 and Colour histogram." in told
    assert "Colour histogram, which describes a picture as a whole, adds " in told
    side = ShownSide(bench.shown("shapes", Query.image(1)), "a.png")
    data = evidence_data(bench.explain(recipe, 1, 3), side, side)
    assert [part["title"] for part in data["parts"]] == [
        "EfficientNet-Lite0 (50\xa0%)", "EfficientNet-Lite0 (50\xa0%), less the mean picture",
    ]  # fmt: skip


def test_words_and_several_pictures_cannot_be_asked() -> None:
    assert can_be_asked(SessionQuery(image_id=3))
    assert can_be_asked(SessionQuery(data=b"x", words="red"))
    assert not can_be_asked(SessionQuery(words="red"))
    assert words_can_be_asked(SessionQuery(words="red"))
    assert not words_can_be_asked(SessionQuery(image_id=3, words="red"))


def test_the_browser_gets_maps_that_sum_to_the_score(bench: Workbench) -> None:
    recipe = recipe_of(bench)
    explanation: Explanation = bench.explain(recipe, 1, 3)
    side = ShownSide(bench.shown("shapes", Query.image(1)), "<b>.png")
    data = evidence_data(explanation, side, side)
    part, left = data["parts"]
    assert left["title"].endswith(", less the mean picture")
    assert np.sum(part["maps"][0]) == pytest.approx(explanation.total, abs=1e-4)
    assert np.sum(part["pairs"]) == pytest.approx(explanation.total, abs=1e-3)
    assert data["sides"][0]["src"].startswith("data:image/jpeg;base64,")
    assert data["sides"][0]["name"] == "<b>.png"


def test_channels_are_shown_for_an_encoder_without_decoder(bench: Workbench) -> None:
    recipe_of(bench)
    test = seen(**LITE, q="1", why="3")
    assert "has no decoder. Of its 1,280 channels these 6 add most" in captions(test)
    assert "The places sum to" not in captions(test)


def test_an_encoder_that_shows_nothing_says_so(bench: Workbench) -> None:
    test = seen(**RAW, q="1", why="3")
    assert any("neither a decoder nor channels" in sentence for sentence in sentences(test))


def test_of_words_the_class_that_is_seen_is_shown(bench: Workbench) -> None:
    recipe_of(bench)
    test = visit(**LITE, words="dog", why="3")
    assert "Of the classes that the words mean, “" in captions(test)
    assert any("None of these words" in sentence for sentence in sentences(visit(**LITE, words="xqzzy", why="3")))


def test_names_of_strips_reach_the_browser_as_data_only() -> None:
    strip = Strip("<b>", "", [StripPicture("a.webp", "<i>.png", "x")])
    [sent] = strips_data([strip])["strips"]
    assert sent["pictures"] == [{"src": "a.webp", "name": "<i>.png", "caption": "x"}]
