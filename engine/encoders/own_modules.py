"""Networks that a program brings along: any module of PyTorch, added by name for as long as the program runs.

A module is code, and code is never stored with a home. Vectors made by it are: their fingerprint covers the weights, so
they are found again when the same module is added again.
"""

from __future__ import annotations

import copy
import hashlib
import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from engine.core.device import device
from engine.core.errors import BadParameter, NotFound
from engine.core.home import Home
from engine.encoders.encoder import OWN, Encoder, EncoderChoice, EncoderInfo

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

_VERSION = "1"  # changes whenever the vectors would
_LARGEST = 4096  # pixels
_THING = "an encoder"
_FORMS = "(n, C) or (n, C, h, w) numbers, one row for each picture"


class OwnModuleEncoder(Encoder):
    """A module of the running program, on pictures normalised by `mean` and `std`; computed in float32."""

    name = "own-module"
    rank = 60

    def __init__(self, name: str, module: Module, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        import torch

        self.network = copy.deepcopy(module).eval().requires_grad_(False).to(device().name, torch.float32)
        self.mean, self.std = (torch.tensor(values, device=device().name)[:, None, None] for values in (mean, std))
        latents = self._checked(torch.zeros(2, 3, size, size), name)
        digest = _digest(self.network, size, mean, std)
        self.info = EncoderInfo(
            name=name, weights="", title=name, input_size=size, spatial=latents.shape[-1] * latents.shape[-2] > 1,
            fingerprint=f"{digest[:32]}-{_VERSION}", source="a module of the program", licence="the program's",
            sha256=digest, precision="float32",
        )  # fmt: skip

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        return [_choice(encoder.info) for encoder in list(_added.values())]

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        encoder = _added.get(name)
        if not isinstance(encoder, cls) or weights:
            raise NotFound(f"There is no encoder {name!r} with the weights {weights!r}.")
        return encoder

    def encode(self, images: Tensor) -> Tensor:
        import torch

        with torch.inference_mode():
            found: Tensor = self.network((images.to(self.mean.device) - self.mean) / self.std)
            return (found if found.ndim == 4 else found[:, :, None, None]).float().to(images.device)

    def _checked(self, images: Tensor, name: str) -> Tensor:
        """The latents of two pictures; BadParameter where the module fails on them or gives anything else."""
        import torch

        try:
            with torch.inference_mode():
                found: Any = self.network((images.to(self.mean.device) - self.mean) / self.std)
        except (RuntimeError, ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:200]
            wanted = f"one that takes pictures of (n, 3, {images.shape[2]}, {images.shape[3]})"
            raise BadParameter("module", _THING, wanted, reason) from error
        right = isinstance(found, torch.Tensor) and found.ndim in (2, 4) and len(found) == len(images)
        if not right or not found.is_floating_point():
            given = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise BadParameter("output of the module", f"the encoder {name}", _FORMS, given)
        return found if found.ndim == 4 else found[:, :, None, None]


_added: dict[str, OwnModuleEncoder] = {}
_lock = threading.Lock()


def add_module(name: str, module: Module, size: int, mean: Sequence[float], std: Sequence[float]) -> EncoderInfo:
    """Offer a module as an encoder; a module added before under the same name is replaced.

    Args:
        size, mean, std: as `checked_preparation` takes them.

    Raises:
        BadParameter: a wrong type or value of any argument, or a module that does not map pictures to vectors.
    """
    from torch.nn import Module

    if not isinstance(module, Module):
        raise BadParameter("module", _THING, "a torch.nn.Module or an ONNX file", type(module).__name__)
    means, deviations = checked_preparation(size, mean, std)
    encoder = OwnModuleEncoder(name, module, size, means, deviations)
    with _lock:
        _added[name] = encoder
    return encoder.info


def remove_module(name: str) -> bool:
    """Forget an added module, and return whether there was one of that name."""
    with _lock:
        return _added.pop(name, None) is not None


def checked_preparation(
    size: int, mean: Sequence[float], std: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Means and deviations as numbers; BadParameter for these or a size that cannot be.

    Args:
        size: pictures are stretched to (size, size) pixels. mean, std: by channel, of values in [0, 1].
    """
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _LARGEST:
        raise BadParameter("size", _THING, f"a whole number of pixels from 1 to {_LARGEST}", size)
    means, deviations = _channels("mean", mean), _channels("std", std)
    if min(deviations) <= 0:
        raise BadParameter("std", _THING, "above 0", std)
    return means, deviations


def _channels(parameter: str, values: Sequence[float]) -> tuple[float, ...]:
    try:
        found = tuple(map(float, values))
    except (TypeError, ValueError, OverflowError):
        found = ()
    if len(found) != 3 or not all(map(math.isfinite, found)):
        raise BadParameter(parameter, _THING, "three finite numbers, one for each of red, green and blue", values)
    return found


def _digest(network: Module, size: int, mean: Sequence[float], std: Sequence[float]) -> str:
    """A sha256 over the structure, the names and values of the weights, and how pictures are prepared."""
    digest = hashlib.sha256(repr((str(network), size, tuple(mean), tuple(std))).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _choice(info: EncoderInfo) -> EncoderChoice:
    return EncoderChoice(
        info.name, "", info.title, "A network of the running program.", ready=True, rare=True,
        embedding="avg" if info.spatial else "flatten", shelf=OWN, good_for="What it was made for.",
    )  # fmt: skip
