"""Fine-tuning: the encoder of pictures, of texts, or both are trained together with the head of a classifier.

The encoders start from their own weights and learn at a smaller rate, so that what they learned from other pictures and
texts is adapted and not overwritten (discriminative rates). Pictures are mirrored and cropped at random in training.
Before that the head is trained alone, over frozen vectors. The heads for one side alone also train the encoder of their
side, so that a fusion cannot rely on the easier side only.

Sources: Howard and Ruder, "Universal language model fine-tuning for text classification", 2018 (discriminative rates);
Kumar et al., "Fine-tuning can distort pretrained features and underperform out-of-distribution", 2022 (head first).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.classification.training.config import ClassifierConfig
from engine.classification.training.objective import Classifying
from engine.core.device import Device
from engine.encoders.examples.examples import Examples, Features
from engine.training.augment import cut, mirrored
from engine.training.pictures import Rows
from models.fusion import ExampleBatch
from models.tunable import FineTuned, TrainableImageEncoder, TrainableTextEncoder

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class FineTunable:
    """Encoders to fine-tune, with their initial weights, and their input for n items.

    Attributes:
        picture, text: the networks; None for a frozen one. They are copied before training.
        pixels: (m, s, s, 3) uint8, decoded; may be a memory map. places: (n,) the row of each item's picture there,
            −1 for none. pieces: the n texts as ids of word pieces, between the two special tokens.
    """

    picture: TrainableImageEncoder | None = None
    text: TrainableTextEncoder | None = None
    pixels: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 1, 1, 3), np.uint8))
    places: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    pieces: Sequence[Sequence[int]] = ()

    def fresh(self, config: ClassifierConfig, head: Any) -> FineTuned:
        """Copies of the networks that the config fine-tunes, with a head."""
        sides = config.tuned
        picture = copy.deepcopy(self.picture) if "picture" in sides else None
        return FineTuned(head, picture, copy.deepcopy(self.text) if "text" in sides else None)


@dataclass(frozen=True)
class RawBatch:
    """A batch of items: their vectors, and the input of the fine-tuned encoders.

    Attributes:
        pictures: (b, 3, s, s) float32 in [0, 1], channels_last. pieces: (b, t) ids; there: (b, t) the mask of real
            ones. None for a frozen side.
    """

    pair: ExampleBatch
    pictures: Tensor | None
    pieces: Tensor | None
    there: Tensor | None


class RawExamples:
    """Items, handed out as batches of vectors, pictures and word pieces on a torch device."""

    def __init__(self, items: Examples, tunable: FineTunable, sides: Sequence[str], device: str) -> None:
        self.features, self.tunable, self.sides, self.device = Features(items, device), tunable, sides, device

    def take(self, rows: Rows) -> RawBatch:
        """The items of (b,) rows."""
        pictures = self._pictures(rows) if "picture" in self.sides else None
        pieces, there = self._pieces(rows) if "text" in self.sides else (None, None)
        return RawBatch(self.features.take(rows), pictures, pieces, there)

    def _pictures(self, rows: Rows) -> Tensor:
        """Black ones where there are none."""
        places = self.tunable.places[rows]
        found = np.zeros((len(rows), *self.tunable.pixels.shape[1:]), np.uint8)
        found[places >= 0] = self.tunable.pixels[places[places >= 0]]
        return torch.from_numpy(found).to(self.device).permute(0, 3, 1, 2).float().div_(255)

    def _pieces(self, rows: Rows) -> tuple[Tensor, Tensor]:
        texts = [self.tunable.pieces[row] for row in rows.tolist()]
        lengths = np.array([len(text) for text in texts])
        there = np.arange(lengths.max()) < lengths[:, None]
        numbers = np.zeros(there.shape, np.int64)
        numbers[there] = np.concatenate([np.asarray(text, np.int64) for text in texts])
        return torch.from_numpy(numbers).to(self.device), torch.from_numpy(there).to(self.device)


class FineTuning(Classifying):
    """A classifier fine-tuned with its encoders, as an objective of the loop; batches are `RawBatch`es."""

    def __init__(
        self, config: ClassifierConfig, items: Examples, learning: Rows, device: Device, tunable: FineTunable
    ) -> None:
        super().__init__(config, items, learning, device)
        self.device = device
        whole = tunable.fresh(config, self.head).to(device.name)
        self.network: FineTuned = whole.to(memory_format=torch.channels_last)
        self.source = RawExamples(items, tunable, config.tuned, device.name)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's groups: the head at the config's rate, the encoders at their share of it."""
        encoders: list[nn.Parameter] = [
            weight for encoder in self.network.encoders.values() for weight in encoder.parameters()
        ]
        share = self.config.encoder_rate / self.config.rate
        return [{"params": list(self.head.parameters()), "share": 1.0}, {"params": encoders, "share": share}]

    def weights(self) -> dict[str, Tensor]:
        return self.network.weights()

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        self.network.restore(weights)

    def loss(self, pictures: RawBatch, generator: torch.Generator, rows: Rows) -> Tensor:
        """As for a classifier, from augmented pictures."""
        if pictures.pictures is not None and self.config.augment:
            views = cut(mirrored(pictures.pictures, generator), generator)
            pictures = replace(pictures, pictures=views.contiguous(memory_format=torch.channels_last))
        return super().loss(pictures, generator, rows)

    def pair(self, batch: RawBatch) -> ExampleBatch:
        """The head's input for a batch: vectors of the encoders in their current state."""
        with torch.autocast(self.device.name, dtype=self.device.dtype, enabled=self.device.reduced):
            return self.network.seen(batch.pair, batch.pictures, batch.pieces, batch.there)
