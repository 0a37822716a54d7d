"""Several encoders as one that is fitted to a collection: stored vectors, queries, networks, growth and damage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import choices, open_encoder
from engine.encoders.encoder import COMPUTED, OWN
from engine.encoders.side_by_side import NAME, SideBySide
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import state, stored
from tests.engine.encoders.conftest import Pile, picture

COMPUTED_PARTS = ["colour-pyramid", "opponent-patterns", "local-binary-patterns"]


def prepared(pile: Pile, home: Home, weights: str = "") -> SideBySide:
    embed_collection(pile, open_encoder(NAME, weights, home, pile), ["avg"], Reporter())  # type: ignore[arg-type]
    return open_encoder(NAME, weights, home, pile)  # type: ignore[return-value,arg-type]


def test_every_part_has_the_same_share_of_the_similarity(pile: Any, home: Home) -> None:
    encoder = prepared(pile, home)
    assert state(pile, encoder.info, "avg").ready
    found, start = stored(pile, encoder.info, "avg").matrix, 0
    for compression in encoder.fitted.compressions:
        part = found[:, start : start + len(compression.components)]
        assert np.square(part).sum(1) == pytest.approx(np.full(50, 1 / 3), abs=1e-5)
        start += part.shape[1]
    assert start == found.shape[1]


def test_a_query_is_treated_like_the_collection(pile: Any, home: Home) -> None:
    encoder = prepared(pile, home)
    found = embed_pictures(encoder, [pile.pictures[4], pile.pictures[6]], "max")
    assert found == pytest.approx(stored(pile, encoder.info, "avg").matrix[[1, 3]], abs=1e-5)
    assert found[1] == pytest.approx(embed_pictures(encoder, [pile.pictures[6]], "avg")[0], abs=1e-5), "alone or not"


def test_it_is_fitted_once_and_again_when_the_collection_has_grown(pile: Any, home: Home) -> None:
    first = prepared(pile, home)
    pile.pictures |= {id: picture(id) for id in range(60, 65)}
    assert not state(pile, first.info, "avg").ready
    assert prepared(pile, home).info == first.info, "a few more change nothing for the others"
    assert state(pile, first.info, "avg").ready
    pile.pictures |= {id: picture(id) for id in range(70, 90)}
    again = prepared(pile, home)
    assert again.info.fingerprint != first.info.fingerprint
    assert again.fitted.pictures == 75


def test_before_it_is_fitted_it_embeds_nothing(pile: Any, home: Home) -> None:
    fresh = open_encoder(NAME, "", home, pile)
    assert not state(pile, fresh.info, "avg").ready
    with pytest.raises(BenzerError, match="not fitted to a collection yet"):
        embed_pictures(fresh, [pile.pictures[4]], "avg")


@pytest.mark.parametrize("count", [1, 2, 10])
def test_few_pictures_are_enough(count: int, pile: Any, home: Home) -> None:
    pile.pictures = {id: picture(id) for id in range(count)}
    found = stored(pile, prepared(pile, home).info, "avg").matrix
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(count), abs=1e-5)


def test_equal_pictures_are_equally_near(pile: Any, home: Home) -> None:
    pile.pictures = {id: picture(1) for id in range(60)}
    found = stored(pile, prepared(pile, home).info, "avg").matrix
    assert found @ found.T == pytest.approx(np.ones((60, 60)), abs=1e-5)


def test_a_picture_that_cannot_be_read_is_left_out(pile: Any, home: Home) -> None:
    pile.broken = {7}
    encoder = prepared(pile, home)
    found = state(pile, encoder.info, "avg")
    assert found.ready
    assert found.left_out == (("7.png", "One of the encoders has no vector for it."),)


def test_a_network_trained_here_is_a_part(pile: Any, home: Home, make_run: Callable[..., Any]) -> None:
    run = make_run(1, "mine", 32)
    assert [line.weights for line in choices(home) if line.name == NAME] == [""], "it only reconstructs"
    run._write(config=run.config | {"contrast": 1.0})
    lines = [line for line in choices(home) if line.name == NAME]
    assert [(line.weights, line.shelf) for line in lines] == [("", COMPUTED), ("mine", OWN)]
    encoder = prepared(pile, home, "mine")
    assert [part.info.name for part in encoder.parts] == ["model-1", *COMPUTED_PARTS]
    assert (encoder.info.name, encoder.info.weights, encoder.info.sha256) == (NAME, "mine", run.digest)
    assert state(pile, encoder.info, "avg").ready
    assert not state(pile, open_encoder(NAME, "", home, pile).info, "avg").ready, "another encoder than the other"


def test_weights_that_it_cannot_have(home: Home, make_run: Callable[..., Any]) -> None:
    with pytest.raises(NotFound):
        open_encoder(NAME, "gone", home)
    make_run(1, "mine", 32)
    with pytest.raises(BadParameter, match="learned to recognise"):
        open_encoder(NAME, "mine", home)


def test_damage_is_named_and_repaired_by_preparing(pile: Any, home: Home) -> None:
    first = prepared(pile, home)
    [file] = (pile.folder / "side_by_side").glob("*/*/mean-0.npy")
    file.write_bytes(b"damaged")
    with pytest.raises(Corrupt, match=r"mean-0\.npy"):
        open_encoder(NAME, "", home, pile)
    again = open_encoder(NAME, "", home).prepared(pile, Reporter())
    assert again.info.fingerprint == first.info.fingerprint
