"""Encoders of pictures and texts as networks that learn together with the head of a classifier.

They are trained gently: batch normalisation keeps the statistics that it came with, for those of a few pictures would
spoil them, and nothing inside of an encoder is dropped at random.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, nn

from models.bert import Bert
from models.fusion import ExampleBatch, Fusion

PICTURE, TEXT = "encoders.picture.", "encoders.text."  # begin the names of the encoders' weights beside a head's

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
    """Numbers of word pieces (n, t) and where there are any, to (n, d) vectors of texts, (n, t − 2, d) and (n, t − 2).

    The last two are the vectors of the words, without the two marks around a text, and which of them are there.
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
    """A head and the encoders that are trained with it; None for one whose vectors stay as they are."""

    def __init__(self, head: Fusion, picture: TrainableImageEncoder | None, text: TrainableTextEncoder | None) -> None:
        super().__init__()
        self.head, self.picture, self.text = head, picture, text

    @property
    def encoders(self) -> dict[str, TrainableImageEncoder | TrainableTextEncoder]:
        """Those that learn, by what the names of their weights begin with."""
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
        """The pair with the vectors that these encoders give."""
        if self.picture is not None and pictures is not None:
            pair = replace(pair, picture=self.picture(pictures))
        if self.text is not None and pieces is not None:
            whole, words, words_there = self.text(pieces, there)
            pair = replace(pair, text=whole, words=words, there=words_there)
        return pair

    def weights(self) -> dict[str, Tensor]:
        """The head's by their own names, the encoders' after PICTURE and TEXT, without counters of steps."""
        found = dict(self.head.state_dict())
        for prefix, encoder in self.encoders.items():
            own = encoder.network.state_dict()
            found |= {prefix + name: value for name, value in own.items() if not name.endswith(_COUNTER)}
        return found

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Take what `weights` gave."""
        head, *others = parted(weights)
        self.head.load_state_dict(head)
        for encoder, own in zip((self.picture, self.text), others, strict=True):
            if encoder is not None:
                encoder.network.load_state_dict(encoder.network.state_dict() | own)


_COUNTER = ".num_batches_tracked"


def parted(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The weights of a head, of an encoder of pictures and of one of texts; nothing for one that did not learn."""
    picture, text = (
        {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        for prefix in (PICTURE, TEXT)
    )
    head = {name: value for name, value in weights.items() if not name.startswith((PICTURE, TEXT))}
    return head, picture, text
