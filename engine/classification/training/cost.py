"""How long fine-tuning will take, from a few measured batches on made-up pictures and texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from engine.classification.training.config import ClassifierConfig
from engine.classification.training.fine_tuned import FineTunable, FineTuning
from engine.classification.training.objective import Classifying
from engine.core.device import Device, device
from engine.core.stopwatch import median_seconds
from engine.encoders.examples.examples import Examples
from engine.training.pictures import Rows, stream
from models.tunable import TrainableImageEncoder, TrainableTextEncoder

_ITEMS = 32  # in a batch of vectors
_FEW = 8  # in one that encoders learn from: enough to run at nearly full speed
_TIMED = 2  # batches, after one to warm up
_WIDTH = 512  # of made-up vectors
_PIECES = 16  # of a made-up text


@dataclass(frozen=True)
class Speed:
    """Seconds per item in training: of the head alone, and the additional time of each fine-tuned encoder.

    Attributes:
        head: over stored vectors. picture, text: added if that encoder is fine-tuned; 0 if it cannot be.
        look: the share of these that a held-out item takes.
    """

    head: float
    picture: float = 0.0
    text: float = 0.0
    look: float = 0.4

    def of(self, config: ClassifierConfig, items: int) -> float:
        """Seconds of one training over this many items, held-out ones included, in all epochs."""
        encoders = sum(getattr(self, side) for side in config.tuned)
        heads = 2 if config.fusion == "late" else 1
        learning = 1 - config.validation + config.validation * self.look
        return items * config.epochs * learning * (heads * self.head + encoders)


def speed(
    picture: TrainableImageEncoder | None = None, text: TrainableTextEncoder | None = None, size: int = 224
) -> Speed:
    """Time a few batches with these encoders on this computer; takes a few seconds and stores nothing.

    Args:
        size: of the pictures in pixels.
    """
    where, items = device(), _items(_width(picture, size), text.network.spec.width if text else _WIDTH)
    own = _tunable(picture, text, size)
    alone = Classifying(ClassifierConfig(fusion="early"), items, items.ids, where)
    few = _seconds(alone, _FEW, where)
    more = {
        side: max(0.0, _seconds(_tuning(side, items, own, where), _FEW, where) - few)
        for side, network in (("picture", picture), ("text", text))
        if network is not None
    }
    return Speed(_seconds(alone, _ITEMS, where), **more)


def _tuning(side: str, items: Examples, own: FineTunable, where: Device) -> FineTuning:
    return FineTuning(ClassifierConfig(fusion="early", fine_tune=side), items, items.ids, where, own)


@torch.inference_mode()
def _width(picture: TrainableImageEncoder | None, size: int) -> int:
    """Of the vectors of pictures."""
    return _WIDTH if picture is None else int(picture(torch.zeros(1, 3, size, size)).shape[1])


def _items(picture: int, text: int) -> Examples:
    random = np.random.default_rng(0)
    lengths = np.full(_ITEMS, _PIECES - 2)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    shapes = ((_ITEMS, picture), (_ITEMS, text), (int(starts[-1]), text))
    seen, read, words = (random.normal(size=shape).astype(np.float32) for shape in shapes)
    there, ids = np.ones(_ITEMS, bool), np.arange(_ITEMS)
    return Examples(ids, seen, read, words, starts, there, there, ids % 2, ("a", "b"))


def _tunable(picture: TrainableImageEncoder | None, text: TrainableTextEncoder | None, size: int) -> FineTunable:
    pixels = np.random.default_rng(0).integers(0, 256, (_ITEMS, size, size, 3), dtype=np.uint8)
    pieces: Sequence[Sequence[int]] = [range(1, _PIECES + 1)] * _ITEMS
    return FineTunable(picture, text, pixels, np.arange(_ITEMS), pieces)


def _seconds(objective: Classifying, count: int, where: Device) -> float:
    """Of one item in a step: forward, backward, and the optimizer; at a rate of 0, so that nothing can diverge."""
    optimizer = torch.optim.Adam(objective.network.parameters(), lr=0.0, fused=True)
    rows: Rows = np.arange(count)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        objective.loss(objective.source.take(rows), stream(0), rows).backward()
        optimizer.step()
        if where.name == "cuda":
            torch.cuda.synchronize()

    return median_seconds(step, _TIMED) / count
