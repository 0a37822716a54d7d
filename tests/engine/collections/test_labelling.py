"""Labels written by a person: all or none, taken back, kept by a rescan, and no vector becomes stale."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.collections import labelling
from engine.collections.collection import Collection
from engine.collections.integrity import check
from engine.collections.label_sources import label_sources
from engine.collections.labelling import (
    checked_label,
    given_labels,
    last_writing,
    undo_labels,
    write_labels,
    writings,
)
from engine.collections.sources import importing
from engine.collections.sources.folders import label_of
from engine.core.errors import BadParameter, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.storage import write_json


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


def test_a_writing_that_is_not_the_last_is_taken_back(collection: Collection) -> None:
    before = labels(collection)
    first, second = list(before)[:2]
    write_labels(collection, {first: "a"}, "one")
    one = last_writing(collection)
    write_labels(collection, {second: "b"}, "two")
    assert one is not None
    assert undo_labels(collection, one["made"]) == 1
    assert labels(collection) == before | {second: "b"}
    with pytest.raises(NotFound):
        undo_labels(collection, one["made"])
    assert undo_labels(collection) == 1
    assert labels(collection) == before


def test_of_two_writings_both_are_taken_back_in_either_order(collection: Collection) -> None:
    before = labels(collection)
    first = next(iter(before))
    write_labels(collection, {first: "a"}, "one")
    one = last_writing(collection)
    write_labels(collection, {first: "b"}, "two")
    write_labels(collection, {first: "c"}, "three")
    assert one is not None
    assert undo_labels(collection, one["made"]) == 0, "it is labelled otherwise now"
    assert undo_labels(collection) == 1
    assert labels(collection) == before | {first: "b"}
    assert undo_labels(collection) == 1
    assert labels(collection) == before
    assert given_labels(collection) == {}


def test_a_title_says_nothing_of_who_wrote(collection: Collection) -> None:
    """A grouping may have any title, and titles are what its labels are written with."""
    before = labels(collection)
    first = next(iter(before))
    for title in ("rescued", "suggested labels of mine", "the classifier of shells"):
        write_labels(collection, {first: "mine"}, title)
        assert label_sources(collection)[first] == "person"
        assert undo_labels(collection) == 1
    assert labels(collection) == before


def test_writings_of_earlier_versions_say_by_their_titles_who_wrote(collection: Collection) -> None:
    first, second, third = list(labels(collection))[:3]
    former = [
        {"made": 1.0, "what": "rescued", "before": {str(first): "a"}, "after": {str(first): "a"}},
        {"made": 2.0, "what": "the classifier Late fusion", "before": {str(second): ""}, "after": {str(second): "b"}},
        {"made": 3.0, "what": "My groups", "before": {str(third): ""}, "after": {str(third): "c"}},
    ]
    write_json(collection.folder / "labels.json", former)
    assert [(one["by"], bool(one["before"])) for one in writings(collection)] == [
        ("person", False), ("classifier", True), ("person", True),
    ]  # fmt: skip
    for _ in range(2):
        undo_labels(collection)
    with pytest.raises(NotFound, match="No labels have been written"):
        undo_labels(collection)


def test_the_record_of_changes_is_bounded_and_nothing_given_is_forgotten(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "_KEPT", 3)
    monkeypatch.setattr(labelling, "seal", lambda catalogue: None)
    ids = list(labels(collection))[:2]
    for number in range(12):
        by = "classifier" if number % 2 else "person"
        write_labels(collection, {ids[number % 2]: f"label {number}"}, "many", by)
    written = writings(collection)
    assert [one["what"] for one in written] == ["earlier changes"] * 2 + ["many"] * 3
    assert given_labels(collection) == {ids[0]: "label 10", ids[1]: "label 11"}
    assert [label_sources(collection)[id] for id in ids] == ["person", "classifier"]
    for _ in range(3):
        undo_labels(collection)
    assert given_labels(collection) == {ids[0]: "label 8", ids[1]: "label 7"}
    assert {id: labels(collection)[id] for id in ids} == given_labels(collection)
    assert last_writing(collection) is None
    with pytest.raises(NotFound, match="could be taken back"):
        undo_labels(collection)


def test_few_labels_read_only_the_rows_of_their_pictures(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = next(iter(labels(collection)))
    monkeypatch.setattr(Collection, "rows", lambda *_: pytest.fail("every row was read"))
    assert write_labels(collection, {first: "mine"}, "one") == 1
    assert undo_labels(collection) == 1
    with pytest.raises(NotFound):
        write_labels(collection, {99_999: "mine"}, "one")
    monkeypatch.undo()
    monkeypatch.setattr(labelling, "_FEW", 0)
    assert write_labels(collection, {first: "mine"}, "one") == 1
    with pytest.raises(NotFound):
        write_labels(collection, {99_999: "mine"}, "one")


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
