"""The interface of an objective over views: the loss of two views of the same pictures, with or without labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from engine.core.settings import AnySetting, all_settings

if TYPE_CHECKING:
    from torch import Tensor


class ViewLoss(ABC):
    """A loss over the projected vectors of two views of each picture; see `objectives/views.py` for the rest.

    Attributes:
        name: of the objective in configs and on the command line. title, summary: for display. rank: its place there.
        learns_labels: whether it learns from the labels of the collection; then batches are balanced over them.
        tempered: whether the temperature of the training is one of its settings.
        settings: its other settings. defaults: settings of a training that suit it, over those of the first objective.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    rank: ClassVar[int]
    learns_labels: ClassVar[bool] = False
    tempered: ClassVar[bool] = False
    settings: ClassVar[tuple[AnySetting, ...]] = ()
    defaults: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(self, temperature: float, settings: Mapping[str, Any]) -> None:
        self.temperature = temperature
        self.chosen = all_settings(self.settings, settings, f"the objective {self.name}")

    @abstractmethod
    def between(self, first: Tensor, second: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of two views of n pictures: their (n, d) float32 vectors, and (n,) labels as numbers.

        Pictures without a label, and all of an objective that learns without labels, have numbers of their own.
        """
