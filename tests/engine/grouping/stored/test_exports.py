"""Groups as CSV, folders and ZIP: hostile names, equal names, nothing overwritten, nothing half-written."""

from __future__ import annotations

import csv
import io
import os
import time
import zipfile
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from engine.core.errors import BadParameter, NotFound, Stopped, StorageFull
from engine.core.progress import Progress, Reporter
from engine.grouping.stored import exports
from engine.grouping.stored.exports import Entry, Part, entries, groups_csv, into_folder, into_zip, plain_name

HOSTILE = [
    "../x", "..", ".", "", "   ", "/etc/passwd", "a/b", "a\\b", "C:\\x", "nul", "CON.jpg", "x" * 400, "…/é", "a\0b",
    "line\nbreak", "\u202egpj.exe", "-rf", "~", ".hidden", "trailing. ", "\ud800", "日本" * 100, "|<>:\"?*",
]  # fmt: skip


@dataclass
class Some:
    number: int
    title: str
    ids: list[int]
    distances: list[float]
    odd: int = 0


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def read(id: int) -> bytes:
    return f"picture {id}".encode()


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_has_file_group_distance_and_outliers() -> None:
    groups = [Some(0, "Cats", [7, 3, 9], [0.1, 0.25, 0.9], odd=1), Some(-1, "Ungrouped", [4], [0.5])]
    text = groups_csv(groups, {7: "a.jpg", 3: "b/c.jpg", 9: "d.jpg", 4: "e.jpg"})
    assert list(csv.reader(io.StringIO(text))) == [
        ["file", "id", "group", "distance", "odd"],
        ["a.jpg", "7", "Cats", "0.100000", "no"],
        ["b/c.jpg", "3", "Cats", "0.250000", "no"],
        ["d.jpg", "9", "Cats", "0.900000", "yes"],
        ["e.jpg", "4", "Ungrouped", "", "no"],
    ]


def test_no_cell_of_the_table_is_a_formula() -> None:
    text = groups_csv([Some(0, "=cmd|' /C calc'!A0", [1], [-0.5])], {1: "+1.jpg"})
    [_, line] = csv.reader(io.StringIO(text))
    assert line[0] == "'+1.jpg"
    assert line[2].startswith("'=")


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_becomes_one_plain_name(text: str, tmp_path: Path) -> None:
    name = plain_name(text, "otherwise")
    assert name
    assert name == Path(name).name
    assert not name.startswith(".")
    assert len(name.encode()) < 200
    (tmp_path / name).write_bytes(b"")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_equal_names_are_numbered_and_letters_of_both_sizes_count_as_equal() -> None:
    names = {1: "a/x.jpg", 2: "b/x.jpg", 3: "b/X.JPG", 4: "x (2).jpg"}
    found = entries([Part("Cats", [1, 2, 3, 4]), Part("cats", [1]), Part("../cats", [2])], names)
    assert [(entry.folder, entry.file) for entry in found] == [
        ("Cats", "x.jpg"),
        ("Cats", "x (2).jpg"),
        ("Cats", "X (3).JPG"),
        ("Cats", "x (2) (2).jpg"),
        ("cats (2)", "x.jpg"),
        ("cats (3)", "x.jpg"),
    ]


def test_thousands_of_equal_names_take_no_time() -> None:
    """As of a set whose every picture lies in a folder of its own under one name."""
    began = time.process_time()
    found = entries([Part("All", range(20_000))], dict.fromkeys(range(20_000), "image.jpg"))
    assert time.process_time() - began < 5
    assert found[-1].file == "image (20000).jpg"
    assert len({entry.file for entry in found}) == 20_000


def test_no_two_pictures_ever_share_a_place() -> None:
    parts = [Part(title, range(len(HOSTILE))) for title in [*HOSTILE, *HOSTILE]]
    found = entries(parts, dict(enumerate(HOSTILE)))
    assert len({(entry.folder.casefold(), entry.file.casefold()) for entry in found}) == len(found)


def test_nothing_to_export_is_refused() -> None:
    with pytest.raises(BadParameter, match="number of pictures of an export"):
        entries([Part("Cats", [])], {})


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_group_becomes_a_folder_of_a_new_folder(tmp_path: Path) -> None:
    places = entries([Part("Cats", [1, 2]), Part("../x", [3])], {1: "a.jpg", 2: "a.jpg", 3: "../../b.jpg"})
    done = into_folder(places, read, tmp_path, "My groups", Reporter())
    assert done.path == tmp_path / "My groups"
    assert done.count == 3
    assert tree(done.path) == {"Cats/a.jpg": read(1), "Cats/a (2).jpg": read(2), "x/b.jpg": read(3)}


def test_existing_files_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "groups").mkdir()
    (tmp_path / "groups" / "mine.txt").write_text("mine")
    places = [Entry(1, "Cats", "a.jpg")]
    first = into_folder(places, read, tmp_path, "groups", Reporter())
    second = into_folder(places, read, tmp_path, "Groups", Reporter())
    assert [first.path.name, second.path.name] == ["groups (2)", "Groups (3)"]
    assert tree(tmp_path / "groups") == {"mine.txt": b"mine"}


@pytest.mark.parametrize("error", [Stopped(), OSError(28, "No space left on device"), RuntimeError("else")])
def test_nothing_is_left_of_a_copy_that_did_not_end(error: Exception, tmp_path: Path) -> None:
    def reading(id: int) -> bytes:
        if id == 2:
            raise error
        return read(id)

    wanted: type[Exception] = StorageFull if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted):
        into_folder([Entry(1, "A", "a"), Entry(2, "A", "b")], reading, tmp_path, "groups", Reporter())
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_has_vanished_is_named_and_the_others_are_copied(tmp_path: Path) -> None:
    def reading(id: int) -> bytes:
        if id == 1:
            raise NotFound("It is gone.")
        return read(id)

    done = into_folder([Entry(1, "A", "a.jpg"), Entry(2, "A", "b.jpg")], reading, tmp_path, "groups", Reporter())
    assert (done.count, done.left_out) == (1, [("A/a.jpg", "It is gone.")])
    assert tree(done.path) == {"A/b.jpg": read(2)}


def test_where_no_picture_can_be_read_nothing_is_made(tmp_path: Path) -> None:
    def reading(id: int) -> bytes:
        raise NotFound(f"Picture {id} is gone.")

    places = [Entry(1, "A", "a.jpg"), Entry(2, "A", "b.jpg")]
    with pytest.raises(NotFound, match="None of the pictures can be copied: Picture 1 is gone"):
        into_zip(places, reading, tmp_path / "groups.zip", Reporter())
    with pytest.raises(NotFound, match="None of the pictures can be copied: Picture 1 is gone"):
        into_folder(places, reading, tmp_path, "groups", Reporter())
    assert list(tmp_path.iterdir()) == []


def test_without_room_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(exports.shutil, "disk_usage", lambda path: usage(1 << 40, 1 << 40, 100_000_000))
    with pytest.raises(StorageFull, match=r"take 90\.0\xa0MB and 64\.0\xa0MB must stay free, but only 100\.0\xa0MB"):
        into_folder([Entry(1, "A", "a")], read, tmp_path, "groups", Reporter(), size=90_000_000)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no folder"):
        into_folder([Entry(1, "A", "a")], read, tmp_path / "none", "groups", Reporter())


def test_progress_is_reported_and_a_stop_is_obeyed(tmp_path: Path) -> None:
    heard: list[Progress] = []
    into_folder([Entry(n, "A", str(n)) for n in range(5)], read, tmp_path, "groups", Reporter(listen=heard.append))
    assert [progress.done for progress in heard] == [0, 1, 2, 3, 4, 5]
    assert {progress.total for progress in heard} == {5}


# ── ZIP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_zip_holds_the_same(tmp_path: Path) -> None:
    places = entries([Part("../x", [1, 2])], {1: "a.jpg", 2: "A.jpg"})
    done = into_zip(places, read, tmp_path / "groups.zip", Reporter())
    with zipfile.ZipFile(done.path) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"x/a.jpg": read(1), "x/A (2).jpg": read(2)}
        assert not [n for n in archive.namelist() if PurePosixPath(n).is_absolute() or ".." in PurePosixPath(n).parts]
    assert os.listdir(tmp_path) == ["groups.zip"]


def test_a_zip_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "groups.zip"
    path.write_bytes(b"mine")
    with pytest.raises(BadParameter):
        into_zip([Entry(1, "A", "a")], read, path, Reporter())
    assert path.read_bytes() == b"mine"


def test_a_stopped_zip_leaves_nothing(tmp_path: Path) -> None:
    def stop(id: int) -> bytes:
        raise Stopped

    with pytest.raises(Stopped):
        into_zip([Entry(1, "A", "a")], stop, tmp_path / "groups.zip", Reporter())
    assert list(tmp_path.iterdir()) == []
