"""The small parts of the groups page: colours, bands, tables and addresses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.core.recipe import Recipe
from engine.encoders.encoder import EncoderChoice
from engine.grouping.plan import GroupingPlan, Step
from engine.workbench.workbench import Workbench
from tests.ui.pages.groups.conftest import FLAT, SCRIPT, choose, drawn, made, texts, visit
from ui.pages.groups import result
from ui.pages.groups.map import by_amount, by_kind
from ui.pages.groups.state import steps_text
from ui.pages.groups.vectors import npy, table_csv, table_parquet


def test_colours_by_kind_take_the_commonest_and_leave_the_rest_grey() -> None:
    values = ["a"] * 5 + ["b"] * 3 + [""] + [f"rare {n}" for n in range(20)]
    colours, palette, legend = by_kind(values)
    assert colours[:8].tolist() == [0] * 5 + [1] * 3
    assert colours[8] == -1
    assert max(colours) < len(palette)
    assert legend[0] == (0, "a", 5)
    assert legend[-1][1:] == ("others", int((colours < 0).sum()))


def test_bands_of_a_quantity_rise_with_it_and_hold_like_numbers() -> None:
    way = by_amount(np.arange(60.0), str)
    assert way is not None
    bands, palette, legend = way
    assert (np.diff(bands) >= 0).all()
    assert [count for _, _, count in legend] == [10] * 6
    assert len(palette) == 6
    assert by_amount(np.ones(9), str) is None


def test_tables_of_vectors_come_back_as_they_were() -> None:
    import io

    from pyarrow import parquet

    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    frame = {"file": ["=1+1", "b", "c"], "0": matrix[:, 0], "1": matrix[:, 1]}
    assert np.array_equal(np.load(io.BytesIO(npy(matrix)), allow_pickle=False), matrix)
    assert table_csv(frame).decode("utf-8-sig").splitlines()[:2] == ["file,0,1", "'=1+1,0.0,1.0"]
    assert parquet.read_table(io.BytesIO(table_parquet(frame))).to_pydict()["1"] == [1.0, 3.0, 5.0]


def test_the_collection_stands_in_the_address_and_is_there_after_loading_the_page_again(here: Workbench) -> None:
    first = visit(collection="few")
    assert first.query_params["collection"] == "few"
    again = AppTest.from_file(SCRIPT, default_timeout=180)
    again.session_state.go_to = "groups"
    again.query_params["collection"] = "few"
    assert drawn(again.run()).session_state.collection == "few"
    drawn(again.sidebar.selectbox(key="collection").select("shapes").run())
    assert again.query_params["collection"] == "shapes"
    assert again.session_state.collection == "shapes"


def test_a_link_to_a_collection_that_is_gone_says_which_is_shown(here: Workbench) -> None:
    test = visit({"collection": "gone", "grouping": "x"})
    assert "The collection “gone” is not available; " in texts(test)
    assert "is not available; using Few instead" in texts(test)


def test_steps_are_called_by_their_titles(here: Workbench) -> None:
    plan = GroupingPlan(Step("hierarchical", (("groups", 2), ("linkage", "single"))), Step("pca", (("dimensions", 3),)))
    assert steps_text(plan) == "PCA (dimensions 3) → Hierarchical (groups 2, linkage: single (nearest pair))"
    assert steps_text(GroupingPlan(Step("gone", (("x", 0.5),)))) == "gone(x=0.5)"
    made(here, FLAT, title="Titled")
    assert "PCA (dimensions 3) → k-means (groups 2)" in texts(visit())


def test_names_are_suggested_by_labels_and_taken_over_at_once(here: Workbench) -> None:
    grouping, images = made(here), here.collection("shapes").images()
    label_of = dict(zip(images.ids.tolist(), images.labels, strict=True))
    members = [found.ids for found in grouping.groups().groups]
    suggested = here.suggested_names("shapes", members)
    assert any(suggested)
    for ids, name in zip(members, suggested, strict=True):
        share = [label_of[id] for id in ids.tolist()]
        assert not name or share.count(name.split(" ")[0]) >= 0.6 * len(share)
    test = visit()
    drawn(test.button(key="groups-name-all").click().run())
    assert [found.title for found in grouping.groups().groups if found.named] == [name for name in suggested if name]
    assert test.button(key="groups-name-all").disabled
    assert len(grouping.edits()) == 1
    drawn(test.button(key=f"groups-undo-shapes-{grouping.name}").click().run())
    assert not any(found.named for found in grouping.groups().groups)


def test_groups_whose_cards_are_not_shown_get_their_names_too(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Workbench, "suggested_names", lambda self, collection, groups, taken: list("ABCDEF")[: len(groups)]
    )
    grouping, test = made(here), visit()
    count = len(grouping.groups().groups)
    test.session_state.group_cards_shown = 1
    drawn(drawn(test.run()).button(key="groups-name-all").click().run())
    assert sorted(found.title for found in grouping.groups().groups) == list("ABCDEF")[:count]


def test_a_quick_click_with_the_former_address_closes_no_group(here: Workbench) -> None:
    grouping = made(here)
    number = grouping.groups().groups[0].number
    test = choose(visit(), group_open=number)
    del test.query_params["group"]  # as the browser sends it until it has taken the new address
    drawn(test.run())
    assert test.session_state.group_open == number
    assert dict(test.query_params)["group"] == str(number)


def test_an_opened_group_and_tab_are_in_the_address_and_come_back(
    here: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouping = made(here)
    number = grouping.groups().groups[0].number
    test = choose(visit(), group_open=number)
    assert dict(test.query_params) == {
        "collection": "shapes",
        "grouping": grouping.name,
        "group": str(number),
    }
    linked = visit({"collection": "shapes", "grouping": grouping.name, "group": str(number), "tab": "map"})
    assert linked.session_state.group_open == number
    assert linked.session_state["groups-tab"] == "Map"
    monkeypatch.setattr("ui.session.history.went_through_history", lambda: True)
    del linked.query_params["group"], linked.query_params["tab"]
    drawn(linked.run())
    assert linked.session_state.group_open is None
    for broken in ("x", "-", "9999"):
        linked.query_params["group"] = broken
        drawn(linked.run())
        assert linked.session_state.group_open is None


RANGE = """
from ui.pages.groups import state
state.select([3])
state.select_also([2, 3, 4])
"""


def test_a_range_is_added_to_the_selection(here: Workbench) -> None:
    assert AppTest.from_string(RANGE).run().session_state.groups_selected == [3, 2, 4]


def test_an_encoder_that_learned_the_labels_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    line = EncoderChoice("small-resnet", "mine", "Mine", "", ready=True, trained_on="shapes", learned_labels=True)
    monkeypatch.setattr(result, "workbench", lambda: SimpleNamespace(choices=lambda collection: [line]))
    recipe = Recipe("shapes", "small-resnet", "mine")
    view: Any = SimpleNamespace(collection="shapes", grouping=SimpleNamespace(recipe=recipe))
    assert result.learned_labels(view)
    view.collection = "others"
    assert not result.learned_labels(view)
    view.collection, view.grouping.recipe = "shapes", recipe.but(weights="other")
    assert not result.learned_labels(view)
