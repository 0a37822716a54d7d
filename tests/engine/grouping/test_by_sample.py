"""What is done to a sample of many vectors, and passed on to the others."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.progress import Reporter
from engine.grouping import clusterer, clusterers, projection, projections
from engine.grouping.by_sample import between_neighbours, nearest_in
from engine.grouping.grouper import group
from engine.grouping.plan import GroupingPlan, Step

MANY, DRAWN = 300, 120


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """From 300 vectors on a sample of 120 is drawn."""
    for module in (clusterer, projection):
        monkeypatch.setattr(module, "WHOLE", MANY - 1)
        monkeypatch.setattr(module, "SAMPLE", DRAWN)


def blobs() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng, middles = np.random.default_rng(0), 20 * np.eye(8)[:3]
    vectors = np.concatenate([middle + rng.normal(size=(MANY // 3, 8)) for middle in middles])
    return vectors.astype(np.float32), np.repeat(np.arange(3), MANY // 3)


def test_the_nearest_of_a_sample_are_those_of_all_comparisons() -> None:
    vectors, _ = blobs()
    sample = vectors[::2]
    distances, rows = nearest_in(sample, vectors, 3)
    slow = np.linalg.norm(vectors[:, None] - sample[None], axis=2)
    assert distances == pytest.approx(np.sort(slow, axis=1)[:, :3], abs=1e-3)
    assert np.take_along_axis(slow, rows, 1) == pytest.approx(distances, abs=1e-3)


def test_a_vector_lies_between_its_neighbours_and_on_one_that_it_equals() -> None:
    points = np.array([[0, 0], [4, 0], [0, 8]], dtype=np.float32)
    distances, rows = np.array([[1, 3], [0, 5]], dtype=np.float32), np.array([[0, 1], [2, 1]])
    assert between_neighbours(points, distances, rows) == pytest.approx(np.array([[1, 0], [0, 8]]), abs=1e-4)


def test_a_missing_neighbour_counts_nothing() -> None:
    points = np.array([[2, 2], [9, 9]], dtype=np.float32)
    found = between_neighbours(points, np.array([[1, 1]], np.float32), np.array([[0, -1]]))
    assert found == pytest.approx(np.array([[2, 2]]))


def test_a_missing_neighbour_far_beyond_all_others_does_not_level_them() -> None:
    points = np.array([[0, 0], [4, 0]], dtype=np.float32)
    distances = np.array([[1, 3, np.sqrt(np.finfo(np.float32).max)]], dtype=np.float32)
    found = between_neighbours(points, distances, np.array([[0, 1, -1]]))
    assert found == pytest.approx(np.array([[1, 0]]), abs=1e-4)


@pytest.mark.parametrize("name", [name for name, kind in clusterers().items() if kind.by_sample])
def test_groups_of_a_sample_take_up_the_others(few: None, name: str) -> None:
    vectors, truth = blobs()
    found = clusterers()[name]("euclidean", 0, **({"reach": 8.0} if name == "dbscan" else {}))
    labels = found.fit_predict(vectors)
    assert len(np.unique(labels[labels >= 0])) == 3
    assert all(len(np.unique(truth[labels == number])) == 1 for number in range(3))
    assert any("120 pictures drawn at random; each of the other 180" in note for note in found.notes)


def test_what_is_beyond_the_radius_of_a_sample_stays_ungrouped(few: None) -> None:
    vectors, _ = blobs()
    drawn = clusterer.sampled(MANY, 0, DRAWN)
    far = next(row for row in range(MANY) if row not in drawn)
    vectors[far] = -100
    found = clusterers()["dbscan"]("euclidean", 0, reach=8.0)
    labels = found.fit_predict(vectors)
    assert labels[far] == -1
    assert (np.delete(labels, far) >= 0).all()
    assert any("if that is within 8" in note for note in found.notes)


def test_the_smallest_group_is_one_of_all_pictures_not_of_the_sample(few: None) -> None:
    vectors, _ = blobs()
    found = clusterers()["hdbscan"]("euclidean", 0, size=90)
    assert found.fit_predict(vectors).max() == 2
    assert any("at least 90 pictures" in note for note in found.notes)


@pytest.mark.parametrize("name", [name for name, kind in projections().items() if kind.by_sample])
def test_a_map_of_a_sample_has_a_place_for_all_others_near_their_like(few: None, name: str) -> None:
    vectors, truth = blobs()
    found = projections()[name]("euclidean", 0, dimensions=2)
    points = found.fit_transform(vectors)
    middles = np.stack([points[truth == number].mean(0) for number in range(3)])
    nearest = np.linalg.norm(points[:, None] - middles[None], axis=2).argmin(1)
    assert (nearest == truth).mean() > 0.98
    assert any("each of the other 180 lies between its 5 nearest" in note for note in found.notes)


def test_a_grouping_says_what_was_left_to_a_sample(few: None) -> None:
    plan = GroupingPlan(Step("hdbscan"), Step("pca", (("dimensions", 4),)), map=Step("umap"))
    notes = group(blobs()[0], plan, "euclidean", Reporter()).notes
    assert any(note.startswith("Map: UMAP was computed for 120 pictures") for note in notes)
    assert any(note.startswith("HDBSCAN grouped 120 pictures") for note in notes)
