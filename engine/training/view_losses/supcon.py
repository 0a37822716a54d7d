"""SupCon: pictures with one label attract each other, all others are pushed away.

Source: Khosla et al., "Supervised contrastive learning", 2020 (equation 2, the sum outside of the logarithm).
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.training.view_loss import ViewLoss

if TYPE_CHECKING:
    from torch import Tensor


class SupCon(ViewLoss):
    """NT-Xent with every view of the same label as a partner."""

    name = "supcon"
    title = "SupCon"
    summary = "Contrastive learning in which all pictures with one label belong together."
    rank = 30
    learns_labels = True
    defaults = MappingProxyType({"validation": 0.2})  # to judge it by pictures that it has not seen
    tempered = True

    def between(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        import torch

        return supcon(torch.cat([first, second]), labels.repeat(2), self.temperature)


def supcon(vectors: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """The mean over (m, d) anchors of their mean negative log-probability of those with their label, (m,).

    Anchors without a partner count 0.
    """
    import torch
    from torch.nn import functional

    unit = functional.normalize(vectors, dim=1)
    own = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    alike = (unit @ unit.T / temperature).masked_fill(own, -math.inf)
    partners = (labels[:, None] == labels) & ~own
    surprise = (alike.logsumexp(1, keepdim=True) - alike).masked_fill(~partners, 0)
    return (surprise.sum(1) / partners.sum(1).clamp(min=1)).mean()
