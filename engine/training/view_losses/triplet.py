"""Triplet loss: a picture is nearer to those with its label than to any other, by a margin.

Sources: Schroff, Kalenichenko and Philbin, "FaceNet", 2015 (semi-hard negatives, squared distances of unit vectors);
Hermans, Beyer and Leibe, "In defense of the triplet loss for person re-identification", 2017 (batch-hard).
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.core.settings import Choice, Setting
from engine.training.view_loss import ViewLoss

if TYPE_CHECKING:
    from torch import Tensor

SEMI_HARD, BATCH_HARD = "semi-hard", "batch-hard"


class Triplet(ViewLoss):
    """max(0, d(anchor, positive) − d(anchor, negative) + margin), over triplets chosen within the batch."""

    name = "triplet"
    title = "Triplet"
    summary = "Brings a picture nearer to those with its label than to others, by a margin."
    rank = 40
    learns_labels = True
    defaults = MappingProxyType({"validation": 0.2})  # to judge it by pictures that it has not seen
    settings = (
        Setting("margin", "Margin", "Of squared distances, which are at most 4.", 0.001, 4.0, 0.2, whole=False),
        Choice(
            "mining",
            "Triplets",
            "Semi-hard: each positive with the nearest negative beyond it. Batch-hard: the farthest positive with the "
            "nearest negative, which may collapse where labels are wrong.",
            {SEMI_HARD: "semi-hard", BATCH_HARD: "batch-hard"},
            SEMI_HARD,
        ),
    )

    def between(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        import torch

        mined = {SEMI_HARD: semi_hard, BATCH_HARD: batch_hard}[self.chosen["mining"]]
        return mined(torch.cat([first, second]), labels.repeat(2), self.chosen["margin"])


def semi_hard(vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
    """The mean loss over all pairs of one label, each with the nearest negative that is farther; (m, d), (m,).

    Where no negative is farther than the positive, the farthest one is taken. 0 without negatives.
    """
    far, positive, negative = _pairs(vectors, labels)
    anchors, partners = positive.nonzero(as_tuple=True)
    apart, others = far[anchors, partners], far[anchors]  # (p,), (p, m)
    there = negative[anchors]
    beyond = others.masked_fill(~(there & (others > apart[:, None])), math.inf).amin(1)
    farthest = others.masked_fill(~there, -math.inf).amax(1)
    return _hinge(apart, beyond.where(beyond.isfinite(), farthest), margin)


def batch_hard(vectors: Tensor, labels: Tensor, margin: float) -> Tensor:
    """The mean loss over anchors, each with its farthest positive and its nearest negative; (m, d), (m,).

    0 without negatives.
    """
    far, positive, negative = _pairs(vectors, labels)
    farthest = far.masked_fill(~positive, -math.inf).amax(1)
    nearest = far.masked_fill(~negative, math.inf).amin(1)
    paired = farthest.isfinite()
    return _hinge(farthest[paired], nearest[paired], margin)


def _pairs(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(m, m) squared distances of the vectors at length 1, and which pairs are positive and negative."""
    import torch
    from torch.nn import functional

    unit = functional.normalize(vectors, dim=1)
    alike = labels[:, None] == labels
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return (2 - 2 * unit @ unit.T).clamp(min=0), alike & ~own, ~alike


def _hinge(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    """The mean of the violations of (p,) positives by (p,) negatives; infinite negatives are none, and count 0."""
    from torch.nn import functional

    violations = functional.relu(positive - negative + margin).masked_fill(~negative.isfinite(), 0)
    return violations.sum() / max(1, len(violations))
