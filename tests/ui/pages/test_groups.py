"""The logic of the groups page, without a browser: groupings are stored as folders, jobs are only noted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.collections.labelling import last_writing, undo_labels, write_labels
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import write_json
from engine.encoders.encoder import EncoderChoice
from engine.encoders.vectors.store import stored
from engine.grouping.grouper import group
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.presets import PRESETS
from engine.grouping.stability import Stability
from engine.grouping.stored.grouping import Grouping, store_grouping
from engine.workbench.workbench import Workbench
from ui.pages.groups import result
from ui.pages.groups import state as groups_state
from ui.pages.groups.map import by_amount, by_kind
from ui.pages.groups.stability import Shown
from ui.pages.groups.state import steps_text
from ui.pages.groups.vectors import npy, table_csv, table_parquet

SCRIPT = str(Path(__file__).resolve().parents[3] / "ui" / "entry" / "script.py")
HOSTILE = "<b>*x*</b> $1$"
TREE = GroupingPlan(Step("hierarchical", (("groups", 3),)), map=Step("pca"))
FLAT = GroupingPlan(Step("kmeans", (("groups", 2),)), Step("pca", (("dimensions", 3),)), map=Step("pca"))


@pytest.fixture
def here(bench: Workbench, small_home: Path) -> Iterator[Workbench]:
    """The pages' workbench, without groupings and jobs when the test is over."""
    yield bench
    for name in ("shapes", "few"):
        shutil.rmtree(small_home / "datasets" / name / "groupings", ignore_errors=True)
    for folder in (small_home / "jobs").glob("20990101*"):
        shutil.rmtree(folder)
    for shelf in (groups_state._groupings, groups_state._seen, groups_state._matrices):
        shelf.clear()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What the page wanted to start."""
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


SUGGESTION = """
from ui.pages.groups import members, state
view = state.seen("shapes", "{name}")
members._suggestion(view, view.groups.group({number}))
"""


def made(
    bench: Workbench, plan: GroupingPlan = TREE, title: str = "First look", collection: str = "shapes"
) -> Grouping:
    """A grouping, as the job would store it."""
    recipe = bench.default_recipe(collection).but(encoder="raw-pixels", weights="")
    found = bench.collection(collection)
    vectors = stored(found, bench.encoder(recipe).info, recipe.embedding)
    assert vectors is not None
    what = group(vectors.matrix, plan, recipe.metric, Reporter())
    return store_grouping(found, recipe, plan, vectors.hashes, vectors.ids, what, title)


def job(bench: Workbench, kind: str, result: dict[str, Any] | None, **arguments: Any) -> Path:
    folder = bench.home.jobs / f"20990101-000000-000-{kind}"
    config = {"kind": kind, "title": f"Some {kind}", "arguments": arguments, "started": 0.0}
    write_json(folder / "config.json", config)
    (folder / "lock").touch()
    if result is not None:
        write_json(folder / "result.json", result)
    return folder


def visit(query: dict[str, str] | None = None, **session: Any) -> AppTest:
    """The groups page with these choices made; a link is followed once the page is there."""
    test = AppTest.from_file(SCRIPT, default_timeout=180)
    for name, value in {"collection": "shapes", "encoder": "raw-pixels", "go_to": "groups", **session}.items():
        test.session_state[name] = value
    drawn(test.run())
    if query:
        for name, value in query.items():
            test.query_params[name] = value
        drawn(test.run())
    return test


def choose(test: AppTest, **session: Any) -> AppTest:
    """The same page with something else chosen, as a click on a picture would."""
    for name, value in session.items():
        test.session_state[name] = value
    return drawn(test.run())


def drawn(test: AppTest) -> AppTest:
    assert not test.exception, test.exception
    return test


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.success)
    heads = (test.header, test.subheader)
    return " | ".join(part.value for kind in (*kinds, *heads) for part in kind).replace("\\", "")


def labels(test: AppTest) -> list[str]:
    return [button.label.replace("\\", "") for button in test.button]


# ── nothing there yet ────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_collection_the_page_says_what_to_do(empty_bench: Workbench) -> None:
    test = visit()
    assert "Nothing to group yet" in texts(test)
    assert "Add pictures" in labels(test)


def test_one_picture_is_too_few(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.pages.groups import page as groups

    whole = groups.collection_cards
    monkeypatch.setattr(groups, "collection_cards", lambda: [replace(card, count=1) for card in whole()])
    test = visit()
    assert "This collection has only one picture. Grouping needs at least two pictures." in texts(test)
    assert "groups-start" not in [button.key for button in test.button]


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_proposal_starts_what_it_promises(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    assert "UMAP → HDBSCAN → UMAP for the map: about" in texts(test)
    drawn(test.button(key="groups-start").click().run())
    [(kind, arguments)] = started
    assert (kind, arguments["title"]) == ("group", "Automatic (recommended)")
    assert arguments["plan"] == GroupingPlan(Step("hdbscan"), Step("umap")).as_dict()
    assert arguments["recipe"]["encoder"] == "raw-pixels"


def test_steps_and_settings_of_ones_own(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    drawn(test.selectbox(key="groups-reduction").set_value("pca").run())
    assert test.session_state["groups-preset"] == "own"
    drawn(test.selectbox(key="groups-clustering").set_value("kmeans").run())
    test.number_input(key="groups-clustering-kmeans-groups").set_value(4)
    test.number_input(key="groups-reduction-pca-share").set_value(0.5)
    test.text_input(key="groups-title").set_value(HOSTILE)
    drawn(test.run())
    drawn(test.button(key="groups-start").click().run())
    [(_, arguments)] = started
    assert arguments["title"] == HOSTILE
    assert arguments["plan"] == GroupingPlan(Step("kmeans", (("groups", 4),)), Step("pca", (("share", 0.5),))).as_dict()


def test_a_preset_takes_over_steps_and_metric(here: Workbench, started: list[Any]) -> None:
    test = visit(metric="euclidean")
    drawn(test.button_group(key="groups-preset-0").set_value("photo").run())
    test.session_state.metric = "euclidean"
    drawn(test.button_group(key="groups-preset-0").set_value("recommended").run())
    assert test.session_state["groups-reduction"] == "umap"
    assert test.session_state["groups-clustering"] == "hdbscan"
    assert test.session_state.metric == "cosine"
    assert "UMAP → HDBSCAN" in texts(test)
    drawn(test.button(key="groups-start").click().run())
    assert started[0][1]["title"] == "Automatic (recommended)"


def test_a_step_changed_by_hand_leaves_the_preset_and_the_encoder_alone(here: Workbench) -> None:
    test = visit(encoder="colour-histogram")
    drawn(test.selectbox(key="groups-clustering").set_value("dbscan").run())
    assert test.button_group(key="groups-preset-1").value == "own"
    drawn(test.button_group(key="groups-preset-1").set_value("photo").run())
    assert test.session_state["groups-clustering"] == "hierarchical"
    drawn(test.selectbox(key="groups-clustering").set_value("kmeans").run())
    assert test.button_group(key="groups-preset-2").value == "own"


def test_every_method_can_be_chosen_and_planned(here: Workbench) -> None:
    from engine.grouping import clusterers, projections

    test = visit()
    for role, names in (("clustering", clusterers()), ("reduction", projections())):
        for name in names:
            drawn(test.selectbox(key=f"groups-{role}").set_value(name).run())
            assert not test.error, name
            assert not test.button(key="groups-start").disabled


def test_a_network_that_is_not_here_can_be_fetched(
    here: Workbench, started: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "recommended", replace(PRESETS["recommended"], encoders=("resnet-50",)))
    test = visit()
    drawn(test.button_group(key="groups-preset-0").set_value("recommended").run())
    assert r"Designed for ResNet-50 (not downloaded); using the sidebar's encoder" in texts(test)
    assert "Download ResNet-50 (103 MB)" in labels(test)
    drawn(test.button(key="groups-fetch-network").click().run())
    assert started == [("fetch", {"network": "resnet-50"})]


def test_more_groups_than_pictures_are_refused_at_once(here: Workbench) -> None:
    test = visit()
    drawn(test.selectbox(key="groups-clustering").set_value("hierarchical").run())
    drawn(test.number_input(key="groups-clustering-hierarchical-groups").set_value(13).run())
    assert "The groups of Hierarchical must be at most 12, the number of pictures; got 13." in texts(test)
    assert test.button(key="groups-start").disabled


def test_missing_weights_of_the_chosen_encoder_stop_the_start(here: Workbench) -> None:
    test = visit(encoder="resnet-18")
    assert "The weights of ResNet-18" in texts(test)
    assert test.button(key="groups-start").disabled


# ── a grouping ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
    assert "81 %" in button.help
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


# ── exports and labels ───────────────────────────────────────────────────────────────────────────────────────────────


def test_groups_become_labels_by_their_titles(here: Workbench) -> None:
    from ui.pages.groups.export import labels_of

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    labels = labels_of(view, view.groups.groups)
    assert sorted(labels) == grouping.ids.tolist()
    assert labels[int(grouping.ids[0])] == grouping.groups().of(int(grouping.ids[0])).title


def test_the_table_of_a_part_tells_of_these_pictures_only(here: Workbench) -> None:
    from ui.pages.groups.export import groups_csv_file, part_csv

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    assert len(groups_csv_file(view, view.groups.groups).decode("utf-8-sig").splitlines()) == 13
    ids = grouping.ids[:2].tolist()
    lines = part_csv(view, ids).decode("utf-8-sig").splitlines()
    assert sorted(int(line.split(",")[1]) for line in lines[1:]) == ids


def test_written_labels_can_be_taken_back_later(here: Workbench) -> None:
    grouping = made(here)
    collection = here.collection("shapes")
    before = collection.images().labels
    write_labels(collection, dict.fromkeys(grouping.ids.tolist(), "all"), "First look")
    assert last_writing(collection) is not None
    test = visit()
    assert not test.error
    undo_labels(collection)
    assert collection.images().labels == before


# ── work ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_running_work_is_shown_and_can_be_stopped(here: Workbench) -> None:
    folder = job(here, "group", None, recipe={"collection": "shapes"})
    with FileLock(folder / "lock"):
        test = visit()
        assert "Some group" in texts(test)
        drawn(test.button(key=f"stop-groups-{folder.name}-{folder.name}").click().run())
    assert (folder / "stop").exists()


def test_work_that_failed_is_told_until_it_is_put_away(here: Workbench) -> None:
    folder = job(here, "group", {"state": "failed", "error": HOSTILE}, recipe={"collection": "shapes"})
    test = visit()
    assert f"Some group: {HOSTILE}" in texts(test)
    drawn(test.button(key=f"groups-news-close-{folder.name}").click().run())
    assert "Some group" not in texts(test)


def test_the_grouping_that_was_asked_for_opens_when_it_is_there(here: Workbench) -> None:
    asked = made(here, FLAT, title="Asked for")
    made(here, title="Another")
    value = {"collection": "shapes", "grouping": asked.name, "groups": 2}
    folder = job(here, "group", {"state": "done", "value": value}, recipe={"collection": "shapes"})
    test = visit(groups_job=folder.name)
    assert "Asked for" in [header.value for header in test.header]


def test_what_was_copied_is_told(here: Workbench) -> None:
    value = {"path": "/home/*me*/groups", "count": 11, "left_out": [["a/b.png", "It is gone."]]}
    job(here, "copy", {"state": "done", "value": value}, collection="shapes")
    test = visit()
    assert "11 pictures copied to /home/*me*/groups." in texts(test)
    assert "a/b.png: It is gone." in texts(test)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_earlier_groupings_are_opened_and_removed_after_a_question(here: Workbench) -> None:
    old = made(here, FLAT, title="Old")
    made(here, title="New")
    test = visit()
    assert "Other groupings" in [header.value for header in test.header]
    drawn(test.button(key=f"grouping-open-shapes-{old.name}").click().run())
    assert "Old" in [header.value for header in test.header]


def test_the_list_counts_the_groups_as_they_are_now(here: Workbench) -> None:
    old = made(here, title="Old")
    made(here, FLAT, title="New")
    assert "12 pictures in 3 groups" in texts(visit())
    old.edit({"kind": "cut", "groups": 5})
    told = texts(visit())
    assert "12 pictures in 5 groups" in told
    assert "12 pictures in 3 groups" not in told


def test_the_most_central_pictures_are_the_nearest_to_the_mean(here: Workbench) -> None:
    from ui.pages.groups.selection import central, known_ids

    grouping = made(here)
    view = groups_state.seen("shapes", grouping.name)
    assert view is not None
    ids = known_ids(view, [99_999, *grouping.ids[[4, 1, 7]].tolist()])
    assert ids == grouping.ids[[4, 1, 7]].tolist()
    space = grouping.space[[4, 1, 7]]
    mean = space.mean(axis=0)
    nearness = [float(row @ mean / np.linalg.norm(row) / np.linalg.norm(mean)) for row in space]
    assert central(view, ids, 3) == [ids[place] for place in np.argsort(nearness)[::-1]]
    assert central(view, ids, 1) == [ids[int(np.argmax(nearness))]]


# ── small parts ──────────────────────────────────────────────────────────────────────────────────────────────────────


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
