"""Folders and archives as other systems lay them out: labels, links, hidden folders, depth, code pages of names."""

from __future__ import annotations

import inspect
import os
import sys
import zipfile
from pathlib import Path

import pytest

from engine.cli.parser import main
from engine.collections.collection import Collection
from engine.collections.sources.code_pages import DOS, likeliest
from engine.collections.sources.folder_labels import telling_labels
from engine.collections.sources.folders import Walk, names
from engine.collections.sources.importing import import_archive, import_csv, import_folder, rescan
from engine.collections.sources.job import title_of
from engine.collections.sources.table_rows import column
from engine.core.errors import Unreadable
from engine.core.home import Home

LAYOUTS = {
    "class/images": (["cat/images/1", "dog/images/1"], ["cat", "dog"]),
    "tiny-imagenet": (["train/n01/images/1", "train/n02/images/2", "val/images/3"], ["n01", "n02", "val"]),
    "class/split": (["cat/train/1", "cat/test/2", "dog/train/3"], ["cat", "cat", "dog"]),
    "split/class": (["train/cat/1", "test/dog/2"], ["cat", "dog"]),
    "only splits": (["data/train/1", "data/test/2"], ["train", "test"]),
    "a class called photos": (["set/photos/1", "set/drawings/2"], ["photos", "drawings"]),
    "any same folder": (["cat/raw/1", "dog/raw/2"], ["cat", "dog"]),
    "mixed depth": (["cat/1", "cat/images/2", "dog/images/3", "4"], ["cat", "cat", "dog", ""]),
    "one folder": (["cat/1", "cat/2"], ["cat", "cat"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_label_is_the_last_folder_that_differs_between_pictures(layout: str) -> None:
    paths, labels = LAYOUTS[layout]
    label = telling_labels(path.encode() for path in paths)
    assert [label(path.encode()) for path in paths] == labels


@pytest.mark.parametrize("follow", [False, True])
def test_links_that_lead_to_themselves_cost_nothing_else(home, tmp_path, encoded, reporter, follow) -> None:
    folder = tmp_path / "p"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.png").write_bytes(encoded(0))
    for name, target in {"self": "self", "x.png": "y.png", "y.png": "x.png", "gone.png": "no.png"}.items():
        (folder / name).symlink_to(target)
    (folder / "a" / "up").symlink_to("..")
    report = import_folder(home, "P", folder, reporter, follow=follow)
    assert report.added == 1
    codes = {reject.path: reject.code for reject in report.rejects}
    assert codes == {"self": "link", "x.png": "link", "y.png": "link", "gone.png": "missing"} | (
        {} if follow else {"a/up": "link"}
    )


def test_in_an_archive_the_folder_around_everything_is_no_label() -> None:
    keys = [b"set/a.png", b"set/cats/b.png", b"set\\dogs\\c.png"]
    label = telling_labels(keys, packed=True)
    assert [label(key) for key in keys] == ["", "cats", "dogs"]


@pytest.mark.parametrize("layout", [layout for layout, (paths, _) in LAYOUTS.items() if "4" not in paths])
def test_a_folder_around_everything_changes_no_label(layout: str) -> None:
    paths, labels = LAYOUTS[layout]
    keys = [b"my/set/" + path.encode() for path in paths]
    label = telling_labels(keys, packed=True)
    assert [label(key) for key in keys] == labels


@pytest.mark.parametrize("tool", ["backslashes", "a folder around"])
def test_archives_of_other_tools(home, tmp_path, encoded, reporter, tool) -> None:
    names = {"backslashes": ["cats\\a.png", "dogs\\b.png"], "a folder around": ["set/cats/a.png", "set/dogs/b.png"]}
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed, name in enumerate(names[tool]):
            archive.writestr(name, encoded(seed))
        archive.writestr("cats\\" if tool == "backslashes" else "set/cats/", b"")
    report = import_archive(home, "A", path, reporter)
    assert report.rejects == []
    assert Collection.open(home, "a").images().labels == ["cats", "dogs"]


@pytest.mark.parametrize(
    ("names", "page"),
    [
        (["Übung é.png", "größe.png"], "cp437"),
        (["кошка.png", "Собака 2.png"], "cp866"),
        (["写真.png", "ねこ.png"], "cp932"),
        (["图片/猫咪.png", "图片/小狗.png"], "gbk"),
        (["고양이.png", "강아지.png"], "cp949"),
        (["Übung.png", "日本.png", "кот.png"], "utf-8"),
    ],
)
def test_unmarked_names_of_a_zip_are_read_in_their_code_page(home, tmp_path, encoded, reporter, names, page) -> None:
    path = tmp_path / "a.zip"
    stand_ins = {str(n).ljust(len(name.encode(page)), "x"): name.encode(page) for n, name in enumerate(names)}
    with zipfile.ZipFile(path, "w") as archive:
        for seed, stand_in in enumerate(stand_ins):
            archive.writestr(stand_in, encoded(seed))
    data = path.read_bytes()
    for stand_in, raw in stand_ins.items():
        data = data.replace(stand_in.encode(), raw)
    path.write_bytes(data)
    report = import_archive(home, "A", path, reporter)
    assert Collection.open(home, "a").images().names == names
    assert any(page in note for note in report.notes) == (page != "utf-8")


def test_text_of_one_language_is_not_taken_for_another() -> None:
    samples = {"cp437": "façade à côté", "cp866": "Привет мир", "cp932": "犬と猫の写真", "gbk": "我们的照片"}
    assert {likeliest(text.encode(page), DOS) for page, text in samples.items()} == set(samples)


def test_hidden_system_and_own_folders_are_left_out_and_counted(home, pile, encoded, reporter) -> None:
    own = Home(pile / "benzer")
    for folder in (".git", "@eaDir", "$RECYCLE.BIN", "blue/.thumbnails", "benzer/datasets/x"):
        (pile / folder).mkdir(parents=True)
        (pile / folder / "a.png").write_bytes(encoded(50))
    (pile / "Thumbs.db").write_bytes(b"x")
    (pile / ".hidden.png").write_bytes(encoded(51))
    report = import_folder(own, "Pile", pile, reporter)
    assert (report.added, report.rejects) == (13, [])
    shown = "$RECYCLE.BIN, .git, .thumbnails, @eaDir, Thumbs.db, benzer"
    assert report.notes == [f"Left out: 6 hidden or system files and folders ({shown})."]
    assert rescan(Collection.open(own, "pile"), reporter).unchanged == 13


@pytest.fixture
def linked(tmp_path: Path, encoded) -> Path:
    """A folder as Hugging Face and DVC lay it out: links to files that lie elsewhere, and a link to a folder."""
    (tmp_path / "blobs" / "more").mkdir(parents=True)
    (tmp_path / "blobs" / "1").write_bytes(encoded(1))
    (tmp_path / "blobs" / "more" / "b.png").write_bytes(encoded(2))
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "a.png").symlink_to("../blobs/1")
    (snapshot / "dogs").symlink_to("../blobs/more")
    (tmp_path / "blobs" / "more" / "around").symlink_to(snapshot)
    return snapshot


def test_links_are_followed_only_where_that_is_allowed(home, linked, reporter, monkeypatch) -> None:
    with pytest.raises(Unreadable, match="--follow-links or BENZER_FOLLOW_LINKS=1"):
        import_folder(home, "Snapshot", linked, reporter)
    report = import_folder(home, "Snapshot", linked, reporter, follow=True)
    collection = Collection.open(home, "snapshot")
    assert (collection.images().names, report.rejects) == (["a.png", "dogs/b.png"], [])
    assert [len(collection.picture(id)) > 0 for id in collection.images().ids] == [True, True]
    assert rescan(collection, reporter).unchanged == 2
    monkeypatch.setenv("BENZER_FOLLOW_LINKS", "1")
    assert import_folder(home, "By environment", linked, reporter).added == 2


def test_links_of_a_table_and_on_the_command_line(home, linked, reporter, monkeypatch, capsys) -> None:
    (linked / "t.csv").write_text("image,label\na.png,x\n")
    with pytest.raises(Unreadable, match="--follow-links"):
        import_csv(home, "T", linked / "t.csv", reporter)
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert main(["import", str(linked / "t.csv"), "--title", "T", "--follow-links"]) == 0
    assert Collection.open(home, "t").images().labels == ["x"]


@pytest.fixture
def snapshot(tmp_path: Path, encoded) -> Path:
    """A table and its picture as downloads from the Hugging Face hub lie: links to files named by their hashes."""
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    for number, (name, content) in enumerate([("a.png", encoded(1)), ("t.csv", b"image,label,kind\na.png,x,k\n")]):
        (tmp_path / "blobs" / f"{number}").write_bytes(content)
        (tmp_path / "snapshot" / name).symlink_to(f"../blobs/{number}")
    return tmp_path / "snapshot"


def test_a_table_among_links_lists_the_pictures_beside_its_link(home, snapshot, monkeypatch, reporter) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert main(["import", str(snapshot / "t.csv"), "--follow-links"]) == 0
    collection = Collection.open(home, "t")
    assert (collection.title, collection.images().labels) == ("t", ["x"])
    assert rescan(collection, reporter).unchanged == 1
    assert column(Path(collection.source["table"]), "kind", follow=True) == {b"a.png": "k"}
    with pytest.raises(Unreadable, match="The file is not there"):
        import_csv(home, "Not followed", snapshot / "t.csv", reporter)


def test_a_link_to_a_table_elsewhere_lists_the_pictures_beside_that(home, tmp_path, encoded, reporter) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.png").write_bytes(encoded(1))
    (tmp_path / "there" / "t.csv").write_text("image,label\na.png,x\n")
    (tmp_path / "here.csv").symlink_to("there/t.csv")
    for follow in (True, False):
        assert import_csv(home, f"T {follow}", tmp_path / "here.csv", reporter, follow=follow).added == 1


def test_very_deep_folders_are_walked(tmp_path: Path, encoded) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(150):  # more than the frames that are left below, few enough for pytest to clear away
            os.mkdir("d", dir_fd=here)
            inner = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = inner
    finally:
        os.close(here)
    (tmp_path / "d" / "a.png").write_bytes(encoded(1))  # what lies beside the way down is found as well
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 100)
    try:
        found = [item.name for item in Walk(tmp_path).items()], list(names(tmp_path))
    finally:
        sys.setrecursionlimit(usual)
    assert found == (["d/a.png"], ["d/a.png"])


@pytest.mark.parametrize(
    ("name", "title"),
    [("2024.05.01 Holiday.zip", "2024.05.01 Holiday"), ("a.b.tar.gz", "a.b"), (".x.csv", "x"), ("...zip", "Pictures")],
)
def test_titles_keep_their_dots(name: str, title: str) -> None:
    assert title_of(Path(name)) == title


def test_labels_of_folders_that_are_not_utf8_stay_apart(home, tmp_path, encoded, reporter) -> None:
    for seed, name in enumerate([b"K\xe4se", b"K\xf6se", "Größe".encode()]):
        folder = os.fsencode(tmp_path / "pile") + b"/" + name
        os.makedirs(folder)
        Path(os.fsdecode(folder + b"/1.png")).write_bytes(encoded(seed))
    import_folder(home, "A", tmp_path / "pile", reporter)
    assert sorted(Collection.open(home, "a").images().labels) == ["Größe", "Käse", "Köse"]


def test_previews_of_lightroom_are_left_out(home, tmp_path, encoded, reporter) -> None:
    for seed, name in enumerate(["cat/1.png", "My Previews.lrdata/A/1.png", "My.lrdata.png"]):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_bytes(encoded(seed))
    report = import_folder(home, "A", tmp_path / "p", reporter)
    assert Collection.open(home, "a").images().names == ["My.lrdata.png", "cat/1.png"]
    assert report.notes == ["Left out: 1 hidden or system file or folder (My Previews.lrdata)."]


def test_a_single_table_beside_pictures_is_to_be_imported(home, tmp_path, encoded, reporter) -> None:
    (tmp_path / "1.png").write_bytes(encoded(1))
    (tmp_path / "t.csv").write_text("image,label\n1.png,x\n")
    report = import_folder(home, "A", tmp_path, reporter)
    assert [reject.message for reject in report.rejects] == [
        "This is a table (image, label) that was not used; for its labels, import it."
    ]
