"""How often branches come back: beside sets written out, known cases, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.errors import BadParameter, Stopped
from engine.core.progress import Reporter
from engine.grouping.hierarchical import Hierarchical, merges_of
from engine.grouping.stability import WAYS, Stability, likeness, stability


def members(merges: np.ndarray) -> list[set[int]]:
    """The leaves below every node, leaves first."""
    found: list[set[int]] = [{leaf} for leaf in range(len(merges) + 1)]
    for left, right in merges[:, :2].astype(int).tolist():
        found.append(found[left] | found[right])
    return found


@settings(deadline=None, max_examples=60)
@given(count=st.integers(3, 14), seed=st.integers(0, 99), repeated=st.booleans())
def test_likeness_is_that_of_the_sets_written_out(count: int, seed: int, repeated: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 5)).astype(np.float32)
    drawn = rng.integers(0, count, count) if repeated else np.arange(count)
    if len(set(drawn.tolist())) < 2:
        return
    first, other = (merges_of(some, "euclidean", "average") for some in (vectors, rng.permuted(vectors, axis=1)[drawn]))
    there = set(drawn.tolist())
    branches = [{int(drawn[leaf]) for leaf in node} for node in members(other)]
    found = likeness(first, other, drawn)
    for number, node in enumerate(members(first)[count:]):
        own = node & there
        if len(own) < 2:
            assert np.isnan(found[number])
        else:
            assert found[number] == pytest.approx(max(len(own & one) / len(own | one) for one in branches))


def test_the_same_tree_comes_back_in_every_branch() -> None:
    merges = merges_of(np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32), "euclidean", "complete")
    assert (likeness(merges, merges, np.arange(30)) == 1).all()


def piles(apart: float) -> np.ndarray:
    """Three piles of eight vectors each."""
    rng = np.random.default_rng(1)
    middles = np.repeat(rng.normal(size=(3, 40)) * apart, 8, axis=0)
    return (middles + rng.normal(size=middles.shape)).astype(np.float32)


@pytest.mark.parametrize("by", list(WAYS))
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_piles_far_apart_come_back_and_what_is_within_them_does_not(by: str, metric: str) -> None:
    clusterer = Hierarchical(metric, groups=3)
    vectors = piles(8.0)
    labels = clusterer.fit_predict(vectors)
    assert clusterer.tree is not None
    merges = clusterer.tree.merges
    found = stability(vectors / np.linalg.norm(vectors, axis=1)[:, None], merges, metric, "average", by, 40)
    shares = found.share(exactly=True)
    sets = members(merges)[24:]
    piled = [number for number, node in enumerate(sets) if len(node) == 8 and len(set(labels[list(node)])) == 1]
    assert len(piled) == 3
    assert (shares[piled] >= 0.95).all()
    within = [number for number, node in enumerate(sets) if 2 < len(node) < 7]
    assert np.nanmean(shares[within]) < 0.8
    assert (found.near >= found.exact).all()
    assert (found.counted <= found.rounds).all()
    assert shares[-1] == 1


def test_the_same_seed_gives_the_same_and_json_keeps_it() -> None:
    vectors = piles(2.0)
    merges = merges_of(vectors, "euclidean", "ward")
    one, other = (stability(vectors, merges, "euclidean", "ward", "pictures", 5, seed=3) for _ in range(2))
    assert one.as_dict() == other.as_dict() == Stability.from_dict(one.as_dict()).as_dict()


def test_equal_vectors_and_single_dimensions_are_no_trouble() -> None:
    same = np.zeros((6, 1), np.float32)
    merges = merges_of(same, "euclidean", "average")
    for by in WAYS:
        assert stability(same, merges, "euclidean", "average", by, 3).rounds == 3
    pair = merges_of(np.eye(2, dtype=np.float32), "cosine", "average")
    assert stability(np.eye(2, dtype=np.float32), pair, "cosine", "average", "pictures", 20).share(exactly=True)[0] == 1


@pytest.mark.parametrize(("by", "rounds"), [("labels", 10), ("pictures", 1), ("pictures", 10**6), ("pictures", 2.5)])
def test_bad_numbers_are_named(by: str, rounds: int) -> None:
    merges = merges_of(piles(1.0), "euclidean", "average")
    with pytest.raises(BadParameter):
        stability(piles(1.0), merges, "euclidean", "average", by, rounds)


def test_it_stops_on_request() -> None:
    class Impatient(Reporter):
        stop_asked = True  # type: ignore[assignment]

    merges = merges_of(piles(1.0), "euclidean", "average")
    with pytest.raises(Stopped):
        stability(piles(1.0), merges, "euclidean", "average", reporter=Impatient())
