"""The same table gives the same collection from a folder, as an upload and inside an archive."""

from __future__ import annotations

import unicodedata
import zipfile
from pathlib import Path

import pytest

from engine.collections.collection import Collection
from engine.collections.report import ImportReport
from engine.collections.sources.importing import import_archive, import_csv, import_files, import_folder, rescan
from engine.collections.sources.table_names import Names
from engine.collections.sources.table_upload import import_table_upload
from engine.core.errors import BadParameter

Facts = tuple[list[str], list[str], list[str], int, int, list[str], list[str]]


def facts(home, report: ImportReport) -> Facts:
    images = Collection.open(home, report.collection).images()
    notes = [note for note in report.notes if "in the archive" not in note]
    codes = [reject.code for reject in report.rejects]
    names = [unicodedata.normalize("NFC", name) for name in images.names]
    return names, images.labels, images.texts, report.added, report.copies, codes, notes


def every_way(home, folder: Path, text: str, reporter) -> list[ImportReport]:
    table = folder / "t.csv"
    table.write_text(text, encoding="utf-8")
    pictures = [(p.relative_to(folder).as_posix(), p) for p in sorted(folder.rglob("*")) if p.is_file() and p != table]
    packed, alone = folder.parent / "with.zip", folder.parent / "alone.zip"
    for path, files in ((packed, [*pictures, ("t.csv", table)]), (alone, pictures)):
        with zipfile.ZipFile(path, "w") as archive:
            for name, file in files:
                archive.write(file, name)
    return [
        import_csv(home, "Folder", table, reporter),
        import_table_upload(home, "Upload", table, [("alone.zip", alone)], reporter),
        import_archive(home, "Archive", packed, reporter),
    ]


TABLES = {
    "windows paths": ("image,label\nimg\\a.png,x\nC:\\old\\img\\b.png,y\n", ["img/a.png", "img/b.png"], ["x", "y"]),
    "other case": ("image,label\nIMG/A.PNG,x\n./img/b.png,y\n", ["img/a.png", "img/b.png"], ["x", "y"]),
    "no suffix": ("id,class\na,x\nb,y\n", ["img/a.png", "img/b.png"], ["x", "y"]),
    "two lines": ("image,label\nimg/a.png,x\nimg/a.png,z\nimg/b.png,y\n", ["img/a.png", "img/b.png"], ["x", "y"]),
    "damaged": ('image,text,label\nimg/a.png,a,b,x\nimg/b.png,"t,y\nimg/b.png,t,y\n', ["img/b.png"], ["y"]),
    "absent": ("image,label\nimg/b.png,y\nimg/z.png,y\nhttps://a.org/b.png,x\n,x\n", ["img/b.png"], ["y"]),
    "detours": (
        "image,label\nimg//a.png,x\n././img/./b.png,y\nold/../img/c.png,z\n",
        ["img/a.png", "img/b.png", "img/c.png"],
        ["x", "y", "z"],
    ),
    "percent": (
        "image,label\nimg/my%20cat.png,x\n/data/upload/7/img/b.png,y\n",
        ["img/my cat.png", "img/b.png"],
        ["x", "y"],
    ),
    "file addresses": (
        "image,label\nfile:///home/me/img/my%20cat.png,x\nFILE://img/b.png,y\n",
        ["img/my cat.png", "img/b.png"],
        ["x", "y"],
    ),
    "blanks around": ('image,label\n" img/ a.png ",x\nimg/b.png,y\n', ["img/ a.png", "img/b.png"], ["x", "y"]),
    "numbers with a point": ("id,label\n7.0,x\n", ["img/7.png"], ["x"]),
    "other drive": (
        "image,label\n\\\\server\\share\\img\\a.png,x\n/mnt/img/b.png,y\n",
        ["img/a.png", "img/b.png"],
        ["x", "y"],
    ),
    "exported": ("file,group\n'-c.png,'=1\nimg/a.png,x\n", ["-c.png", "img/a.png"], ["=1", "x"]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_the_same_on_every_way_in(home, tmp_path, encoded, reporter, kind) -> None:
    text, names, labels = TABLES[kind]
    folder = tmp_path / "source"
    (folder / "img").mkdir(parents=True)
    for seed, name in enumerate(dict.fromkeys(("img/b.png", *names))):
        (folder / name).write_bytes(encoded(seed))
    reports = [facts(home, report) for report in every_way(home, folder, text, reporter)]
    assert reports[0][:2] == (names, labels)
    listed = [(*found[:5], [code for code in found[5] if code != "not-listed"], found[6]) for found in reports]
    assert listed[0] == listed[1] == listed[2]


@pytest.mark.parametrize("inside", ["set/", "a/b/", "set\\"])
def test_a_table_in_a_folder_of_an_archive_lists_the_files_beside_it(home, tmp_path, encoded, reporter, inside) -> None:
    path = tmp_path / "around.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other/1.png", encoded(0))
        archive.writestr(inside + "1.png", encoded(1))
        archive.writestr(inside + "t.csv", "image,label\nd:/old/1.png,x\n")
    report = import_archive(home, "Around", path, reporter)
    assert [(row.name, row.label) for row in Collection.open(home, "around").rows("image")] == [(inside + "1.png", "x")]
    assert [reject.path for reject in report.rejects] == ["other/1.png"]


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("t.csv", "a;b\n1;2\n", "The table t.csv has no column named image; its first line has: a, b."),
        ("t.xlsx", "PK\3\4", "The file t.xlsx is a workbook, not a table of text."),
        ("metadata.jsonl", '{"file_name": "a.png"}', "This is JSON, not a picture; a data set of another program"),
        ("notes.txt", "a;b\n1;2\n", "The file is not a picture in a format that is read"),
    ],
)
def test_what_is_no_table_says_why(home, tmp_path, encoded, reporter, name, data, sentence) -> None:
    folder, path = tmp_path / "p", tmp_path / "p.zip"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(1))
    (folder / name).write_text(data)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(folder / "a.png", "a.png")
        archive.write(folder / name, name)
    files = [("a.png", folder / "a.png"), (name, folder / name)]
    reports = [
        import_folder(home, "Folder", folder, reporter),
        import_archive(home, "Archive", path, reporter),
        import_files(home, "Files", files, reporter),
    ]
    for report in reports:
        [reject] = report.rejects
        assert reject.message.startswith(sentence)


def test_names_in_the_other_unicode_form(home, tmp_path, encoded, reporter) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / unicodedata.normalize("NFD", "Übung é.png")).write_bytes(encoded(1))
    for report in every_way(home, folder, "image,label\n" + unicodedata.normalize("NFC", "Übung é.png,x\n"), reporter):
        assert facts(home, report)[:2] == (["Übung é.png"], ["x"])


def test_damaged_and_contradicting_lines_are_named_by_their_number(home, tmp_path, encoded, reporter) -> None:
    (tmp_path / "a.png").write_bytes(encoded(1))
    table = tmp_path / "t.csv"
    table.write_text('image,label\na.png,x\na.png,y\nb.png,x,z\nc.png,"x\n')
    report = import_csv(home, "T", table, reporter)
    assert report.notes == ["Line 3 lists a.png again and says 'y'; line 2 counts."]
    assert [reject.path for reject in report.rejects] == ["line 4: b.png, x, z", 'line 5: c.png,"x']
    assert "3 fields under 2 headings" in report.rejects[0].message
    assert "quotation marks" in report.rejects[1].message


def test_two_files_that_fit_are_not_guessed_between() -> None:
    names = Names(["cats/1.png", "dogs/1.png", "A.png", "a.png", "2.jpg", "2"])
    assert sorted(names.find("1")) == sorted(names.find("1.PNG")) == ["cats/1.png", "dogs/1.png"]
    assert (names.find("cats\\1"), names.find("a.png"), names.find("2")) == (["cats/1.png"], ["a.png"], ["2"])
    assert (names.find("birds/1.png"), sorted(names.find("a.PNG"))) == ([], ["A.png", "a.png"])


def test_lines_of_two_folders_do_not_share_one_file(home, tmp_path, encoded, reporter) -> None:
    (tmp_path / "1.png").write_bytes(encoded(1))
    (tmp_path / "2.png").write_bytes(encoded(2))
    (tmp_path / "t.csv").write_text("image,label\ncats/1.png,cat\ndogs/1.png,dog\nbirds/2.png,bird\n")
    report = import_csv(home, "T", tmp_path / "t.csv", reporter)
    assert Collection.open(home, "t").images().labels == ["bird"]
    assert [reject.code for reject in report.rejects] == ["ambiguous", "ambiguous"]


def test_a_table_in_a_folder_is_pointed_out(home, pile, reporter) -> None:
    (pile / "labels.csv").write_text("image,label\nblue/00.png,x\n")
    (pile / "notes.txt").write_text("nothing of interest")
    report = import_folder(home, "Pile", pile, reporter)
    found = {reject.path: reject for reject in report.rejects}
    assert "labels.csv is a table that was not used; for labels and texts, import it instead." in report.notes
    assert found["labels.csv"].code == "table"
    assert "(image, label)" in found["labels.csv"].message
    assert found["notes.txt"].code == "not-a-picture"


def test_of_two_tables_in_an_archive_none_is_used(home, tmp_path, encoded, reporter) -> None:
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/a.png", encoded(1))
        archive.writestr("train.csv", "image,label\ncats/a.png,x\n")
        archive.writestr("test.csv", "image,label\ncats/a.png,y\n")
    report = import_archive(home, "Two", path, reporter)
    assert Collection.open(home, "two").images().labels == ["cats"]
    assert [reject.code for reject in report.rejects] == ["table", "table"]


# ── columns that the user names ──────────────────────────────────────────────────────────────────────────────────────


STYLES = "nr;kind;colour;remark\n1;shirt;red;a red shirt\n2;skirt;blue;a blue skirt\n"


def mapped(home, folder: Path, reporter, **columns: str) -> ImportReport:
    table = folder / "styles.csv"
    table.write_text(STYLES)
    return import_csv(home, "Mapped", table, reporter, columns=columns)


@pytest.fixture
def numbered(tmp_path, encoded) -> Path:
    folder = tmp_path / "numbered"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.png").write_bytes(encoded(number))
    return folder


def test_columns_are_those_that_the_user_names(home, numbered, reporter) -> None:
    report = mapped(home, numbered, reporter, image="NR", label="colour", text="remark")
    images = Collection.open(home, report.collection).images()
    assert (images.names, images.labels) == (["1.png", "2.png"], ["red", "blue"])
    assert images.texts == ["a red shirt", "a blue skirt"]
    assert report.notes == ["Further columns of styles.csv are filters: kind."]


def test_a_rescan_reads_the_same_columns(home, numbered, reporter) -> None:
    collection = Collection.open(home, mapped(home, numbered, reporter, image="nr", label="kind").collection)
    (numbered / "styles.csv").write_text(STYLES.replace("skirt;blue", "dress;blue"))
    rescan(collection, reporter)
    assert collection.images().labels == ["shirt", "dress"]


def test_a_role_may_have_no_column(home, numbered, reporter) -> None:
    (numbered / "t.csv").write_text("image,label\n1.png,x\n2.png,y\n")
    report = import_csv(home, "Bare", numbered / "t.csv", reporter, columns={"label": ""})
    assert Collection.open(home, report.collection).images().labels == ["", ""]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(home, numbered, reporter) -> None:
    with pytest.raises(BadParameter, match=r"label column of the table styles\.csv must be one of nr, kind, colour"):
        mapped(home, numbered, reporter, image="nr", label="species")
    assert not list(home.datasets.glob("[!.]*"))


def test_an_upload_takes_the_same_columns(home, numbered, reporter) -> None:
    (numbered / "styles.csv").write_text(STYLES)
    pictures = [(name, numbered / name) for name in ("1.png", "2.png")]
    columns = {"image": "nr", "label": "kind"}
    report = import_table_upload(home, "Sent", numbered / "styles.csv", pictures, reporter, columns)
    assert Collection.open(home, report.collection).images().labels == ["shirt", "skirt"]


def test_a_column_of_file_names_needs_no_known_heading(home, numbered, reporter) -> None:
    (numbered / "t.csv").write_text("kind,where it lies\nshirt,1.png\nskirt,2.png\n")
    report = import_csv(home, "Odd", numbered / "t.csv", reporter)
    assert (report.added, report.rejects) == (2, [])


def test_a_table_in_an_archive_that_fits_no_picture_says_so(home, tmp_path, encoded, reporter) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", encoded(1))
        archive.writestr("t.csv", "image,label\nother.png,x\n")
    report = import_archive(home, "A", path, reporter)
    why = "none of its lines names a picture of the archive, as the first, 'other.png'"
    assert [reject.message for reject in report.rejects] == [f"This is a table that was not used: {why}."]
