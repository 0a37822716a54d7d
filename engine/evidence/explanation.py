"""Why two pictures are near under a recipe: the evidence of each encoder in it, and their distance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.collections.images import row_among
from engine.core.distances import metric, normalised
from engine.core.errors import NoVectors
from engine.core.humanize import percent
from engine.core.recipe import Recipe
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import AUGMENTED, embedding, unaugmented, unfinished
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.store import Vectors
from engine.encoders.vectors.whitening import Whitening
from engine.evidence.block_places import Pixels, Vector, block_places, less_mean
from engine.evidence.blocks import Block, blocks_of
from engine.evidence.evidence import Evidence, evidence
from engine.evidence.places import Places

_MEAN_OF = 2000  # vectors
_OF_ITSELF = "Averaged with neighbours, a vector also depends on other pictures: this explains the vectors before that."
_MIXED = (
    "After whitening each value is a sum over all encoders: the maps also hold what the places of one match in the "
    "other, which the lines do not show."
)


@dataclass(frozen=True)
class Subject:
    """A picture to explain: `pixels` gives it stretched to a size; `id` is None for one outside the collection."""

    pixels: Pixels
    id: int | None = None


@dataclass(frozen=True)
class Explanation:
    """The distance of two pictures under a metric, and the evidence of each encoder for it.

    Under cosine, `beyond` is the evidence for what is left of the similarity when the mean vector of the collection is
    taken off both vectors: what any two pictures share is gone; of centred vectors, which share nothing, there is none.
    `embedding` is the one explained, and `note` says why it is not that of the recipe, "" if it is.
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

    @property
    def wholes(self) -> tuple[Evidence, ...]:
        """The parts of encoders that describe a picture as a whole."""
        return tuple(part for part in self.parts if part.whole)

    @property
    def maps(self) -> tuple[Evidence, ...]:
        """What can be drawn: the parts with places, then these less the mean."""
        return tuple(part for part in (*self.parts, *self.beyond) if not part.whole)

    def sentence(self) -> str:
        """What the maps sum to, and what is added by encoders that describe a picture as a whole."""
        score = f"{self.total:.4f}, the square of the Euclidean distance {self.distance:.4f}."
        if self.metric == "cosine":
            score = f"a similarity of {self.total:.4f}: a cosine distance of {self.distance:.4f}."
        told = f"The places sum to {score}"
        if self.wholes:
            placed = sum(part.total for part in self.parts if not part.whole)
            told = f"The places sum to {placed:.4f}; {self._added()}. Together that is {score}"
        left = sum(part.total for part in self.beyond)
        return f"{told} Less the mean vector of the collection, {left:.4f} of it is left." if self.beyond else told

    def _added(self) -> str:
        """What encoders that describe a picture as a whole add, as a share of the score where it has shares."""
        names = [part.title for part in self.wholes]
        amount = sum(part.total for part in self.wholes)
        share = f" ({percent(amount / self.total)})" if 0 <= amount <= self.total and self.total else ""
        if len(names) == 1:
            return f"{names[0]}, which describes a picture as a whole, adds {amount:.4f}{share}"
        return f"{', '.join(names[:-1])} and {names[-1]}, which describe a picture as a whole, add {amount:.4f}{share}"

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


def explain(
    encoder: Encoder, vectors: Vectors, recipe: Recipe, first: Subject, second: Subject, plain: Vectors | None = None
) -> Explanation:
    """Why two pictures are as near as they are; `encoder` and `vectors` are those of the `explained` recipe.

    Args:
        plain: the vectors before any post-processing; needed for whitened ones of several encoders or of places.

    Raises:
        BenzerError: the encoder has no places. NoVectors: a picture without a vector.
    """
    name, subjects = unaugmented(recipe.embedding), (first, second)
    blocks = blocks_of(encoder, name, vectors.finish)
    together = None if blocks[0].finish is vectors.finish else vectors.finish
    found = [_vector(encoder, vectors, name, one) for one in subjects]
    distance = float(metric(recipe.metric).between(*found)[0, 0])
    targets = [_to_compare(one[0], recipe.metric) for one in found]
    mixed = isinstance(together, Whitening)
    before = [_before(encoder, plain, name, one) if mixed else None for one in subjects]
    places = [
        block_places(blocks, one.pixels, target, together, own)
        for one, target, own in zip(subjects, targets, before, strict=True)
    ]
    centred = name != unfinished(name)  # every finish centres, so that the mean has been taken off already
    beyond = _beyond(blocks, places, _mean(vectors)) if recipe.metric == "cosine" and not centred else ()
    parts = _evidence(blocks, places, recipe.metric, (targets[0], targets[1]) if mixed else None)
    note = _note(recipe, mixed and len(blocks) > 1)
    return Explanation(recipe.metric, embedding(name).name, distance, parts, note, beyond)


def _before(encoder: Encoder, plain: Vectors | None, name: str, subject: Subject) -> Vector:
    """The vector of length 1 that was whitened."""
    if plain is None:
        raise NoVectors("The vectors before the whitening are missing.", way_out="Prepare the collection again.")
    return _to_compare(_vector(encoder, plain, unfinished(name), subject)[0], "cosine")


def _note(recipe: Recipe, mixed: bool) -> str:
    of_itself = _OF_ITSELF if recipe.embedding.endswith(AUGMENTED) else ""
    return " ".join(filter(None, [of_itself, _MIXED if mixed else ""]))


def _evidence(
    blocks: Sequence[Block],
    places: Sequence[Sequence[Places]],
    metric: str,
    whole: tuple[Vector, Vector] | None = None,
) -> tuple[Evidence, ...]:
    """The evidence of each block, given its places in both pictures; `whole` are the vectors that blocks share."""
    found = zip(blocks, *places, strict=True)
    return tuple(
        replace(evidence(one, other, metric, block.encoder.info.title, block.share, whole), whole=block.whole)
        for block, one, other in found
    )


def _mean(vectors: Vectors) -> Vector:
    """The (d,) mean of the vectors at length 1, of at most 2,000 of them, evenly spread."""
    step = max(1, -(-len(vectors.ids) // _MEAN_OF))
    return np.asarray(normalised(np.asarray(vectors.matrix[::step], np.float32)).mean(0, dtype=np.float64))


def _beyond(blocks: Sequence[Block], places: Sequence[Sequence[Places]], mean: Vector) -> tuple[Evidence, ...]:
    """The evidence of each block for the product of both vectors less the mean."""
    less = [[less_mean(block, one, own) for block, one, own in _with_values(blocks, side, mean)] for side in places]
    return _evidence(blocks, less, "cosine")


def _with_values(
    blocks: Sequence[Block], places: Sequence[Places], vector: Vector
) -> Iterator[tuple[Block, Places, Vector]]:
    """Each block with its places, and its values of a vector."""
    ends = np.cumsum([one.width for one in places])
    yield from zip(blocks, places, np.split(vector, ends[:-1]), strict=True)


def _vector(encoder: Encoder, vectors: Vectors, name: str, subject: Subject) -> NDArray[np.float32]:
    """The (1, d) vector that a search compares: the stored one of a picture of the collection."""
    if subject.id is None:
        return embed_pictures(encoder, [subject.pixels], name, vectors.finish)
    row = row_among(vectors.ids, subject.id)
    if row is None:
        raise NoVectors(f"Picture {subject.id} has no vector yet.", way_out="Prepare the collection first.")
    return np.asarray(vectors.matrix[row : row + 1], np.float32)


def compared(encoder: Encoder, vectors: Vectors, recipe: Recipe, subject: Subject) -> Vector:
    """The (d,) vector of a picture whose products are compared: of length 1 under cosine."""
    return _to_compare(_vector(encoder, vectors, unaugmented(recipe.embedding), subject)[0], recipe.metric)


def _to_compare(vector: NDArray[np.float32], metric: str) -> Vector:
    """The (d,) vector whose products are compared: of length 1 under cosine."""
    found = vector.astype(np.float64)
    length = float(np.linalg.norm(found))
    return found / length if metric == "cosine" and length else found
