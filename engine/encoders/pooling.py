"""From latents (n, C, h, w) to vectors (n, d): how the positions of a latent are brought together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.core.errors import BadParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

WHITE = "-white"  # ends the name of an embedding whose vectors are whitened after it
_GEM_POWER = 3.0


@dataclass(frozen=True)
class Pooling:
    """A named embedding: `of` maps (n, C, h, w) latents to (n, d) vectors; `pooled` when d is C at any input size."""

    name: str
    title: str
    help: str
    of: Callable[[Tensor], Tensor]
    pooled: bool = True


def _flatten(latents: Tensor) -> Tensor:
    return latents.flatten(1)  # (n, C·h·w), channel by channel


def _max(latents: Tensor) -> Tensor:
    return latents.amax((2, 3))  # (n, C)


def _avg(latents: Tensor) -> Tensor:
    return latents.mean((2, 3))  # (n, C)


def _gem(latents: Tensor) -> Tensor:
    """Source: Radenović et al., "Fine-tuning CNN image retrieval with no human annotation", 2018; p = 3."""
    return latents.clamp(min=0).pow(_GEM_POWER).mean((2, 3)).pow(1 / _GEM_POWER)  # (n, C)


POOLINGS: dict[str, Pooling] = {
    "max": Pooling("max", "Max pool", "The largest value of each channel: what is there, wherever it is.", _max),
    "flatten": Pooling("flatten", "Flatten", "All values: what is there, and where.", _flatten, pooled=False),
    "avg": Pooling("avg", "Average pool", "The mean of each channel.", _avg),
    "gem": Pooling("gem", "GeM pool", "Between average and max (generalised mean, p = 3).", _gem),
}


def embedding(name: str) -> Pooling:
    """The embedding of that name, whitened or not; BadParameter when there is none."""
    plain = unwhitened(name)
    if plain not in POOLINGS:
        offered = ", ".join(POOLINGS)
        raise BadParameter("embedding", "a recipe", f"one of {offered}, or one of these with {WHITE} after it", name)
    found = POOLINGS[plain]
    return found if plain == name else replace(found, name=name, title=f"{found.title}, whitened")


def unwhitened(name: str) -> str:
    """The embedding whose vectors are whitened under that name; the name itself where nothing is whitened."""
    return name.removesuffix(WHITE)


def pooling(name: str, spatial: bool) -> Callable[[Tensor], Tensor]:
    """What brings latents together under an embedding; where there are no positions, there is nothing to do."""
    return embedding(name).of if spatial else _flatten


def embed(latents: Tensor, name: str) -> NDArray[np.float32]:
    """The (n, d) float32 vectors of (n, C, h, w) latents; whitening is no part of it, for it needs a collection."""
    if name not in POOLINGS:
        raise BadParameter("embedding", "latents", "one of " + ", ".join(POOLINGS), name)
    vectors: NDArray[np.float32] = POOLINGS[name].of(latents.float()).contiguous().cpu().numpy()
    return vectors
