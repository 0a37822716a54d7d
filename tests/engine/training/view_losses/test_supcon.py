"""The supervised contrastive loss against the formula of the paper, term by term."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from engine.training.view_losses.nt_xent import nt_xent
from engine.training.view_losses.supcon import SupCon, supcon


def slow(vectors: torch.Tensor, labels: list[int], temperature: float) -> float:
    """Equation 2 of Khosla et al., 2020, as it is written, as the mean over the anchors."""
    unit, total = functional.normalize(vectors.double(), dim=1), 0.0
    for i in range(len(labels)):
        others = [a for a in range(len(labels)) if a != i]
        partners = [p for p in others if labels[p] == labels[i]]
        below = sum(math.exp(float(unit[i] @ unit[a]) / temperature) for a in others)
        surprises = [-math.log(math.exp(float(unit[i] @ unit[p]) / temperature) / below) for p in partners]
        total += sum(surprises) / len(partners) if partners else 0.0
    return total / len(labels)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 0], [0, 1, 2, 3, 4, 4], [5, 5, 5, 5, 5, 5]])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_it_is_the_formula(labels: list[int], temperature: float) -> None:
    vectors = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    found = supcon(vectors, torch.tensor(labels), temperature)
    assert float(found) == pytest.approx(slow(vectors, labels, temperature), rel=1e-5)


def test_two_views_of_pictures_with_labels_of_their_own_are_nt_xent() -> None:
    first, second = torch.randn(2, 7, 4, generator=torch.Generator().manual_seed(1))
    found = SupCon(0.2, {}).between(first, second, torch.arange(7))
    assert float(found) == pytest.approx(float(nt_xent(torch.cat([first, second]), 0.2)), rel=1e-6)


def test_without_partners_there_is_nothing_to_learn_and_no_nan() -> None:
    vectors = torch.randn(3, 4, requires_grad=True)
    found = supcon(vectors, torch.arange(3), 0.1)
    found.backward()
    assert float(found.detach()) == 0
    assert vectors.grad is not None
    assert bool((vectors.grad == 0).all())
