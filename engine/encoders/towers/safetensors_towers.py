"""CLIP from one safetensors file with the parameter names of Hugging Face's transformers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.core.device import device
from engine.core.errors import BadParameter, Unreadable
from engine.encoders.towers.card import TowersCard
from engine.encoders.towers.towers import Towers, filled_up
from models.specs import ClipSpec, TowerSpec

if TYPE_CHECKING:
    from torch import Tensor

_HEAD = 64  # values for each attention head, in every published CLIP
_PICTURE, _TEXT = "vision_model", "text_model"
_UNUSED = ("logit_scale", f"{_PICTURE}.embeddings.position_ids", f"{_TEXT}.embeddings.position_ids")


class SafetensorsTowers(Towers):
    """A CLIP network in float32, so that vectors are the same on every machine up to rounding.

    Raises:
        Unreadable: no safetensors file. BadParameter: its tensors are not those of a CLIP network of this size.
    """

    def __init__(self, path: Path, card: TowersCard) -> None:
        from models.clip import Clip

        weights = _weights(path)
        spec = spec_of(weights, card, path.name)
        network, mismatch = Clip(spec), "tensors"
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            mismatch = str(error).strip().splitlines()[-1].strip()
            raise BadParameter("contents", path.name, "the tensors of a CLIP network", mismatch) from None
        self.network = network.eval().requires_grad_(False).to(device().name)

    def pictures(self, images: Tensor) -> Tensor:
        found: Tensor = self.network.pictures(images)
        return found

    def texts(self, numbered: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import torch

        where = device().name
        pieces, lengths = torch.from_numpy(filled_up(numbered, 0)), torch.tensor([len(one) for one in numbered])
        with torch.inference_mode():
            found: NDArray[np.float32] = self.network.texts(pieces.to(where), lengths.to(where)).cpu().numpy()
        return found


def spec_of(weights: Mapping[str, Tensor], card: TowersCard, file: str) -> ClipSpec:
    """The sizes of the CLIP network with these weights.

    Raises:
        BadParameter: a tensor that every CLIP network has is missing, or pictures of another size are expected.
    """
    wanted = (
        f"{_PICTURE}.embeddings.patch_embedding.weight",
        f"{_PICTURE}.embeddings.position_embedding.weight",
        f"{_TEXT}.embeddings.token_embedding.weight",
        f"{_TEXT}.embeddings.position_embedding.weight",
        "visual_projection.weight",
    )
    missing = next((name for name in wanted if name not in weights or weights[name].ndim < 2), None)
    if missing:
        raise BadParameter("contents", file, f"the tensors of a CLIP network, with {missing}", "other tensors")
    patches, places, pieces, lengths, shared = (tuple(weights[name].shape) for name in wanted)
    if (card.size // patches[-1]) ** 2 + 1 != places[0]:
        side = patches[-1] * round((places[0] - 1) ** 0.5)
        raise BadParameter("size", "a text-image encoder", f"{side}, as its weights say", card.size)
    picture, text = _tower(weights, _PICTURE, card, file), _tower(weights, _TEXT, card, file)
    return ClipSpec(picture, text, shared[0], card.size, patches[-1], pieces[0], lengths[0])


def _tower(weights: Mapping[str, Tensor], name: str, card: TowersCard, file: str) -> TowerSpec:
    layers = [key for key in weights if key.startswith(f"{name}.encoder.layers.") and key.endswith("mlp.fc1.bias")]
    first = f"{name}.encoder.layers.0.mlp.fc1.weight"
    if not layers or first not in weights or weights[first].ndim != 2:
        raise BadParameter("contents", file, f"the tensors of a CLIP network, with {first}", "other tensors")
    inner, width = weights[first].shape
    heads = int(card.heads[name == _TEXT]) or max(1, width // _HEAD)
    if heads < 1 or width % heads:
        raise BadParameter("heads", "a text-image encoder", f"a divisor of the width {width}", heads)
    return TowerSpec(width, len(layers), heads, inner, card.quick)


def _weights(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        found = load(path.read_bytes())
    except (SafetensorError, ValueError) as error:
        raise Unreadable(f"{path.name} is no safetensors file, or it is damaged.") from error
    return {name: tensor.float() for name, tensor in found.items() if name not in _UNUSED}
