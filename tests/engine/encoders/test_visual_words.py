"""Local features gathered into one vector: words against slow versions, and vocabularies that stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from engine.core.errors import BadParameter, Corrupt, NoVectors
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.keypoints.local_features import LOCAL_FEATURES
from engine.encoders.keypoints.vocabulary import Vocabulary, fit_words, nearest, summed
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, stored
from engine.encoders.visual_words import VisualWords, bag_of_words, vlad
from tests.engine.rounding import of_sums

NOISE = np.random.default_rng(0).integers(0, 256, (256, 256), dtype=np.uint8)


@pytest.fixture
def few(pile: Any) -> Any:
    """A collection of eight pictures."""
    pile.pictures = {id: pile.pictures[id] for id in range(3, 11)}
    return pile


def features(count: int, width: int = 8, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, width), dtype=np.float32)


@pytest.mark.parametrize("kind", LOCAL_FEATURES)
def test_features_of_noise_and_of_nothing(kind: str) -> None:
    feature = LOCAL_FEATURES[kind]
    found = feature.extract(NOISE)
    assert found.dtype == np.float32
    assert found.shape[1] == feature.width
    assert 50 < len(found) <= 600
    assert np.array_equal(found, feature.extract(NOISE)), "the same picture has the same points"
    assert set(np.unique(found)) == {0, 1} if feature.binary else np.allclose((found**2).sum(1), 1, atol=1e-4)
    assert feature.extract(np.full((256, 256), 90, np.uint8)).shape == (0, feature.width)


def test_nearest_and_sums_are_those_counted_by_hand() -> None:
    points, centres = features(40), features(5, seed=1)
    slow = [min(range(5), key=lambda c: float(((point - centres[c]) ** 2).sum())) for point in points]
    assert nearest(points, centres).tolist() == slow
    expected = np.zeros((6, 8), np.float32)
    for point, word in zip(points, slow, strict=True):
        expected[word] += point
    bound = of_sums(len(points), float(np.abs(points).sum(0).max()))
    assert summed(points, np.array(slow), 6) == pytest.approx(expected, abs=bound)
    assert not summed(np.zeros((0, 8), np.float32), np.zeros(0, np.int64), 6).any()


def test_bits_are_assigned_by_hamming() -> None:
    chance = np.random.default_rng(3)
    bits, means = chance.integers(0, 2, (30, 16)).astype(np.float32), chance.random((4, 16), dtype=np.float32)
    majority = means > 0.5
    slow = [min(range(4), key=lambda c: int((majority[c] != point.astype(bool)).sum())) for point in bits]
    assert Vocabulary(means, True).assign(bits).tolist() == slow


@pytest.mark.parametrize("binary", [False, True])
def test_words_find_the_groups_that_are_there(binary: bool) -> None:
    chance = np.random.default_rng(1)
    middles = chance.integers(0, 2, (4, 64)).astype(np.float32)
    group = np.arange(400) % 4
    points = middles[group]
    flips = chance.random(points.shape) < 0.05
    points[flips] = 1 - points[flips]
    means = fit_words(points, 12, binary=binary)
    words = Vocabulary(means, binary).assign(points)
    assert all(len(set(group[words == word])) == 1 for word in set(words)), "no word covers two groups"
    assert np.array_equal(means, fit_words(points, 12, binary=binary)), "fitting again gives the same words"


def test_words_of_too_few_features() -> None:
    assert fit_words(np.zeros((0, 8), np.float32), 5, binary=False).tolist() == [[0] * 8]
    assert fit_words(np.ones((9, 8), np.float32), 5, binary=False).tolist() == [[1] * 8]
    assert len(fit_words(features(3), 5, binary=False)) == 3


def test_gathering_against_slow_versions() -> None:
    points, vocabulary = features(50), Vocabulary(features(5, seed=1), False)
    words = vocabulary.assign(points)
    bag = [np.sqrt(sum(1 for word in words if word == number) / 50) for number in range(5)]
    assert bag_of_words(points, vocabulary) == pytest.approx(np.array(bag), abs=1e-6)
    parts = []
    for number in range(5):
        total = sum((p - vocabulary.means[number] for p in points[words == number]), np.zeros(8))
        part = np.sign(total) * np.sqrt(np.abs(total))
        parts.append(part / max(np.linalg.norm(part), 1e-12))
    slow = np.concatenate(parts)
    assert vlad(points, vocabulary) == pytest.approx(slow / np.linalg.norm(slow), abs=1e-5)
    nothing = np.zeros((0, 8), np.float32)
    assert not bag_of_words(nothing, vocabulary).any()
    assert not vlad(nothing, vocabulary).any()


def test_a_vocabulary_is_fitted_once_and_stays(few: Any, home: Home) -> None:
    encoder = open_encoder("orb-words", "", home, few)
    assert state(few, encoder.info, "max").missing == 8
    with pytest.raises(NoVectors, match="no visual words yet"):
        embed_pictures(encoder, [few.pictures[3]], "max")
    embed_collection(few, encoder, ["max"], Reporter())
    fitted = open_encoder("orb-words", "", home, few)
    assert state(few, fitted.info, "max").ready
    found = stored(few, fitted.info, "max")
    assert found is not None
    query = embed_pictures(fitted, [few.pictures[6]], "max")[0]
    assert found.matrix[3] == pytest.approx(query, abs=1e-6), "a query uses the same words"
    few.pictures[99] = np.full((40, 40, 3), 7, np.uint8)  # one without any points
    embed_collection(few, encoder, ["max"], Reporter())
    again = open_encoder("orb-words", "", home, few)
    assert again.info.fingerprint == fitted.info.fingerprint, "new pictures do not change the words"
    assert not stored(few, again.info, "max").matrix[-1].any()


@pytest.mark.parametrize("name", ["orb-vlad", "orb-vlad+colour-histogram"])
def test_a_query_keeps_its_negative_values_under_any_embedding(name: str, few: Any, home: Home) -> None:
    embed_collection(few, open_encoder(name, "", home), ["gem"], Reporter())
    fitted = open_encoder(name, "", home, few)
    query = embed_pictures(fitted, [few.pictures[6]], "gem")[0]
    assert query.min() < -0.01
    assert query == pytest.approx(stored(few, fitted.info, "gem").matrix[3], abs=1e-5)


def test_a_damaged_vocabulary_is_named_and_fitted_anew(few: Any, home: Home) -> None:
    fitted = open_encoder("brief-words", "", home).prepared(few, Reporter())
    path = next((few.folder / "vocabularies").rglob("means.npy"))
    spoilt = bytearray(path.read_bytes())
    spoilt[-3] ^= 4
    path.write_bytes(bytes(spoilt))
    with pytest.raises(Corrupt, match=r"means\.npy"):
        open_encoder("brief-words", "", home, few)
    again = open_encoder("brief-words", "", home).prepared(few, Reporter())
    assert again.info.fingerprint == fitted.info.fingerprint, "the same pictures give the same words"


def test_other_words_are_another_encoder() -> None:
    vocabularies = [Vocabulary(features(4, 256, seed), True, f"digest-{seed}") for seed in (0, 1)]
    encoders = [VisualWords("orb-words", vocabulary) for vocabulary in vocabularies]
    assert encoders[0].info.fingerprint != encoders[1].info.fingerprint
    images = torch.from_numpy(NOISE / 255.0).float().expand(1, 3, 256, 256)
    assert not torch.equal(encoders[0].encode(images), encoders[1].encode(images))


def test_visual_words_have_no_weights(home: Home) -> None:
    with pytest.raises(BadParameter, match="it has none"):
        open_encoder("sift-vlad", "mine", home)


def test_pictures_of_nothing_teach_no_words(few: Any, home: Home) -> None:
    few.pictures = {id: np.full((40, 40, 3), id, np.uint8) for id in range(3)}
    with pytest.raises(BadParameter, match="ones with corners or textures; got 'none that has any'"):
        embed_collection(few, open_encoder("orb-words", "", home), ["max"], Reporter())
    assert not (few.folder / "vocabularies").exists()
