"""An open grouping: its groups, its edits, its tree and its views."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.grouping.stability import Stability
from engine.grouping.stored.grouping import Grouping
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.groups.conftest import FLAT, TREE, choose, drawn, job, labels, made, texts, visit
from ui.pages.groups import state as groups_state
from ui.pages.groups.stability import Shown

SUGGESTION = """
from ui.pages.groups import members, state
view = state.seen("shapes", "{name}")
members._suggestion(view, view.groups.group({number}))
"""


def test_the_newest_grouping_is_shown_with_its_figures(here: Workbench) -> None:
    made(here, title=HOSTILE)
    test = visit()
    assert HOSTILE in texts(test)
    assert "12 pictures in 3 groups" in texts(test)
    assert {metric.label for metric in test.metric} == {"Purity", "NMI", "AMI", "ARI", "Silhouette"}
    assert test.query_params == {"collection": "shapes", "grouping": "b-x-b-1-1"}


class Attributes(dict[str, object]):
    """A dictionary whose entries are attributes as well, like the state of a session."""

    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__


@pytest.mark.parametrize("group", ["--5", "-", "1.5", "٣", "9" * 5000])
def test_a_link_to_what_is_no_group_opens_none(group: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_state.st, "session_state", Attributes())
    groups_state.open_parts({"group": "-1"})
    assert groups_state.st.session_state.group_open == -1
    groups_state.open_parts({"group": group})
    assert groups_state.st.session_state.group_open is None


def test_a_link_opens_its_grouping_of_its_collection(here: Workbench) -> None:
    first = made(here, FLAT, title="Old")
    made(here, title="New")
    test = visit({"collection": "shapes", "grouping": first.name}, collection="few")
    assert test.session_state.collection == "shapes"
    assert "Old" in [header.value for header in test.header]
    drawn(test.button(key="groups-close").click().run())
    assert "grouping" not in test.query_params
    assert "Old" not in [header.value for header in test.header]


def test_a_link_to_what_is_gone_says_so(here: Workbench) -> None:
    test = visit({"collection": "shapes", "grouping": "../x"})
    assert "The grouping “../x” no longer exists." in texts(test)
    assert "groups-start" in [button.key for button in test.button]


def test_a_damaged_grouping_is_named_and_the_page_goes_on(here: Workbench) -> None:
    grouping = made(here)
    path = grouping.folder / "person.json"
    path.write_bytes(path.read_bytes().replace(b"First", b"Worst"))
    test = visit()
    assert "person.json has been damaged" in "".join(one.value for one in test.warning).replace("\\", "")
    assert "groups-start" in [button.key for button in test.button]


def test_pictures_that_came_since_are_told(
    here: Workbench, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Grouping, "stale", lambda self, collection: "The collection has changed: 2 images are new.")
    made(here)
    test = visit()
    assert "2 images are new" in texts(test)
    next(button for button in test.button if button.label == "Re-cluster").click().run()
    assert started[0][1]["plan"] == TREE.as_dict()


def test_a_group_is_opened_named_split_and_all_is_taken_back(here: Workbench) -> None:
    grouping = made(here)
    first = grouping.groups().groups[0]
    test = choose(visit(), group_open=first.number)
    assert f"Group 1 · {len(first)}" in texts(test)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    assert groups_state.edit(view, {"kind": "name", "group": first.number, "title": HOSTILE})
    drawn(test.run())
    assert f"{HOSTILE} · {len(first)}" in texts(test)
    drawn(test.button(key=f"groups-undo-shapes-{grouping.name}").click().run())
    assert grouping.edits() == []
    assert f"Group 1 · {len(first)}" in texts(test)


def test_what_most_pictures_show_is_offered_as_a_name(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    grouping = made(here)
    number = grouping.groups().groups[0].number
    monkeypatch.setattr(Workbench, "suggested_name", lambda self, collection, ids: ("tabby_cat", 0.81))
    panel = AppTest.from_string(SUGGESTION.format(name=grouping.name, number=number)).run()
    button = panel.button(key="group-name-suggested")
    assert button.label == "Use “tabby\\_cat”"  # no Markdown in what a network says
    assert "81\xa0%" in button.help
    button.click().run()
    assert grouping.groups().group(number).title == "tabby_cat"
    assert not panel.button  # it is called so by now


def test_selected_pictures_are_told_and_cleared(here: Workbench) -> None:
    grouping = made(here)
    first = grouping.groups().groups[0]
    test = choose(visit(), group_open=first.number, groups_selected=[*first.ids[:2].tolist(), 99_999])
    assert "2 selected" in texts(test)  # what the grouping does not know is left out
    drawn(test.button(key="selection-clear-members").click().run())
    assert "None selected" in texts(test)
    assert test.button(key="selection-search-members").disabled


def test_the_search_goes_on_with_the_selected_picture_and_the_vectors_of_the_grouping(here: Workbench) -> None:
    grouping = made(here)
    first = grouping.groups().groups[0]
    test = choose(visit(encoder="colour-histogram"), group_open=first.number, groups_selected=[int(first.ids[1])])
    drawn(test.button(key="selection-search-members").click().run())
    assert [title.value for title in test.title] == ["Find similar pictures in Shapes"]
    assert (test.session_state.collection, test.session_state.encoder) == ("shapes", "raw-pixels")
    assert test.session_state.query.image_id == int(first.ids[1])


def test_several_selected_pictures_become_several_examples(here: Workbench) -> None:
    grouping = made(here)
    first = grouping.groups().groups[0]
    chosen = first.ids[:3].tolist()
    test = choose(visit(), group_open=first.number, groups_selected=chosen)
    drawn(test.button(key="selection-search-members").click().run())
    examples = test.session_state.query.examples
    assert sorted(one.image_id for one in examples) == sorted(chosen)
    assert all(f"#{id}" in test.query_params["examples"] for id in chosen)


def test_an_edit_that_cannot_be_is_told_and_changes_nothing(here: Workbench) -> None:
    from engine.core.errors import BadParameter

    grouping = made(here)
    test = choose(visit(), groups_complaint=BadParameter("group", HOSTILE, "one that has pictures", 9))
    assert f"The group of {HOSTILE} must be one that has pictures; got 9." in texts(test)
    assert grouping.edits() == []
    assert HOSTILE not in texts(drawn(test.run()))


def test_a_group_that_is_gone_closes(here: Workbench) -> None:
    made(here)
    test = choose(visit(), group_open=77)
    assert "Click one to open the group." in texts(test)
    assert test.session_state.group_open is None


def test_the_tree_is_cut_by_number_and_by_height(here: Workbench) -> None:
    grouping = made(here)
    test = visit(**{"groups-tab": "Tree"})
    key = f"shapes-{grouping.name}"
    drawn(test.number_input(key=f"groups-number-{key}-0").set_value(5).run())
    assert grouping.edits() == [{"kind": "cut", "groups": 5}]
    assert "12 pictures in 5 groups" in texts(test)
    drawn(test.slider(key=f"groups-height-{key}-1").set_value(0.0).run())
    assert "12 pictures in 12 groups" in texts(test)
    drawn(test.button(key=f"groups-undo-{key}").click().run())
    assert "12 pictures in 5 groups" in texts(test)


def test_a_branch_shows_its_pictures(here: Workbench) -> None:
    grouping = made(here)
    assert grouping.tree is not None
    root = 2 * len(grouping.tree.leaves) - 2
    test = choose(visit(**{"groups-tab": "Tree"}), tree_node=root)
    assert "This branch: 12 pictures" in texts(test)
    drawn(test.button(key="tree-select").click().run())
    assert "12 selected" in texts(test)


def test_the_stability_of_branches_is_measured_on_request_and_drawn(
    here: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouping = made(here)
    test = visit(**{"groups-tab": "Tree", "groups-stability": True})
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **words: asked.append({"kind": kind, **words}))
    drawn(test.button(key="stability-start").click().run())
    assert asked == [
        {
            "kind": "stability", "collection": "shapes", "name": grouping.name, "title": grouping.title,
            "by": "dimensions", "rounds": 100,
        }
    ]  # fmt: skip
    monkeypatch.undo()
    here.run("stability", collection="shapes", name=grouping.name, by="dimensions", rounds=20)
    test = visit(**{"groups-tab": "Tree", "groups-stability": True})
    assert "in at least 95 % of 20 trees over resampled dimensions" in texts(test)
    assert "Measure again" in labels(test)


def test_shares_stand_at_the_branches_but_not_at_leaves_or_the_whole_tree() -> None:
    counts = np.array([20, 5, 20])
    found = Stability("dimensions", 20, counts, counts, np.full(3, 20), counts / 20)
    shown = Shown(found.share(exactly=True), found)
    assert [shown.of(node, 4) for node in range(7)] == [None, None, None, None, 1.0, 0.25, None]


def test_without_a_tree_the_page_offers_one(here: Workbench) -> None:
    made(here, FLAT)
    test = visit(**{"groups-tab": "Tree"})
    assert "Only hierarchical clustering produces a tree." in texts(test)
    next(button for button in test.button if button.label == "Cluster hierarchically").click().run()
    assert test.session_state["groups-clustering"] == "hierarchical"
    assert "groups-start" in [button.key for button in test.button]


@pytest.mark.parametrize("tab", ["Groups", "Map", "Vectors", "Duplicates and outliers"])
def test_every_view_is_drawn_for_a_grouping_without_tree(here: Workbench, tab: str) -> None:
    made(here, FLAT)
    test = visit(**{"groups-tab": tab})
    assert not test.error


def test_the_vectors_are_shown_as_embedded_and_as_grouped(here: Workbench) -> None:
    grouping = made(here, FLAT)
    test = visit(**{"groups-tab": "Vectors"})
    assert "12 pictures × 3,072 values" in texts(test)
    assert list(test.dataframe[0].value.columns[:4]) == ["file", "label", "group", "0"]
    drawn(test.button_group(key=f"vectors-which-shapes-{grouping.name}").set_value("Reduced").run())
    assert "12 pictures × 3 values" in texts(test)


def test_outliers_need_no_grouping(here: Workbench) -> None:
    test = visit()
    assert "Outliers" not in texts(test)  # made only when it is asked for
    test = visit(**{"groups-tidy": True})
    assert "Outliers" in texts(test) or "Find outliers" in labels(test)
    made(here)
    test = visit(**{"groups-tidy": True})
    assert "Outliers" not in [panel.label for panel in test.expander]  # a tab of the grouping holds them


def test_looking_for_outliers_is_work_of_this_page(here: Workbench) -> None:
    folder = job(here, "duplicates", None, recipe={"collection": "shapes"})
    with FileLock(folder / "lock"):
        test = visit()
    assert test.button(key=f"stop-groups-{folder.name}-{folder.name}").label == "Stop"
