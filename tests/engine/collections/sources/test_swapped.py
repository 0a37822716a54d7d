"""Files, folders, tables, archives and uploads that are replaced between the moment they are chosen and that at which
they are read: nothing outside of what was chosen is read, nothing waits, and what happened is said."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from engine.collections.collection import Collection
from engine.collections.sources import folders, importing
from engine.collections.sources.archives import Archive
from engine.collections.sources.browsing import look_into
from engine.collections.sources.importing import import_archive, import_csv, import_files, import_folder, rescan
from engine.collections.sources.job import import_pictures, source_of
from engine.collections.sources.tables import preview
from engine.core.errors import BenzerError, NotFound, UnreadableTable
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.interchange.importing import import_dataset
from engine.workbench.workbench import Workbench
from tests.engine.collections.swaps import SWAPS, removed

pytestmark = pytest.mark.timeout(60)  # what waits on a pipe waits forever

Act = Callable[[], object]


def test_a_file_behind_a_link_to_a_folder_is_not_read_for_a_table_that_lists_it(home, chosen, secret, reporter) -> None:
    (chosen / "dogs").symlink_to(secret / "cats")
    (chosen / "t.csv").write_text("image,label\n2.png,x\ndogs/told.png,y\n")
    report = import_csv(home, "T", chosen / "t.csv", reporter)
    assert [(reject.path, reject.code) for reject in report.rejects] == [("dogs/told.png", "link-outside")]
    assert import_csv(home, "Followed", chosen / "t.csv", reporter, follow=True).added == 2


# ── between the dialog and its job ───────────────────────────────────────────────────────────────────────────────────


def packed(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.write(path.parent / name, name)
    return path


def a_table(folder: Path) -> Path:
    (folder / "t.csv").write_text("image,label\ncats/1.png,x\n2.png,y\n")
    return folder / "t.csv"


CHOICES: dict[str, Callable[[Path], Path]] = {
    "folder": lambda folder: folder / "cats",
    "table": a_table,
    "archive": lambda folder: packed(folder / "a.zip", "cats/1.png", "2.png"),
}


def started(home: Home, path: Path, **arguments: Any) -> dict[str, Any]:
    """The import of what the dialog chose, by a path without links."""
    given = {"home": str(home.root), "title": "New", "source": source_of(path), "path": str(path), "unlinked": True}
    return import_pictures(given | arguments, Reporter())


def known(home: Home) -> set[bytes]:
    """The contents of all pictures of all collections."""
    collections = [Collection.open(home, card.name) for card in Workbench(home).collections()]
    return {one.picture(int(id)) for one in collections for id in one.images().ids}


def nothing_waits(home: Home) -> bool:
    return not [*home.datasets.glob("*/images/.incoming"), *home.datasets.glob(".creating-*")]


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("kind", CHOICES)
def test_what_was_chosen_and_is_another_thing_now_is_refused_in_a_sentence(
    home, chosen, secret, encoded, kind, swap
) -> None:
    path, other = CHOICES[kind](chosen), CHOICES[kind](secret)
    source = source_of(path)
    SWAPS[swap](path, other)
    try:
        started(home, path, source=source)
    except BenzerError as error:
        assert "\n" not in str(error)
    else:
        assert (kind, swap) == ("folder", "a folder")
    assert known(home) <= {encoded(1), encoded(11)}
    assert nothing_waits(home)


@pytest.mark.parametrize("kind", CHOICES)
def test_a_link_in_the_way_is_named(home, chosen, secret, kind) -> None:
    path, other = CHOICES[kind](chosen), CHOICES[kind](secret)
    SWAPS["a link"](path, other)
    with pytest.raises(NotFound, match=f"A link has been put in the place of {path}"):
        started(home, path)


def test_a_path_of_the_command_line_may_be_a_link(home, chosen, tmp_path) -> None:
    (tmp_path / "here").symlink_to(chosen)
    assert started(home, tmp_path / "here", unlinked=False)["added"] == 2


@pytest.mark.parametrize("swap", ["a link", "a pipe", "nothing"])
def test_a_chosen_data_set_is_not_waited_on_either(home, chosen, secret, swap) -> None:
    path, other = (folder / "metadata.jsonl" for folder in (chosen, secret))
    for place in (path, other):
        place.write_text('{"file_name": "2.png"}\n')
    SWAPS[swap](path, other)
    given = {"home": str(home.root), "title": "New", "format": "imagefolder", "path": str(path), "unlinked": True}
    with pytest.raises(BenzerError, match=r"A link has been put|There is no file|pipe"):
        import_dataset(given, Reporter())


# ── while the job reads ──────────────────────────────────────────────────────────────────────────────────────────────


def before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Act, call: int = 0) -> None:
    """`act` is done right before this call of a function."""
    function, calls = getattr(module, name), count()

    def swapped(*arguments: Any, **options: Any) -> Any:
        if next(calls) == call:
            act()
        return function(*arguments, **options)

    monkeypatch.setattr(module, name, swapped)


@pytest.mark.parametrize(
    ("swap", "sentence"),
    [
        ("a link", "This is a link to a file outside the folder"),
        ("a pipe", "This is a pipe, a device or a socket"),
        ("a folder", "This is a folder"),
        ("nothing", "The file is not there"),
        ("a link above", "The file lies behind a link that leads out of the folder"),
        ("renamed above", "The file is not there"),
    ],
)
def test_a_picture_that_is_replaced_after_the_walk_is_named(
    home, chosen, secret, encoded, reporter, monkeypatch, swap, sentence
) -> None:
    name = "cats/1.png"
    before(monkeypatch, importing, "synchronise", lambda: SWAPS[swap](chosen / name, secret / name))
    report = import_folder(home, "New", chosen, reporter)
    assert known(home) == {encoded(11)}
    assert [reject.path for reject in report.rejects] == [name]
    assert report.rejects[0].message.startswith(sentence)


def test_a_folder_that_becomes_a_link_during_the_walk_is_not_listed(
    home, chosen, secret, encoded, reporter, monkeypatch
) -> None:
    before(monkeypatch, folders, "entries", lambda: SWAPS["a link"](chosen / "cats", secret / "cats"), call=1)
    report = import_folder(home, "New", chosen, reporter)
    assert known(home) == {encoded(11)}
    assert [(reject.path, reject.message[:24]) for reject in report.rejects] == [("cats/", "This is a link to a fold")]


@pytest.mark.parametrize("moment", ["entries", "synchronise"])
def test_the_chosen_folder_itself_becomes_a_link(home, chosen, secret, reporter, monkeypatch, moment) -> None:
    place = folders if moment == "entries" else importing
    before(monkeypatch, place, moment, lambda: SWAPS["a link"](chosen, secret))
    with pytest.raises(BenzerError, match="There is no picture to import"):
        import_folder(home, "New", chosen, reporter)
    assert not Workbench(home).collections()


def test_an_archive_that_is_replaced_after_its_check_is_read_as_it_was(
    home, chosen, secret, encoded, reporter, monkeypatch
) -> None:
    path, other = (CHOICES["archive"](folder) for folder in (chosen, secret))
    for number, swap in enumerate(("a link", "a pipe", "nothing")):
        before(monkeypatch, Archive, "digest", lambda swap=swap: SWAPS[swap](path, other))
        assert import_archive(home, f"New {number}", path, reporter).added == 2
        assert known(home) == {encoded(1), encoded(11)}
        packed(removed(path), "cats/1.png", "2.png")


def test_an_archive_that_is_overwritten_after_its_check_costs_its_files_alone(
    home, chosen, reporter, monkeypatch
) -> None:
    path = CHOICES["archive"](chosen)
    before(monkeypatch, Archive, "digest", lambda: path.write_bytes(b"?"))
    with pytest.raises(BenzerError, match="The archive is damaged at this file"):
        import_archive(home, "New", path, reporter)
    assert nothing_waits(home)


@pytest.mark.parametrize(("swap", "said"), [("a link", "a link to another file"), ("a pipe", "pipe")])
def test_a_table_that_is_replaced_before_its_preview_is_drawn(chosen, secret, swap, said) -> None:
    path = a_table(chosen)
    SWAPS[swap](path, a_table(secret))
    with pytest.raises(UnreadableTable, match=said):
        preview(path)


def test_the_contents_of_a_folder_are_not_those_behind_a_link(chosen, secret, monkeypatch) -> None:
    before(monkeypatch, folders, "is_junk", lambda: None)  # the names are looked at one by one
    monkeypatch.setattr("engine.collections.sources.browsing.checked_folder", lambda path: path)
    SWAPS["a link"](chosen / "cats", secret / "cats")
    with pytest.raises(BenzerError, match="link to a folder"):
        look_into(chosen / "cats")


def test_the_table_of_a_collection_that_became_a_link_is_not_followed(home, chosen, secret, reporter) -> None:
    path, other = a_table(chosen), a_table(secret)
    import_csv(home, "T", path, reporter)
    other.write_text("image,label\ncats/told.png,z\n")
    SWAPS["a link"](path, other)
    with pytest.raises(NotFound, match="A link has been put in the place"):
        rescan(Collection.open(home, "t"), reporter)


def test_the_folder_of_a_collection_that_became_a_link_shows_no_other_pictures(home, chosen, secret, reporter) -> None:
    import_folder(home, "New", chosen, reporter)
    collection = Collection.open(home, "new")
    SWAPS["a link"](chosen / "cats", secret / "cats")
    for name, sentence in (("cats/1.png", "behind a link that leads out"), ("2.png", "")):
        [row] = [row for row in collection.rows() if row.name == name]
        if not sentence:
            assert collection.picture(row.id)
            continue
        with pytest.raises(NotFound, match=sentence):
            collection.picture(row.id)


# ── uploads, and the home's own staging ──────────────────────────────────────────────────────────────────────────────


def upload(home: Home, chosen: Path) -> Path:
    files = [("1.png", chosen / "cats" / "1.png"), ("a.zip", CHOICES["archive"](chosen)), ("t.csv", a_table(chosen))]
    return Workbench(home).spool((name, path.read_bytes()) for name, path in files)


def imported(home: Home, spool: Path) -> dict[str, Any]:
    given = {"home": str(home.root), "title": "New", "source": "upload", "spool": str(spool)}
    return import_pictures(given, Reporter())


@pytest.mark.parametrize("number", range(3), ids=["picture", "archive", "table"])
@pytest.mark.parametrize("swap", ["a link", "a pipe", "a folder", "nothing"])
def test_an_uploaded_file_that_is_replaced_before_its_import(
    home, chosen, secret, encoded, tmp_path, number, swap
) -> None:
    other = [secret / "cats" / "1.png", CHOICES["archive"](secret), a_table(secret)][number]
    spool = upload(home, chosen)
    SWAPS[swap](spool / f"{number:06d}", other)
    try:
        report = imported(home, spool)
    except BenzerError as error:
        assert "\n" not in str(error)
    else:
        assert report["rejects"]
    assert known(home) <= {encoded(1), encoded(11)}
    assert not os.path.lexists(spool)
    assert nothing_waits(home)
    assert other.exists()


@pytest.mark.parametrize("swap", ["a link", "nothing", "a pipe"])
def test_a_folder_of_uploads_that_is_replaced_is_said_to_be_gone(home, chosen, tmp_path, swap) -> None:
    spool, other = upload(home, chosen), upload(Home(tmp_path / "another"), chosen)
    SWAPS[swap](spool, other)
    with pytest.raises(BenzerError, match=r"no longer there|damaged"):
        imported(home, spool)
    assert (other / "names.json").exists()


def test_a_list_of_uploads_that_is_a_pipe_is_not_waited_on(home, chosen, secret) -> None:
    spool = upload(home, chosen)
    SWAPS["a pipe"](spool / "names.json", secret)
    with pytest.raises(BenzerError, match="damaged"):
        imported(home, spool)


@pytest.mark.parametrize("moment", ["before", "while it is filled"])
def test_a_link_in_the_place_of_the_staging_folder_is_removed_and_never_read(
    home, chosen, secret, encoded, reporter, monkeypatch, moment
) -> None:
    def swap() -> None:
        [images] = home.datasets.glob("*/images")
        SWAPS["a link"](images / ".incoming", secret)

    if moment == "before":
        before(monkeypatch, importing, "staging", swap)
        assert import_archive(home, "New", CHOICES["archive"](chosen), reporter).added == 2
    else:
        before(monkeypatch, importing, "ingest", swap)
        with pytest.raises(BenzerError, match="was replaced or changed by another program"):
            import_files(home, "New", [("1.png", encoded(1)), ("2.png", encoded(2))], reporter)
    assert nothing_waits(home)
    assert (secret / "2.png").read_bytes() == encoded(12)
    assert (secret / "cats" / "1.png").exists()
