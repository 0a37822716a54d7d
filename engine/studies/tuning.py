"""Settings that promise a wanted recall on a sample, to be measured by a study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.jobs import Reporter
from engine.recipe import parse_method


def proposals(
    vectors: NDArray[np.float32],
    metric: str,
    recall: float,
    neighbours: int,
    methods: Sequence[str],
    reporter: Reporter | None = None,
) -> tuple[str, ...]:
    """For each method the settings that it chooses from (n, d) vectors itself."""
    return tuple(dict.fromkeys(parse_method(method)[0] for method in methods))
