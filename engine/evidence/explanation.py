"""Why two pictures are near under a recipe: the evidence of each encoder in it, and their distance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.collections.images import row_among
from engine.core.distances import metric, normalised
from engine.core.errors import BenzerError, NoVectors
from engine.core.recipe import Recipe
from engine.encoders.combination import Combination
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import AUGMENTED, WHITE, embedding, unaugmented, unfinished
from engine.encoders.vectors.batches import embed_pictures, encode_latent
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import Finish, Vectors
from engine.evidence.evidence import Evidence, evidence
from engine.evidence.places import Places, places_of

Pixels: TypeAlias = NDArray[np.uint8]
_MEAN_OF = 2000  # vectors
_OF_ITSELF = "Averaged with neighbours, a vector also depends on other pictures: this explains the vectors before that."


@dataclass(frozen=True)
class Subject:
    """A picture to explain: `pixels` gives it stretched to a size; `id` is None for one outside the collection."""

    pixels: Callable[[int], Pixels]
    id: int | None = None


@dataclass(frozen=True)
class Explanation:
    """The distance of two pictures under a metric, and the evidence of each encoder for it.

    Under cosine, `beyond` is the evidence for what is left of the similarity when the mean vector of the collection is
    taken off both vectors: what any two pictures share is gone. `embedding` is the one explained, and `note` says why
    it is not that of the recipe, "" if it is.
    """

    metric: str
    embedding: str
    distance: float
    parts: tuple[Evidence, ...]
    note: str = ""
    beyond: tuple[Evidence, ...] = ()

    @property
    def total(self) -> float:
        """The sum over all places of all encoders: 1 − the cosine distance, or the squared Euclidean distance."""
        return sum(part.total for part in self.parts)

    def sentence(self) -> str:
        """What the maps sum to."""
        if self.metric == "cosine":
            told = f"The places sum to a similarity of {self.total:.4f}: a cosine distance of {self.distance:.4f}."
            left = sum(part.total for part in self.beyond)
            return f"{told} Less the mean vector of the collection, {left:.4f} of it is left." if self.beyond else told
        return f"The places sum to {self.total:.4f}, the square of the Euclidean distance {self.distance:.4f}."

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "metric": self.metric,
            "embedding": self.embedding,
            "distance": self.distance,
            "sum": self.total,
            "note": self.note,
            "encoders": [part.as_dict() for part in self.parts],
            "beyond": [part.as_dict() for part in self.beyond],
        }


def explained(recipe: Recipe) -> Recipe:
    """The recipe whose vectors are explained: without neighbours' vectors mixed in, by exact search."""
    return recipe.but(embedding=unaugmented(recipe.embedding), method="exact", options=())


def explain(encoder: Encoder, vectors: Vectors, recipe: Recipe, first: Subject, second: Subject) -> Explanation:
    """Why two pictures are as near as they are; `encoder` and `vectors` are those of the `explained` recipe.

    Raises:
        BenzerError: the encoder has no places, or they cannot be told apart. NoVectors: a picture without a vector.
    """
    name = unaugmented(recipe.embedding)
    encoders, shares = encoders_with_places(encoder, name)
    subjects = (first, second)
    found = [_vector(encoder, vectors, name, one) for one in subjects]
    distance = float(metric(recipe.metric).between(*found)[0, 0])
    targets = [_to_compare(one[0], recipe.metric) for one in found]
    places = [
        _places(encoders, name, vectors.finish, one, target) for one, target in zip(subjects, targets, strict=True)
    ]
    parts = tuple(
        evidence(one, other, recipe.metric, part.info.title, share)
        for one, other, part, share in zip(*places, encoders, shares, strict=True)
    )
    note = _OF_ITSELF if recipe.embedding.endswith(AUGMENTED) else ""
    beyond = _beyond(encoders, shares, places, _mean(vectors)) if recipe.metric == "cosine" else ()
    return Explanation(recipe.metric, embedding(name).name, distance, parts, note, beyond)


def _mean(vectors: Vectors) -> NDArray[np.float64]:
    """The (d,) mean of the vectors at length 1, of at most 2,000 of them, evenly spread."""
    step = max(1, -(-len(vectors.ids) // _MEAN_OF))
    return np.asarray(normalised(np.asarray(vectors.matrix[::step], np.float32)).mean(0, dtype=np.float64))


def _beyond(
    encoders: Sequence[Encoder], shares: Sequence[float], places: Sequence[Sequence[Places]], mean: NDArray[np.float64]
) -> tuple[Evidence, ...]:
    """The evidence of each encoder for the product of both vectors less the mean."""
    found, start = [], 0
    for encoder, share, one, other in zip(encoders, shares, *places, strict=True):
        block = mean[start : start + one.width]
        off = _as_parts(encoder, one, block) if one.apart else block
        found.append(evidence(one.less(off), other.less(off), "cosine", encoder.info.title, share))
        start += one.width
    return tuple(found)


def _as_parts(encoder: Encoder, places: Places, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vector made of separate places, as the parts of these."""
    return places.fitted_to(vector).parts if encoder.grid is None else encoder.placed(vector)


def encoders_with_places(encoder: Encoder, name: str) -> tuple[list[Encoder], list[float]]:
    """The encoders whose places are shown under an embedding, and their shares; BenzerError if there are none."""
    if isinstance(encoder, Combination):
        if name != unfinished(name):
            raise BenzerError(
                "After post-processing, the places of two combined encoders cannot be told apart.",
                way_out="Choose an embedding without it.",
            )
        for part in encoder.parts:
            if part.grid is None:
                _check_places(part)
        return list(encoder.parts), list(encoder.pair.shares)
    if encoder.grid is None:
        _check_places(encoder)
    elif WHITE in name.removeprefix(unfinished(name)):
        raise BenzerError(
            "After whitening, a value of the vector is a mixture of all places.",
            way_out="Choose an embedding without it.",
        )
    return [encoder], [1.0]


def _check_places(encoder: Encoder) -> None:
    if isinstance(encoder, Derived) or not encoder.info.spatial:
        raise BenzerError(
            f"{encoder.info.title} describes a picture as a whole: its vectors have no places to show.",
            way_out="Choose a network, or one of Models 1–4.",
        )


def _vector(encoder: Encoder, vectors: Vectors, name: str, subject: Subject) -> NDArray[np.float32]:
    """The (1, d) vector that a search compares: the stored one of a picture of the collection."""
    if subject.id is None:
        return embed_pictures(encoder, [subject.pixels], name, vectors.finish)
    row = row_among(vectors.ids, subject.id)
    if row is None:
        raise NoVectors(f"Picture {subject.id} has no vector yet.", way_out="Prepare the collection first.")
    return np.asarray(vectors.matrix[row : row + 1], np.float32)


def compared(encoder: Encoder, vectors: Vectors, recipe: Recipe, subject: Subject) -> NDArray[np.float64]:
    """The (d,) vector of a picture whose products are compared: of length 1 under cosine."""
    return _to_compare(_vector(encoder, vectors, unaugmented(recipe.embedding), subject)[0], recipe.metric)


def _to_compare(vector: NDArray[np.float32], metric: str) -> NDArray[np.float64]:
    """The (d,) vector whose products are compared: of length 1 under cosine."""
    found = vector.astype(np.float64)
    length = float(np.linalg.norm(found))
    return found / length if metric == "cosine" and length else found


def _places(
    encoders: Sequence[Encoder], name: str, finish: Finish | None, subject: Subject, target: NDArray[np.float64]
) -> list[Places]:
    """The places of one picture for each encoder, fitted to their blocks of the vector."""
    found, start = [], 0
    for encoder in encoders:
        if encoder.grid is not None:
            width = len(target) if len(encoders) == 1 else encode_latent(encoder, subject.pixels).size
            found.append(Places(encoder.grid, encoder.placed(target[start : start + width]), apart=True))
        else:
            places = places_of(encode_latent(encoder, subject.pixels), name, finish)
            found.append(places.fitted_to(target[start : start + places.width]))
        start += found[-1].width
    return found
