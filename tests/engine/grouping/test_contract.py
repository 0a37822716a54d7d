"""What every clusterer and every projection must do, whatever its method."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.core.settings import Choice
from engine.grouping import Step, clusterers, make_clusterer, make_projection, projections

METRICS = ("cosine", "euclidean")
REACH = {"cosine": 0.9, "euclidean": 8.0}  # of DBSCAN, for the blobs below


def blobs(
    groups: int = 3, each: int = 30, width: int = 12, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Groups that lie far apart in direction and in place, and their numbers."""
    rng = np.random.default_rng(seed)
    middles = 12 * np.eye(width)[:groups]
    vectors = np.concatenate([middle + rng.normal(size=(each, width)) for middle in middles])
    return vectors.astype(np.float32), np.repeat(np.arange(groups), each)


def same_groups(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    """Whether two labellings put together the same rows."""
    return bool(((a[:, None] == a) == (b[:, None] == b)).all())


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", clusterers())
def test_groups_that_lie_apart_are_found_and_their_number(name: str, metric: str) -> None:
    vectors, truth = blobs()
    settings = {"dbscan": {"reach": REACH[metric]}}.get(name, {})
    labels = clusterers()[name](metric, **settings).fit_predict(vectors)
    assert labels.shape == (90,)
    assert labels.dtype == np.int64
    grouped = labels >= 0
    assert grouped.mean() > 0.9
    assert same_groups(labels[grouped], truth[grouped])


@pytest.mark.parametrize("name", clusterers())
def test_the_same_seed_gives_the_same_groups_the_largest_first(name: str) -> None:
    vectors = np.random.default_rng(1).normal(size=(120, 6)).astype(np.float32)
    once, again = (clusterers()[name]("euclidean", 3).fit_predict(vectors) for _ in range(2))
    assert (once == again).all()
    counts = np.bincount(once[once >= 0])
    assert (np.diff(counts) <= 0).all()


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("name", clusterers())
def test_a_handful_of_images_can_be_grouped(name: str, count: int, metric: str) -> None:
    vectors = np.random.default_rng(count).normal(size=(count, 8)).astype(np.float32)
    labels = clusterers()[name](metric).fit_predict(vectors)
    assert labels.shape == (count,)
    assert labels.min() >= -1
    assert labels.max() < count


@pytest.mark.parametrize("value", [0.0, 1.5])
@pytest.mark.parametrize("name", clusterers())
def test_equal_vectors_are_one_group(name: str, value: float) -> None:
    clusterer = clusterers()[name]("cosine")
    assert (clusterer.fit_predict(np.full((20, 4), value, dtype=np.float32)) == 0).all()
    assert "same vector" in clusterer.notes[0]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("many", [None, 8])
@pytest.mark.parametrize("name", clusterers())
def test_equal_pictures_stay_together_whatever_number_is_wanted(name: str, many: int | None, metric: str) -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(3, 40)), 20, axis=0).astype(np.float32)
    known = clusterers()[name]
    settings = {"groups": many} if many and "groups" in str(known.settings) else {}
    clusterer = known(metric, **settings)
    assert same_groups(clusterer.fit_predict(rows), np.repeat(np.arange(3), 20))
    if settings:
        assert clusterer.notes == ["Only 3 groups, because there are no more different vectors."]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", clusterers())
def test_pictures_without_any_value_are_one_group(name: str, metric: str) -> None:
    """Black pictures have the vector 0, which has no direction: to each other they are equal all the same."""
    vectors = blobs(groups=2)[0]
    black = np.zeros((20, vectors.shape[1]), dtype=np.float32)
    settings = {"dbscan": {"reach": REACH[metric]}, "hdbscan": {}}.get(name, {"groups": 3})
    labels = clusterers()[name](metric, **settings).fit_predict(np.concatenate([vectors, black]))
    assert len(set(labels[60:].tolist())) == 1
    assert labels[60] not in labels[:60]


@pytest.mark.parametrize("linkage", ["average", "complete", "single", "ward"])
def test_groups_far_from_the_origin_are_found(linkage: str) -> None:
    """What all vectors have in common must not cost the digits in which they differ."""
    vectors, truth = blobs()
    labels = clusterers()["hierarchical"]("euclidean", linkage=linkage, groups=3).fit_predict(vectors + 30_000)
    assert same_groups(labels, truth)


@pytest.mark.parametrize("name", clusterers())
def test_bad_vectors_are_refused_by_a_clusterer(name: str) -> None:
    good = np.ones((6, 3), dtype=np.float32)
    for bad in (good[0], np.empty((0, 3), np.float32), np.where(good > 0, np.nan, 0), good * np.float32(np.inf)):
        with pytest.raises(BadParameter):
            clusterers()[name]("euclidean").fit_predict(bad.astype(np.float32))


@pytest.mark.parametrize("name", [name for name, known in clusterers().items() if "groups" in str(known.settings)])
def test_more_groups_than_images_are_refused(name: str) -> None:
    with pytest.raises(BadParameter, match="at most 5, the number of pictures"):
        clusterers()[name]("cosine", groups=6).fit_predict(blobs()[0][:5])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", projections())
def test_a_projection_keeps_groups_apart_and_repeats_itself(name: str, metric: str) -> None:
    vectors, truth = blobs(each=20)
    once, again = (projections()[name](metric, 5, dimensions=2).fit_transform(vectors) for _ in range(2))
    assert once.shape == (60, 2)
    assert once.dtype == np.float32
    assert np.array_equal(once, again)
    apart = np.linalg.norm(once[:, None] - once, axis=2) + np.diag(np.full(60, np.inf))
    assert (truth[apart.argmin(1)] == truth).mean() > 0.95


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("name", projections())
def test_a_handful_of_images_can_be_projected(name: str, count: int) -> None:
    vectors = np.random.default_rng(count).normal(size=(count, 5)).astype(np.float32)
    points = projections()[name]("cosine", dimensions=2).fit_transform(vectors)
    assert len(points) == count
    assert np.isfinite(points).all()


@pytest.mark.parametrize("name", projections())
def test_equal_vectors_fall_on_one_point(name: str) -> None:
    points = projections()[name]("euclidean", dimensions=2).fit_transform(np.ones((12, 5), dtype=np.float32))
    assert points.shape == (12, 2)
    assert not points.any()


@pytest.mark.parametrize("name", projections())
def test_bad_vectors_are_refused_by_a_projection(name: str) -> None:
    with pytest.raises(BadParameter):
        projections()[name]("euclidean").fit_transform(np.full((5, 3), np.nan, dtype=np.float32))


@pytest.mark.parametrize("make", [make_clusterer, make_projection])
def test_unknown_steps_and_settings_are_named(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BadParameter, match="one of"):
        make(Step("magic"), "cosine")
    known = Step("kmeans") if make is make_clusterer else Step("pca")
    with pytest.raises(BadParameter, match="colour"):
        make(Step(known.name, (("colour", 1),)), "cosine")
    with pytest.raises(BadParameter, match="metric"):
        make(known, "manhattan")


@pytest.mark.parametrize("known", [*clusterers().values(), *projections().values()], ids=lambda known: known.name)
def test_settings_keep_their_limits(known) -> None:  # type: ignore[no-untyped-def]
    assert known.title
    assert known.summary.endswith(".")
    for setting in known.settings:
        bad = ["nothing"] if isinstance(setting, Choice) else [setting.low - 1, setting.high + 1, "many", float("nan")]
        for value in bad:
            with pytest.raises(BadParameter, match=setting.name):
                known("cosine", **{setting.name: value})
