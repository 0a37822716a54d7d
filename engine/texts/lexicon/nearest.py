"""What words that the lexicon does not know are nearest to, by the vectors of a sentence encoder.

Every kind of the lexicon is encoded once and kept:

    weights/pretrained_networks/lexicon_vectors/<encoder>/000001/kinds.npy   (k, d) float16

A word is only looked up if the encoder has it whole: the vectors of a rare word's parts tell its spelling, not its
meaning ("cockapoo" would be a cockatoo).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import Corrupt, StorageFull
from engine.core.home import Home
from engine.core.storage import load_array
from engine.core.store import Store
from engine.texts.encoder import TextEncoder
from engine.texts.lexicon.lexicon import Lexicon, Meaning
from engine.texts.plain import plain

LEAST = 0.75  # the cosine from which a kind counts as near; below it MiniLM's neighbours are mostly of another meaning
_PART = "##"


@dataclass(frozen=True)
class NearestKinds:
    """The kinds of a lexicon as (k, d) unit vectors of a sentence encoder."""

    lexicon: Lexicon
    encoder: TextEncoder
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, home: Home, lexicon: Lexicon, encoder: TextEncoder) -> NearestKinds:
        """The stored vectors, or those computed now."""
        store = Store(home.pretrained / "lexicon_vectors" / encoder.info.name, format="lexicon vectors", version=1)
        made_with = {"lexicon": lexicon.fingerprint, "encoder": encoder.info.fingerprint}
        with suppress(Corrupt):
            snapshot = store.open()
            if snapshot is not None and snapshot.facts == made_with:
                return cls(lexicon, encoder, load_array(snapshot.folder / "kinds.npy").astype(np.float32))
        vectors = encoder.encode(lexicon.kinds).vectors.astype(np.float16)
        with suppress(StorageFull, OSError):  # it works without being kept
            home.pretrained.mkdir(parents=True, exist_ok=True)
            store.publish(lambda folder: np.save(folder / "kinds.npy", vectors, allow_pickle=False), made_with)
        return cls(lexicon, encoder, vectors.astype(np.float32))

    def meaning(self, text: str) -> Meaning | None:
        """The kind that a text is nearest to; None if none is near enough, or a word of it is unknown."""
        text = plain(text)
        pieces = self.encoder.pieces(text)
        if not pieces or any(piece.startswith((_PART, "[")) for piece in pieces):
            return None
        likeness = self.vectors @ self.encoder.encode([text]).vectors[0]
        kind = int(likeness.argmax())
        if likeness[kind] < LEAST:
            return None
        weights = np.zeros(len(self.lexicon.classes), np.float32)
        members = self.lexicon.classes_of(kind)
        weights[members] = 1 / len(members)
        named = ((text, self.lexicon.kinds[kind]),)
        return Meaning(weights, named, named, ())
