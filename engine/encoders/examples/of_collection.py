"""The pictures and texts of a collection as vectors side by side: the input of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.progress import Reporter
from engine.encoders.encoder import Encoder
from engine.encoders.vectors.pipeline import vectors_of
from engine.texts import Encoded, TextEncoder
from engine.texts.vectors import embed_texts

if TYPE_CHECKING:
    from engine.encoders.examples.examples import Examples

Floats = NDArray[np.float32]


def examples_of(
    collection: Collection,
    picture: Encoder | None,
    embedding: str,
    text: TextEncoder | None,
    reporter: Reporter,
) -> Examples:
    """All images of a collection with the vectors of both encoders, computed first if missing.

    Without a picture encoder every picture counts as missing, without a text encoder every text.
    """
    from engine.encoders.examples.examples import Examples

    ids = np.asarray(collection.images().ids)
    seen, has_picture = _pictures(collection, picture, embedding, reporter)
    read, words, starts = _texts(collection, text, reporter, len(ids))
    has_text = np.linalg.norm(read, axis=1) > 0
    unknown = np.full(len(ids), -1, np.int64)
    return Examples(ids, seen, read, words, starts, has_picture, has_text, unknown, ())


def one_example(picture: Floats | None, text: Encoded | None, widths: tuple[int, int, int]) -> Examples:
    """A single item from a (1, p) vector of its picture and its encoded text, either of which may be missing.

    Args:
        widths: of pictures, texts and words, as in the network's spec.
    """
    from engine.encoders.examples.examples import Examples

    seen = np.zeros((1, widths[0]), np.float32) if picture is None else picture
    read = np.zeros((1, widths[1]), np.float32) if text is None else text.vectors
    nothing = (np.zeros((0, widths[2]), np.float32), np.zeros(2, np.int64))
    words, starts = nothing if text is None else words_or_texts(read, text)
    there = np.array([text is not None and bool(np.linalg.norm(read) > 0)])
    ids, unknown = np.zeros(1, np.int64), np.full(1, -1, np.int64)
    return Examples(ids, seen, read, words, starts, np.array([picture is not None]), there, unknown, ())


def words_or_texts(read: Floats, encoded: Any) -> tuple[Floats, NDArray[np.int64]]:
    """(flat, starts) of the word vectors; without any, each text counts as a single word."""
    words = None if encoded is None else encoded.words
    if words is None:
        return read, np.arange(len(read) + 1)
    return words.flat, words.starts


def _pictures(
    collection: Collection, encoder: Encoder | None, embedding: str, reporter: Reporter
) -> tuple[Floats, NDArray[np.bool_]]:
    ids = np.asarray(collection.images().ids)
    if encoder is None:
        return np.zeros((len(ids), 1), np.float32), np.zeros(len(ids), bool)
    vectors = vectors_of(collection, encoder, embedding, reporter)
    there = np.isin(ids, vectors.ids)
    seen = np.zeros((len(ids), vectors.matrix.shape[1]), np.float32)
    seen[there] = vectors.matrix[np.searchsorted(vectors.ids, ids[there])]
    return seen, there


def _texts(
    collection: Collection, encoder: TextEncoder | None, reporter: Reporter, count: int
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    if encoder is None:
        nothing = np.zeros((count, 1), np.float32)
        return nothing, nothing[:0], np.zeros(count + 1, np.int64)
    found = embed_texts(collection, encoder, reporter)
    read = np.asarray(found.matrix, np.float32)
    return read, *words_or_texts(read, found)


def texts_of(collection: Collection) -> Sequence[str]:
    """A collection's texts in the order of its images."""
    found: Sequence[str] = collection.images().texts
    return found
