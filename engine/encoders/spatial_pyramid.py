"""Histograms of small whole numbers over the fields of a spatial pyramid.

Source: Lazebnik, Schmid and Ponce, "Beyond bags of features: spatial pyramid matching", 2006.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def pyramid(codes: Tensor, kinds: int, levels: Sequence[int]) -> Tensor:
    """The shares of each kind in every field of every level: (n, s, s) codes to (n, kinds · Σ level²).

    Level g divides a picture into g × g fields; s must be a multiple of every level. Each field sums to 1 / g², so that
    every level weighs the same. All levels are sums of one count over the finest fields that they share.
    """
    import torch

    count, side, _ = codes.shape
    finest = math.lcm(*levels)
    place = torch.arange(side, device=codes.device) * finest // side
    field = place[:, None] * finest + place  # (s, s)
    picture = torch.arange(count, device=codes.device)[:, None, None]
    bins = (picture * finest**2 + field) * kinds + codes
    counts = torch.bincount(bins.flatten(), minlength=count * finest**2 * kinds).float()
    shares = counts.view(count, finest, finest, kinds) / side**2
    return torch.cat([_summed(shares, level).flatten(1) for level in levels], 1)


def _summed(shares: Tensor, level: int) -> Tensor:
    """The (n, f, f, kinds) shares of fine fields summed to (n, level, level, kinds)."""
    count, finest, _, kinds = shares.shape
    within = finest // level
    return shares.view(count, level, within, level, within, kinds).sum((2, 4))
