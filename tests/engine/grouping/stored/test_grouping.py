"""Stored groupings: what was found, what a person changes, and what happens to both."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.collections.images import Images
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.grouping.grouper import group
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.edits import applied
from engine.grouping.stored.grouping import Grouping, store_grouping
from engine.grouping.stored.groups import UNGROUPED
from engine.grouping.stored.listing import grouping, groupings

RECIPE = Recipe("pile", "raw-pixels", embedding="flatten")


@dataclass
class Pile:
    """A collection of 60 made-up images in three groups of 30, 20 and 10; ids are 3, 6, 9 …"""

    folder: Path
    hashes: list[str] = field(default_factory=lambda: [f"{n:064x}" for n in range(60)])
    ids: NDArray[np.int64] = field(default_factory=lambda: 3 * np.arange(1, 61))

    def images(self) -> Images:
        nothing = [""] * len(self.ids)
        return Images(self.ids, self.hashes, nothing, nothing, nothing)


def vectors() -> NDArray[np.float32]:
    rng = np.random.default_rng(0)
    middles = np.repeat(9 * np.eye(6)[:3], (30, 20, 10), axis=0)
    return (middles + rng.normal(size=middles.shape)).astype(np.float32)


@pytest.fixture
def pile(tmp_path: Path) -> Pile:
    (tmp_path / "pile").mkdir()
    return Pile(tmp_path / "pile")


def made(pile: Pile, clustering: str = "hierarchical(groups=3)", title: str = "First try") -> Grouping:
    plan = GroupingPlan(Step.parse(clustering), None, Step("pca"))
    found = group(vectors(), plan, "cosine", Reporter())
    return store_grouping(pile, RECIPE, plan, pile.hashes, pile.ids, found, title)


def sizes(grouping: Grouping) -> dict[str, int]:
    return {found.title: len(found) for found in grouping.groups().groups}


def test_a_grouping_is_read_back_as_it_was_found(pile: Pile) -> None:
    stored = made(pile)
    again = grouping(pile, stored.name)
    assert stored.name == "first-try-1"
    assert again.title == "First try"
    assert sizes(again) == {"Group 1": 30, "Group 2": 20, "Group 3": 10}
    assert again.points.shape == (60, 2)
    assert np.abs(again.points).max() == pytest.approx(1, abs=1e-6)
    assert again.recipe == RECIPE
    assert str(again.plan) == "hierarchical(groups=3)"
    assert again.tree is not None
    assert again.cut_now is not None
    assert again.cut_now[0] == 3
    assert again.groups().of(int(pile.ids[59])).title == "Group 3"


def test_members_are_sorted_by_closeness_to_the_middle(pile: Pile) -> None:
    found = made(pile).groups().groups[0]
    unit = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    inside = unit[found.ids // 3 - 1]
    middle = inside.mean(0) / np.linalg.norm(inside.mean(0))
    assert np.allclose(found.distances, 1 - inside @ middle, atol=1e-5)
    assert (np.diff(found.distances) >= 0).all()


def test_odd_ones_are_last_and_counted(pile: Pile) -> None:
    strange = vectors()
    strange[4] = -strange[4]
    plan = GroupingPlan(Step.parse("kmeans(groups=1)"), None, Step("pca"))
    found = group(strange[:30], plan, "cosine", Reporter())
    stored = store_grouping(pile, RECIPE, plan, pile.hashes[:30], pile.ids[:30], found, "One")
    [only] = stored.groups().groups
    assert only.odd >= 1
    assert only.ids[-1] == pile.ids[4]


def test_edits_and_undo(pile: Pile) -> None:
    stored = made(pile)
    first, second, third = stored.groups().groups
    stored.edit({"kind": "name", "group": first.number, "title": "  Cats\tand  more "})
    assert stored.groups().groups[0].title == "Cats and more"
    assert stored.groups().groups[0].named
    moved = first.ids[:4].tolist()
    stored.edit({"kind": "move", "ids": moved, "to": second.number})
    assert sizes(stored) == {"Cats and more": 26, "Group 2": 24, "Group 3": 10}
    stored.edit({"kind": "move", "ids": moved, "to": "new"})
    assert sizes(stored) == {"Cats and more": 26, "Group 2": 20, "Group 3": 10, "Group 4": 4}
    stored.edit({"kind": "merge", "groups": [second.number, first.number]})
    assert sizes(stored) == {"Cats and more": 46, "Group 3": 10, "Group 4": 4}
    stored.edit({"kind": "move", "ids": [int(third.ids[0])], "to": -1})
    assert sizes(stored)[UNGROUPED] == 1
    assert stored.groups().groups[-1].colour == -1
    while stored.undo():
        pass
    assert sizes(stored) == {"Group 1": 30, "Group 2": 20, "Group 3": 10}
    assert not stored.edits()


def test_several_names_are_one_change_with_one_undo(pile: Pile) -> None:
    stored = made(pile)
    stored.edit({"kind": "name", "group": 0, "title": "Old"})
    stored.edit({"kind": "names", "titles": {"0": "Cats", "2": " Green  frogs "}})
    assert sizes(grouping(pile, stored.name)) == {"Cats": 30, "Group 2": 20, "Green frogs": 10}
    stored.undo()
    assert sizes(stored) == {"Old": 30, "Group 2": 20, "Group 3": 10}


def test_a_split_is_a_clustering_of_the_group_alone(pile: Pile) -> None:
    stored = made(pile, "hierarchical(groups=2)")
    other, joined = sorted(stored.groups().groups, key=lambda found: 180 in found.ids)
    stored.edit({"kind": "split", "group": joined.number, "into": 2})
    parts = [found for found in stored.groups().groups if found.number != other.number]
    assert 10 in map(len, parts)
    assert sorted(id for part in parts for id in part.ids) == sorted(joined.ids)
    assert grouping(pile, stored.name).edits()[0]["parts"]  # the parts are stored, so they stay what they are


def test_a_cut_starts_over_and_undo_brings_the_names_back(pile: Pile) -> None:
    stored = made(pile)
    stored.edit({"kind": "name", "group": 0, "title": "Cats"})
    stored.edit({"kind": "cut", "groups": 5})
    assert len(sizes(stored)) == 5
    assert "Cats" not in sizes(stored)
    assert stored.cut_now is not None
    assert stored.cut_now[0] == 5
    stored.edit({"kind": "cut", "height": stored.cut_now[1]})
    assert len(sizes(stored)) == 5
    stored.undo()
    stored.undo()
    assert sizes(stored)["Cats"] == 30


def test_colours_stay_with_a_group_through_edits(pile: Pile) -> None:
    stored = made(pile)
    before = {found.number: found.colour for found in stored.groups().groups}
    stored.edit({"kind": "move", "ids": stored.groups().groups[0].ids[:25].tolist(), "to": "new"})
    after = {found.number: found.colour for found in stored.groups().groups}
    assert {number: after[number] for number in before} == before
    assert len(set(after.values())) == 4


BAD: list[dict[str, Any]] = [
    {},
    {"kind": "explode"},
    {"kind": "name", "group": 7, "title": "x"},
    {"kind": "name", "group": True, "title": "x"},
    {"kind": "name", "group": 0, "title": "x" * 81},
    {"kind": "name", "group": 0, "title": None},
    {"kind": "names"},
    {"kind": "names", "titles": {}},
    {"kind": "names", "titles": ["Cats"]},
    {"kind": "names", "titles": {"0": "Cats", "7": "Dogs"}},
    {"kind": "names", "titles": {"0": "Cats", "1": "Cats"}},
    {"kind": "names", "titles": {"first": "Cats"}},
    {"kind": "names", "titles": {"0": 3}},
    {"kind": "merge", "groups": [0]},
    {"kind": "merge", "groups": [0, 0]},
    {"kind": "merge", "groups": [0, 99]},
    {"kind": "move", "ids": [], "to": 0},
    {"kind": "move", "ids": [4], "to": 0},
    {"kind": "move", "ids": [10**9], "to": 0},
    {"kind": "move", "ids": [3], "to": 44},
    {"kind": "move", "ids": [3], "to": None},
    {"kind": "split", "group": 0, "into": 1},
    {"kind": "split", "group": 2, "into": 11},
    {"kind": "split", "group": 0, "into": "two"},
    {"kind": "cut", "groups": 0},
    {"kind": "cut", "groups": 61},
    {"kind": "cut", "height": -1.0},
    {"kind": "cut"},
    {"kind": "cut", "groups": 2.5},
    {"kind": "cut", "groups": "3"},
    {"kind": "cut", "height": "low"},
    {"kind": "cut", "height": True},
    {"kind": "cut", "height": float("inf")},
    {"kind": "merge", "groups": None},
    {"kind": "move", "ids": None, "to": 0},
    {"kind": "move", "ids": "36", "to": 0},
    {"kind": "move", "ids": [3.7], "to": 0},
    {"kind": "move", "ids": [10**30], "to": 0},
]


@pytest.mark.parametrize("edit", BAD, ids=str)
def test_an_edit_that_cannot_be_changes_nothing(pile: Pile, edit: dict[str, Any]) -> None:
    stored = made(pile)
    with pytest.raises(BadParameter):
        stored.edit(edit)
    assert stored.edits() == []


@pytest.mark.parametrize("name", ["Group 2", UNGROUPED])
def test_a_name_that_another_group_has_by_itself_makes_that_one_another(pile: Pile, name: str) -> None:
    """Titles become labels and folders: two groups under one would be one there."""
    stored = made(pile)
    stored.edit({"kind": "move", "ids": [3], "to": -1})
    stored.edit({"kind": "name", "group": 0, "title": name})
    titles = list(sizes(stored))
    assert len(titles) == 4
    assert titles[0] == name
    assert f"{name} (2)" in titles


def test_the_largest_part_of_a_split_keeps_the_name(pile: Pile) -> None:
    for seed in (0, 4):  # k-means numbers its groups by chance: here the larger one first, there last
        plan = GroupingPlan(Step.parse("hierarchical(groups=1)"), None, Step("pca"), seed)
        found = group(vectors()[:40], plan, "cosine", Reporter())
        stored = store_grouping(pile, RECIPE, plan, pile.hashes[:40], pile.ids[:40], found, "One")
        stored.edit({"kind": "name", "group": 0, "title": "Cats"})
        stored.edit({"kind": "split", "group": 0, "into": 2})
        assert sizes(stored) == {"Cats": 30, "Group 2": 10}


def test_of_a_grouping_removed_meanwhile_nothing_comes_back(pile: Pile) -> None:
    ours = made(pile)
    grouping(pile, ours.name).remove()
    changes = (ours.undo, lambda: ours.rename("New"), lambda: ours.edit({"kind": "cut", "groups": 2}))
    for ask in (ours.edits, ours.groups, lambda: ours.title, *changes):
        with pytest.raises(NotFound, match="no longer exists"):
            ask()
    ours.remove()
    assert not ours.folder.exists()


def test_titles_may_be_in_any_script_and_no_two_groupings_share_a_folder(pile: Pile) -> None:
    found = [made(pile, title=title) for title in ("猫の\n写真", "猫の 写真", "犬")]
    assert len({stored.name for stored in found}) == 3
    assert found[0].title == found[1].title == "猫の 写真"
    found[0].rename("Кошки")
    assert grouping(pile, found[0].name).title == "Кошки"
    for bad in ("", " ", "?!"):
        with pytest.raises(BadParameter, match="title of a grouping"):
            made(pile, title=bad)
    assert len(groupings(pile)) == 3


def test_groupings_stored_at_the_same_time_get_a_folder_each(pile: Pile) -> None:
    begun = threading.Barrier(4)
    exists = Path.exists

    def slow(path: Path, **more: Any) -> bool:  # both look before either makes its folder
        there = exists(path, **more)
        if path.name.startswith("same-"):
            with suppress(threading.BrokenBarrierError):
                begun.wait(1)
        return there

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(4) as pool:
        patch.setattr(Path, "exists", slow)
        names = {stored.name for stored in pool.map(lambda _: made(pile, title="Same"), range(4))}
    assert len(names) == 4


def test_a_grouping_of_a_removed_collection_does_not_bring_it_back(pile: Pile) -> None:
    pile.folder.rmdir()
    with pytest.raises(NotFound, match="has been removed"):
        made(pile)
    assert not pile.folder.exists()


def test_two_groups_cannot_have_one_name(pile: Pile) -> None:
    stored = made(pile)
    stored.edit({"kind": "name", "group": 0, "title": "Cats"})
    with pytest.raises(BadParameter, match="no other group has"):
        stored.edit({"kind": "name", "group": 1, "title": " Cats "})
    stored.edit({"kind": "name", "group": 0, "title": ""})
    stored.edit({"kind": "name", "group": 1, "title": "Cats"})
    assert sizes(stored) == {"Group 1": 30, "Cats": 20, "Group 3": 10}


def test_only_a_tree_can_be_cut(pile: Pile) -> None:
    stored = made(pile, "kmeans(groups=3)")
    assert stored.tree is None
    assert stored.cut_now is None
    with pytest.raises(BadParameter, match="hierarchical"):
        stored.edit({"kind": "cut", "groups": 2})


def test_a_changed_collection_is_noticed(pile: Pile) -> None:
    stored = made(pile)
    assert stored.stale(pile) == ""
    pile.ids, pile.hashes = pile.ids[:-2], ["f" * 64, *pile.hashes[1:-2]]
    assert "1 new picture, 3 pictures removed or changed" in stored.stale(pile)


def test_names_are_free_titles_are_changed_and_removal_is_whole(pile: Pile) -> None:
    one, two = made(pile), made(pile)
    assert (one.name, two.name) == ("first-try-1", "first-try-2")
    assert [found.name for found in groupings(pile)] == [two.name, one.name]
    one.rename("  Holiday \n album ")
    assert grouping(pile, one.name).title == "Holiday album"
    with pytest.raises(BadParameter):
        one.rename(" ?! ")
    one.remove()
    assert [found.name for found in groupings(pile)] == [two.name]
    for name in (one.name, "../pile", "", "."):
        with pytest.raises(NotFound):
            grouping(pile, name)


def test_every_flipped_bit_is_noticed(pile: Pile) -> None:
    stored = made(pile)
    files = [path for path in stored.folder.rglob("*") if path.suffix in (".npy", ".json")]
    assert len(files) >= 10
    for path in files:
        whole = path.read_bytes()
        place = len(whole) // 2
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises((Corrupt, NotFound)):
            grouping(pile, stored.name).groups()
        path.write_bytes(whole)
    assert len(sizes(grouping(pile, stored.name))) == 3


def test_the_distance_matrix_is_small_symmetric_and_in_the_trees_order(pile: Pile) -> None:
    stored = made(pile)
    ids, apart = stored.distance_matrix(most=20)
    assert apart.shape == (20, 20)
    assert np.allclose(apart, apart.T, atol=1e-6)
    assert not apart.diagonal().any()
    assert stored.tree is not None
    order = pile.ids[stored.tree.order].tolist()
    places = [order.index(id) for id in ids.tolist()]
    assert places == sorted(places)
    assert len(stored.distance_matrix()[0]) == 60


def test_quality_follows_the_edits(pile: Pile) -> None:
    stored = made(pile)
    truth = ["a"] * 30 + ["b"] * 20 + ["c"] * 10
    assert stored.quality(truth)["ari"] == 1.0
    stored.edit({"kind": "merge", "groups": [0, 1]})
    assert stored.quality(truth)["purity"] == pytest.approx(40 / 60)
    assert set(stored.quality([""] * 60)) == {"silhouette"}


def test_edits_alone_need_no_store() -> None:
    state = applied(np.array([0, 0, 1, -1]), None, np.array([1, 2, 3, 4]), [{"kind": "move", "ids": [4], "to": 1}])
    assert state.labels.tolist() == [0, 0, 1, 1]
