"""The interface of encoders: images in, latents out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter

if TYPE_CHECKING:
    from torch import Tensor

    from models.tunable import TrainableImageEncoder


PHOTOGRAPHS, COMPUTED, OWN = "photographs", "computed", "own"  # the shelves of encoders


@dataclass(frozen=True)
class EncoderInfo:
    """The description of an encoder and its vectors.

    Attributes:
        name: as in a recipe, e.g. "model-4".
        weights: the run's name, "" if none are needed.
        title: to display, e.g. "Model 4 · trained on animal faces".
        input_size: images are stretched to this many pixels squared before `encode`.
        spatial: whether latents have a height and a width, so that the pooling matters.
        fingerprint: changes whenever the vectors would: sha256 of the weights, or a version for weightless encoders.
        source, licence: of the weights.
        sha256: of its weights, "" if it has none; those of several networks are joined by " + ".
        precision: of its network's arithmetic, "" if it does not depend on the machine.
    """

    name: str
    weights: str
    title: str
    input_size: int
    spatial: bool
    fingerprint: str
    source: str
    licence: str
    sha256: str = ""
    precision: str = ""

    @property
    def computed_in(self) -> str:
        """The precision of its vectors for exports: the network's, else float32."""
        return self.precision or "float32"


@dataclass(frozen=True)
class EncoderChoice:
    """An entry in the encoder drop-down.

    `ready` is False if it must be trained or its weights downloaded first; a `rare` entry is only offered by name.
    `collection` is the only collection that it can be used with, "" for any. `pictures` and `words` say which queries
    it supports, and `learned_from` is the collection whose items it was trained to classify. `embedding` is its
    default; `trained_on` is the collection whose pictures the weights were trained on here, "" for ready-made weights,
    and `learned_labels` says that its labels were learned, too, so that figures by them say nothing of other pictures.
    `shelf` groups the entries for display: PHOTOGRAPHS, COMPUTED or OWN. `good_for` is one sentence that helps to
    choose, and `megabytes` the size of the weights, 0 if there are none or they were made here.
    """

    name: str
    weights: str
    title: str
    help: str
    ready: bool
    rare: bool = False
    collection: str = ""
    pictures: bool = True
    words: bool = False
    learned_from: str = ""
    embedding: str = "max"
    trained_on: str = ""
    learned_labels: bool = False
    shelf: str = OWN
    good_for: str = ""
    megabytes: int = 0

    @property
    def key(self) -> str:
        """The encoder as a recipe names it, `model-4@default`."""
        return f"{self.name}@{self.weights}" if self.weights else self.name


class Encoder(ABC):
    """Images to latents. One subclass per family; a family may offer several names (`choices`)."""

    name: ClassVar[str]  # the family's name
    rank: ClassVar[int] = 50  # its place among the families, smallest first
    learns: ClassVar[bool] = False  # whether its network can be trained with a classifier: `trainable`
    info: EncoderInfo

    @classmethod
    @abstractmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """The drop-down entries of this family, best first."""

    @classmethod
    @abstractmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        """The encoder of that name with those weights, ready to encode.

        Raises:
            NotFound: no such name or weights. NotTrained, NoWeights: no weights yet. Corrupt: damaged weights.
        """

    @classmethod
    def unlisted(cls, name: str, home: Home) -> list[EncoderChoice]:
        """The entries of a name that can be used without being listed; empty if it cannot."""
        return []

    @classmethod
    def knows(cls, name: str, home: Home) -> bool:
        """Whether the name belongs to this family, listed among its choices or not."""
        return any(choice.name == name for choice in cls.choices(home)) or bool(cls.unlisted(name, home))

    def at(self, collection: Collection) -> Encoder:
        """The encoder fitted to a collection: a new one if it learns from the collection, else itself.

        An unfitted encoder has a fingerprint that matches no vectors: they count as missing, so embedding is offered.
        """
        return self

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        """The files of the collection, besides its catalogue, that determine the result of `at`."""
        return ()

    def prepared(self, collection: Collection, reporter: Reporter) -> Encoder:
        """As `at`, but if encoding requires learning from the collection's pictures, that is done first."""
        return self.at(collection)

    def trainable(self, home: Home, embedding: str) -> TrainableImageEncoder:
        """A copy of its network in float32, pictures to vectors under one embedding; BenzerError if not trainable."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def with_weights(self, weights: dict[str, Tensor]) -> Encoder:
        """A copy of the encoder with the weights of `trainable`'s network; its info is unchanged."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) float images in [0, 1] to (n, C, h, w) latents; float32, on the images' device."""

    @property
    def grid(self) -> tuple[int, int] | None:
        """(rows, columns) of the places that the values of a whole vector belong to: `placed`; None if there are none.

        For vectors that are made of places without a pooling; those of a network are made by one.
        """
        return None

    def placed(self, vector: NDArray[np.float64]) -> NDArray[np.float64]:
        """(d,) a vector to (p, d/p): the values of each place, row by row of the grid."""
        raise BenzerError(f"{self.info.title} describes a picture as a whole.")

    @property
    def decodes(self) -> bool:
        """Whether it has a decoder: `decode`."""
        return False

    def decode(self, latents: Tensor) -> Tensor:
        """(n, C, h, w) latents to the (n, 3, s, s) pictures they are reconstructed as; float32, 0 or more.

        Raises:
            BenzerError: it has no decoder.
        """
        raise BenzerError(f"{self.info.title} has no decoder.", way_out="Choose one of Models 1–4.")


class ReadsTexts(ABC):
    """What an encoder that takes texts, too, implements besides `Encoder`."""

    @abstractmethod
    def understands(self, text: str) -> bool:
        """Whether it knows any word of the text."""

    @abstractmethod
    def embed_query(self, picture: Any | None, text: str | None, share: int | None = None) -> NDArray[np.float32]:
        """The (1, d) vector of a picture, a text, or both.

        Args:
            share: weight of the text in percent, from 0 to 100; None: the encoder decides.

        Raises:
            BadParameter: neither, or a share out of range. BenzerError: it knows none of the text's words.
        """
