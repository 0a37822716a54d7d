"""Limits on the results of a search: a label, a filter, and whether the query itself may be among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.collections.images import Images
from engine.core.errors import NotFound


@dataclass(frozen=True)
class Limits:
    """What a query may find.

    Attributes:
        include_query: whether the query picture may be among its results.
        label: the label that results must have, None for any.
        where: a filter in its written form, "" for none. among: the ids that meet it; None without a filter.
    """

    include_query: bool = False
    label: str | None = None
    where: str = ""
    among: NDArray[np.int64] | None = None

    def within(self, candidates: NDArray[np.bool_], images: Images) -> NDArray[np.bool_]:
        """Those of the candidates, (n,) of the n images, that have the label and meet the filter.

        Raises:
            NotFound: none has the label, or meets the filter.
        """
        if self.label:
            candidates = candidates & images.labelled(self.label)
            if not candidates.any():
                raise NotFound(f"No picture of this collection has the label {self.label!r}.")
        if self.among is not None:
            candidates = candidates & np.isin(images.ids, self.among)
            if not candidates.any():
                raise NotFound(f"No picture of this collection meets the filter {self.where!r}.")
        return candidates
