"""NT-Xent: find each view's partner among all views of the batch.

Source: Chen et al., "A simple framework for contrastive learning of visual representations", 2020 (SimCLR).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from engine.training.view_loss import ViewLoss

if TYPE_CHECKING:
    from torch import Tensor


class NTXent(ViewLoss):
    """The normalised, temperature-scaled cross entropy."""

    name = "contrastive"
    title = "NT-Xent (SimCLR)"
    summary = "Tells which two views show the same picture among all views of the batch."
    rank = 10
    tempered = True

    def between(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        import torch

        return nt_xent(torch.cat([first, second]), self.temperature)


def nt_xent(vectors: Tensor, temperature: float) -> Tensor:
    """The mean cross entropy of finding each view's partner among all others; (2n, d), row i belongs to row i ± n."""
    import torch
    from torch.nn import functional

    count = len(vectors) // 2
    unit = functional.normalize(vectors.float(), dim=1)
    alike = unit @ unit.T / temperature  # (2n, 2n)
    alike = alike.masked_fill(torch.eye(2 * count, dtype=torch.bool, device=alike.device), -math.inf)
    partner = torch.arange(2 * count, device=alike.device).roll(count)
    return functional.cross_entropy(alike, partner)
