"""Where labels come from: the last writing that still stands, else the source."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.collections.collection import Collection
from engine.collections.label_sources import by_classifier, label_sources, own_labels, sources_sentence
from engine.collections.labelling import undo_labels, write_labels
from engine.core.home import Home
from engine.workbench.workbench import Workbench


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    for number in range(6):
        folder = tmp_path / "pictures" / ("cat" if number < 3 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (40 * number, 0, 0)).save(folder / f"{number}.png")
    bench = Workbench(Home(tmp_path / "home"))
    bench.run("import", source="folder", title="Six", path=str(tmp_path / "pictures"))
    return bench.collection("six")


def test_labels_of_folders_persons_and_classifiers_are_distinguished(collection: Collection) -> None:
    ids = collection.images().ids.tolist()
    assert set(label_sources(collection).values()) == {"folder"}
    write_labels(collection, {ids[0]: "lynx", ids[1]: "lynx"}, "the search page")
    write_labels(collection, {ids[1]: "fox", ids[2]: "fox"}, "the classifier Late fusion", "classifier")
    write_labels(collection, {ids[3]: "wolf"}, "suggested labels", "classifier")
    found = label_sources(collection)
    assert [found[id] for id in ids] == ["person", "classifier", "classifier", "classifier", "folder", "folder"]
    assert by_classifier(collection) == set(ids[1:4])
    assert own_labels(collection) == ["lynx", "", "", "", "dog", "dog"]
    assert sources_sentence(found) == "6 labels: 2 from folders, 1 by you, 3 by a classifier."
    undo_labels(collection)
    assert label_sources(collection)[ids[3]] == "folder"


def test_a_label_that_was_changed_since_is_no_longer_the_classifiers(collection: Collection) -> None:
    ids = collection.images().ids.tolist()
    write_labels(collection, {ids[0]: "fox"}, "the classifier Late fusion", "classifier")
    write_labels(collection, {ids[0]: "cat"}, "the search page")
    assert label_sources(collection)[ids[0]] == "person"
    write_labels(collection, {ids[0]: ""}, "the search page")
    assert ids[0] not in label_sources(collection)


def test_nothing_to_tell() -> None:
    assert sources_sentence({}) == ""
