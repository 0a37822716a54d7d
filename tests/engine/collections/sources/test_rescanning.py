"""Rescans: only what changed is read, and what vanished or was repaired is noticed."""

import os
import shutil
from pathlib import Path

import pytest

from engine.collections.collection import Collection
from engine.collections.pixels import Decoded
from engine.collections.reading import workers
from engine.collections.sources.importing import (
    import_folder,
    rescan,
)
from engine.core.errors import NotFound


def test_rescan_reads_only_what_changed(home, pile, encoded, reporter, monkeypatch):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    before = dict(zip(collection.images().ids.tolist(), collection.images().hashes, strict=True))
    (pile / "blue" / "00.png").unlink()
    (pile / "red" / "01.png").write_bytes(encoded(101, size=(50, 30)))
    (pile / "red" / "new.png").write_bytes(encoded(102))
    read: list[str] = []
    run = workers.run

    def watched(function, items, *rest, **more):
        for item, result in run(function, items, *rest, **more):
            read.append(Path(item.location).name)
            yield item, result

    monkeypatch.setattr(workers, "run", watched)
    report = rescan(collection, reporter)
    assert (report.added, report.changed, report.removed, report.unchanged) == (1, 1, 1, 10)
    assert sorted(read) == ["01.png", "new.png"]
    after = dict(zip(collection.images().ids.tolist(), collection.images().hashes, strict=True))
    assert len(after.keys() & before.keys()) == 11
    assert max(after) > max(before)  # an id is never used again
    assert sum(after[id] != before[id] for id in after.keys() & before.keys()) == 1
    assert rescan(collection, reporter).unchanged == 12


def test_touching_a_file_changes_nothing(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    before = collection.fingerprint()
    os.utime(pile / "blue" / "00.png", (1, 1))
    report = rescan(collection, reporter)
    assert (report.unchanged, report.changed, collection.fingerprint()) == (12, 0, before)


def test_a_file_from_a_far_year_is_imported_and_unchanged_at_a_rescan(home, tmp_path, encoded, reporter):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(encoded(1))
    os.utime(tmp_path / "pictures" / "a.png", (10**10, 10**10))  # 2286, or what the disk keeps
    assert import_folder(home, "Pile", tmp_path / "pictures", reporter).added == 1
    report = rescan(Collection.open(home, "pile"), reporter)
    assert (report.changed, report.unchanged) == (0, 1)


def test_a_copy_takes_the_place_of_a_deleted_image(home, pile, encoded, reporter):
    (pile / "zz.png").write_bytes(encoded(0))
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    (pile / "blue" / "00.png").unlink()
    report = rescan(collection, reporter)
    assert (report.removed, len(collection)) == (1, 12)
    assert "zz.png" in collection.images().names
    assert len({collection.thumbnail(int(id)) for id in collection.images().ids}) == 12


def test_a_rejected_file_that_is_repaired(home, pile, encoded, reporter):
    (pile / "broken.png").write_bytes(b"broken")
    import_folder(home, "Pile", pile, reporter)
    (pile / "broken.png").write_bytes(encoded(77))
    collection = Collection.open(home, "pile")
    assert rescan(collection, reporter).changed == 1
    assert collection.rejects() == []


def test_a_folder_that_vanished(home, pile, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    shutil.move(pile, pile.with_name("elsewhere"))
    for call in (
        lambda: collection.picture(1),
        lambda: rescan(collection, reporter),
        lambda: list(Decoded(collection, [1], 8)),
    ):
        with pytest.raises(NotFound, match="vanished"):
            call()
    assert collection.thumbnail(1)
    pile.mkdir()
    with pytest.raises(NotFound, match="nothing was changed"):
        rescan(collection, reporter)
    pile.rmdir()
    shutil.move(pile.with_name("elsewhere"), pile)
    assert rescan(collection, reporter).unchanged == len(collection) == 12


def test_a_picture_that_vanished_or_changed(home, pile, encoded, reporter):
    import_folder(home, "Pile", pile, reporter)
    collection = Collection.open(home, "pile")
    (pile / "blue" / "00.png").unlink()
    (pile / "blue" / "02.png").write_bytes(encoded(99))
    with pytest.raises(NotFound, match="not there"):
        collection.picture(1)
    decoded = Decoded(collection, collection.images().ids, 8)
    assert sum(len(ids) for ids, _ in decoded) == 10
    assert [(failure.path, failure.code) for failure in decoded.failures] == [
        ("blue/00.png", "missing"),
        ("blue/02.png", "changed"),
    ]
