"""VICReg: views of one picture get equal vectors, and variance and covariance keep all vectors from becoming one.

Pictures are not told from each other, so that no picture is pushed away from others that look alike.

Source: Bardes, Ponce and LeCun, "VICReg: variance-invariance-covariance regularization for self-supervised learning",
2022 (equations 1 to 6; the variance of both views is averaged, as in the authors' code).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.core.settings import Setting
from engine.training.view_loss import ViewLoss

if TYPE_CHECKING:
    from torch import Tensor

_LEAST_VARIANCE = 1e-4  # added under the root, whose gradient would be infinite at 0


class VICReg(ViewLoss):
    """Weighted sum of the distance of partners, of missing spread in each value, and of covariance between values."""

    name = "vicreg"
    title = "VICReg"
    summary = "Gives both views of a picture the same vector, and keeps the values of all vectors varied and unrelated."
    rank = 20
    settings = (
        Setting("invariance", "Invariance", "Weight of the distance between views.", 0.0, 1000.0, 25.0, whole=False),
        Setting("variance", "Variance", "Weight of keeping each value varied.", 0.0, 1000.0, 25.0, whole=False),
        Setting("covariance", "Covariance", "Weight of keeping values unrelated.", 0.0, 1000.0, 1.0, whole=False),
    )

    def between(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        from torch.nn import functional

        weights = self.chosen
        return (
            weights["invariance"] * functional.mse_loss(first, second)
            + weights["variance"] * (missing_spread(first) + missing_spread(second)) / 2
            + weights["covariance"] * (shared(first) + shared(second))
        )


def missing_spread(vectors: Tensor) -> Tensor:
    """By how much the standard deviation of the values falls below 1, on average; (n, d) vectors."""
    from torch.nn import functional

    return functional.relu(1 - (_variances(vectors) + _LEAST_VARIANCE).sqrt()).mean()


def shared(vectors: Tensor) -> Tensor:
    """The squared covariances between different values of (n, d) vectors, summed and divided by d."""
    centred = vectors - vectors.mean(0)
    covariance = centred.T @ centred / max(1, len(vectors) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / vectors.shape[1]


def _variances(vectors: Tensor) -> Tensor:
    return (vectors - vectors.mean(0)).square().sum(0) / max(1, len(vectors) - 1)
