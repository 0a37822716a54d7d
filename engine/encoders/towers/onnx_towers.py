"""Two towers from two ONNX files, run by ONNX Runtime, which is optional."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.encoders.onnx_session import opened
from engine.encoders.towers.card import TowersCard
from engine.encoders.towers.towers import Towers, filled_up

if TYPE_CHECKING:
    from torch import Tensor

_NUMBERS: dict[str, Any] = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_,
}  # fmt: skip


class OnnxTowers(Towers):
    """Two ONNX networks on the processor.

    The picture tower has one input, the text tower the ids and, if its name holds "mask", which of them are no padding.
    The vectors are the output whose name ends in "embeds", else the first output with two axes.

    Raises:
        MissingPackage: ONNX Runtime is not installed. Unreadable: a file is no ONNX network that stands alone.
        BadParameter: a network with other inputs or outputs.
    """

    def __init__(self, picture: Path, text: Path, card: TowersCard) -> None:
        self.card = card
        self.picture, self.text = (opened(path, f"The text-image encoder with {path.name}") for path in (picture, text))
        inputs = self.picture.get_inputs()
        if len(inputs) != 1 or "float" not in inputs[0].type:
            raise BadParameter("inputs", picture.name, "one, of pictures as numbers", _named(inputs))
        self.ids = [one for one in self.text.get_inputs() if "mask" not in one.name]
        if len(self.ids) != 1 or "int" not in self.ids[0].type:
            raise BadParameter("inputs", text.name, "ids, and at most a mask", _named(self.text.get_inputs()))
        self.outputs = _output(self.picture, picture.name), _output(self.text, text.name)

    def pictures(self, images: Tensor) -> Tensor:
        import torch

        [given] = self.picture.get_inputs()
        values = np.ascontiguousarray(images.cpu().numpy(), dtype=_NUMBERS[given.type])
        [found] = self.picture.run([self.outputs[0]], {given.name: values})
        return torch.from_numpy(np.asarray(found, np.float32)).to(images.device)

    def texts(self, numbered: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        ids = filled_up(numbered, self.card.padding, self.card.length)
        there = np.arange(ids.shape[1]) < np.array([len(one) for one in numbered])[:, None]
        given = {
            one.name: (there if "mask" in one.name else ids).astype(_NUMBERS[one.type])
            for one in self.text.get_inputs()
        }
        [found] = self.text.run([self.outputs[1]], given)
        return np.asarray(found, np.float32)


def _output(session: Any, file: str) -> str:
    outputs = session.get_outputs()
    likely = [one for one in outputs if one.name.endswith("embeds")] or [one for one in outputs if len(one.shape) == 2]
    if not likely:
        raise BadParameter("outputs", file, "one of vectors, with two axes", _named(outputs))
    return str(likely[0].name)


def _named(parts: Sequence[Any]) -> str:
    return ", ".join(f"{one.name} {one.type} {one.shape}" for one in parts) or "none"
