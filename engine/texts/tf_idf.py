"""TF-IDF: word counts in which rare words weigh more. It needs only the texts themselves.

Each known word has a random direction in 256 dimensions, derived from its spelling and scaled by the word's weight in
the text; the sum of a text's word vectors is thus a random projection of its TF-IDF vector.

Source: Spärck Jones, "A statistical interpretation of term specificity", 1972; Achlioptas, "Database-friendly random
projections", 2003. scikit-learn fits it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.storage import digest_of
from engine.texts.encoder import Encoded, TextChoice, TextEncoder, TextInfo, Words
from engine.texts.terms import terms

MOST_TERMS = 4096
_WORD_WIDTH = 256
_MOST_WORDS = 64
_VERSION = 2  # of how a text is split into terms; part of the fingerprint
_OF_BEFORE = r"(?u)\b\w+\b"  # words as they were found before scripts without spaces were known


class TfIdf(TextEncoder):
    """TF-IDF over the terms of a collection (`engine.texts.terms`): (1 + ln count) · idf, each vector of length 1."""

    name = "tf-idf"
    rank = 10

    def __init__(self, terms: Sequence[str] = (), idf: Sequence[float] = (), version: int = _VERSION) -> None:
        self.terms, self.idf, self.version = tuple(terms), tuple(idf), version
        self.places = {term: place for place, term in enumerate(self.terms)}
        title, fingerprint = "TF-IDF", digest_of(f"tf-idf {version}", *self.terms, *self.idf)
        self.info = TextInfo(
            self.name, title, len(self.terms), _WORD_WIDTH, _MOST_WORDS, fingerprint, "the collection's texts", "none"
        )

    @classmethod
    def choices(cls, home: Home) -> list[TextChoice]:
        help = "Which words a text has, the rare ones counting more. Needs nothing; synonyms are different words to it."
        return [TextChoice(cls.name, "TF-IDF", help, ready=True)]

    @classmethod
    def open(cls, name: str, home: Home) -> Self:
        return cls()

    def fitted(self, texts: Sequence[str]) -> TfIdf:
        """Fit the 4096 most frequent words of these texts and their document frequencies."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        found = TfidfVectorizer(analyzer=terms, sublinear_tf=True, max_features=MOST_TERMS)
        try:
            found.fit(texts)
        except ValueError as error:
            raise BadParameter("texts", "TF-IDF", "such that one has a word at least", "none with a word") from error
        return TfIdf(found.get_feature_names_out().tolist(), [float(value) for value in found.idf_])

    @property
    def state(self) -> dict[str, Any]:
        return {"terms": list(self.terms), "idf": list(self.idf), "version": self.version}

    def restored(self, state: Mapping[str, Any] | None) -> TfIdf:
        return self if state is None else TfIdf(state["terms"], state["idf"], state.get("version", 1))

    def encode(self, texts: Sequence[str]) -> Encoded:
        if not self.terms:
            raise BenzerError("TF-IDF has not been fitted to texts yet.")
        counted = [self._weights(text) for text in texts]
        vectors = np.zeros((len(texts), len(self.terms)), np.float32)
        for row, weights in enumerate(counted):
            vectors[row, [self.places[term] for term in weights]] = list(weights.values())
        parts = [self._words(text, weights) for text, weights in zip(texts, counted, strict=True)]
        return Encoded(vectors, Words.stacked(parts, _WORD_WIDTH))

    def pieces(self, text: str) -> list[str]:
        return list(dict.fromkeys(term for term in self._terms(text) if term in self.places))[:_MOST_WORDS]

    def _weights(self, text: str) -> dict[str, float]:
        """The weight of each known word of a text; the squares sum to 1."""
        counts = Counter(term for term in self._terms(text) if term in self.places)
        raw = {term: (1 + np.log(count)) * self.idf[self.places[term]] for term, count in counts.items()}
        length = float(np.sqrt(sum(value**2 for value in raw.values()))) or 1.0
        return {term: value / length for term, value in raw.items()}

    def _terms(self, text: str) -> list[str]:
        return terms(text) if self.version > 1 else re.findall(_OF_BEFORE, text.lower())

    def _words(self, text: str, weights: Mapping[str, float]) -> NDArray[np.float32]:
        rows = [_direction(term) * np.float32(weights[term]) for term in self.pieces(text)]
        return np.stack(rows) if rows else np.empty((0, _WORD_WIDTH), np.float32)


def _direction(term: str) -> NDArray[np.float32]:
    """(256,) random signs derived from the word's spelling, scaled to length 1."""
    bits = np.unpackbits(np.frombuffer(hashlib.shake_128(term.encode()).digest(_WORD_WIDTH // 8), np.uint8))
    return ((2.0 * bits - 1.0) / np.sqrt(_WORD_WIDTH)).astype(np.float32)
