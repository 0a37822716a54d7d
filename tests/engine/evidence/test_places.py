"""The parts of a vector: they sum to it under every pooling and post-processing, and belong to the right places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.core.distances import METRICS
from engine.core.errors import BadParameter
from engine.encoders.pooling import AUGMENTED, FINISHES, POOLINGS, embed, embedding
from engine.encoders.vectors.centring import fit_centring
from engine.encoders.vectors.whitening import fit_whitening
from engine.evidence.evidence import evidence
from engine.evidence.places import places_of

NAMES = [f"{plain}{finish}" for plain in POOLINGS for finish in FINISHES if not finish.endswith(AUGMENTED)]


def latents(count: int = 24, channels: int = 5, grid: tuple[int, int] = (3, 4), signed: bool = False) -> np.ndarray:
    rng = np.random.default_rng(count + channels)
    found = rng.normal(size=(count, channels, *grid)).astype(np.float32)
    return found if signed else found.clip(0)


def finished(found: np.ndarray, name: str):
    """The vectors of latents under an embedding, and the function that post-processes them."""
    plain = embed(torch.from_numpy(found), name.split("-")[0])
    if name == name.split("-")[0]:
        return plain, None
    finish = fit_whitening(plain) if name.endswith("-white") else fit_centring(plain)
    return finish(plain), finish


def whole(places) -> np.ndarray:
    return places.parts.T.ravel() if places.apart else places.parts.sum(0)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_the_parts_sum_to_the_vector(name: str, signed: bool) -> None:
    assert embedding(name).name == name
    found = latents(signed=signed)
    vectors, finish = finished(found, name)
    for latent, vector in zip(found, vectors, strict=True):
        places = places_of(latent, name, finish)
        assert places.grid == (3, 4)
        assert places.width == len(vector)
        assert whole(places) == pytest.approx(vector, abs=2e-6)


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("name", NAMES)
def test_the_evidence_sums_to_the_score(name: str, metric: str) -> None:
    vectors, finish = finished(latents(), name)
    rows = vectors.astype(np.float64)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True) if metric == "cosine" else rows
    one, other = (places_of(latents()[row], name, finish).fitted_to(rows[row]) for row in (0, 1))
    found = evidence(one, other, metric)
    distance = float(METRICS[metric].between(vectors[:1], vectors[1:2])[0, 0])
    assert found.total == pytest.approx(1 - distance if metric == "cosine" else distance**2, abs=1e-5)
    assert found.pairs.sum() == pytest.approx(rows[0] @ rows[1], abs=1e-5)


def test_a_maximum_belongs_to_its_place() -> None:
    latent = np.zeros((2, 2, 2), np.float32)
    latent[0, 0, 1], latent[1, 1, 0] = 3, 5
    parts = places_of(latent, "max").parts
    assert parts.tolist() == [[0, 0], [3, 0], [0, 5], [0, 0]]


def test_an_average_is_shared_out_by_what_each_place_adds() -> None:
    latent = np.array([[[1, 3], [0, 0]]], np.float32)
    assert places_of(latent, "avg").parts.ravel().tolist() == [0.25, 0.75, 0, 0]


def test_gem_is_shared_out_by_third_powers() -> None:
    latent = np.array([[[1, 2]]], np.float32)
    value = ((1 + 8) / 2) ** (1 / 3)
    assert places_of(latent, "gem").parts.ravel() == pytest.approx([value / 9, value * 8 / 9])


def test_the_lines_join_the_places_that_share_a_channel() -> None:
    first, second = np.zeros((2, 2, 2), np.float32), np.zeros((2, 2, 2), np.float32)
    first[0, 0, 0], second[0, 1, 1] = 1, 1
    first[1, 1, 0] = 1
    found = evidence(places_of(first, "max"), places_of(second, "max"), "cosine")
    assert [(match.first, match.second) for match in found.matches()] == [((0, 0), (1, 1))]
    assert found.first.tolist() == [[1, 0], [0, 0]]
    assert found.second.tolist() == [[0, 0], [0, 1]]


def test_flattened_pictures_meet_in_equal_places_only() -> None:
    one, other = (places_of(latent, "flatten") for latent in latents(2))
    pairs = evidence(one, other, "cosine").pairs
    assert not pairs[~np.eye(len(pairs), dtype=bool)].any()


@pytest.mark.parametrize("name", ["flatten", "avg"])
@pytest.mark.parametrize("metric", list(METRICS))
def test_many_places_are_added_up(name: str, metric: str) -> None:
    fine = latents(2, 3, (40, 17))
    one, other = (places_of(latent, name) for latent in fine)
    found = evidence(one, other, metric)
    assert found.first.shape == found.second.shape == (14, 9)
    rows = [embed(torch.from_numpy(latent[None]), name)[0].astype(np.float64) for latent in fine]
    wanted = rows[0] @ rows[1] if metric == "cosine" else ((rows[0] - rows[1]) ** 2).sum()
    assert found.total == pytest.approx(wanted, rel=1e-6)
    if name == "flatten" and metric == "cosine":
        assert found.first[0, 0] == pytest.approx((fine[0][:, :3, :2] * fine[1][:, :3, :2]).sum(), rel=1e-5)


def test_what_differs_sets_apart_under_euclidean() -> None:
    first, second = np.zeros((1, 2, 2), np.float32), np.zeros((1, 2, 2), np.float32)
    first[0, 0, 0] = 2
    found = evidence(places_of(first, "flatten"), places_of(second, "flatten"), "euclidean")
    assert found.first.tolist() == [[4, 0], [0, 0]]
    assert found.total == 4


@pytest.mark.parametrize("name", NAMES)
def test_equal_pictures_and_empty_ones(name: str) -> None:
    found = latents()
    _, finish = finished(found, name)
    same = places_of(found[3], name, finish)
    assert evidence(same, same, "euclidean").total == pytest.approx(0, abs=1e-9)
    empty = places_of(np.zeros_like(found[0]), name, finish)
    assert np.isfinite(evidence(empty, same, "cosine").first).all()


def test_what_does_not_fit_is_refused() -> None:
    one = places_of(latents()[0], "flatten")
    with pytest.raises(BadParameter, match="metric"):
        evidence(one, one, "manhattan")
    with pytest.raises(BadParameter, match="grid"):
        evidence(one, places_of(latents(grid=(4, 3))[0], "flatten"), "cosine")


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.sampled_from(list(POOLINGS)), st.booleans())
def test_any_latent_is_shared_out_wholly(channels: int, rows: int, columns: int, name: str, signed: bool) -> None:
    latent = latents(1, channels, (rows, columns), signed)[0]
    vector = embed(torch.from_numpy(latent[None]), name)[0]
    places = places_of(latent, name)
    assert whole(places) == pytest.approx(vector, abs=1e-5)
    aim = vector.astype(np.float64) * 0.7 + 1e-3
    assert whole(places.fitted_to(aim)) == pytest.approx(aim, abs=1e-9)
