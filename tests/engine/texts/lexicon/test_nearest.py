"""Words that the lexicon does not know, by a sentence encoder that stands in for MiniLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.core.home import Home
from engine.texts import TextEncoder, TextInfo, open_text_encoder
from engine.texts.encoder import Encoded
from engine.texts.lexicon.lexicon import lexicon
from engine.texts.lexicon.nearest import LEAST, NearestKinds
from engine.texts.published import PUBLISHED, folder_of

PLACES = {"dog": 0, "pooch": 0, "pizza": 1, "happiness": 2}


class Stub(TextEncoder):
    """Three meanings in three dimensions; everything else is a fourth. `slant` turns pooch away from dog."""

    info = TextInfo("stub", "Stub", 4, 4, 9, "fingerprint", "here", "none")

    def __init__(self, slant: float = 0.0) -> None:
        self.slant, self.asked = slant, list[str]()

    @classmethod
    def choices(cls, home: Home) -> list[Any]:
        return []

    @classmethod
    def open(cls, name: str, home: Home) -> Any:
        return cls()

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.asked += texts
        vectors = np.zeros((len(texts), 4), np.float32)
        for row, text in enumerate(texts):
            vectors[row, PLACES.get(text, 3)] = 1
            if text == "pooch":
                vectors[row] = [np.cos(self.slant), 0, np.sin(self.slant), 0]
        return Encoded(vectors, None)

    def pieces(self, text: str) -> list[str]:
        return ["x", "##qz"] if text == "xqz" else ["[UNK]"] if text == "犬" else text.split()


def test_an_unknown_word_means_the_nearest_kind(home: Home) -> None:
    assert not lexicon().meaning("pooch").known
    found = NearestKinds.of(home, lexicon(), Stub()).meaning("pooch")
    assert found is not None
    assert found.near == (("pooch", "dog"),)
    dogs = lexicon().meaning("dog")
    assert (found.weights > 0).tolist() == (dogs.weights > 0).tolist()
    assert found.weights.sum() == pytest.approx(1, abs=1e-5)


def test_what_is_not_near_enough_is_refused(home: Home) -> None:
    for shift, known in ((-0.01, True), (0.01, False)):
        found = NearestKinds.of(home, lexicon(), Stub(np.arccos(LEAST) + shift)).meaning("pooch")
        assert (found is not None) == known


@pytest.mark.parametrize("text", ["happiness", "xqz", "犬", "", " ", "<b></b>"])
def test_what_is_near_nothing_is_refused(text: str, home: Home) -> None:
    assert NearestKinds.of(home, lexicon(), Stub()).meaning(text) is None


def test_kinds_are_encoded_once(home: Home) -> None:
    first, second = Stub(), Stub()
    kept = NearestKinds.of(home, lexicon(), first)
    again = NearestKinds.of(home, lexicon(), second)
    assert len(first.asked) == len(lexicon().kinds)
    assert second.asked == []
    assert np.array_equal(kept.vectors, again.vectors)
    [path] = (home.pretrained / "lexicon_vectors" / "stub").glob("0*/kinds.npy")
    path.write_bytes(path.read_bytes()[:-9])
    assert np.array_equal(NearestKinds.of(home, lexicon(), third := Stub()).vectors, kept.vectors)
    assert third.asked, "damaged vectors are computed again"


@pytest.mark.slow
def test_what_minilm_takes_unknown_words_for(home: Home) -> None:
    network = PUBLISHED["all-minilm-l6-v2"]
    if folder_of(home, network) is None:
        pytest.skip("the weights of MiniLM are not here")
    nearest = NearestKinds.of(home, lexicon(), open_text_encoder(network.name, home))
    for text in ("happiness", "Istanbul", "xqz", "freedom", "Titian", "claude-monet", "cockapoo", "red", "幸福"):
        assert nearest.meaning(text) is None, text
    for text, kind in (("pup", "canine"), ("tennis", "tennis ball"), ("soccer", "soccer ball"), ("skiing", "ski")):
        found = nearest.meaning(text)
        assert found is not None
        assert found.near == ((text, kind),)
