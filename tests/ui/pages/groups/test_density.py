"""The map of very many pictures: tiles are offered, a box selects, a part is shown picture by picture."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from engine.core.errors import NotFound
from engine.core.progress import Reporter
from engine.encoders.vectors.store import stored
from engine.grouping.grouper import group
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.density import SIDE
from engine.grouping.stored.grouping import Grouping, store_grouping
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import SCRIPT
from ui.pages.groups import state
from ui.pages.groups.density import marked_rows
from ui.session.maps import tile_png
from ui.widgets.density_map import density_map

EVERYTHING = (-1.0, -1.0, 1.0, 1.0)


@pytest.fixture
def grouping(bench: Workbench, small_home: Path) -> Iterator[Grouping]:
    """Twelve pictures in two groups."""
    recipe = bench.default_recipe("shapes").but(encoder="raw-pixels", weights="")
    found = bench.collection("shapes")
    vectors = stored(found, bench.encoder(recipe).info, recipe.embedding)
    assert vectors is not None
    plan = GroupingPlan(Step("kmeans", (("groups", 2),)), map=Step("pca"))
    what = group(vectors.matrix, plan, recipe.metric, Reporter())
    yield store_grouping(found, recipe, plan, vectors.hashes, vectors.ids, what, "Two")
    shutil.rmtree(small_home / "datasets" / "shapes" / "groupings", ignore_errors=True)
    for shelf in (state._groupings, state._seen, state._matrices):
        shelf.clear()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the density map was drawn with; `act` in the session is done as the browser would have it done."""
    seen: list[dict[str, Any]] = []

    def draw(**given: Any) -> None:
        seen.append(given)
        if (act := st.session_state.pop("act", None)) is not None:
            act(given)
            st.rerun()

    monkeypatch.setattr("ui.pages.groups.map.DOTS", 5)
    monkeypatch.setattr("ui.pages.groups.density.density_map", draw)
    return seen


def visited(**session: Any) -> AppTest:
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in {
        "collection": "shapes",
        "encoder": "raw-pixels",
        "go_to": "groups",
        "groups-tab": "Map",
    }.items():
        test.session_state[name] = value
    for name, value in session.items():
        test.session_state[name] = value
    test.run()
    assert not test.exception
    assert not test.error
    return test


def acted(test: AppTest, act: Callable[[dict[str, Any]], None]) -> AppTest:
    test.session_state.act = act
    test.run()
    assert not test.exception
    return test


def test_the_tiles_that_a_page_offers_are_served(grouping: Grouping, drawn: list[dict[str, Any]]) -> None:
    visited()
    given = drawn[-1]
    assert (given["count"], [count for _, _, count in given["legend"]]) == (12, [6, 6])
    name = re.fullmatch(r"/maps/([0-9a-f]+)/\{theme\}/\{z\}/\{x\}/\{y\}.png", given["tiles"])
    assert name is not None
    light, dark = (Image.open(io.BytesIO(tile_png(name[1], 0, 0, 0, dark=theme))) for theme in (False, True))
    assert light.size == (SIDE, SIDE)
    pixels = np.asarray(light)
    assert len(np.unique(pixels[pixels[..., 3] > 0][:, :3], axis=0)) == 2  # a colour for each group
    assert light.tobytes() != dark.tobytes()
    with pytest.raises(NotFound):
        tile_png("0" * 24, 0, 0, 0, dark=False)


def test_a_box_selects_and_a_click_picks(grouping: Grouping, drawn: list[dict[str, Any]]) -> None:
    test = acted(visited(), lambda given: given["on_box"](EVERYTHING, False))
    assert drawn[-1]["selected"] == 12
    x, y = grouping.points[3].tolist()
    test = acted(test, lambda given: given["on_pick"](x, y, 0.01))
    assert test.session_state.groups_selected == [int(grouping.ids[3])]
    test = acted(test, lambda given: given["on_pick"](5.0, 5.0, 0.01))
    assert test.session_state.groups_selected == []


def test_selected_pictures_are_drawn_where_they_lie_and_of_very_many_a_sample(
    grouping: Grouping, drawn: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = visited()
    assert drawn[-1]["marks"].shape == (0, 2)
    chosen = [int(id) for id in grouping.ids[[7, 2]]]
    test = acted(test, lambda given: state.select([*chosen, 99_999]))
    places = drawn[-1]["marks"].tolist()
    assert len(places) == 2  # what the grouping does not know is left out
    found = []
    for x, y in places:
        acted(test, lambda given, x=x, y=y: given["on_pick"](x, y, 1e-6))
        found += test.session_state.groups_selected
    assert found == sorted(chosen)
    monkeypatch.setattr("ui.pages.groups.density._MARKED", 5)
    acted(test, lambda given: given["on_box"](EVERYTHING, False))
    assert drawn[-1]["selected"] == 12
    marks = drawn[-1]["marks"]
    assert marks.shape == (5, 2)
    assert len(np.unique(marks, axis=0)) == 5
    ids = np.arange(50)
    assert marked_rows(ids, [3, 4, 5, 6, 7, 8]).tolist() == marked_rows(ids, [8, 7, 6, 5, 4, 3]).tolist()


def test_a_part_is_shown_picture_by_picture_and_left_again(
    grouping: Grouping, drawn: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    dots: list[Any] = []
    monkeypatch.setattr("ui.pages.groups.map.picture_map", lambda **given: dots.append(given["ids"]))
    test = acted(visited(), lambda given: given["on_open"](EVERYTHING))
    assert dots[-1].tolist() == grouping.ids.tolist()
    back = next(button for button in test.button if button.label == "Back to the whole map")
    before = len(drawn)
    back.click().run()
    assert len(drawn) == before + 1
    monkeypatch.setattr("ui.pages.groups.density._PART", 3)
    test = acted(test, lambda given: given["on_open"](EVERYTHING))
    assert any("12 pictures are in sight" in info.value for info in test.info)


@pytest.mark.parametrize("sent", [None, "no list", [1, 2], ["a"] * 5, [1, 2, 3, 4, 5, 6]])
def test_what_no_browser_of_ours_sends_does_nothing(monkeypatch: pytest.MonkeyPatch, sent: object) -> None:
    calls: list[Any] = []
    given: dict[str, Any] = {}
    monkeypatch.setattr("ui.widgets.density_map._map", lambda **all: given.update(all))
    monkeypatch.setattr(st, "session_state", {"m": type("Sent", (), {"box": sent, "pick": sent, "open": sent})()})
    density_map(
        key="m", title="Map", tiles="", count=3, palette=[], legend=[], selected=0, height=9, marks=np.zeros((0, 2)),
        on_box=lambda *all: calls.append(all), on_pick=lambda *all: calls.append(all), on_open=calls.append,
    )  # fmt: skip
    for act in ("box", "pick", "open"):
        given[f"on_{act}_change"]()
    assert calls == []
