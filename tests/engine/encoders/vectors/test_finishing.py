"""Square root, centring and neighbours: what they promise, by hand, for queries alike, and for very few pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter, Corrupt
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.pooling import FINISHES, POOLINGS, embedding, made_from, unaugmented, unfinished
from engine.encoders.vectors.augmentation import NEIGHBOURS, Augmentation
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.centring import fit_centring
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import discard, store, stored
from tests.engine.rounding import of_sums


def rows(count: int, width: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, width), dtype=np.float32)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def augmented_by_hand(vector: np.ndarray, vectors: np.ndarray, count: int, own: float) -> np.ndarray:
    """The mean of the nearest, weighted by the third power of the cosine, one after the other."""
    likeness = sorted(((float(unit(vector) @ unit(other)), i) for i, other in enumerate(vectors)), reverse=True)
    mean = own * unit(vector)
    for cosine, i in likeness[:count]:
        mean = mean + max(cosine, 0) ** 3 * unit(vectors[i])
    return unit(mean)


def test_square_root_and_centring_by_hand() -> None:
    vectors = np.array([[4, 0], [0, -9]], np.float32)  # their roots, of length 1: (1, 0) and (0, −1)
    found = fit_centring(vectors)(vectors)
    assert found == pytest.approx(np.array([unit(np.array([2, 1])), unit(np.array([-1, -2]))]), abs=1e-6)


def test_what_all_have_in_common_does_not_count() -> None:
    vectors = rows(400)
    found = fit_centring(vectors)(vectors)
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(400), abs=1e-5)
    assert np.abs(found.mean(0)).max() < 0.05 < np.abs(vectors.mean(0)).min()


@pytest.mark.parametrize("count", [1, 2, 9])
def test_equal_vectors_stay_equal_and_keep_a_direction(count: int) -> None:
    vectors = np.tile(rows(1), (count, 1))
    found = fit_centring(vectors)(vectors)
    assert found @ found.T == pytest.approx(np.ones((count, count)), abs=1e-4)


@pytest.mark.parametrize("count", [1, 3, 40])
def test_each_becomes_the_mean_of_its_nearest(count: int) -> None:
    vectors, query = rows(count) - 0.4, rows(1, seed=1) - 0.4
    augmentation = Augmentation(vectors)
    slow = np.stack([augmented_by_hand(vector, vectors, NEIGHBOURS, 0) for vector in vectors])
    assert augmentation.collection() == pytest.approx(slow, abs=1e-5)
    expanded = augmented_by_hand(query[0], vectors, NEIGHBOURS - 1, 1)
    assert augmentation(query)[0] == pytest.approx(expanded, abs=1e-5)


def test_many_are_augmented_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = rows(50)
    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (directions @ directions.T).min() > 0.25, "so a mean of some is at least half as long as they are"
    whole = Augmentation(vectors).collection()
    monkeypatch.setattr("engine.encoders.vectors.augmentation._VALUES", 200)
    assert Augmentation(vectors).collection() == pytest.approx(whole, abs=of_sums(3 * 12 + NEIGHBOURS, 2))


def test_without_neighbours_a_query_is_itself() -> None:
    query = rows(2)
    found = Augmentation(np.zeros((0, 12), np.float32))(query)
    assert found == pytest.approx(np.stack([unit(vector) for vector in query]), abs=of_sums(12))


@pytest.mark.parametrize("name", ["max-sqrt", "max-dba", "max-sqrt-dba", "max-white-dba"])
def test_a_query_is_finished_like_the_collection(name: str, pile: Any, home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, [name], Reporter())
    found = stored(pile, encoder.info, name)
    assert found is not None
    query = embed_pictures(encoder, [pile.pictures[20]], name, found.finish)
    assert query.shape[1] == found.matrix.shape[1]
    assert float(query[0] @ found.matrix[17]) > 0.99
    with pytest.raises(BadParameter, match="given with the post-processing that its name asks for"):
        embed_pictures(encoder, [pile.pictures[20]], name)


@pytest.mark.parametrize("name", ["max-sqrt", "max-dba", "max-sqrt-dba"])
@pytest.mark.parametrize("count", [1, 3])
def test_very_few_pictures(name: str, count: int, pile: Any, home: Home) -> None:
    pile.pictures = {id: pile.pictures[id] for id in range(3, 3 + count)}
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, [name], Reporter())
    found = stored(pile, encoder.info, name)
    assert found is not None
    assert found.matrix.shape == (count, 192)
    assert np.linalg.norm(found.matrix, axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_three_pictures_are_whitened_and_averaged_with_fewer_neighbours(pile: Any, home: Home) -> None:
    pile.pictures = {id: pile.pictures[id] for id in range(3, 6)}
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, ["max-white-dba"], Reporter())
    found = stored(pile, encoder.info, "max-white-dba")
    assert found is not None
    assert len(found.matrix) == 3
    assert np.linalg.norm(found.matrix, axis=1) == pytest.approx(np.ones(3), abs=1e-5)


def test_finished_vectors_follow_those_they_come_from(pile: Any, home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, ["max-sqrt-dba"], Reporter())
    first = stored(pile, encoder.info, "max-sqrt-dba")
    embed_collection(pile, encoder, ["max-sqrt-dba"], Reporter())
    assert stored(pile, encoder.info, "max-sqrt-dba").digest == first.digest, "nothing changed, nothing is made"
    pile.pictures[99] = np.full((40, 40, 3), 7, np.uint8)
    embed_collection(pile, encoder, ["max-sqrt"], Reporter())
    with pytest.raises(Corrupt, match="no longer fit those they were made from"):
        stored(pile, encoder.info, "max-sqrt-dba")
    embed_collection(pile, encoder, ["max-sqrt-dba"], Reporter())
    assert len(stored(pile, encoder.info, "max-sqrt-dba").ids) == 51
    discard(pile, "colour-histogram")
    assert store(pile, encoder.info, "max-sqrt-dba").open() is None


def test_names_of_finished_embeddings() -> None:
    assert embedding("avg-sqrt-dba").title == "Average pool, square root and centred, averaged with neighbours"
    every = [f"{pooling}{finish}" for pooling in POOLINGS for finish in FINISHES]
    assert [embedding(name).name for name in every] == every
    assert {unfinished(name) for name in every} == set(POOLINGS)
    assert (made_from("avg-sqrt-dba"), made_from("avg-sqrt"), made_from("avg")) == ("avg-sqrt", "avg", "avg")
    assert unaugmented("avg-white-dba") == "avg-white"
    for wrong in ("sum-sqrt", "avg-dba-sqrt", "avg-sqrt-white", "avg-dba-dba", "avg-", "-dba"):
        with pytest.raises(BadParameter):
            embedding(wrong)
