"""Search by words without training: by what a picture shows, by its texts, and combined with a query picture.

What a picture shows is judged by the class probabilities of an ImageNet network and a lexicon; its texts are name,
label and text. The two give separate answers and are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Images
from engine.core.errors import NothingKnown
from engine.core.spelling import folded
from engine.search.answer import Hit
from engine.search.classes import ClassProbabilities
from engine.texts.lexicon.lexicon import FUNCTION_WORDS, Meaning

CLEARLY = 0.1  # the probability from which a picture counts as showing what the words mean
HALF = 50  # default weight of words next to a picture, in percent


@dataclass(frozen=True)
class Scores:
    """(n,) scores of pictures by id, higher is better; only scores above 0 are results."""

    ids: NDArray[np.int64]
    values: NDArray[np.float32]

    def best(self, k: int, allowed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k best allowed ids with a score above 0; ties in the order of their ids."""
        rows = np.flatnonzero((self.values > 0) & np.isin(self.ids, allowed))
        rows = rows[np.argsort(-self.values[rows], kind="stable")][:k]
        return self.ids[rows], self.values[rows]


def shown(probabilities: ClassProbabilities, meaning: Meaning) -> Scores:
    """The probability that each picture shows what the words mean, between 0 and 1.

    The weights of a meaning sum to 1 over all its classes; multiplied by their number, each class counts fully.
    """
    weights = (meaning.weights > 0).astype(np.float32)
    return Scores(probabilities.ids, np.minimum(probabilities.scores(weights), 1.0))


def written(images: Images, text: str) -> Scores:
    """How well each picture's name, label and text match the words: the inverse document frequencies of the matches.

    Words match as substrings, so that scripts without spaces and inflected words work alike. Function words count only
    where there are no others: "a" is in "cats".
    """
    documents = images.written
    values = np.zeros(len(documents), np.float32)
    words = dict.fromkeys(folded(text).split())
    for word in [word for word in words if word not in FUNCTION_WORDS] or words:
        holds = np.array([word in document for document in documents], dtype=bool)
        if holds.any():
            values += holds * np.float32(np.log1p(len(documents) / holds.sum()))
    return Scores(images.ids, values)


def mixed(words: Scores, ids: NDArray[np.int64], distances: NDArray[np.float32], share: int) -> Scores:
    """Words combined with similarity to a query picture, each first scaled to 0–1 over the collection.

    Args:
        ids, distances: (m,) of the pictures compared with the query. share: weight of the words in percent.
    """
    known = dict(zip(words.ids.tolist(), _scaled(words.values).tolist(), strict=True))
    by_words = np.array([known.get(id, 0.0) for id in ids.tolist()], np.float32)
    total = share / 100 * by_words + (1 - share / 100) * _scaled(-distances)
    return Scores(ids, total.astype(np.float32))


def hits_of(images: Images, ids: NDArray[np.int64], values: NDArray[np.float32]) -> tuple[Hit, ...]:
    """Results from scores between 0 and 1: the distance is 1 minus the score."""
    rows = {int(id): row for row, id in enumerate(images.ids)}
    found = [(rows[id], value) for id, value in zip(ids.tolist(), values.tolist(), strict=True)]
    return tuple(
        Hit(
            rank,
            int(images.ids[row]),
            images.names[row],
            images.labels[row],
            images.texts[row],
            1 - value,
            images.hashes[row],
        )
        for rank, (row, value) in enumerate(found, 1)
    )


def refuse_the_unknown(text: str, meaning: Meaning, about: Scores) -> None:
    """Raise NothingKnown if the words have no known meaning and match no text."""
    if not meaning.known and not (about.values > 0).any():
        shortened = text if len(text) <= 60 else text[:59] + "…"
        raise NothingKnown(
            f"Nothing is known of “{shortened}”: it names nothing that can be recognised, "
            "and no file name, label or text contains it.",
            way_out="Try the name of an animal, a plant, a food or an object: dog, flower, pizza, chair.",
        )


def _scaled(values: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    return ((values - low) / (high - low)).astype(np.float32) if high > low else np.zeros_like(values)
