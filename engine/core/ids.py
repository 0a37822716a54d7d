"""Finding ids among others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def row_among(ids: NDArray[np.integer[Any]], id: int | None) -> int | None:
    """The place of an id among (n,) ascending ids, None if it is not among them.

    >>> row_among(np.array([3, 5, 9]), 5), row_among(np.array([3, 5, 9]), 6)
    (1, None)
    """
    if id is None:
        return None
    row = int(np.searchsorted(ids, id))
    return row if row < len(ids) and ids[row] == id else None
