"""Reconstruction losses. Smaller is better for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.errors import BadParameter

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Loss:
    """A named loss: (n, 3, s, s) reconstructions and originals, both float32, to one number, the mean over images."""

    name: str
    title: str
    help: str
    between: Callable[[Tensor, Tensor], Tensor]


def mse(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """The mean squared difference of the pixel values."""
    from torch.nn import functional

    return functional.mse_loss(reconstructions, originals)


def ssim(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """1 − SSIM: 0 for identical pictures. Source: Wang et al., "Image quality assessment", 2004 (pytorch-msssim)."""
    import pytorch_msssim

    return 1 - pytorch_msssim.ssim(reconstructions.contiguous(), originals.contiguous(), data_range=1.0)


def mix(reconstructions: Tensor, originals: Tensor) -> Tensor:
    """MSE + (1 − SSIM)."""
    return mse(reconstructions, originals) + ssim(reconstructions, originals)


LOSSES: dict[str, Loss] = {
    "mse": Loss("mse", "MSE", "Mean squared error of the pixels.", mse),
    "ssim": Loss("ssim", "SSIM", "1 − structural similarity. Slower, with sharper reconstructions.", ssim),
    "mix": Loss("mix", "MSE + SSIM", "The sum of both.", mix),
}


def loss(name: str) -> Loss:
    """The loss of that name; BadParameter if there is none."""
    if not isinstance(name, str) or name not in LOSSES:
        raise BadParameter("loss", "the training", "one of " + ", ".join(LOSSES), name)
    return LOSSES[name]
