"""The objective of a classifier: predict the class of an item from vectors of its picture and its text.

The vectors are frozen; only a head of a few layers is trained, so a training takes seconds. To train the encoders as
well, `fine_tuned.py` puts them before the head. Each training also trains a head for the picture alone and one for the
text alone, which the fusion does not affect (see `models.fusion`). A late fusion combines two trainings, one for each
side, each with the best of its own epochs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.classification.training.config import ClassifierConfig
from engine.core.device import Device
from engine.encoders.examples.examples import Examples, Features
from engine.training.objective import Epoch
from engine.training.objectives.body import seeded
from engine.training.pictures import Rows, shuffled
from models.fusion import ExampleBatch, Fusion

_SETTLED_ON = 4096  # items that tell the means and sizes of vectors


class Classifying:
    """A classifier as an objective of the training loop (see `objective.Objective`); batches are `ExampleBatch`s."""

    def __init__(self, config: ClassifierConfig, items: Examples, learning: Rows, device: Device) -> None:
        self.config = config
        head = Fusion(items.spec(config.fusion, config.dropout)).initialise(config.seed)
        self.head = head.to(device.name)
        self.network: nn.Module = self.head
        self.source: Any = Features(items, device.name)
        few = learning[:: -(-len(learning) // _SETTLED_ON)]
        self.head.settle(Features(items, device.name).take(few))
        self.codes = torch.from_numpy(items.codes).to(device.name)

    @property
    def groups(self) -> list[dict[str, Any]]:
        """The optimizer's parameter groups, each with its share of the rate."""
        return [{"params": list(self.network.parameters()), "share": 1.0}]

    def weights(self) -> dict[str, Tensor]:
        return self.head.state_dict()

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Take what `weights` gave."""
        self.head.load_state_dict(weights)

    def pair(self, batch: Any) -> ExampleBatch:
        """The head's input for a batch of the source."""
        found: ExampleBatch = batch
        return found

    def begin_epoch(self, number: int, pictures: Any, learning: Rows, check: Callable[[], None]) -> Epoch:
        """Every row once, in an order of this epoch's own."""
        return Epoch(shuffled(learning, self.config.seed, number))

    def loss(self, pictures: Any, generator: torch.Generator, rows: Rows) -> Tensor:
        """Mean cross entropy of the fusion, with some pictures and some texts left out on request.

        Its gradient is also that of the two heads that see one side alone.
        """
        pair = self.pair(pictures)
        if self.config.missing:
            drawn = torch.rand(len(rows), generator=generator).to(self.codes.device)
            no_picture, no_text = drawn < self.config.missing, drawn > 1 - self.config.missing
            pair = pair.without(picture=no_picture & pair.has_text, text=no_text & pair.has_picture)
        with seeded(generator):
            predicted, codes = self.head.predictions(pair), self._codes(rows)
        alone = [
            functional.cross_entropy(one, codes)
            for one in predicted[:2]
            if one is not None and one is not predicted.fused
        ]
        learned_beside = sum(loss - loss.detach() for loss in alone)  # a gradient, and nothing in the loss told
        return functional.cross_entropy(predicted.fused, codes) + learned_beside

    def measures(self, pictures: Any, generator: torch.Generator, rows: Rows) -> dict[str, Tensor]:
        """The loss that is trained on, and the share of items whose class is predicted correctly: "accuracy"."""
        predicted, codes = self.head(self.pair(pictures)), self._codes(rows)
        right = (predicted.argmax(1) == codes).float().mean()
        return {"loss": functional.cross_entropy(predicted, codes), "accuracy": right}

    def vectors(self, pictures: Any) -> Tensor:
        """(n, h) the hidden vectors from which the class is predicted."""
        return self.head.hidden(self.pair(pictures))

    def reconstructed(self, pictures: Any) -> None:
        """Nothing: there is no decoder."""

    def _codes(self, rows: Rows) -> Tensor:
        return self.codes[torch.from_numpy(rows).to(self.codes.device)]
