"""The pictures of a collection as columns: what they say, and that a state of the catalogue is read once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.collections.catalogue import ImageRow
from engine.collections.collection import Collection
from engine.collections.images import Images, labels_of
from engine.core.errors import Corrupt
from engine.core.home import Home

ROWS = [("a", "red"), ("b", "red"), ("c", ""), ("d", "blue")]


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    """Four pictures, a copy and a reject, as rows alone."""
    made = Collection.create(Home(tmp_path), "Rows", {"kind": "upload"})
    with made.catalogue.writing() as writing:
        for n, (name, label) in enumerate(ROWS):
            row = ImageRow(0, name.encode(), name, label, size=10 + n, width=4, height=n, hash=name * 64)
            writing.add(ImageRow(**{**_fields(row), "status": "image"}))
        writing.add(ImageRow(0, b"copy", "copy", hash="a" * 64, status="copy"))
        writing.add(ImageRow(0, b"bad", "bad", stage="decode", code="truncated", message="It is cut off."))
    return made


def _fields(row: ImageRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in ImageRow.__dataclass_fields__}


def test_the_columns_are_those_of_the_rows(collection: Collection) -> None:
    images, rows = collection.images(), collection.rows("image")
    assert images.ids.tolist() == [row.id for row in rows] == [1, 2, 3, 4]
    assert (images.names, images.labels) == ([row.name for row in rows], [row.label for row in rows])
    assert images.sizes.tolist() == [row.size for row in rows]
    assert images.shapes.tolist() == [[row.width, row.height] for row in rows]
    assert images.contents.tolist() == [row.hash.encode() for row in rows]
    assert labels_of(images) == collection.labels() == {"blue": 1, "red": 2}
    assert collection.counts() == {"image": 4, "copy": 1, "rejected": 1}
    assert [reject.path for reject in collection.rejects()] == ["bad"]


def test_a_state_of_the_catalogue_is_read_once_and_a_change_is_seen_at_once(collection: Collection) -> None:
    first = collection.images()
    assert collection.images() is first
    for number in range(20):  # in quick succession, so that times of files cannot tell them apart
        with collection.catalogue.writing() as writing:
            row = writing.row(1)
            assert row is not None
            writing.replace(ImageRow(**{**_fields(row), "label": str(number)}))
        assert collection.images().labels[0] == str(number)
    assert first.labels[0] == "red"


def test_damage_is_noticed_after_the_columns_were_read(collection: Collection) -> None:
    collection.images()
    with collection.catalogue.connection() as db:
        db.execute("UPDATE files SET label='green' WHERE id=6")  # the reject, which is no picture
    with pytest.raises(Corrupt, match="damaged"):
        collection.images()


def test_ids_labels_and_contents_are_looked_up(collection: Collection) -> None:
    images = collection.images()
    assert [images.row(id) for id in (None, 0, 1, 4, 5)] == [None, None, 0, 3, None]
    assert images.labelled("red").tolist() == [True, True, False, False]
    assert not images.labelled("no such label").any()
    ids, contents = np.array([1, 2, 9, 4]), np.array([b"a" * 64, b"x" * 64, b"c" * 64, b"d" * 64])
    assert images.holds(ids, contents).tolist() == [True, False, False, True]


def test_without_pictures_nothing_is_found() -> None:
    none = Images(np.zeros(0, np.int64), [], [], [], [])
    assert none.row(1) is None
    assert none.holds(np.array([1]), np.array([b"a"])).tolist() == [False]
    assert none.labelled("").tolist() == []
