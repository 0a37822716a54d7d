"""The steps of a plan one after the other, its text, and what is said of quality."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from engine.core.errors import BadParameter, Stopped
from engine.core.progress import Progress, Reporter
from engine.grouping import clusterers, grouper, hierarchical, projections
from engine.grouping.clusterer import by_size
from engine.grouping.grouper import group, patiently
from engine.grouping.numbers import RULE, Tried, best_number, chosen_by, tried
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.quality import ari, nmi, purity, quality


def blobs(each: int = 25) -> NDArray[np.float32]:
    rng = np.random.default_rng(3)
    middles = np.repeat(10 * np.eye(8)[:4], each, axis=0)
    return (middles + rng.normal(size=middles.shape)).astype(np.float32)


def plan(text: str, map: str = "pca") -> GroupingPlan:
    reduction, _, clustering = text.rpartition(" > ")
    return GroupingPlan(Step.parse(clustering), Step.parse(reduction) if reduction else None, Step.parse(map))


@pytest.mark.parametrize("text", ["pca(share=0.8) > kmeans(groups=4)", "hierarchical(groups=4)"])
def test_a_plan_is_carried_out_with_progress(text: str) -> None:
    heard: list[Progress] = []
    found = group(blobs(), plan(text), "cosine", Reporter(listen=heard.append))
    assert np.bincount(found.labels).tolist() == [25] * 4
    assert found.points.shape == (100, 2)
    assert found.metric == ("euclidean" if ">" in text else "cosine")
    assert heard[-1].done == heard[-1].total == len(found.seconds)
    assert [stage for stage in found.seconds if "map" in stage]


def test_a_plan_prints_and_parses() -> None:
    for text in ("umap(dimensions=10) > hdbscan(samples=3)", "kmeans"):
        assert str(plan(text)) == text
        assert GroupingPlan.from_dict(plan(text).as_dict()) == plan(text)


@pytest.mark.parametrize(
    "bad", [{}, {"clustering": "k means"}, {"clustering": "kmeans(groups)"}, {"clustering": "kmeans", "colour": 1}]
)
def test_a_plan_that_is_none_is_refused(bad: dict[str, str]) -> None:
    with pytest.raises(BadParameter):
        GroupingPlan.from_dict(bad)


@pytest.mark.parametrize("seed", [-1, True, 1.5, 2**31])
def test_a_seed_is_a_whole_number(seed: int) -> None:
    with pytest.raises(BadParameter, match="seed"):
        GroupingPlan(Step("kmeans"), seed=seed)


@pytest.mark.parametrize("count", [1, 2])
def test_one_image_and_two(count: int) -> None:
    found = group(blobs()[:count], plan("umap > hdbscan", map="umap"), "cosine", Reporter())
    assert len(found.labels) == len(found.points) == count
    assert np.isfinite(found.points).all()


def test_no_image_is_refused() -> None:
    with pytest.raises(BadParameter, match="at least 1"):
        group(np.empty((0, 4), np.float32), plan("kmeans"), "cosine", Reporter())


@pytest.mark.parametrize(
    ("text", "map", "wanted"),
    [
        ("kmeans(groups=2)", "mds", "number of pictures of MDS must be at most 50"),
        ("mds > kmeans(groups=2)", "pca", "number of pictures of MDS must be at most 50"),
        ("pca > kmeans(groups=101)", "pca", "at most 100, the number of pictures"),
        ("pca > hierarchical(groups=60)", "pca", "at most 40, the leaves of so large a tree"),
    ],
)
def test_an_impossible_plan_is_refused_before_the_first_step(
    text: str, map: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projections()["mds"], "most", 50)
    monkeypatch.setattr(hierarchical, "LEAVES", 80)
    monkeypatch.setattr(hierarchical, "MEDOIDS", 40)
    heard: list[Progress] = []
    with pytest.raises(BadParameter, match=wanted):
        group(blobs(), plan(text, map), "cosine", Reporter(listen=heard.append))
    assert not heard


def test_a_reach_of_0_joins_equal_pictures_only() -> None:
    """It is a reach like any other, not a wish for the one that is chosen from the data."""
    points = np.repeat(np.eye(4, dtype=np.float32), 3, axis=0)
    points[0, 1] = 0.01
    clusterer = clusterers()["dbscan"]("euclidean", reach=0, samples=2)
    assert clusterer.fit_predict(points).tolist() == [-1, 3, 3, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert not clusterer.notes


def test_too_many_values_are_projected_first_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouper, "MOST_VALUES", 100 * 40)
    rng = np.random.default_rng(0)
    wide = (blobs() @ rng.normal(size=(8, 3000)) / 55).astype(np.float32)
    found = group(wide, plan("kmeans(groups=4)"), "euclidean", Reporter())
    assert found.space.shape == (100, 40)
    assert np.bincount(found.labels).tolist() == [25] * 4
    assert "100 vectors of 3,000 values" in found.notes[0]


def test_a_person_can_stop_what_a_library_does_not_let_be_stopped() -> None:
    class Impatient(Reporter):
        def repeat(self) -> None:
            raise Stopped

    release = threading.Event()
    began = time.monotonic()
    with pytest.raises(Stopped):
        patiently(lambda: release.wait(30), Impatient())
    release.set()
    assert time.monotonic() - began < 10


def test_what_goes_wrong_in_the_thread_is_raised_here() -> None:
    with pytest.raises(ZeroDivisionError):
        patiently(lambda: 1 / 0, Reporter())


def test_labels_are_numbered_by_size() -> None:
    assert by_size(np.array([7, 7, 2, -1, 2, 2, 9, 9])).tolist() == [1, 1, 0, -1, 0, 0, 2, 2]


def test_odd_pictures_do_not_count_as_groups() -> None:
    """Of a tree that parts two odd pictures off first, the cut that shows the two large groups is taken."""
    points = np.concatenate([np.linspace(0, 1, 60), np.linspace(10, 11, 60), [60.0], [90.0]])
    apart = np.abs(points[:, None] - points)
    order = {2: [0] * 120 + [0, 1], 3: [0] * 120 + [1, 2], 4: [0] * 60 + [1] * 60 + [2, 3]}
    curve = tried(lambda k: np.array(order[k]), apart, (2, 3, 4))
    assert best_number(curve) == 4
    assert best_number([]) == 1


def test_where_the_plain_silhouette_is_highest_elsewhere_the_note_says_so() -> None:
    curve = [Tried(10, 0.2, 0.261), Tried(17, 0.249, 0.249)]
    assert best_number(curve) == 17
    assert chosen_by(curve) == f"{RULE}; the silhouette of all groups is highest at 10"
    assert chosen_by(curve[1:]) == RULE
    rng = np.random.default_rng(0)
    points = rng.normal(size=(90, 2)) + np.repeat([[0, 0], [9, 0], [0, 9]], 30, axis=0)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    labels = {2: np.repeat([0, 0, 1], 30), 3: np.repeat([0, 1, 2], 30)}
    found = tried(labels.__getitem__, apart, (2, 3, 200))
    theirs = [silhouette_score(apart, labels[k], metric="precomputed") for k in (2, 3)]
    assert [one.silhouette for one in found] == pytest.approx(theirs)
    assert [one.score for one in found] == pytest.approx(theirs)  # no small group, so both are the same
    assert best_number(group(points.astype(np.float32), plan("kmeans"), "euclidean", Reporter()).curve) == 3


def test_the_silhouette_of_a_reduced_space_is_reported_beside_that_of_the_encoder() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(80, 30)).astype(np.float32)
    vectors[:, 0] += np.repeat([0, 8], 40)
    found = group(vectors, plan("pca(dimensions=2) > kmeans(groups=2)"), "euclidean", Reporter())
    own = silhouette_score(vectors, found.labels)
    assert found.encoder_silhouette == pytest.approx(own, abs=1e-4)
    assert own < silhouette_score(found.space, found.labels)
    assert group(vectors, plan("kmeans(groups=2)"), "euclidean", Reporter()).encoder_silhouette is None


def test_known_values_of_quality() -> None:
    labels, truth = np.array([0, 0, 0, 1, 1, 1]), ["a", "a", "b", "b", "b", "c"]
    assert purity(labels, truth) == pytest.approx(4 / 6)
    # 2 of 15 pairs agree in both; chance would give 6 · 4 / 15
    assert ari(labels, truth) == pytest.approx((2 - 6 * 4 / 15) / ((6 + 4) / 2 - 6 * 4 / 15))
    mutual = sum(n / 6 * np.log((n / 6) / (0.5 * m / 6)) for n, m in ((2, 2), (1, 3), (2, 3), (1, 1)))
    entropies = np.log(2) - sum(m / 6 * np.log(m / 6) for m in (2, 3, 1))
    assert nmi(labels, truth) == pytest.approx(2 * mutual / entropies)


def test_the_silhouette_is_that_of_the_grouped_images() -> None:
    vectors = blobs()
    labels = np.repeat(np.arange(4), 25)
    labels[::10] = -1
    grouped = labels >= 0
    expected = silhouette_score(vectors[grouped], labels[grouped], metric="cosine")
    assert quality(labels, [""] * 100, vectors, "cosine")["silhouette"] == pytest.approx(expected, abs=1e-4)
    assert "silhouette" not in quality(np.zeros(100, dtype=int), [""] * 100, vectors, "cosine")
