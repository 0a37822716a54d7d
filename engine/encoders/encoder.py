"""The face of every encoder: images in, latents out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter

if TYPE_CHECKING:
    from torch import Tensor

    from models.tunable import TrainableImageEncoder


@dataclass(frozen=True)
class EncoderInfo:
    """What must be known of an encoder to use its vectors rightly.

    Attributes:
        name: as in a recipe, e.g. "model-4".
        weights: the run's name, "" where none are needed.
        title: for people, e.g. "Model 4 · trained on animal faces".
        input_size: images are stretched to this many pixels squared before `encode`.
        spatial: whether latents have a height and a width, so that pooling methods differ.
        fingerprint: changes whenever the vectors would: sha256 of the weights, or a version for weightless encoders.
        source, licence: where the weights come from.
        sha256: of its weights, "" where there are none; of several networks all, with " + " between.
        precision: in which its network computes, "" where the machine makes no difference to it.
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
        """The precision of its vectors, for exports: that of the network, else float32."""
        return self.precision or "float32"


@dataclass(frozen=True)
class EncoderChoice:
    """One line of the encoder drop-down.

    `ready` is False where it must be trained or its weights fetched first; a `rare` one is not offered by itself.
    `collection` names the only collection that it can be used with, "" where it can be used with any. `pictures` and
    `words` say what can be asked for, and `learned_from` names the collection whose things it was made to tell apart.
    `embedding` is the one to begin with; `trained_on` names the collection whose pictures the weights were trained on
    here, "" for ready-made ones.
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


class Encoder(ABC):
    """Images to latents. One subclass a family; a family may offer several names (`choices`)."""

    name: ClassVar[str]  # the family's name
    rank: ClassVar[int] = 50  # where it stands among the families, the smallest first
    learns: ClassVar[bool] = False  # whether it is a network that can be trained with a classifier: `trainable`
    info: EncoderInfo

    @classmethod
    @abstractmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """What the drop-down shows for this family, the best first."""

    @classmethod
    @abstractmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        """The encoder of that name with those weights, ready to encode.

        Raises:
            NotFound: no such name or weights. NotTrained, NoWeights: no weights yet. Corrupt: damaged weights.
        """

    @classmethod
    def unlisted(cls, name: str, home: Home) -> list[EncoderChoice]:
        """The lines of a name that can be used without being among the choices, none where it cannot."""
        return []

    @classmethod
    def knows(cls, name: str, home: Home) -> bool:
        """Whether the name is one of this family's, listed among its choices or not."""
        return any(choice.name == name for choice in cls.choices(home)) or bool(cls.unlisted(name, home))

    def at(self, collection: Collection) -> Encoder:
        """The encoder as it is over a collection: another one where it learns from the collection, else itself.

        One that has not learned yet has a fingerprint that no vectors have: they are missing, so embedding is offered.
        """
        return self

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        """The files of the collection, besides its catalogue, that `at` reads: while they stay, so does its result."""
        return ()

    def prepared(self, collection: Collection, reporter: Reporter) -> Encoder:
        """The same, having learned now what it must learn from the collection's pictures before it can encode."""
        return self.at(collection)

    def trainable(self, home: Home, embedding: str) -> TrainableImageEncoder:
        """A copy of its network in float32, from pictures to vectors under one embedding; BenzerError: none learns."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    def with_weights(self, weights: dict[str, Tensor]) -> Encoder:
        """The same encoder with other weights, those of `trainable`'s network; its info is that of the old ones."""
        raise BenzerError(f"{self.info.title} has no weights that could be trained.")

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) float images in [0, 1] to (n, C, h, w) latents; float32, on the images' device."""
