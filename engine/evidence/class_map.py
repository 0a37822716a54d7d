"""Where a class is seen in a picture: the contribution of each place to the class score of a network.

Zhou, Khosla, Lapedriza, Oliva, Torralba, "Learning deep features for discriminative localization" (CVPR 2016). With a
single layer over averaged features the map is no estimate: its places sum to the score, less the class's offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BenzerError
from engine.core.humanize import percent

_DIGITS = 9


@dataclass(frozen=True)
class Head:
    """The last layer of a classifying network: `weights` (k, c), `offsets` (k,) and the names of the k classes."""

    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    names: tuple[str, ...]


@dataclass(frozen=True)
class ClassMap:
    """A class in a picture.

    Attributes:
        encoder: the title of the network. name: of the class. probability: as the network sees the whole picture.
        score: before the softmax. offset: of the class, the part of the score that no place adds.
        places: (h, w) float64 what each place adds; they sum to score − offset.
    """

    encoder: str
    name: str
    probability: float
    score: float
    offset: float
    places: NDArray[np.float64]

    def sentence(self) -> str:
        """The class and how probable it is, which may be very little, and what the places sum to."""
        return (
            f"Of the classes that the words mean, “{self.name}” fits this picture best: {self.encoder} gives it a "
            f"probability of {percent(self.probability, 1)}. The places sum to {self.places.sum():.3f}: its "
            f"score {self.score:.3f} less the class's offset, {self.offset:.3f}."
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "places"}
        return {**plain, "places": self.places.round(_DIGITS).tolist()}


def class_map(encoder: str, latent: NDArray[np.float32], head: Head, wanted: NDArray[np.float32]) -> ClassMap:
    """The map of the most probable class of those wanted.

    Args:
        latent: (c, h, w) whose average over the places is classified. wanted: (k,) weights, 0 for other classes.

    Raises:
        BenzerError: no class is wanted.
    """
    if not wanted.any():
        raise BenzerError("None of these words names anything that pictures are recognised by.")
    rows = latent.astype(np.float64)
    scores = head.weights.astype(np.float64) @ rows.mean((1, 2)) + head.offsets
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    best = int(np.argmax(np.where(wanted > 0, wanted * chances, -1)))
    places = np.tensordot(head.weights[best].astype(np.float64), rows, 1) / rows[0].size
    offset = float(head.offsets[best])
    return ClassMap(encoder, head.names[best], float(chances[best]), float(scores[best]), offset, places)
