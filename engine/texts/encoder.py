"""The face of every encoder of texts: texts in, one vector each out, and where there are some one for every word."""

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
    """What must be known of an encoder of texts.

    Attributes:
        name: as it is asked for. title: for people. width: d of its vectors; 0 while it has not been fitted.
        word_width: d of the vectors of words, 0 where it has none. most: how many words or pieces of a text are looked
            at one by one. fingerprint: changes whenever the vectors would. source, licence: of its weights.
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
    """One line of a drop-down of encoders of texts; `ready` is False where weights or a package are missing."""

    name: str
    title: str
    help: str
    ready: bool


@dataclass(frozen=True)
class Words:
    """The vectors of the words of n texts, one after the other.

    Attributes:
        flat: (sum of t, d) float32. starts: (n + 1,) where each text begins; a text without words takes no row.
    """

    flat: NDArray[np.float32]
    starts: NDArray[np.int64]

    def of(self, row: int) -> NDArray[np.float32]:
        """(t, d) of one text."""
        found: NDArray[np.float32] = self.flat[self.starts[row] : self.starts[row + 1]]
        return found

    @classmethod
    def stacked(cls, parts: Sequence[NDArray[np.float32]], width: int) -> Words:
        """Those of the texts whose (t, width) vectors these are."""
        flat = np.concatenate([np.empty((0, width), np.float32), *parts]).astype(np.float32, copy=False)
        return cls(flat, np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64))


@dataclass(frozen=True)
class Encoded:
    """(n, d) float32 vectors of n texts, zeros for one without a word, and those of their words where there are any."""

    vectors: NDArray[np.float32]
    words: Words | None


class TextEncoder(ABC):
    """Texts to vectors. One subclass a family; a family may offer several names (`choices`)."""

    name: ClassVar[str]
    rank: ClassVar[int] = 50
    learns: ClassVar[bool] = False  # whether it is a network that can be trained with a classifier: `trainable`
    info: TextInfo

    @classmethod
    @abstractmethod
    def choices(cls, home: Home) -> list[TextChoice]:
        """The lines of the drop-down for this family."""

    @classmethod
    @abstractmethod
    def open(cls, name: str, home: Home) -> Self:
        """The encoder of that name.

        Raises:
            NoWeights, MissingPackage: something must be fetched or installed first. Corrupt: damaged weights.
        """

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether the name is one of this family's, listed among its choices or not."""
        return name == cls.name

    def fitted(self, texts: Sequence[str]) -> TextEncoder:
        """The encoder as it is over these texts: another one where it learns from them, else itself.

        Raises:
            BadParameter: there is nothing in them to learn from.
        """
        return self

    @property
    def state(self) -> dict[str, Any] | None:
        """What it has learned from texts, as plain values for JSON; None where it learns nothing."""
        return None

    def restored(self, state: Mapping[str, Any] | None) -> TextEncoder:
        """The encoder as it was when it had that state."""
        return self

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> Encoded:
        """The vectors of plain texts (see `engine.texts.plain`), which may be empty or of any length."""

    def trainable(self) -> TrainableTextEncoder:
        """A copy of its network, from what `numbered` gives to vectors; BenzerError: nothing in it can be trained."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def numbered(self, texts: Sequence[str]) -> list[list[int]]:
        """What its network reads of plain texts: numbers of word pieces, between two marks."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def with_weights(self, weights: dict[str, Tensor], fingerprint: str) -> TextEncoder:
        """The same encoder with other weights, those of `trainable`'s network."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def pieces(self, text: str) -> list[str]:
        """What the vectors of a text's words stand for, in their order; none where it has no vectors of words."""
        return []
