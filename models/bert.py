"""BERT as a text encoder: word piece ids in, one vector per piece out.

Its parameters have the names used by published checkpoints, so that these can be loaded unchanged.

Source: Devlin et al., "BERT: Pre-training of deep bidirectional transformers for language understanding", 2019.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.specs import BertSpec

_EPSILON = 1e-12


class Bert(nn.Module):
    """(n, t) word piece ids and their (n, t) attention mask to (n, t, width)."""

    def __init__(self, spec: BertSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embeddings = Embeddings(spec)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Block(spec) for _ in range(spec.layers))})

    def forward(self, pieces: Tensor, there: Tensor) -> Tensor:
        found: Tensor = self.embeddings(pieces)  # (n, t, width)
        for block in self.encoder["layer"]:  # type: ignore[attr-defined]
            found = block(found, there[:, None, None, :])
        return found


class Embeddings(nn.Module):
    """The sum of the piece, position and first-segment embeddings."""

    def __init__(self, spec: BertSpec) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(spec.pieces, spec.width)
        self.position_embeddings = nn.Embedding(spec.places, spec.width)
        self.token_type_embeddings = nn.Embedding(2, spec.width)
        self.LayerNorm = nn.LayerNorm(spec.width, eps=_EPSILON)

    def forward(self, pieces: Tensor) -> Tensor:
        places = torch.arange(pieces.shape[1], device=pieces.device)
        found = self.word_embeddings(pieces) + self.position_embeddings(places) + self.token_type_embeddings.weight[0]
        normal: Tensor = self.LayerNorm(found)
        return normal


class Block(nn.Module):
    """A transformer block: self-attention, then two linear layers, each with a residual connection and layer norm."""

    def __init__(self, spec: BertSpec) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": Attention(spec), "output": Output(spec.width, spec.width)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(spec.width, spec.inner)})
        self.output = Output(spec.inner, spec.width)

    def forward(self, found: Tensor, there: Tensor) -> Tensor:
        found = self.attention["output"](self.attention["self"](found, there), found)
        inner = functional.gelu(self.intermediate["dense"](found))  # (n, t, inner)
        result: Tensor = self.output(inner, found)
        return result


class Attention(nn.Module):
    """Multi-head self-attention; padding is masked out."""

    def __init__(self, spec: BertSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.query, self.key, self.value = (nn.Linear(spec.width, spec.width) for _ in range(3))

    def forward(self, found: Tensor, there: Tensor) -> Tensor:
        query, key, value = (self._parted(part(found)) for part in (self.query, self.key, self.value))
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=there)  # (n, heads, t, w / heads)
        return mixed.transpose(1, 2).flatten(2)

    def _parted(self, found: Tensor) -> Tensor:
        return found.unflatten(2, (self.heads, -1)).transpose(1, 2)


class Output(nn.Module):
    """A linear layer with a residual connection, then layer norm."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.dense, self.LayerNorm = nn.Linear(before, width), nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, inner: Tensor, found: Tensor) -> Tensor:
        normal: Tensor = self.LayerNorm(self.dense(inner) + found)
        return normal


def plain_names(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Published weights under the names of `Bert`: without the prefix "bert." and without training-only heads.

    The oldest files call the parameters of a layer norm gamma and beta.
    """
    renamed = {
        name.removeprefix("bert.")
        .replace("LayerNorm.gamma", "LayerNorm.weight")
        .replace("LayerNorm.beta", "LayerNorm.bias"): value
        for name, value in weights.items()
    }
    return {
        name: value
        for name, value in renamed.items()
        if name.startswith(("embeddings.", "encoder.")) and name != "embeddings.position_ids"
    }
