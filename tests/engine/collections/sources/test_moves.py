"""What changes after an import: renamed files keep their rows, changes under the same size and time are noticed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.collections.collection import Collection
from engine.collections.labelling import write_labels
from engine.collections.report import ImportReport
from engine.collections.sources import ingest
from engine.collections.sources.importing import import_csv, import_folder, rescan

Known = dict[str, tuple[int, str]]


def by_content(collection: Collection) -> Known:
    """id and label of each image by its content."""
    images = collection.images()
    return dict(zip(images.hashes, zip(images.ids.tolist(), images.labels, strict=True), strict=True))


def labelled(home, folder: Path, reporter) -> Collection:
    import_folder(home, "Pile", folder, reporter)
    collection = Collection.open(home, "pile")
    write_labels(collection, {id: f"label {id}" for id in collection.images().ids.tolist()}, "by hand")
    return collection


def moves_of(report: ImportReport) -> tuple[int, int, int, int, int]:
    return report.moved, report.added, report.changed, report.removed, report.copies


def test_renamed_and_moved_files_keep_id_and_label(home, pile, reporter) -> None:
    collection = labelled(home, pile, reporter)
    before, fingerprint = by_content(collection), collection.fingerprint()
    (pile / "blue" / "00.png").rename(pile / "blue" / "new name.png")
    (pile / "red" / "01.png").rename(pile / "blue" / "01.png")
    (pile / "red").rename(pile / "crimson")
    assert moves_of(rescan(collection, reporter)) == (7, 0, 0, 0, 0)
    assert (by_content(collection), collection.fingerprint()) == (before, fingerprint)
    assert {"blue/new name.png", "blue/01.png", "crimson/03.png"} <= set(collection.images().names)
    assert all(len(collection.picture(id)) > 0 for id in collection.images().ids.tolist())
    assert rescan(collection, reporter).unchanged == 12


def test_a_moved_file_gets_the_label_of_its_new_folder_unless_one_was_given(home, pile, reporter) -> None:
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    (pile / "blue" / "00.png").rename(pile / "red" / "00.png")
    rescan(collection, reporter)
    assert dict(zip(collection.images().names, collection.images().labels, strict=True))["red/00.png"] == "red"


def test_names_that_are_exchanged(home, pile, encoded, reporter) -> None:
    collection = labelled(home, pile, reporter)
    before = by_content(collection)
    a, b, c = (pile / "blue" / name for name in ("00.png", "02.png", "04.png"))
    a.rename(pile / "x")
    b.rename(a)
    (pile / "x").rename(b)
    c.rename(pile / "blue" / "backup.png")
    c.write_bytes(encoded(77))
    assert moves_of(rescan(collection, reporter)) == (3, 1, 0, 0, 0)
    after = by_content(collection)
    assert {hash: after[hash] for hash in before} == before
    assert rescan(collection, reporter).unchanged == 13


def test_copies_move_as_copies_and_are_listed(home, pile, encoded, reporter) -> None:
    (pile / "copy.png").write_bytes(encoded(0))
    report = import_folder(home, "Pile", pile, reporter)
    assert (report.copies, report.duplicates) == (1, [["copy.png", "blue/00.png"]])
    assert "1 exact duplicate skipped" in report.sentence
    assert ImportReport.from_dict(report.to_dict()) == report
    collection = Collection.open(home, "pile")
    before = by_content(collection)
    (pile / "copy.png").rename(pile / "other copy.png")
    assert moves_of(rescan(collection, reporter)) == (1, 0, 0, 0, 0)
    (pile / "blue" / "00.png").unlink()
    (pile / "other copy.png").rename(pile / "blue" / "00.png")
    rescan(collection, reporter)
    assert by_content(collection) == before
    assert rescan(collection, reporter).unchanged == 12


def test_a_file_that_is_replaced_by_junk_after_it_was_renamed(home, pile, reporter) -> None:
    collection = labelled(home, pile, reporter)
    before = by_content(collection)
    (pile / "blue" / "00.png").rename(pile / "kept.png")
    (pile / "blue" / "00.png").write_bytes(b"junk")
    report = rescan(collection, reporter)
    assert (report.moved, [reject.path for reject in report.rejects]) == (1, ["blue/00.png"])
    assert by_content(collection) == before
    assert [reject.path for reject in collection.rejects()] == ["blue/00.png"]
    assert rescan(collection, reporter).unchanged == 13


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.sets(st.integers(0, 5), max_size=5), st.sets(st.integers(0, 5)))
def test_any_renaming_keeps_every_content_that_is_left(
    tmp_path_factory, home, encoded, reporter, order, removed, rewritten
) -> None:
    folder = tmp_path_factory.mktemp("pile")
    for seed in range(6):
        (folder / f"{seed}.png").write_bytes(encoded(seed))
    import_folder(home, folder.name, folder, reporter)
    collection = Collection.open(home, folder.name.lower())
    before = by_content(collection)
    contents = [(folder / f"{seed}.png").read_bytes() for seed in range(6)]
    for place, seed in enumerate(order):
        (folder / f"{place}.png").write_bytes(contents[seed])
    for place in removed:
        (folder / f"{place}.png").unlink()
    for place in rewritten - removed:
        (folder / f"{place}.png").write_bytes(encoded(100 + place))
    report = rescan(collection, reporter)
    after = by_content(collection)
    assert all(after[hash] == before[hash] for hash in after.keys() & before.keys())
    assert len(after) == report.inputs == 6 - len(removed)
    assert rescan(collection, reporter).unchanged == len(after)


def in_place(path: Path, data: bytes) -> None:
    """Write as `exiftool -P` does: the same size, the same modification time."""
    facts = path.stat()
    path.write_bytes(data.ljust(facts.st_size, b"\0")[: facts.st_size])
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)


def test_a_change_under_the_same_size_and_time_is_noticed(home, pile, encoded, reporter) -> None:
    path = pile / "blue" / "00.png"
    path.write_bytes(path.read_bytes() + b"\0" * 4096)
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    in_place(path, encoded(60))
    assert moves_of(rescan(collection, reporter)) == (0, 0, 1, 0, 0)
    assert rescan(collection, reporter).unchanged == 12
    assert len(collection.picture(1)) > 0


def test_a_change_is_noticed_after_the_clock_was_set_back(
    home, pile, encoded, reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pile / "blue" / "00.png"
    path.write_bytes(path.read_bytes() + b"\0" * 4096)
    with monkeypatch.context() as ahead:
        ahead.setattr(ingest, "_now_ns", lambda: 1 << 62)
        import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    in_place(path, encoded(60))
    assert moves_of(rescan(collection, reporter)) == (0, 0, 1, 0, 0)
    assert rescan(collection, reporter).unchanged == 12


def test_verify_reads_every_file(home, pile, encoded, reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pile / "blue" / "00.png"
    path.write_bytes(path.read_bytes() + b"\0" * 4096)
    monkeypatch.setattr(ingest, "_now_ns", lambda: 1 << 62)  # a disk whose clock is far behind
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    in_place(path, encoded(60))
    assert rescan(collection, reporter).unchanged == 12
    report = rescan(collection, reporter, verify=True)
    assert (report.changed, report.unchanged) == (1, 11)


def test_renamed_pictures_of_a_table(home, pile, reporter) -> None:
    table = pile / "t.csv"
    table.write_text("image,label\nblue/00.png,x\nblue/02.png,y\n")
    import_csv(home, "T", table, reporter)
    collection = Collection.open(home, "t")
    before = by_content(collection)
    (pile / "blue" / "00.png").rename(pile / "zero.png")
    table.write_text("image,label\nzero.png,x\nblue/02.png,y\n")
    assert rescan(collection, reporter).moved == 1
    assert by_content(collection) == before


def test_a_copy_that_is_read_again_is_no_new_copy(home, pile, reporter) -> None:
    shutil.copy(pile / "blue" / "00.png", pile / "red" / "copy.png")
    collection = labelled(home, pile, reporter)
    os.utime(pile / "red" / "copy.png", ns=(10**18, 10**18))
    report = rescan(collection, reporter)
    assert (moves_of(report), report.unchanged, report.duplicates) == ((0, 0, 0, 0, 0), 13, [])


def test_a_copy_takes_the_place_of_its_deleted_original(home, pile, reporter) -> None:
    shutil.copy(pile / "blue" / "00.png", pile / "red" / "copy.png")
    shutil.copy(pile / "red" / "01.png", pile / "red" / "other copy.png")
    collection = labelled(home, pile, reporter)
    before, fingerprint = by_content(collection), collection.fingerprint()
    (pile / "blue" / "00.png").unlink()
    assert moves_of(rescan(collection, reporter)) == (0, 0, 0, 1, 0)
    assert (by_content(collection), collection.fingerprint()) == (before, fingerprint)
    assert "red/copy.png" in collection.images().names
    assert rescan(collection, reporter).unchanged == 13
    assert by_content(collection) == before
