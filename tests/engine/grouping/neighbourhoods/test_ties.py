"""Equal vectors in the nearest lists: rounding is not distance, and what is said of chance is true."""

from __future__ import annotations

import numpy as np
import pytest

from engine.core.progress import Reporter
from engine.grouping.neighbourhoods.near_duplicates import share_within, suggest
from engine.grouping.neighbourhoods.nearest_lists import NearestLists, measure
from engine.indexes import make_index

RNG = np.random.default_rng(0)
BASE = RNG.random(3000).astype(np.float32)


def lists(vectors: np.ndarray, metric: str) -> NearestLists:
    ids = np.arange(len(vectors))
    return measure(ids, vectors, metric, make_index("exact", metric).build(ids, vectors).search, Reporter())


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("others", [0, 3])
def test_where_half_of_all_pairs_are_equal_it_is_said(metric: str, others: int) -> None:
    vectors = np.concatenate([np.repeat(BASE[None], 9, 0), RNG.random((others, 3000)).astype(np.float32)])
    found = lists(vectors, metric)
    assert found.pairs[0] == found.nearest.min() == 0
    suggestion = suggest(found)
    assert suggestion.threshold == 0
    assert suggestion.reason.startswith("At least half of all pairs of pictures are equal to this encoder")
    assert share_within(found, 0.0).pairs == (36 / 66 if others else 1)


def test_pictures_of_one_colour_are_equal_by_their_direction() -> None:
    found = lists(np.stack([np.full(3000, grey / 255, np.float32) for grey in range(10, 250, 20)]), "cosine")
    assert (found.distances == 0).all()
    assert (found.pairs == 0).all()


def test_a_third_of_equal_pairs_are_copies_and_chance_is_about_the_others() -> None:
    vectors = np.concatenate([np.repeat(BASE[None], 7, 0), RNG.random((5, 3000)).astype(np.float32)])
    found = lists(vectors, "euclidean")
    suggestion = suggest(found)
    assert np.median(found.pairs) > 0
    assert (found.pairs <= suggestion.threshold).sum() == 21, "the equal ones"
    assert "less than one of the 66 pairs" in suggestion.reason
    assert suggestion.reason.endswith("duplicates aside.")
