"""Tags and stars: what stands after each act, undone acts, kills in between, damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.collections.collection import Collection
from engine.collections.facts import marks as stored
from engine.collections.facts.marks import last_act, mark_pictures, marks, undo_marks
from engine.collections.sources.importing import import_folder, rescan
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter


@pytest.fixture
def collection(home: Home, pile: Path, reporter: Reporter) -> Collection:
    import_folder(home, "Pile", pile, reporter)
    return Collection.open(home, "pile")


def test_tags_and_stars_are_given_and_taken(collection: Collection) -> None:
    assert mark_pictures(collection, [1, 2], add=[" lake  view ", "blue"], stars=4) == 2
    assert mark_pictures(collection, [2], remove=["blue"], stars=0) == 1
    found = marks(collection)
    assert (found[1].tags, found[1].stars) == (("blue", "lake view"), 4)
    assert (found[2].tags, found[2].stars) == (("lake view",), 0)
    assert mark_pictures(collection, [1], add=["blue"]) == 0  # it has it already
    assert last_act(collection)["what"] == "removed the tag blue · 0 stars"  # type: ignore[index]


def test_undoing_everything_leaves_nothing(collection: Collection) -> None:
    mark_pictures(collection, [1], add=["a"])
    mark_pictures(collection, [1, 2], add=["b"], stars=5)
    assert undo_marks(collection) == 2
    assert marks(collection)[1].tags == ("a",)
    assert undo_marks(collection) == 1
    assert marks(collection) == {}
    assert last_act(collection) is None


def test_an_act_that_is_not_the_last_is_taken_back(collection: Collection) -> None:
    mark_pictures(collection, [1], add=["a"])
    first = last_act(collection)
    mark_pictures(collection, [1, 2], add=["b"])
    assert first is not None
    assert undo_marks(collection, first["made"]) == 0  # picture 1 has changed since
    with pytest.raises(NotFound):
        undo_marks(collection, first["made"])
    assert undo_marks(collection) == 2
    assert marks(collection) == {}, "both have been taken back"
    assert last_act(collection) is None
    with pytest.raises(NotFound, match="could be restored"):
        undo_marks(collection)


def test_a_kill_while_the_file_is_made_leaves_none(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(source: Path, target: Path) -> None:
        assert sqlite3.connect(source).execute("SELECT count(*) FROM sqlite_master WHERE name='marks'").fetchone() == (
            1,
        )
        os.link(source, source.with_name(".marks-left"))
        os.utime(source, (0, 0))
        raise SystemError

    with monkeypatch.context() as killing:
        killing.setattr(stored, "move_without_replacing", killed)
        with pytest.raises(SystemError):
            mark_pictures(collection, [1], add=["a"])
    assert marks(collection) == {}
    assert mark_pictures(collection, [1], add=["a"]) == 1
    assert not list(collection.folder.glob(".marks-*"))


def test_what_a_killed_writer_left_is_taken_back_by_a_reader(collection: Collection, tmp_path: Path) -> None:
    """The state of the file and its journal while a change is half-way on the disk."""
    mark_pictures(collection, range(1, 13), add=["kept"], stars=3)
    before, path = marks(collection), collection.folder / stored.FILE
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE marks SET stars=0, tags=tags || ?", ("x" * 50_000,))
        for name in (path.name, f"{path.name}-journal"):
            shutil.copy(path.with_name(name), tmp_path / name)
        db.execute("ROLLBACK")
    assert (tmp_path / path.name).stat().st_size > 50_000
    for name in (path.name, f"{path.name}-journal"):
        shutil.copy(tmp_path / name, path.with_name(name))
    assert marks(collection) == before
    assert last_act(collection) is not None


ACTS = st.lists(
    st.tuples(
        st.sets(st.integers(1, 12), min_size=1),
        st.sets(st.sampled_from("abc"), min_size=1),
        st.sets(st.sampled_from("abc")),
        st.none() | st.integers(0, 5),
    ),
    max_size=6,
)


@given(ACTS)
@settings(max_examples=15, deadline=None)
def test_acts_are_those_of_plain_sets_and_undo_walks_back(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[set[int], set[str], set[str], int | None]]
) -> None:
    template = _template(tmp_path_factory)
    home = Home(tmp_path_factory.mktemp("acts"))
    shutil.copytree(template.folder, home.datasets / "pile")
    collection = Collection.open(home, "pile")
    states = [{id: (frozenset[str](), 0) for id in range(1, 13)}]
    for ids, add, remove, stars in acts:
        changed = mark_pictures(collection, ids, add=add, remove=remove, stars=stars)
        now = dict(states[-1])
        for id in ids:
            tags, former = now[id]
            now[id] = ((tags | add) - remove, former if stars is None else stars)
        assert changed == sum(now[id] != states[-1][id] for id in now)
        if now != states[-1]:
            states.append(now)
    while True:
        found = marks(collection)
        plain = {
            id: (frozenset(found[id].tags), found[id].stars) if id in found else (frozenset(), 0) for id in states[-1]
        }
        assert plain == states.pop()
        if not states:
            break
        undo_marks(collection)


_MADE: list[Collection] = []


def _template(factory: pytest.TempPathFactory) -> Collection:
    if not _MADE:
        from PIL import Image

        root = factory.mktemp("template")
        (root / "pile").mkdir()
        for number in range(12):
            Image.new("RGB", (8, 8), (number * 9, 40, 90)).save(root / "pile" / f"{number:02d}.png")
        import_folder(Home(root / "home"), "Pile", root / "pile", Reporter())
        _MADE.append(Collection.open(Home(root / "home"), "pile"))
    return _MADE[0]


def test_an_act_that_fails_in_the_middle_has_not_happened(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark_pictures(collection, [1], add=["before"])
    monkeypatch.setattr(stored, "_note", lambda *_: (_ for _ in ()).throw(RuntimeError("cut off")))
    with pytest.raises(RuntimeError):
        mark_pictures(collection, [1, 2], add=["after"])
    assert {id: mark.tags for id, mark in marks(collection).items()} == {1: ("before",)}


def test_marks_follow_a_picture_that_was_away(collection: Collection, pile: Path, reporter: Reporter) -> None:
    mark_pictures(collection, [1], add=["kept"], stars=3)
    path = collection.image(1).path
    data = path.read_bytes()
    path.unlink()
    rescan(collection, reporter)
    assert marks(collection) == {}
    path.write_bytes(data)
    rescan(collection, reporter)
    [(id, mark)] = marks(collection).items()
    assert id != 1
    assert (mark.tags, mark.stars) == (("kept",), 3)


@pytest.mark.parametrize("tag", ["", "  ", "x" * 101, 7, "a\0b"])
def test_tags_that_cannot_be_are_refused(collection: Collection, tag: object) -> None:
    with pytest.raises(BadParameter, match="tag of a picture must be a text of 1 to 100 characters"):
        mark_pictures(collection, [1], add=[tag])  # type: ignore[list-item]


@pytest.mark.parametrize("stars", [-1, 6, 2.5, True])
def test_stars_that_cannot_be_are_refused(collection: Collection, stars: int) -> None:
    with pytest.raises(BadParameter, match="from 0 to 5"):
        mark_pictures(collection, [1], stars=stars)


def test_nothing_to_change_and_unknown_pictures_are_refused(collection: Collection) -> None:
    with pytest.raises(BadParameter, match="at least one tag"):
        mark_pictures(collection, [1])
    with pytest.raises(BadParameter, match="at least 1"):
        mark_pictures(collection, [], stars=1)
    with pytest.raises(NotFound, match="no picture 99"):
        mark_pictures(collection, [1, 99], stars=1)
    assert marks(collection) == {}


def test_a_changed_row_is_noticed(collection: Collection) -> None:
    mark_pictures(collection, [1], stars=2)
    with sqlite3.connect(collection.folder / "marks.sqlite") as db:
        db.execute("UPDATE marks SET stars=5")
    db.close()
    with pytest.raises(Corrupt, match=r"marks\.sqlite"):
        marks(collection)
    (collection.folder / "marks.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(Corrupt):
        marks(collection)
