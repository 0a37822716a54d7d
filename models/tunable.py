"""Picture and text encoders as networks trained jointly with the head of a classifier.

Batch normalisation keeps its pretrained statistics, which those of small batches would spoil, and dropout inside the
encoders stays off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, nn

from models.bert import Bert
from models.fusion import ExampleBatch, Fusion

PICTURE, TEXT = "encoders.picture.", "encoders.text."  # prefixes of the encoders' weights beside the head's

Latents = Callable[[nn.Module, Tensor], Tensor]
Pooling = Callable[[Tensor], Tensor]


class TrainableImageEncoder(nn.Module):
    """(n, 3, s, s) pictures in [0, 1] to (n, p) vectors: a network, its latents (n, C, h, w), and their pooling."""

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        latents: Latents,
        pooling: Pooling,
        mean: tuple[float, float, float] = (0.0, 0.0, 0.0),
        std: tuple[float, float, float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        self.network, self.latents, self.pooling = network.requires_grad_(True), latents, pooling
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.pooling(self.latents(self.network, (pictures - self.mean) / self.std).float())


class TrainableTextEncoder(nn.Module):
    """Word piece ids (n, t) and their mask to (n, d) vectors of texts, (n, t − 2, d) and (n, t − 2).

    The last two are the word vectors, without the two special tokens around a text, and their mask.
    """

    def __init__(self, network: Bert, first: bool) -> None:
        super().__init__()
        self.network, self.first = network.requires_grad_(True), first

    def forward(self, pieces: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = self.network(pieces, there).float()
        share = there[:, :, None].float()
        whole = found[:, 0] if self.first else (found * share).sum(1) / share.sum(1)
        return whole, found[:, 1:-1], there[:, 2:]


class FineTuned(nn.Module):
    """A head and the encoders trained with it; None for an encoder whose vectors are frozen."""

    def __init__(self, head: Fusion, picture: TrainableImageEncoder | None, text: TrainableTextEncoder | None) -> None:
        super().__init__()
        self.head, self.picture, self.text = head, picture, text

    @property
    def encoders(self) -> dict[str, TrainableImageEncoder | TrainableTextEncoder]:
        """The trained encoders by the prefix of their weights."""
        both = {PICTURE: self.picture, TEXT: self.text}
        return {name: encoder for name, encoder in both.items() if encoder is not None}

    def train(self, mode: bool = True) -> Self:
        """Only the head is ever in training mode."""
        super().train(mode)
        for encoder in self.encoders.values():
            encoder.eval()
        return self

    def seen(
        self, pair: ExampleBatch, pictures: Tensor | None, pieces: Tensor | None, there: Tensor | None
    ) -> ExampleBatch:
        """The batch with the vectors of these encoders."""
        if self.picture is not None and pictures is not None:
            pair = replace(pair, picture=self.picture(pictures))
        if self.text is not None and pieces is not None:
            whole, words, words_there = self.text(pieces, there)
            pair = replace(pair, text=whole, words=words, there=words_there)
        return pair

    def weights(self) -> dict[str, Tensor]:
        """All weights: the head's under their own names, the encoders' behind PICTURE and TEXT; no step counters."""
        found = dict(self.head.state_dict())
        for prefix, encoder in self.encoders.items():
            own = encoder.network.state_dict()
            found |= {prefix + name: value for name, value in own.items() if not name.endswith(_COUNTER)}
        return found

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Load the result of `weights`."""
        head, *others = parted(weights)
        self.head.load_state_dict(head)
        for encoder, own in zip((self.picture, self.text), others, strict=True):
            if encoder is not None:
                encoder.network.load_state_dict(encoder.network.state_dict() | own)


_COUNTER = ".num_batches_tracked"


def parted(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The weights of the head, the picture encoder and the text encoder; empty for an encoder that was not trained."""
    picture, text = (
        {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        for prefix in (PICTURE, TEXT)
    )
    head = {name: value for name, value in weights.items() if not name.startswith((PICTURE, TEXT))}
    return head, picture, text
