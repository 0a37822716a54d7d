"""The interface of text encoders: texts in, one vector each out, and for some encoders one per word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BenzerError
from engine.core.home import Home

if TYPE_CHECKING:
    from torch import Tensor

    from models.tunable import TrainableTextEncoder


@dataclass(frozen=True)
class TextInfo:
    """The description of a text encoder.

    Attributes:
        name: its identifier. title: to display. width: d of its vectors; 0 until it has been fitted.
        word_width: d of the word vectors, 0 if it has none. most: the maximum number of words or pieces of a text with
        vectors of their own. fingerprint: changes whenever the vectors would. source, licence: of its weights.
    """

    name: str
    title: str
    width: int
    word_width: int
    most: int
    fingerprint: str
    source: str
    licence: str


@dataclass(frozen=True)
class TextChoice:
    """An entry in the drop-down of text encoders; `ready` is False if weights or a package are missing."""

    name: str
    title: str
    help: str
    ready: bool


@dataclass(frozen=True)
class Words:
    """The word vectors of n texts, concatenated.

    Attributes:
        flat: (sum of t, d) float32. starts: (n + 1,) where each text begins; a text without words has no rows.
    """

    flat: NDArray[np.float32]
    starts: NDArray[np.int64]

    def of(self, row: int) -> NDArray[np.float32]:
        """The (t, d) word vectors of one text."""
        found: NDArray[np.float32] = self.flat[self.starts[row] : self.starts[row + 1]]
        return found

    @classmethod
    def stacked(cls, parts: Sequence[NDArray[np.float32]], width: int) -> Words:
        """Build it from each text's (t, width) vectors."""
        flat = np.concatenate([np.empty((0, width), np.float32), *parts]).astype(np.float32, copy=False)
        return cls(flat, np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64))


@dataclass(frozen=True)
class Encoded:
    """(n, d) float32 vectors of n texts, zeros for a text without words, and the word vectors if available."""

    vectors: NDArray[np.float32]
    words: Words | None


class TextEncoder(ABC):
    """Texts to vectors. One subclass per family; a family may offer several names (`choices`)."""

    name: ClassVar[str]
    rank: ClassVar[int] = 50
    learns: ClassVar[bool] = False  # whether its network can be trained with a classifier: `trainable`
    info: TextInfo

    @classmethod
    @abstractmethod
    def choices(cls, home: Home) -> list[TextChoice]:
        """The drop-down entries of this family."""

    @classmethod
    @abstractmethod
    def open(cls, name: str, home: Home) -> Self:
        """The encoder of that name.

        Raises:
            NoWeights, MissingPackage: something must be downloaded or installed first. Corrupt: damaged weights.
        """

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether the name belongs to this family, listed among its choices or not."""
        return name == cls.name

    def fitted(self, texts: Sequence[str]) -> TextEncoder:
        """The encoder fitted to these texts: a new one if it learns from them, else itself.

        Raises:
            BadParameter: the texts contain nothing to learn from.
        """
        return self

    @property
    def state(self) -> dict[str, Any] | None:
        """Its fitted state as plain values for JSON; None if it learns nothing."""
        return None

    def restored(self, state: Mapping[str, Any] | None) -> TextEncoder:
        """The encoder restored from that state."""
        return self

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of plain texts (see `engine.texts.plain`), which may be empty or of any length."""

    def trainable(self) -> TrainableTextEncoder:
        """A copy of its network, from the output of `numbered` to vectors; BenzerError if it is not trainable."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def numbered(self, texts: Sequence[str]) -> list[list[int]]:
        """The network's input for plain texts: word piece ids between two special tokens."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def with_weights(self, weights: dict[str, Tensor], fingerprint: str) -> TextEncoder:
        """A copy of the encoder with the weights of `trainable`'s network."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def pieces(self, text: str) -> list[str]:
        """The words behind a text's word vectors, in order; empty without word vectors."""
        return []
