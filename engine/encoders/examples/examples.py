"""Items with a picture, a text and a class, as precomputed vectors: the training data of a classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from models.fusion import ExampleBatch
from models.specs import FusionSpec

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Columns of n items.

    Attributes:
        ids: (n,) of the images in the collection. picture: (n, p) and text: (n, d) vectors.
        words: (sum of t, w) the word vectors of all texts, concatenated. starts: (n + 1,) where each text begins.
        has_picture, has_text: (n,) bool. codes: (n,) index of each item's class in `classes`, −1 if unknown.
    """

    ids: Rows
    picture: Floats
    text: Floats
    words: Floats
    starts: Rows
    has_picture: NDArray[np.bool_]
    has_text: NDArray[np.bool_]
    codes: Rows
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def checked(self) -> Examples:
        """Return itself; BadParameter if columns do not match or a value is not finite."""
        columns = (self.picture, self.text, self.has_picture, self.has_text, self.codes)
        if any(len(column) != len(self.ids) for column in columns) or len(self.starts) != len(self.ids) + 1:
            raise BadParameter("columns", "a classification", f"{len(self.ids)} long", "others")
        for name, vectors in (("pictures", self.picture), ("texts", self.text), ("words", self.words)):
            if not np.isfinite(vectors).all():
                raise BadParameter(f"vectors of the {name}", "a classification", "finite numbers", "something else")
        return self

    def spec(self, fusion: str, dropout: float) -> FusionSpec:
        """The shape of a network for these items."""
        widths = (self.picture.shape[1], self.text.shape[1], self.words.shape[1])
        return FusionSpec(fusion, *widths, len(self.classes), dropout)

    def of(self, rows: Rows) -> Examples:
        """The items of (m,) rows, in that order."""
        words = [self.words_of(int(row)) for row in rows]
        starts = np.concatenate([[0], np.cumsum([len(part) for part in words])]).astype(np.int64)
        flat = np.concatenate([self.words[:0], *words])
        missing = (self.has_picture[rows], self.has_text[rows])
        vectors = (self.picture[rows], self.text[rows], flat, starts)
        return Examples(self.ids[rows], *vectors, *missing, self.codes[rows], self.classes)

    def words_of(self, row: int) -> Floats:
        """The (t, w) word vectors of one item."""
        found: Floats = self.words[self.starts[row] : self.starts[row + 1]]
        return found


class Features:
    """Serves items as batches of vectors on a torch device."""

    def __init__(self, items: Examples, device: str) -> None:
        self.items, self.device = items, device

    def take(self, rows: Rows) -> ExampleBatch:
        """The items of (b,) rows; texts are padded to the longest, at least one word."""
        items = self.items
        words = [items.words_of(int(row)) for row in rows]
        most = max([1, *map(len, words)])
        padded = np.zeros((len(rows), most, items.words.shape[1]), np.float32)
        there = np.zeros((len(rows), most), bool)
        for place, of_text in enumerate(words):
            padded[place, : len(of_text)], there[place, : len(of_text)] = of_text, True
        columns = (items.picture[rows], items.text[rows], padded, there)
        missing = (items.has_picture[rows], items.has_text[rows])
        return ExampleBatch(*(torch.from_numpy(column).to(self.device) for column in (*columns, *missing)))
