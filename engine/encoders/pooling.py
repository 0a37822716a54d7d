"""From latents (n, C, h, w) to vectors (n, d): how the positions of a latent are aggregated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.core.errors import BadParameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

WHITE, ROOT, AUGMENTED = "-white", "-sqrt", "-dba"  # name suffixes of embeddings with post-processed vectors
FINISHES = {  # post-processing after a pooling, and its suffix in the title
    "": "",
    ROOT: ", square root and centred",
    AUGMENTED: ", averaged with neighbours",
    f"{ROOT}{AUGMENTED}": ", square root and centred, averaged with neighbours",
    WHITE: ", PCA whitening",
    f"{WHITE}{AUGMENTED}": ", PCA whitening, averaged with neighbours",
}
_GEM_POWER = 3.0


@dataclass(frozen=True)
class Pooling:
    """A named embedding: `of` maps (n, C, h, w) latents to (n, d) vectors.

    `pooled`: whether d is C at any input size. `tunable`: whether a network can be fine-tuned through it.
    """

    name: str
    title: str
    help: str
    of: Callable[[Tensor], Tensor]
    pooled: bool = True
    tunable: bool = True


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
    # GeM has no gradient where a channel is 0
    "gem": Pooling("gem", "GeM pool", "Between average and max (generalised mean, p = 3).", _gem, tunable=False),
}


def embedding(name: str) -> Pooling:
    """The embedding of that name, post-processed or not; BadParameter if it does not exist."""
    plain = unfinished(name)
    finish = name.removeprefix(plain)
    if plain not in POOLINGS or finish not in FINISHES:
        after = ", ".join(filter(None, FINISHES))
        wanted = f"one of {', '.join(POOLINGS)}, or one of these with one of {after} after it"
        raise BadParameter("embedding", "a recipe", wanted, name)
    found = POOLINGS[plain]
    return found if plain == name else replace(found, name=name, title=f"{found.title}{FINISHES[finish]}")


def unfinished(name: str) -> str:
    """The plain embedding of the encoder, without any post-processing."""
    return next((plain for plain in POOLINGS if name == plain or name.startswith(f"{plain}-")), name)


def made_from(name: str) -> str:
    """The embedding that is post-processed under that name; the name itself if none is."""
    return name.removesuffix(AUGMENTED) if name.endswith(AUGMENTED) else unfinished(name)


def unaugmented(name: str) -> str:
    """The embedding without database augmentation, which blurs the fine differences between duplicates."""
    return name.removesuffix(AUGMENTED)


def pooling(name: str, spatial: bool) -> Callable[[Tensor], Tensor]:
    """The pooling function of an embedding; a no-op for latents without positions."""
    return embedding(name).of if spatial else _flatten


def embed(latents: Tensor, name: str) -> NDArray[np.float32]:
    """The (n, d) float32 vectors of (n, C, h, w) latents; without whitening, which needs a collection."""
    if name not in POOLINGS:
        raise BadParameter("embedding", "latents", "one of " + ", ".join(POOLINGS), name)
    vectors: NDArray[np.float32] = POOLINGS[name].of(latents.float()).contiguous().cpu().numpy()
    return vectors
