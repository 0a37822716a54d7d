"""Calibrations are stored beside the vectors, and are made again for other vectors, labels, or after damage."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.core.store import Store
from engine.search.calibration import late, stored
from engine.search.calibration.calibration import Calibration
from engine.search.calibration.late import LateCalibration
from engine.search.calibration.stored import make_calibration, stored_calibration


@pytest.fixture
def place(tmp_path: Path) -> Store:
    return Store(tmp_path / "indexes" / "calibration-1", format="calibration", version=1)


def collection(count: int = 80, digest: str = "d") -> tuple[SimpleNamespace, SimpleNamespace]:
    rng = np.random.default_rng(0)
    ids = np.arange(count, dtype=np.int64) * 2 + 1
    labels = ["ab"[number % 2] for number in range(count)]
    matrix = (rng.standard_normal((count, 12)) + 5 * (np.arange(count) % 2)[:, None]).astype(np.float32)
    return SimpleNamespace(ids=ids, matrix=matrix, digest=digest), SimpleNamespace(ids=ids, labels=labels)


def test_what_was_made_is_read_again(place: Store) -> None:
    vectors, images = collection()
    made = make_calibration(place, vectors, images, "cosine", np.array([0.01, 0.02]))
    found = stored_calibration(place, vectors, images.labels)
    assert made is not None
    assert found is not None
    assert found.as_dict() == made.as_dict()
    assert found.judge([0.01, 0.2, 0.3]) == made.judge([0.01, 0.2, 0.3])
    assert found.altered.tolist() == [0.01, 0.02]


def test_other_vectors_or_labels_are_calibrated_again(place: Store) -> None:
    vectors, images = collection()
    make_calibration(place, vectors, images, "cosine", np.array([0.01]))
    assert stored_calibration(place, collection(digest="other")[0], images.labels) is None
    assert stored_calibration(place, vectors, list(images.labels)) is not None
    changed = ["c", *images.labels[1:]]
    assert stored_calibration(place, vectors, changed) is None
    again = make_calibration(place, vectors, SimpleNamespace(ids=images.ids, labels=changed), "cosine")
    assert again is not None
    assert again.altered.tolist() == [0.01]  # of the same vectors


def test_a_damaged_one_is_made_again(place: Store) -> None:
    vectors, images = collection()
    make_calibration(place, vectors, images, "cosine")
    [file] = place.folder.glob("*/far.npy")
    file.write_bytes(file.read_bytes()[:-8] + b"damaged!")
    assert stored_calibration(place, vectors, images.labels) is None
    assert LateCalibration(place, vectors, images, "cosine").now() is not None
    assert stored_calibration(place, vectors, images.labels) is not None


def test_ten_pictures_and_a_disk_that_refuses(place: Store) -> None:
    vectors, images = collection(10)
    assert LateCalibration(place, vectors, images, "cosine").now() is None
    assert not place.folder.exists()
    vectors, images = collection()
    place.folder.parent.parent.joinpath("indexes").write_text("a file in the way of the folder")
    assert LateCalibration(place, vectors, images, "cosine").now() is not None


def test_many_vectors_are_calibrated_in_the_background(place: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, making = threading.Event(), late.make_calibration

    def once_asked(*arguments: Any) -> Calibration | None:
        asked.wait()
        return making(*arguments)

    monkeypatch.setattr(late, "_AT_ONCE", 10)
    monkeypatch.setattr(late, "make_calibration", once_asked)
    vectors, images = collection()
    found = LateCalibration(place, vectors, images, "cosine")
    assert found.now() is None
    asked.set()
    assert found.wait() is not None
    assert found.now() is found.wait()


def test_vectors_that_cannot_be_calibrated_do_not_hinder_a_search(place: Store) -> None:
    vectors, images = collection()
    vectors.matrix[0, 0] = np.nan
    assert LateCalibration(place, vectors, images, "cosine").now() is None


def test_limits_of_other_rules_are_set_again_and_altered_copies_stay(
    place: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, images = collection()
    with monkeypatch.context() as before:
        before.setattr(stored, "_RULES", 1)
        make_calibration(place, vectors, images, "cosine", np.array([0.01]))
    assert stored_calibration(place, vectors, images.labels) is None
    found = LateCalibration(place, vectors, images, "cosine").now()
    assert found is not None
    assert found.altered.tolist() == [0.01]


def test_one_that_is_stored_anew_takes_the_place_of_the_former(place: Store) -> None:
    vectors, images = collection()
    served = LateCalibration(place, vectors, images, "cosine")
    first = served.now()
    assert first is not None
    assert served.now() is first
    assert len(first.altered) == 0
    make_calibration(place, vectors, images, "cosine", np.array([0.01, 0.02]))  # by another process
    now = served.now()
    assert now is not None
    assert now.altered.tolist() == [0.01, 0.02]
    assert served.now() is now
