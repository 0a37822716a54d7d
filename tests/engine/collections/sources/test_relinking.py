"""A folder that was moved is found again, and nothing else is taken for it."""

from __future__ import annotations

import numpy as np
import pytest

from engine.collections.collection import Collection
from engine.collections.sources.importing import import_csv, import_folder, rescan
from engine.collections.sources.relinking import relink
from engine.core.errors import BadParameter, NotFound
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.trash import move_to_trash


@pytest.fixture
def moved(home, pile, reporter) -> Collection:
    collection = Collection.open(home, import_folder(home, "Pile", pile, reporter).collection)
    pile.rename(pile.with_name("elsewhere"))
    return collection


def test_the_pictures_are_the_same_at_the_new_place(home, pile, moved, reporter) -> None:
    before = moved.images()
    with pytest.raises(NotFound, match="has vanished"):
        rescan(moved, reporter)
    assert relink(moved, pile.with_name("elsewhere")) == len(before.ids)
    again = Collection.open(home, moved.name)
    assert again.path_of(again.rows("image")[0]).is_file()
    report = rescan(again, reporter)
    assert (report.added, report.removed, report.unchanged > 0) == (0, 0, True)
    np.testing.assert_array_equal(again.images().ids, before.ids)


@pytest.mark.parametrize("table", [False, True])
def test_a_link_in_the_place_of_the_folder_is_refused(home, pile, reporter, tmp_path, monkeypatch, table) -> None:
    name = next(path.relative_to(pile).as_posix() for path in sorted(pile.rglob("*.png")))
    (pile / "t.csv").write_text(f"image,label\n{name},x\n")
    report = import_csv(home, "P", pile / "t.csv", reporter) if table else import_folder(home, "P", pile, reporter)
    collection = Collection.open(home, report.collection)
    before = collection.rows()
    pile.rename(pile.with_name("elsewhere"))
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "t.csv").write_text("image,label\nx.png,x\n")
    pile.symlink_to(tmp_path / "others")
    with pytest.raises(NotFound, match=r"leads to .*others by a link now\..* relink p .*others"):
        rescan(collection, reporter)
    with pytest.raises(NotFound, match="by a link now"):
        move_to_trash(collection, [Drop(before[0].id, before[0].hash, before[1].id)] if len(before) > 1 else [])
    assert collection.rows() == before
    monkeypatch.setenv("BENZER_FOLLOW_LINKS", "1")
    report = rescan(collection, reporter)  # as the person said
    assert report.removed == len(before) - (not table)  # both folders hold t.csv, which is no picture


def test_another_folder_is_refused_and_nothing_changes(moved, tmp_path) -> None:
    before = moved.source
    (tmp_path / "other").mkdir()
    with pytest.raises(BadParameter, match="pictures were looked for"):
        relink(moved, tmp_path / "other")
    with pytest.raises(NotFound, match="There is no folder"):
        relink(moved, tmp_path / "nowhere")
    assert moved.source == before


@pytest.mark.parametrize("whole", [True, False], ids=["whole paths", "names"])
def test_pictures_of_a_table_are_there_before_the_next_rescan(home, pile, reporter, whole) -> None:
    names = [path.relative_to(pile).as_posix() for path in sorted(pile.rglob("*.png"))]
    lines = [f"{pile / name if whole else name},x\n" for name in names]
    (pile / "t.csv").write_text("image,label\n" + "".join([*lines, lines[0]]))
    collection = Collection.open(home, import_csv(home, "Table", pile / "t.csv", reporter).collection)
    ids = collection.images().ids.tolist()
    place = pile.rename(pile.with_name("elsewhere"))
    assert relink(collection, place) == len(names)
    again = Collection.open(home, collection.name)
    assert [again.picture(id) for id in ids] == [(place / name).read_bytes() for name in names]
    report = rescan(again, reporter)
    assert (report.unchanged, report.moved, report.rejects) == (len(names) + 1, 0, [])
    assert again.images().ids.tolist() == ids


def test_a_picture_that_a_table_lists_by_both_names_moves_as_well(home, pile, reporter) -> None:
    name = next(path.relative_to(pile).as_posix() for path in sorted(pile.rglob("*.png")))
    (pile / "t.csv").write_text(f"image,label\n{pile / name},x\n{name},x\n")
    collection = Collection.open(home, import_csv(home, "Table", pile / "t.csv", reporter).collection)
    [id] = collection.images().ids.tolist()
    place = pile.rename(pile.with_name("elsewhere"))
    assert relink(collection, place) == 1
    assert Collection.open(home, "table").picture(id) == (place / name).read_bytes()


def test_links_among_the_files_are_found_where_they_are_followed(home, pile, reporter, tmp_path) -> None:
    """As far as they still lead somewhere: a relative one that led out of the folder may be broken by the move."""
    for number, path in enumerate(sorted(pile.rglob("*.png"))):
        blob = path.rename(tmp_path / f"blob-{number}")
        path.symlink_to(blob if number % 2 else f"../../{blob.name}")
    (pile / "own.png").write_bytes((tmp_path / "blob-0").read_bytes() + b"1")
    (pile / "red" / "alias.png").symlink_to("../own.png")
    collection = Collection.open(home, import_folder(home, "Links", pile, reporter, follow=True).collection)
    assert len(collection) == 13
    (tmp_path / "deeper").mkdir()
    place = pile.rename(tmp_path / "deeper" / "pile")
    assert relink(collection, place) == 7
    report = rescan(Collection.open(home, "links"), reporter)
    assert [reject.code for reject in report.rejects] == ["missing"] * 6
    assert report.unchanged == 8  # of which one is a copy
    for path in sorted(place.rglob("*.png")):
        if path.is_symlink() and not path.exists():
            blob = path.readlink().name
            path.unlink()
            path.symlink_to(tmp_path / blob)
    assert rescan(Collection.open(home, "links"), reporter).changed == 6
    assert Collection.open(home, "links").images().ids.tolist() == collection.images().ids.tolist()


def test_links_that_are_not_followed_are_no_pictures(home, moved, pile, tmp_path) -> None:
    for path in sorted((tmp_path / "elsewhere").rglob("*.png")):
        link = tmp_path / "linked" / path.relative_to(tmp_path / "elsewhere")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    with pytest.raises(BadParameter, match="12 pictures were looked for"):
        relink(moved, tmp_path / "linked")


def test_a_table_moves_with_its_folder(home, pile, reporter) -> None:
    name = next(path.relative_to(pile).as_posix() for path in sorted(pile.rglob("*.png")))
    (pile / "t.csv").write_text(f"image,label\n{name},x\n")
    collection = Collection.open(home, import_csv(home, "Table", pile / "t.csv", reporter).collection)
    place = pile.rename(pile.with_name("elsewhere"))
    relink(collection, place)
    assert rescan(collection, reporter).unchanged == 1
    assert collection.source["table"] == str(place / "t.csv")
