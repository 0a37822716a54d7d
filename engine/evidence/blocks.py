"""Which encoders a vector is made by, side by side, and which of them have places to show."""

from __future__ import annotations

from dataclasses import dataclass, replace

from engine.core.errors import BenzerError
from engine.encoders.combination import Combination
from engine.encoders.encoder import Encoder
from engine.encoders.side_by_side import SideBySide, pooling_of
from engine.encoders.vectors.derived import Derived
from engine.encoders.vectors.store import Finish


@dataclass(frozen=True)
class Block:
    """A run of values of a vector.

    Attributes:
        encoder: that made it. share: its weight in the similarity, from 0 to 1.
        embedding, finish: what makes the block of a latent, before it is scaled by its share. A post-processing of all
            blocks together is not among it.
        width: the number of values, where that is known without a picture.
    """

    encoder: Encoder
    share: float = 1.0
    embedding: str = ""
    finish: Finish | None = None
    width: int | None = None

    @property
    def whole(self) -> bool:
        """Whether the encoder describes a picture as a whole: there are no places to show."""
        return self.encoder.grid is None and (isinstance(self.encoder, Derived) or not self.encoder.info.spatial)


def blocks_of(encoder: Encoder, name: str, finish: Finish | None = None) -> list[Block]:
    """The blocks of the vectors of an encoder under an embedding, whose post-processing is `finish`.

    Raises:
        BenzerError: none of the encoders has places.
    """
    found = _blocks(encoder, name, finish)
    if all(block.whole for block in found):
        raise BenzerError(
            f"{encoder.info.title} describes a picture as a whole: its vectors have no places to show.",
            way_out="Choose a network, or one of Models 1–4.",
        )
    return found


def _blocks(encoder: Encoder, name: str, finish: Finish | None) -> list[Block]:
    if isinstance(encoder, Combination):
        pairs = zip(encoder.parts, encoder.pair.shares, strict=True)
        return [
            replace(block, share=share * block.share) for part, share in pairs for block in _blocks(part, name, None)
        ]
    if isinstance(encoder, SideBySide):
        return _compressed(encoder)
    return [Block(encoder, 1.0, name, finish if encoder.grid is None else None)]


def _compressed(encoder: SideBySide) -> list[Block]:
    """Its parts, each compressed; before they are fitted to a collection nothing is known of the compressions."""
    share = 1 / len(encoder.parts)
    if encoder.fitted is None:
        return [Block(part, share, pooling_of(part)) for part in encoder.parts]
    fitted = zip(encoder.parts, encoder.fitted.compressions, strict=True)
    return [Block(part, share, pooling_of(part), made, len(made.components)) for part, made in fitted]
