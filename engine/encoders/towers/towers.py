"""The interface of two towers: pictures and texts to vectors of one width."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor


class Towers(ABC):
    """Two networks that were trained together; one subclass for each kind of file."""

    @abstractmethod
    def pictures(self, images: Tensor) -> Tensor:
        """(n, 3, s, s) normalised float32 pictures to (n, d) float32 vectors, on the pictures' device."""

    @abstractmethod
    def texts(self, numbered: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """The (n, d) float32 vectors of texts, each given by the ids of its word pieces."""


def filled_up(numbered: Sequence[Sequence[int]], padding: int, length: int = 0) -> NDArray[np.int64]:
    """(n, t) ids of texts, filled up at the end to the longest, or to `length`."""
    found = np.full((len(numbered), length or max(map(len, numbered))), padding, np.int64)
    for row, numbers in enumerate(numbered):
        found[row, : len(numbers)] = numbers
    return found
