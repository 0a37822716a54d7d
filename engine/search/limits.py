"""Limits on the results of a search: a label, a filter, and whether the query itself may be among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.collections.images import Images
from engine.core.errors import NothingKnown


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
            NothingKnown: none has the label, or meets the filter.
        """
        wanted = np.ones(len(images), dtype=bool)
        if self.label:
            wanted &= images.labelled(self.label)
            _check_some(wanted, candidates, f"has the label {self.label!r}")
        if self.among is not None:
            wanted &= np.isin(images.ids, self.among)
            labelled = f"has the label {self.label!r} and " if self.label else ""
            _check_some(wanted, candidates, f"{labelled}meets the filter {self.where!r}")
        return candidates & wanted


def _check_some(wanted: NDArray[np.bool_], candidates: NDArray[np.bool_], does: str) -> None:
    """NothingKnown if no picture is wanted, or none of the candidates."""
    if not wanted.any():
        raise NothingKnown(f"No picture of this collection {does}.")
    if not (wanted & candidates).any():
        raise NothingKnown(f"No other picture that can be searched {does}.")
