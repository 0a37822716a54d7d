"""Both triplet losses against loops over all triplets."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engine.core.errors import BadParameter
from engine.training.view_losses.triplet import Triplet, batch_hard, semi_hard

MARGIN = 0.3


def distances(vectors: Tensor) -> list[list[float]]:
    unit = functional.normalize(vectors.double(), dim=1)
    return [[float(((a - b) ** 2).sum()) for b in unit] for a in unit]


def slow_semi_hard(vectors: Tensor, labels: list[int]) -> float:
    """FaceNet, section 3.2: of every pair the nearest negative beyond the positive, else the farthest."""
    far, losses = distances(vectors), []
    for a, own in enumerate(labels):
        negatives = [far[a][n] for n, other in enumerate(labels) if other != own]
        for p, other in enumerate(labels):
            if p != a and other == own:
                beyond = [d for d in negatives if d > far[a][p]]
                chosen = min(beyond) if beyond else max(negatives)
                losses.append(max(0.0, far[a][p] - chosen + MARGIN))
    return sum(losses) / len(losses)


def slow_batch_hard(vectors: Tensor, labels: list[int]) -> float:
    """Hermans et al., equation 5, with squared distances of unit vectors, as a mean."""
    far, losses = distances(vectors), []
    for a, own in enumerate(labels):
        positives = [far[a][p] for p, other in enumerate(labels) if p != a and other == own]
        negatives = [far[a][n] for n, other in enumerate(labels) if other != own]
        losses += [max(0.0, max(positives) - min(negatives) + MARGIN)] if positives else []
    return sum(losses) / len(losses)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0, 1], [0, 0, 0, 0, 0, 0, 1], [3, 3, 4, 4, 5, 5, 6]])
def test_they_choose_what_the_loops_choose(labels: list[int]) -> None:
    vectors = torch.randn(7, 3, generator=torch.Generator().manual_seed(2))
    codes = torch.tensor(labels)
    assert float(semi_hard(vectors, codes, MARGIN)) == pytest.approx(slow_semi_hard(vectors, labels), abs=1e-5)
    assert float(batch_hard(vectors, codes, MARGIN)) == pytest.approx(slow_batch_hard(vectors, labels), abs=1e-5)


@pytest.mark.parametrize("mined", [semi_hard, batch_hard])
@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_without_negatives_or_positives_there_is_nothing_to_learn(mined: object, labels: list[int]) -> None:
    vectors = torch.randn(3, 4, requires_grad=True)
    found = mined(vectors, torch.tensor(labels), MARGIN)  # type: ignore[operator]
    found.backward()
    assert float(found.detach()) == 0
    assert bool(vectors.grad.isfinite().all())  # type: ignore[union-attr]


def test_labels_a_margin_apart_cost_nothing_and_mixed_ones_the_margin() -> None:
    apart, labels = torch.eye(2).repeat(2, 1), torch.tensor([0, 1])
    for mining in ("semi-hard", "batch-hard"):
        loss = Triplet(0.1, {"mining": mining, "margin": 0.5})
        assert float(loss.between(apart[:2], apart[2:], labels)) == 0
        assert float(loss.between(torch.ones(2, 3), torch.ones(2, 3), labels)) == pytest.approx(0.5, abs=1e-6)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(BadParameter, match="margin of the objective triplet"):
        Triplet(0.1, {"margin": 0})
    with pytest.raises(BadParameter, match="one of semi-hard, batch-hard"):
        Triplet(0.1, {"mining": "easy"})
    with pytest.raises(BadParameter, match="one of margin, mining"):
        Triplet(0.1, {"temperature": 1})
