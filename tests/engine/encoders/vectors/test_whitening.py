"""PCA whitening: what it promises, the same for queries, and made anew when the vectors it comes from are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.pooling import embed, embedding
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, store, stored
from engine.encoders.vectors.whitening import MOST, Whitening, fit_whitening
from tests.engine.rounding import of_sums


def rows(count: int, width: int, seed: int = 0) -> np.ndarray:
    """Vectors whose values depend on each other, with a common middle."""
    chance = np.random.default_rng(seed)
    return (chance.normal(size=(count, width)) @ chance.normal(size=(width, width)) + 3).astype(np.float32)


def amplified(whitening: Whitening, vectors: np.ndarray) -> np.ndarray:
    """(n,): how much larger the products that are added up are than the whitened vector before it gets length 1."""
    centred = vectors / np.linalg.norm(vectors, axis=1, keepdims=True) - whitening.mean
    whitened = np.linalg.norm(centred @ whitening.components.T, axis=1)
    return np.linalg.norm(centred, axis=1) * np.linalg.norm(whitening.components) / whitened


def test_whitened_values_are_unrelated_and_vary_equally() -> None:
    vectors = rows(400, 12)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    whitening = fit_whitening(vectors)
    spread = np.cov((unit - whitening.mean) @ whitening.components.T, rowvar=False, bias=True)
    assert spread == pytest.approx(np.eye(12), abs=1e-2)
    assert np.linalg.norm(whitening(vectors), axis=1) == pytest.approx(np.ones(400), abs=1e-5)


def test_long_vectors_are_whitened_as_by_a_singular_value_decomposition() -> None:
    vectors = rows(40, 90)
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float64)
    _, scale, right = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    slow = (unit - unit.mean(0)) @ right[:5].T / scale[:5] * np.sqrt(40)
    slow /= np.linalg.norm(slow, axis=1, keepdims=True)
    found = fit_whitening(vectors)(vectors)
    assert found.shape == (40, 5), "an eighth of the number of vectors"
    assert np.abs(found) == pytest.approx(np.abs(slow), abs=2e-3)


def test_no_more_values_than_there_are_directions() -> None:
    assert fit_whitening(rows(2000, 200)).components.shape == (MOST, 200)
    flat = np.concatenate([rows(100, 3), np.ones((100, 9), np.float32)], axis=1)
    assert len(fit_whitening(flat).components) <= 4


def test_long_vectors_are_whitened_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    vectors = (chance.normal(size=(1000, 5)) @ chance.normal(size=(5, 4000))).astype(np.float32)
    whitening = fit_whitening(vectors[:40])
    whole = whitening(vectors)
    monkeypatch.setattr("engine.encoders.vectors.whitening._BLOCK", 10 * 4000)
    tracemalloc.start()
    parts = whitening(vectors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (np.abs(parts - whole).max(axis=1) <= of_sums(4000, amplified(whitening, vectors))).all()
    assert peak < vectors.nbytes / 10, "a copy of all vectors is more than this"


@pytest.mark.parametrize(("vectors", "sentence"), [(rows(2, 5), "at least 3"), (np.ones((9, 5)), "all alike")])
def test_what_cannot_be_whitened(vectors: Any, sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        fit_whitening(vectors.astype(np.float32))


def test_a_query_is_whitened_like_the_collection(pile: Any, home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, ["max-white"], Reporter())
    found = stored(pile, encoder.info, "max-white")
    assert found is not None
    assert found.finish is not None
    assert found.matrix.shape == (50, 6)
    query = embed_pictures(encoder, [pile.pictures[20]], "max-white", found.finish)
    plain = stored(pile, encoder.info, "max")
    assert plain is not None
    width = plain.matrix.shape[1]
    bound = of_sums(width, amplified(found.finish, plain.matrix[17:18]))
    assert np.abs(query[0] - found.matrix[17]).max() <= bound < 0.01
    assert plain.finish is None
    with pytest.raises(BadParameter, match="given with the post-processing that its name asks for"):
        embed_pictures(encoder, [pile.pictures[20]], "max-white")


def test_whitened_vectors_follow_those_they_come_from(pile: Any, home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    embed_collection(pile, encoder, ["gem-white"], Reporter())
    first = stored(pile, encoder.info, "gem-white")
    embed_collection(pile, encoder, ["gem-white"], Reporter())
    assert stored(pile, encoder.info, "gem-white").digest == first.digest, "nothing changed, nothing is made"
    pile.pictures[99] = np.full((40, 40, 3), 7, np.uint8)
    assert state(pile, encoder.info, "gem-white").missing == 1
    embed_collection(pile, encoder, ["gem-white"], Reporter())
    assert state(pile, encoder.info, "gem-white").ready
    path = store(pile, encoder.info, "gem-white").open().folder / "components.npy"
    path.write_bytes(path.read_bytes()[:-1])
    embed_collection(pile, encoder, ["gem-white"], Reporter())
    assert stored(pile, encoder.info, "gem-white").matrix.shape == (51, 6), "damaged ones are made anew"


def test_names_of_whitened_embeddings() -> None:
    import torch

    assert embedding("avg-white").title == "Average pool, PCA whitening"
    for wrong in ("sum-white", "max-white-white", "-white"):
        with pytest.raises(BadParameter):
            embedding(wrong)
    with pytest.raises(BadParameter, match="latents"):
        embed(torch.zeros(1, 2, 1, 1), "max-white")
