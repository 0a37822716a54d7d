"""The channels that carry a match: what each adds to it, where it is seen, and which pictures excite it most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BenzerError
from engine.core.humanize import percent
from engine.core.recipe import Recipe
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import WHITE, unfinished
from engine.encoders.vectors.batches import encode_latent
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import Vectors
from engine.evidence.explanation import Subject, compared

CHANNELS = 6
PICTURES = 6
_BLOCK = 4096  # rows of a flattened matrix read at once


@dataclass(frozen=True)
class Channel:
    """A channel of the encoder and its part in a match.

    Attributes:
        number: from 0. amount: what it adds to the inner product of the two vectors, under cosine to the similarity.
        ids: the pictures with its largest values, the largest first. first, second: (h, w) its values in both pictures.
    """

    number: int
    amount: float
    ids: NDArray[np.int64]
    first: NDArray[np.float32]
    second: NDArray[np.float32]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        maps = {"first": self.first.round(6).tolist(), "second": self.second.round(6).tolist()}
        return {"channel": self.number, "adds": self.amount, "pictures": self.ids.tolist(), **maps}


@dataclass(frozen=True)
class Channels:
    """The channels that add most to a match, of `count`, and the inner product `total` that all of them sum to."""

    title: str
    count: int
    total: float
    strongest: tuple[Channel, ...]

    def sentence(self) -> str:
        """How much of the match these channels carry."""
        part = sum(channel.amount for channel in self.strongest)
        share = f", {percent(part / self.total)} of {self.total:.4f}" if self.total > 0 else ""
        return (
            f"{self.title} has no decoder. Of its {self.count:,} channels these {len(self.strongest)} add most: "
            f"{part:.4f}{share}. Each row shows where a channel is seen in both, then the pictures that excite it most."
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        strongest = [channel.as_dict() for channel in self.strongest]
        return {"encoder": self.title, "channels": self.count, "sum": self.total, "strongest": strongest}


def channels(encoder: Encoder, vectors: Vectors, recipe: Recipe, first: Subject, second: Subject) -> Channels:
    """The channels that carry the match of two pictures; `encoder` and `vectors` are those of the `explained` recipe.

    Raises:
        BenzerError: a value of the vector is not of one channel. NoVectors: a picture without a vector.
    """
    check_channels(encoder, recipe.embedding)
    latents = [encode_latent(encoder, one.pixels) for one in (first, second)]
    count = len(latents[0])
    one, other = (compared(encoder, vectors, recipe, subject) for subject in (first, second))
    amounts = (one * other).reshape(count, -1).sum(1)
    order = np.argsort(-amounts, kind="stable")[:CHANNELS]
    strongest = [place for place in order.tolist() if amounts[place] > 0]
    found = (
        Channel(place, float(amounts[place]), _exciting(vectors, place, count), latents[0][place], latents[1][place])
        for place in strongest
    )
    return Channels(encoder.info.title, count, float(amounts.sum()), tuple(found))


def check_channels(encoder: Encoder, embedding: str) -> None:
    """Raise BenzerError if the values of a vector are not each of one channel of a network."""
    if isinstance(encoder, Derived) or not encoder.info.spatial:
        raise BenzerError(
            f"{encoder.info.title} has neither a decoder nor channels with places: what it sees cannot be shown.",
            way_out="Choose a network, or one of Models 1–4.",
        )
    if WHITE in embedding.removeprefix(unfinished(embedding)):
        raise BenzerError(
            "After whitening, a value of the vector is a mixture of all channels.",
            way_out=f"Choose a pooling without it, such as {unfinished(embedding)}.",
        )


def _exciting(vectors: Vectors, channel: int, count: int) -> NDArray[np.int64]:
    """The ids of the pictures with the largest value of a channel; of a flattened one, at any place."""
    width = vectors.matrix.shape[1] // count
    columns = slice(channel * width, (channel + 1) * width)
    starts = range(0, len(vectors.ids), _BLOCK)
    values = np.concatenate([np.asarray(vectors.matrix[start : start + _BLOCK, columns]).max(1) for start in starts])
    return vectors.ids[np.argsort(-values, kind="stable")[:PICTURES]]
