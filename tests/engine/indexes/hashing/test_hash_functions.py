"""The hash functions of every family: their codes, their tables, and what they refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadParameter
from engine.indexes import make_index
from engine.indexes.hashing.hyperplanes import Hyperplanes, draw_hyperplanes
from engine.indexes.itq import ITQ, learned_rotation
from engine.indexes.lsh import LSH
from engine.indexes.pcah import PCAH
from engine.indexes.spectral import SpectralHashing, longest_waves, wave_margins
from tests.engine.indexes.hashing.conftest import FAMILIES, bits_of, some

LEARNING = (PCAH, SpectralHashing, ITQ)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_codes_do_not_depend_on_how_many_are_hashed_at_once(kind, metric):
    vectors = some(300, 70)
    functions = kind(metric, tables=8, bits=33, probes=0).fitted(vectors)
    together = functions.words(vectors, metric)
    alone = np.concatenate([functions.words(vector[None], metric) for vector in vectors], axis=1)
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(functions.only_codes(vectors, metric), functions.codes(vectors, metric)[0])


@pytest.mark.parametrize("kind", LEARNING)
def test_another_seed_turns_other_tables_and_the_first_is_the_plain_one(kind):
    vectors = some(300, 70)
    first, second = (kind("euclidean", tables=3, bits=8, seed=seed).fitted(vectors) for seed in (0, 1))
    a, b = (bits_of(functions, vectors, "euclidean") for functions in (first, second))
    assert ((a[0] == b[0]).all(axis=0) | (a[0] != b[0]).all(axis=0)).all() or kind is ITQ
    assert not np.array_equal(a[1], b[1])
    assert not np.array_equal(a[1], a[2])


def test_a_bit_of_pca_hashing_is_a_side_along_a_principal_component():
    vectors = (np.random.default_rng(0).standard_normal((500, 12)) * np.linspace(6, 1, 12)).astype(np.float32) + 3
    codes = bits_of(PCAH("euclidean", tables=1, bits=12).fitted(vectors), vectors, "euclidean")[0]
    centred = vectors - vectors.mean(axis=0)
    wanted = centred @ np.linalg.svd(centred, full_matrices=False)[2].T > 0
    agree = (codes == wanted).mean(axis=0)
    np.testing.assert_allclose(np.maximum(agree, 1 - agree), 1, atol=0.005)


def test_the_learned_rotation_finds_corners_that_were_turned_away():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    corners = np.where(rng.random((2000, 6)) > 0.5, 1.0, -1.0)
    points = (corners + 0.1 * rng.standard_normal(corners.shape)) @ turn
    rotation = learned_rotation(points, np.eye(6))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(6), atol=1e-5)

    def lost(rotation: np.ndarray) -> float:
        return float(((np.sign(points @ rotation) - points @ rotation) ** 2).mean())

    assert lost(rotation) < 0.02 < lost(np.eye(6))


def test_the_longest_waves_of_a_box():
    axes, frequencies = longest_waves(np.array([0.0, 5.0]), np.array([2.0, 6.0]), 4)  # lengths 2 and 1
    assert axes.tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(frequencies, np.pi * np.array([1 / 2, 2 / 2, 1 / 1, 3 / 2]))
    assert len(longest_waves(np.zeros(3), np.zeros(3), 5)[0]) == 5  # all vectors equal


def test_the_side_and_the_margin_of_a_wave():
    along, frequencies = np.linspace(-3, 7, 501)[:, None], np.array([[0.7, 2.0]])
    margins = wave_margins(along, frequencies[0])
    np.testing.assert_array_equal(margins > 0, np.cos(along * frequencies) > 0)
    zeros = (np.arange(-20, 40) + 0.5) * np.pi
    wanted = np.abs(along[:, :, None] - zeros / frequencies[0][:, None]).min(axis=2)
    np.testing.assert_allclose(np.abs(margins), wanted, atol=1e-9)


def test_selected_planes_split_in_half():
    vectors = (np.random.default_rng(0).exponential(1, (2000, 12)) ** 2).astype(np.float32)  # far from symmetric
    uneven = {}
    for selection in ("plain", "balanced", "median"):
        planes = draw_hyperplanes(vectors, "euclidean", 4, 16, 0, selection)
        uneven[selection] = np.abs(bits_of(planes, vectors, "euclidean").mean(axis=1) - 0.5).mean()
    assert uneven["median"] < 0.002
    assert uneven["balanced"] < 0.6 * uneven["plain"]


def test_planes_are_drawn_in_as_many_directions_as_wanted():
    vectors = some(300, 40)
    for directions, wanted in ((5, 5), (40, 40), (4096, 40)):
        index = LSH("euclidean", tables=2, bits=4, probes=0, directions=directions)
        assert index.fitted(vectors).basis.shape == (wanted, 40)


def test_planes_stored_without_thresholds_pass_through_the_centre(tmp_path: Path):
    planes = draw_hyperplanes(some(), "euclidean", 2, 5, 0)
    planes.save(tmp_path)
    (tmp_path / "thresholds.npy").unlink()
    np.testing.assert_array_equal(
        Hyperplanes.load(tmp_path).codes(some(), "euclidean")[0], planes.codes(some(), "euclidean")[0]
    )


def test_planes_moved_to_the_median_are_refused_by_the_reference():
    planes = draw_hyperplanes(some() ** 2, "euclidean", 2, 5, 0, "median")
    from engine.indexes.lshash_reference import LSHashReference

    with pytest.raises(BadParameter, match="through the centre"):
        LSHashReference("euclidean", planes=planes).build(np.arange(400), some())


@pytest.mark.parametrize("name", ["pcah", "itq"])
def test_more_bits_than_dimensions_are_refused(name):
    with pytest.raises(BadParameter, match=r"^The bits of the method \w+ must be at most 20, .*; got 21\.$"):
        make_index(name, "cosine", bits=21).build(np.arange(400), some())


def test_spectral_hashing_may_have_more_bits_than_dimensions():
    index = make_index("spectral", "cosine", bits=50).build(np.arange(400), some())
    assert index.chosen["bits"] == 50


@pytest.mark.parametrize("name", ["lsh", "pcah", "spectral", "itq"])
def test_bits_that_no_bucket_can_have_are_refused(name):
    with pytest.raises(BadParameter, match=r"at most 64 for buckets; got 65\.$"):
        make_index(name, "cosine", bits=65, lookup="buckets")
    for bits in (0, 129):
        with pytest.raises(BadParameter, match="bits"):
            make_index(name, "cosine", bits=bits, lookup="hamming")


def test_more_tables_than_can_be_ranked_are_refused():
    with pytest.raises(BadParameter, match=r"at most 102 by Hamming distance with 80 bits; got 103\.$"):
        make_index("lsh", "cosine", lookup="hamming", tables=103, bits=80).build(np.arange(400), some())
    many = make_index("lsh", "cosine", lookup="hamming", tables=102, bits=80, rerank=5).build(np.arange(400), some())
    assert (many.search(some()[:5], 1).ids[:, 0] == np.arange(5)).all()


def test_functions_of_another_kind_or_for_other_vectors_are_refused():
    planes = draw_hyperplanes(some(), "euclidean", 2, 5, 0)
    with pytest.raises(BadParameter, match="functions"):
        SpectralHashing("euclidean").with_functions(planes).build(np.arange(400), some())
    with pytest.raises(BadParameter, match=r"for 21 dimensions; got 20\.$"):
        ITQ("euclidean").with_functions(planes).build(np.arange(400), some(400, 21))
    long = draw_hyperplanes(some(), "euclidean", 1, 80, 0)
    with pytest.raises(BadParameter, match="at most 64 for buckets"):
        LSH("euclidean", functions=long).build(np.arange(400), some())
