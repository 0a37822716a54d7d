"""Classification of items by picture and text: each alone, and fused in three ways.

    early           the two vectors concatenated, then a perceptron
    intermediate    the picture attends to the words: multi-head cross-attention in 256 dimensions
    late            one model for each, and a weighted average of their predictions

Every network also has a picture-only and a text-only head, which share no weights with the fusion, so that the
prediction of each is known for every item. A learned vector replaces a missing picture or text (it starts as the mean
of all and only learns if the training drops some).

Source for attention: Vaswani et al., "Attention is all you need", 2017.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.specs import FusionSpec

HIDDEN = 256
HEADS = 4


@dataclass(frozen=True)
class ExampleBatch:
    """Pictures and texts of n items.

    Attributes:
        picture: (n, p). text: (n, d). words: (n, t, w) the vectors of each text's words. there: (n, t) which of them
            are there. has_picture, has_text: (n,) bool.
    """

    picture: Tensor
    text: Tensor
    words: Tensor
    there: Tensor
    has_picture: Tensor
    has_text: Tensor

    def __len__(self) -> int:
        return len(self.picture)

    def without(self, *, picture: Tensor | None = None, text: Tensor | None = None) -> ExampleBatch:
        """A copy without the pictures and the texts marked in two (n,) bool arrays."""
        has_picture = self.has_picture if picture is None else self.has_picture & ~picture
        has_text = self.has_text if text is None else self.has_text & ~text
        return replace(self, has_picture=has_picture, has_text=has_text)


class Predictions(NamedTuple):
    """(n, c) logits of the picture-only and text-only heads (None if absent) and of the fusion.

    The logits of a late fusion are the logarithms of its weighted average.
    """

    picture: Tensor | None
    text: Tensor | None
    fused: Tensor


class Fusion(nn.Module):
    """An `ExampleBatch` to (n, c) logits; `predictions`: all three; `hidden`: the (n, h) vector before them."""

    weight: Tensor

    def __init__(self, spec: FusionSpec) -> None:
        super().__init__()
        self.spec = spec
        self.scale_picture, self.scale_text = Scale(spec.picture), Scale(spec.text)
        self.scale_words = Scale(spec.words)
        if spec.fusion != "text":
            self.picture = Head(spec.picture, spec.classes, spec.dropout)
        if spec.fusion != "picture":
            self.text = Head(spec.text, spec.classes, spec.dropout)
        if spec.fusion == "early":
            self.fused: Early | Intermediate = Early(spec)
        elif spec.fusion == "intermediate":
            self.fused = Intermediate(spec)
        self.register_buffer("weight", torch.tensor(0.5))  # text weight of a late fusion

    @torch.no_grad()
    def initialise(self, seed: int) -> Fusion:
        """Initialise the weights from a seed, independently of the global random state."""
        generator = torch.Generator().manual_seed(seed)
        for name, weight in sorted(self.named_parameters()):
            if weight.ndim > 1:
                bound = math.sqrt(3 / weight.shape[-1])  # as nn.Linear, with a gain of √3 for ReLU
                weight.copy_((2 * torch.rand(weight.shape, generator=generator) - 1) * bound)
            elif "norm" not in name:
                weight.zero_()
        return self

    @torch.no_grad()
    def settle(self, pair: ExampleBatch) -> None:
        """Fit the means and scales to the training items."""
        self.scale_picture.settle(pair.picture[pair.has_picture])
        self.scale_text.settle(pair.text[pair.has_text])
        self.scale_words.settle(pair.words[pair.there & pair.has_text[:, None]])

    def forward(self, pair: ExampleBatch) -> Tensor:
        return self.predictions(pair).fused

    def predictions(self, pair: ExampleBatch) -> Predictions:
        """The logits by picture, by text and by both."""
        pair = self._scaled(pair)
        picture = self.picture(pair.picture, pair.has_picture) if hasattr(self, "picture") else None
        text = self.text(pair.text, pair.has_text) if hasattr(self, "text") else None
        if picture is None or text is None:
            alone = text if picture is None else picture
            assert alone is not None
            return Predictions(picture, text, alone)
        if self.spec.fusion == "late":
            return Predictions(picture, text, averaged(picture, text, self._weights(pair)).log())
        return Predictions(picture, text, self.fused(pair))

    def hidden(self, pair: ExampleBatch) -> Tensor:
        """(n, h) unit vectors before the class layer; for late fusion both parts, with zeros for a missing one."""
        pair = self._scaled(pair)
        if self.spec.fusion in ("early", "intermediate"):
            return functional.normalize(self.fused.hidden(pair), dim=1)
        parts = []
        if hasattr(self, "picture"):
            seen = functional.normalize(self.picture.hidden(pair.picture, pair.has_picture), dim=1)
            parts.append(seen * (pair.has_picture | ~pair.has_text)[:, None])
        if hasattr(self, "text"):
            read = functional.normalize(self.text.hidden(pair.text, pair.has_text), dim=1)
            parts.append(read * (pair.has_text | ~pair.has_picture)[:, None])
        return functional.normalize(torch.cat(parts, 1), dim=1)

    def attention(self, pair: ExampleBatch) -> Tensor | None:
        """(n, t) attention to each word of a text, averaged over the heads; None without attention."""
        return self.fused.looked(self._scaled(pair)) if self.spec.fusion == "intermediate" else None  # type: ignore[operator]

    @torch.no_grad()
    def cool(self, side: str, temperature: float) -> None:
        """Divide the logits of the picture-only or text-only head by a temperature, for good."""
        outer = getattr(self, side).outer
        outer.weight /= temperature
        outer.bias /= temperature

    def _weights(self, pair: ExampleBatch) -> Tensor:
        """(n, 1) weight of the text: 1 if the picture is missing, 0 if the text is."""
        share = self.weight.expand(len(pair))
        share = torch.where(pair.has_picture, share, torch.ones_like(share))
        return torch.where(pair.has_text, share, torch.zeros_like(share))[:, None]

    def _scaled(self, pair: ExampleBatch) -> ExampleBatch:
        return replace(
            pair,
            picture=self.scale_picture(pair.picture),
            text=self.scale_text(pair.text),
            words=self.scale_words(pair.words),
        )


class Scale(nn.Module):
    """Scales vectors to length 1, subtracts their mean, and scales the values to variance 1."""

    mean: Tensor
    size: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("size", torch.ones(()))

    @torch.no_grad()
    def settle(self, vectors: Tensor) -> None:
        if not len(vectors):
            return
        unit = functional.normalize(vectors, dim=1)
        self.mean.copy_(unit.mean(0))
        spread = (unit - self.mean).square().mean().sqrt()
        self.size.copy_(1 / spread if spread > 1e-6 else torch.ones(()))  # all equal: nothing to scale

    def forward(self, vectors: Tensor) -> Tensor:
        return (functional.normalize(vectors, dim=-1) - self.mean) * self.size


class Absent(nn.Module):
    """A learned vector in place of missing ones."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.zeros(width))

    def forward(self, vectors: Tensor, there: Tensor) -> Tensor:
        return torch.where(there[:, None], vectors, self.vector)


class Head(nn.Module):
    """A single modality: a hidden layer of 256, then the classes."""

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.absent, self.inner = Absent(width), nn.Linear(width, HIDDEN)
        self.dropout, self.outer = nn.Dropout(dropout), nn.Linear(HIDDEN, classes)

    def hidden(self, vectors: Tensor, there: Tensor) -> Tensor:
        return functional.relu(self.inner(self.absent(vectors, there)))  # (n, 256)

    def forward(self, vectors: Tensor, there: Tensor) -> Tensor:
        logits: Tensor = self.outer(self.dropout(self.hidden(vectors, there)))
        return logits


class Early(nn.Module):
    """Both vectors concatenated, (n, p + d), through a perceptron with one hidden layer."""

    def __init__(self, spec: FusionSpec) -> None:
        super().__init__()
        self.absent_picture, self.absent_text = Absent(spec.picture), Absent(spec.text)
        self.inner, self.outer = nn.Linear(spec.picture + spec.text, HIDDEN), nn.Linear(HIDDEN, spec.classes)
        self.dropout = nn.Dropout(spec.dropout)

    def hidden(self, pair: ExampleBatch) -> Tensor:
        picture = self.absent_picture(pair.picture, pair.has_picture)
        text = self.absent_text(pair.text, pair.has_text)
        return functional.relu(self.inner(torch.cat([picture, text], 1)))  # (n, 256)

    def forward(self, pair: ExampleBatch) -> Tensor:
        logits: Tensor = self.outer(self.dropout(self.hidden(pair)))
        return logits


class Intermediate(nn.Module):
    """Picture and words in 256 dimensions: the picture is the query, the words are keys and values; both are summed."""

    def __init__(self, spec: FusionSpec) -> None:
        super().__init__()
        self.absent_picture, self.absent_word = Absent(HIDDEN), nn.Parameter(torch.zeros(HIDDEN))
        self.project_picture, self.project_words = nn.Linear(spec.picture, HIDDEN), nn.Linear(spec.words, HIDDEN)
        self.attention = CrossAttention(HIDDEN, HEADS)
        self.norm, self.dropout = nn.LayerNorm(HIDDEN), nn.Dropout(spec.dropout)
        self.outer = nn.Linear(HIDDEN, spec.classes)

    def hidden(self, pair: ExampleBatch) -> Tensor:
        query, words, there = self._projected(pair)
        normal: Tensor = self.norm(query + self.attention(query, words, there)[0])
        return normal  # (n, 256)

    def forward(self, pair: ExampleBatch) -> Tensor:
        logits: Tensor = self.outer(self.dropout(functional.relu(self.hidden(pair))))
        return logits

    def looked(self, pair: ExampleBatch) -> Tensor:
        """(n, t) the mean of the heads' attention to each word."""
        weights: Tensor = self.attention(*self._projected(pair))[1]
        return weights.mean(1)[:, 1:]

    def _projected(self, pair: ExampleBatch) -> tuple[Tensor, Tensor, Tensor]:
        """The query (n, 256), the words (n, 1 + t, 256), the first a learned "no word", and their mask."""
        query = self.absent_picture(self.project_picture(pair.picture), pair.has_picture)
        nothing = self.absent_word.expand(len(pair), 1, HIDDEN)
        words = torch.cat([nothing, self.project_words(pair.words)], 1)
        there = pair.there & pair.has_text[:, None]
        return query, words, torch.cat([~there.any(1, keepdim=True), there], 1)


class CrossAttention(nn.Module):
    """Multi-head attention of one query (n, d) to masked (n, t, d): (n, d) and the weights (n, heads, t)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def forward(self, query: Tensor, others: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        asked = self.query(query).unflatten(1, (self.heads, -1))  # (n, heads, d / heads)
        keys = self.key(others).unflatten(2, (self.heads, -1))  # (n, t, heads, d / heads)
        values = self.value(others).unflatten(2, (self.heads, -1))
        alike = torch.einsum("nhd,nthd->nht", asked, keys) / math.sqrt(asked.shape[2])
        weights = alike.masked_fill(~there[:, None, :], -math.inf).softmax(2)
        mixed = torch.einsum("nht,nthd->nhd", weights, values).flatten(1)
        return self.output(mixed), weights


def averaged(picture: Tensor, text: Tensor, share: Tensor | float) -> Tensor:
    """(n, c) the weighted average of two sets of class probabilities; `share` of the text, (n, 1) or a number."""
    mixed = (1 - share) * picture.softmax(1) + share * text.softmax(1)
    return mixed.clamp_min(torch.finfo(mixed.dtype).tiny)


def best_share(picture: Tensor, text: Tensor, labels: Tensor, steps: int = 100) -> float:
    """The text weight of a late fusion for these (n, c) logits, out of 0, 1/steps … 1.

    Of all weights whose cross-entropy is within one standard error of the lowest, the one nearest to a half: a few
    items do not tell a weight, and the lowest one alone swings from 0 to 1 between folds.
    Source: Breiman et al., "Classification and Regression Trees", 1984 (the one-standard-error rule).
    """
    shares = sorted((step / steps for step in range(steps + 1)), key=lambda share: abs(share - 0.5))
    picture, text, rows = picture.double(), text.double(), torch.arange(len(labels))
    losses = [-averaged(picture, text, share)[rows, labels].log() for share in shares]
    return shares[_first_near_lowest(torch.stack(losses))]


def best_temperature(logits: Tensor, labels: Tensor, most: float = 10.0, steps: int = 100) -> float:
    """What (n, c) logits are divided by so that their probabilities are calibrated, from 1/most to `most`.

    Of all temperatures whose cross-entropy is within one standard error of the lowest, the one nearest to 1. The labels
    count as true with a probability of (n + 1) / (n + 2): items that are all right make no head certain.
    Sources: Guo et al., "On calibration of modern neural networks", 2017 (temperature scaling); Platt, "Probabilistic
    outputs for support vector machines", 1999 (the targets).
    """
    tried = sorted((most ** (step / steps) for step in range(-steps, steps + 1)), key=lambda one: abs(math.log(one)))
    count, classes = logits.shape
    others = 1 / (count + 2) / max(classes - 1, 1)
    targets = torch.full((count, classes), others, dtype=torch.float64)
    targets[torch.arange(count), labels] = (count + 1) / (count + 2)
    losses = [-(targets * (logits.double() / one).log_softmax(1)).sum(1) for one in tried]
    return tried[_first_near_lowest(torch.stack(losses))]


def _first_near_lowest(losses: Tensor) -> int:
    """The first of several rows of (n,) losses whose mean is within one standard error of the lowest."""
    behind = losses - losses[losses.mean(1).argmin()]
    error = behind.std(1, correction=0) / max(losses.shape[1] - 1, 1) ** 0.5
    near_enough = behind.mean(1) <= error + 1e-9  # rounding errors must not break ties
    return int(near_enough.int().argmax())
