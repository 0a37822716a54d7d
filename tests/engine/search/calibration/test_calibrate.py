"""A calibration says what distances mean: of kinds that are apart, of kinds that are not, and of bad input."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import adjusted_rand_score

from engine.core.distances import cosine, euclidean
from engine.core.errors import BadParameter
from engine.core.humanize import percent
from engine.evaluation.statistics.tolerance import upper_limit
from engine.search.calibration.calibration import NEAREST, OFTEN, Calibration
from engine.search.calibration.kinds import kinds_of, silhouette
from engine.search.calibration.measuring import alike_curve, calibrate, label_codes, verdict_limits

KINDS = 5


def kinds(count: int = 120, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    """`count` vectors of 24 values around each of five centres, and the names of these."""
    rng = np.random.default_rng(seed)
    centres = 4 * np.random.default_rng(99).standard_normal((KINDS, 24))
    codes = np.repeat(np.arange(KINDS), count)
    vectors = centres[codes] * (spread > 0) + max(spread, 1) * rng.standard_normal((len(codes), 24))
    return vectors.astype(np.float32), [f"kind {code}" for code in codes]


def made(vectors: np.ndarray, labels: list[str], metric: str = "euclidean", altered: object = ()) -> Calibration:
    found = calibrate(vectors, metric, labels, altered)
    assert found is not None
    return found


def verdicts(found: Calibration, queries: np.ndarray, vectors: np.ndarray) -> list[str]:
    nearest = np.sort(euclidean(queries, vectors), axis=1)[:, :8]
    return [found.judge(row.tolist()).verdict for row in nearest]


@pytest.mark.parametrize("with_labels", [True, False])
def test_what_is_there_is_found_and_what_is_not_is_said_not_to_be(with_labels: bool) -> None:
    vectors, labels = kinds()
    left = np.array([label != "kind 0" for label in labels])
    known = [label if with_labels else "" for label in np.array(labels)[left].tolist()]
    found = made(vectors[left], known)
    queries, of = kinds(60, seed=1)
    absent = np.array([label == "kind 0" for label in of])
    told = np.array(verdicts(found, queries, vectors[left]))
    assert found.labelled == with_labels
    assert (told[absent] == "nothing similar here").mean() >= 0.95
    assert (told[~absent] == "nothing similar here").mean() <= 0.05
    assert (told[~absent] == "similar").mean() >= 0.9


def test_an_encoder_that_sees_no_kinds_cannot_tell() -> None:
    vectors, labels = kinds(spread=0)  # labels that the vectors know nothing of
    found = made(vectors, labels)
    told = verdicts(found, kinds(60, spread=0, seed=1)[0], vectors)
    assert np.mean([verdict == "cannot tell" for verdict in told]) >= 0.8
    assert found.rates().present["cannot tell"] >= 0.8


def test_scores_are_those_of_the_slow_way() -> None:
    vectors, labels = kinds(12)
    found = made(vectors, labels, "cosine")
    apart = cosine(vectors, vectors)
    np.fill_diagonal(apart, np.inf)
    other = np.array(labels)[:, None] != np.array(labels)[None, :]
    for row in (0, NEAREST - 1):
        present = np.sort(apart, axis=1)[:, : row + 1].mean(1)
        absent = np.sort(np.where(other, apart, np.inf), axis=1)[:, : row + 1].mean(1)
        np.testing.assert_allclose(np.sort(found.present[row]), np.sort(present), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(np.sort(found.absent[row]), np.sort(absent), rtol=1e-4, atol=1e-6)


def test_the_same_picture_gets_a_verdict_and_a_merely_similar_one_does_not() -> None:
    vectors, labels = kinds()
    found = made(vectors, labels, altered=np.linspace(0, 0.5, 64))
    assert found.judge([0.0, 5.0, 5.0, 5.0, 5.0]).verdict == "surely the same"
    assert found.judge([0.4, 5.0, 5.0, 5.0, 5.0]).verdict == "surely the same"
    assert 0.45 < found.same_within < 0.5  # of altered copies 95 %
    nearest = float(np.median(found.present[0]))
    assert found.judge([nearest] * 5).verdict == "similar"


def test_figures_of_each_result() -> None:
    vectors, labels = kinds()
    found = made(vectors, labels)
    confidence = found.judge([3.0, 6.0, 20.0])
    assert len(confidence.percentiles) == len(confidence.expected) == len(confidence.alike) == 3
    assert list(confidence.percentiles) == sorted(confidence.percentiles)
    assert list(confidence.alike) == sorted(confidence.alike, reverse=True)
    assert confidence.expected[0] == pytest.approx(len(vectors) * confidence.percentiles[0])
    assert confidence.sentence().startswith(confidence.verdict.capitalize() + ": ")
    assert confidence.as_dict()["verdict"] == confidence.verdict


def test_the_probability_of_the_label_is_calibrated_on_other_pictures() -> None:
    rng = np.random.default_rng(0)
    distances = rng.random((400, 24))
    alike = rng.random((400, 24)) < np.exp(-3 * distances)
    at, curve = alike_curve(distances[:200], alike[:200])
    expected = np.interp(distances[200:], at, curve).ravel()
    bins = np.digitize(expected, np.quantile(expected, np.linspace(0, 1, 6)[1:-1]))
    for number in range(5):
        inside = bins == number
        assert expected[inside].mean() == pytest.approx(alike[200:].ravel()[inside].mean(), abs=0.05)


def test_labels_are_used_where_most_pictures_share_one() -> None:
    names = ["a"] * 10 + ["b"] * 10
    assert (label_codes(names) >= 0).all()
    assert (label_codes([*names, *[""] * 10])[:20] >= 0).all()
    assert (label_codes([*names, *[""] * 30]) < 0).all()  # most have none
    assert (label_codes(["a"] * 20) < 0).all()  # a single label
    assert (label_codes([f"label {number}" for number in range(20)]) < 0).all()  # none is shared
    assert label_codes([*names, "c", "c"]).tolist().count(-1) == 2  # too few alike


def test_the_silhouette_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import silhouette_score

    vectors, labels = kinds(8)
    codes = np.unique(labels, return_inverse=True)[1]
    between = euclidean(vectors, vectors)
    np.fill_diagonal(between, 0)
    assert silhouette(between, codes) == pytest.approx(silhouette_score(between, codes, metric="precomputed"), abs=1e-6)
    assert silhouette(between, np.zeros(len(codes), np.int64)) == -1


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_pictures_tell_nothing(metric: str) -> None:
    for vector in (np.ones(8), np.zeros(8)):
        found = made(np.tile(vector, (50, 1)).astype(np.float32), ["a", "b"] * 25, metric)
        told = found.judge([0.0] * 5)
        assert told.verdict == "cannot tell"
        assert "look the same" in told.sentence()


def test_a_single_label_and_no_labels_are_the_same() -> None:
    vectors, labels = kinds()
    one, none = made(vectors, ["x"] * len(labels)), made(vectors, [""] * len(labels))
    assert not one.labelled
    assert np.array_equal(one.far, none.far)
    assert not len(one.alike)
    assert one.judge([3.0]).alike == ()


def test_bad_input_is_named_or_left_alone() -> None:
    vectors, labels = kinds()
    assert calibrate(vectors[:10], "cosine", labels[:10]) is None  # ten pictures
    with pytest.raises(BadParameter, match="number of labels"):
        calibrate(vectors, "cosine", labels[:-1])
    vectors[3, 2] = np.nan
    with pytest.raises(BadParameter, match="finite"):
        calibrate(vectors, "cosine", labels)
    assert made(*kinds()).judge([]).verdict == "cannot tell"


def test_a_small_collection_is_never_said_to_hold_nothing() -> None:
    vectors, _ = kinds(8)
    assert made(vectors, [""] * len(vectors)).judge([1e9] * 5).verdict != "nothing similar here"


def test_a_verdict_that_few_searches_get_is_withheld_with_its_rate() -> None:
    vectors, labels = kinds(spread=7)
    found = made(vectors, labels)
    right = float(np.mean(found.present[-1] < found.near[-1]))
    assert 0.05 < right < OFTEN  # it would be wrong for up to 5 %
    assert not found.offered[:, -1].any()
    told = found.judge([found.near[-1] - 0.1] * 5)
    assert told.verdict == "cannot tell"
    assert f"{percent(right)} of searches with a picture of the same label" in told.sentence()
    assert found.rates().present["similar"] == 0
    reason = f"“Similar” is never given: it would be given to {percent(right)}"
    assert any(reason in line for line in found.withheld())
    assert made(*kinds()).withheld() == []


def test_a_kind_that_was_not_calibrated_with_is_rarely_said_not_to_be_there() -> None:
    """Kinds differ in how far apart their pictures are."""
    rng, wrong = np.random.default_rng(0), []
    for _ in range(20):
        spreads, codes = rng.uniform(0.7, 1.4, 12), np.repeat(range(12), 60)
        vectors = 6 * rng.standard_normal((12, 24))[codes] + spreads[codes, None] * rng.standard_normal((720, 24))
        known = codes < 6
        found = made(vectors[known].astype(np.float32), [str(code) for code in codes[known]])
        apart = euclidean(vectors[~known].astype(np.float32), vectors.astype(np.float32))
        apart[np.arange(360), 360 + np.arange(360)] = np.inf
        nearest = np.sort(apart, axis=1)[:, :NEAREST].tolist()
        wrong.append(np.mean([found.judge(row).verdict == "nothing similar here" for row in nearest]))
    assert np.mean(wrong) <= 0.05


def test_what_is_farther_than_known_kinds_but_not_far_enough_is_left_open() -> None:
    rng = np.random.default_rng(0)
    kinds, present = np.repeat([0, 1], 200), np.append(1 + rng.random(200), 1.5 + rng.random(200))[None]
    absent = 4 + rng.random((1, 400))
    far, near, offered = verdict_limits(present, kinds, absent, absent)
    assert near[0] == upper_limit(present[0], confidence=0.975) < far[0] < absent.min()
    assert offered.all()


@pytest.mark.parametrize("apart", [1.1, 2.0])  # one in five of those that deserve a verdict get it, and more than half
def test_both_bounds_of_a_verdict_hold_together_in_95_percent_of_collections(apart: float) -> None:
    rng, broken, tried, size = np.random.default_rng(0), np.zeros(2), 500, 300
    for _ in range(tried):
        shared = rng.standard_normal(size)  # the same pictures are asked with and without similar ones
        present, absent = ((shared + rng.standard_normal(size)) / 2**0.5 for _ in range(2))
        limits = verdict_limits(present[None], np.zeros(size), absent[None] + apart, absent[None] + apart)
        far, near, offered = (one.ravel() for one in limits)
        rates = np.array([[norm.sf(far[0]), norm.sf(far[0] - apart)], [norm.cdf(near[0] - apart), norm.cdf(near[0])]])
        broken += offered & ((rates[:, 0] > 0.05) | (rates[:, 1] < OFTEN))
    assert (broken / tried <= 0.05).all()


def test_groups_are_divided_as_long_as_their_parts_are_apart() -> None:
    """Two pairs of groups: without its own one, the results of a picture are of the other one of its pair."""
    rng = np.random.default_rng(0)
    one, other = 8 * np.eye(24)[0], 3 * np.eye(24)[1]
    places = np.array([-one - other, -one + other, one - other, one + other])
    vectors = (np.repeat(places, 100, 0) + 0.6 * rng.standard_normal((400, 24))).astype(np.float32)
    coarse, fine = kinds_of(vectors, np.arange(400), euclidean(vectors, vectors), "euclidean")
    pairs, groups = np.repeat([0, 1], 200), np.repeat(range(4), 100)
    assert adjusted_rand_score(coarse, pairs) == adjusted_rand_score(fine, groups) == 1
    found = made(vectors, [""] * 400)
    assert np.array_equal(found.near, made(vectors, [str(code) for code in groups]).near)
    assert found.judge([float(np.median(found.present[-1]))] * 5).verdict == "similar"
    assert found.judge([6.0] * 5).verdict == "nothing similar here"  # as far as the other one of a pair


def test_equal_vectors_are_one_group() -> None:
    vectors = np.ones((60, 4), np.float32)
    groups = kinds_of(vectors, np.arange(60), np.zeros((60, 60)), "cosine")
    assert groups.shape == (2, 60)
    assert not groups.any()
