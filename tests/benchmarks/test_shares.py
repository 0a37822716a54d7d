"""How much each of several encoders could count."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._shares import by_copies, grid

CHANCE = np.random.default_rng(0)
KNOWS = np.eye(80, dtype=np.float32)


@pytest.mark.parametrize(("parts", "ways"), [(1, 1), (2, 9), (3, 36)])
def test_the_grid_divides_one_among_all_parts(parts: int, ways: int) -> None:
    found = list(grid(parts))
    assert len(found) == len(set(found)) == ways
    assert all(sum(shares) == pytest.approx(1) and min(shares) >= 0.1 for shares in found)


def test_a_part_that_finds_nothing_counts_little() -> None:
    noise = (3 * CHANCE.random((80, 80))).astype(np.float32)
    assert by_copies([KNOWS, noise])[0] > 0.7


def test_copies_with_equal_knowledge_get_even_shares() -> None:
    assert by_copies([KNOWS, KNOWS]) == (0.5, 0.5)
    assert max(by_copies([KNOWS, KNOWS, KNOWS])) == 0.4
