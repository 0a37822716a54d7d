"""Labels written by a person: all or none, taken back, kept by a rescan, and no vector becomes stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.collections.collection import Collection
from engine.collections.integrity import check
from engine.collections.labelling import checked_label, last_writing, undo_labels, write_labels
from engine.collections.sources import importing
from engine.collections.sources.folders import label_of
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter


@pytest.fixture
def collection(home: Home, pile: Path, reporter: Reporter) -> Collection:
    importing.import_folder(home, "Pile", pile, reporter)
    return Collection.open(home, "pile")


def labels(collection: Collection) -> dict[int, str]:
    images = collection.images()
    return dict(zip(images.ids.tolist(), images.labels, strict=True))


def test_labels_are_written_and_taken_back(collection: Collection) -> None:
    before, prints = labels(collection), collection.fingerprint()
    some = list(before)[:3]
    assert write_labels(collection, dict.fromkeys(some, "  =cats\n  and dogs "), "First try") == 3
    assert labels(collection) == before | dict.fromkeys(some, "=cats and dogs")
    assert collection.fingerprint() == prints  # vectors remember id and content, so they stay valid
    assert check(collection) == []
    last = last_writing(collection)
    assert last is not None
    assert (last["what"], last["count"]) == ("First try", 3)
    assert undo_labels(collection) == 3
    assert labels(collection) == before
    assert last_writing(collection) is None


@pytest.mark.parametrize("folder", ["red  bags", " caps ", "new\nline", "tab\there", "caf\xe9"])
def test_a_label_of_a_folder_is_the_same_when_it_is_written(folder: str) -> None:
    label = label_of(f"all/{folder}/1.png".encode())
    assert label == checked_label(label)


def test_writings_are_taken_back_one_after_the_other(collection: Collection) -> None:
    before = labels(collection)
    first, second = list(before)[:2]
    write_labels(collection, {first: "a", second: "a"}, "one")
    write_labels(collection, {first: "b"}, "two")
    assert undo_labels(collection) == 1
    assert labels(collection) == before | {first: "a", second: "a"}
    undo_labels(collection)
    assert labels(collection) == before
    with pytest.raises(NotFound, match="No labels have been written"):
        undo_labels(collection)


def test_a_rescan_keeps_what_a_person_wrote_and_brings_back_what_was_taken_back(
    collection: Collection, reporter: Reporter
) -> None:
    before = labels(collection)
    first = next(iter(before))
    write_labels(collection, {first: "mine"}, "one")
    report = importing.rescan(collection, reporter)
    assert (report.changed, report.unchanged) == (0, 12)
    assert labels(collection)[first] == "mine"
    undo_labels(collection)
    importing.rescan(collection, reporter)
    assert labels(collection) == before


def test_a_label_changed_since_is_left_alone_when_an_older_one_is_taken_back(collection: Collection) -> None:
    first, second = list(labels(collection))[:2]
    write_labels(collection, {first: "a", second: "a"}, "one")
    with collection.catalogue.writing() as writing:
        row = writing.row(first)
        assert row is not None
        from dataclasses import replace

        writing.replace(replace(row, label="other"))
    undo_labels(collection)
    assert labels(collection)[first] == "other"
    assert labels(collection)[second] in ("red", "blue")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [({}, BadParameter), ({1: "x", 99_999: "y"}, NotFound), ({1: "x" * 201}, BadParameter), ({1: None}, BadParameter)],
)
def test_what_cannot_be_written_changes_nothing(collection: Collection, wanted: dict, error: type[Exception]) -> None:
    before = labels(collection)
    with pytest.raises(error):
        write_labels(collection, wanted, "no")
    assert labels(collection) == before
    assert last_writing(collection) is None


def test_a_damaged_file_of_former_labels_is_named(collection: Collection) -> None:
    write_labels(collection, {next(iter(labels(collection))): "mine"}, "one")
    path = collection.folder / "labels.json"
    path.write_bytes(path.read_bytes().replace(b"mine", b"mean"))
    with pytest.raises(Corrupt, match=r"labels\.json"):
        undo_labels(collection)
