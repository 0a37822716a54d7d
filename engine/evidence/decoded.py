"""What an autoencoder keeps of two pictures: their reconstructions, and decoded steps between their latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BenzerError
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import embed, unfinished
from engine.encoders.vectors.batches import encode_latent
from engine.encoders.vectors.store import Finish
from engine.evidence.explanation import Subject

STEPS = 8
_PLACES = 16  # rows and columns of a drawn error
Pixels = NDArray[np.uint8]
Nearest = Callable[[NDArray[np.float32]], tuple[NDArray[np.int64], NDArray[np.float32]]]


@dataclass(frozen=True)
class Reconstruction:
    """A picture as the encoder gets it, and as its decoder gives it back.

    Attributes:
        picture, drawn: (s, s, 3). error: (s, s) float32, the mean absolute difference of the three colours, 0 to 1.
    """

    picture: Pixels
    drawn: Pixels
    error: NDArray[np.float32]

    @property
    def mean_error(self) -> float:
        """The mean absolute difference, 0 to 1."""
        return float(self.error.mean())

    def places(self) -> NDArray[np.float32]:
        """(16, 16) the error by region, as it is drawn: single pixels would be too noisy for a map."""
        parts = [np.array_split(rows, _PLACES, axis=1) for rows in np.array_split(self.error, _PLACES)]
        return np.array([[part.mean() for part in row] for row in parts], np.float32)


@dataclass(frozen=True)
class Step:
    """A point on the way: `share` of the second picture's latent, decoded, and the nearest picture of all."""

    share: float
    drawn: Pixels
    nearest: int
    distance: float


@dataclass(frozen=True)
class Decoded:
    """Two pictures through one autoencoder, and the way between them."""

    title: str
    first: Reconstruction
    second: Reconstruction
    path: tuple[Step, ...]

    def sentence(self) -> str:
        """How much of the pictures is lost."""
        first, second = (100 * one.mean_error for one in (self.first, self.second))
        return (
            f"{self.title} gives the pictures back with a mean error of {first:.1f} % and {second:.1f} % of the range "
            "of values. What a low error is worth for a search, it does not say."
        )

    def as_dict(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "encoder": self.title,
            "errors": [self.first.mean_error, self.second.mean_error],
            "path": [{"share": s.share, "nearest": s.nearest, "distance": s.distance} for s in self.path],
        }


def decoded(
    encoder: Encoder, first: Subject, second: Subject, embedding: str, finish: Finish | None, nearest: Nearest
) -> Decoded:
    """Both pictures reconstructed, and their latents mixed in eight steps.

    Args:
        embedding, finish: how a latent becomes the vector that is compared. nearest: the ids and distances of the
            nearest picture to each of (q, d) vectors.

    Raises:
        BenzerError: the encoder has no decoder.
    """
    if not encoder.decodes:
        raise BenzerError(f"{encoder.info.title} has no decoder.", way_out="Choose one of Models 1–4.")
    latents = np.stack([encode_latent(encoder, one.pixels) for one in (first, second)])
    shares = np.linspace(0, 1, STEPS, dtype=np.float32)
    mixed = latents[0] + shares[:, None, None, None] * (latents[1] - latents[0])
    drawn = _decode(encoder, mixed)
    ids, distances = nearest(_vectors(encoder, mixed, embedding, finish))
    size = encoder.info.input_size
    one, other = (_reconstruction(each.pixels(size), drawn[place]) for each, place in ((first, 0), (second, -1)))
    path = (Step(*step) for step in zip(shares.tolist(), drawn, ids.tolist(), distances.tolist(), strict=True))
    return Decoded(encoder.info.title, one, other, tuple(path))


def _decode(encoder: Encoder, latents: NDArray[np.float32]) -> Pixels:
    """(n, C, h, w) latents to (n, s, s, 3) pictures."""
    import torch

    drawn = encoder.decode(torch.from_numpy(latents)).clamp(0, 1).permute(0, 2, 3, 1)
    found: Pixels = (255 * drawn).round().to(torch.uint8).cpu().numpy()
    return found


def _vectors(
    encoder: Encoder, latents: NDArray[np.float32], embedding: str, finish: Finish | None
) -> NDArray[np.float32]:
    import torch

    plain = unfinished(embedding) if encoder.info.spatial else "flatten"
    vectors = embed(torch.from_numpy(latents), plain)
    return vectors if finish is None else finish(vectors)


def _reconstruction(picture: Pixels, drawn: Pixels) -> Reconstruction:
    error = np.abs(picture.astype(np.float32) - drawn.astype(np.float32)).mean(2) / 255
    return Reconstruction(picture, drawn, error)
