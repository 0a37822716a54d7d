"""CLIP: one tower for pictures and one for texts, whose vectors can be compared.

Its parameters have the names of the checkpoints published for Hugging Face's transformers, so that these can be loaded
unchanged.

Source: Radford et al., "Learning transferable visual models from natural language supervision", 2021; as published,
patches are embedded as in Dosovitskiy et al., "An image is worth 16×16 words", 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.specs import ClipSpec, TowerSpec


class Clip(nn.Module):
    """Two towers: `pictures` (n, 3, s, s) to (n, width), and `texts` (n, t) piece ids to (n, width)."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        self.vision_model = PictureTower(spec)
        self.text_model = TextTower(spec)
        self.visual_projection = nn.Linear(spec.picture.width, spec.width, bias=False)
        self.text_projection = nn.Linear(spec.text.width, spec.width, bias=False)

    def pictures(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) normalised pictures to (n, d) vectors."""
        found: Tensor = self.visual_projection(self.vision_model(images))
        return found

    def texts(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        """The vectors of texts, from the last of their `lengths` (n,) pieces."""
        found: Tensor = self.text_projection(self.text_model(pieces, lengths))
        return found


class PictureTower(nn.Module):
    """(n, 3, s, s) normalised pictures to the (n, width) vector of the class token."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        self.embeddings = Patches(spec)
        self.pre_layrnorm = nn.LayerNorm(spec.picture.width)  # spelled as in the checkpoints
        self.encoder = Blocks(spec.picture)
        self.post_layernorm = nn.LayerNorm(spec.picture.width)

    def forward(self, images: Tensor) -> Tensor:
        found = self.encoder(self.pre_layrnorm(self.embeddings(images)), causal=False)  # (n, 1 + patches, width)
        first: Tensor = self.post_layernorm(found[:, 0])
        return first


class TextTower(nn.Module):
    """(n, t) piece ids to the (n, width) vector of each text's last piece; each piece sees only those before it."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        self.embeddings = Pieces(spec)
        self.encoder = Blocks(spec.text)
        self.final_layer_norm = nn.LayerNorm(spec.text.width)

    def forward(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        found = self.final_layer_norm(self.encoder(self.embeddings(pieces), causal=True))  # (n, t, width)
        last: Tensor = found[torch.arange(len(found), device=found.device), lengths - 1]
        return last


class Patches(nn.Module):
    """The class token and every patch, each with the embedding of its position."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        width, patch = spec.picture.width, spec.patch
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.patch_embedding = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.position_embedding = nn.Embedding((spec.size // patch) ** 2 + 1, width)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patch_embedding(images).flatten(2).transpose(1, 2)  # (n, patches, width)
        first = self.class_embedding.expand(len(images), 1, -1)
        return torch.cat([first, patches], 1) + self.position_embedding.weight


class Pieces(nn.Module):
    """The sum of the piece and position embeddings."""

    def __init__(self, spec: ClipSpec) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(spec.pieces, spec.text.width)
        self.position_embedding = nn.Embedding(spec.places, spec.text.width)

    def forward(self, pieces: Tensor) -> Tensor:
        found: Tensor = self.token_embedding(pieces) + self.position_embedding.weight[: pieces.shape[1]]
        return found


class Blocks(nn.Module):
    """Transformer blocks, one after another."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Block(spec) for _ in range(spec.layers))

    def forward(self, found: Tensor, causal: bool) -> Tensor:
        for block in self.layers:
            found = block(found, causal)
        return found


class Block(nn.Module):
    """Self-attention, then two linear layers, each after a layer norm and with a residual connection."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.self_attn = Attention(spec)
        self.layer_norm1, self.layer_norm2 = nn.LayerNorm(spec.width), nn.LayerNorm(spec.width)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(spec.width, spec.inner), "fc2": nn.Linear(spec.inner, spec.width)})
        self.quick = spec.quick

    def forward(self, found: Tensor, causal: bool) -> Tensor:
        found = found + self.self_attn(self.layer_norm1(found), causal)
        inner = self.mlp["fc1"](self.layer_norm2(found))  # (n, t, inner)
        inner = inner * torch.sigmoid(1.702 * inner) if self.quick else functional.gelu(inner)
        result: Tensor = found + self.mlp["fc2"](inner)
        return result


class Attention(nn.Module):
    """Multi-head self-attention; causal: a piece sees only itself and those before it."""

    def __init__(self, spec: TowerSpec) -> None:
        super().__init__()
        self.heads = spec.heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(spec.width, spec.width) for _ in range(4))

    def forward(self, found: Tensor, causal: bool) -> Tensor:
        query, key, value = (self._parted(part(found)) for part in (self.q_proj, self.k_proj, self.v_proj))
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=causal)
        result: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return result

    def _parted(self, found: Tensor) -> Tensor:
        return found.unflatten(2, (self.heads, -1)).transpose(1, 2)
