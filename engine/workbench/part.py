"""What the parts of the workbench, mixed into one class, use of each other."""

from __future__ import annotations

from engine.collections.collection import Collection
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders.encoder import Encoder
from engine.search.opening import OpenedRecipe


class Part:
    """The base of the parts: the methods here are those that `Workbench` itself defines."""

    home: Home

    def collection(self, name: str) -> Collection:
        """As the workbench has it."""
        raise NotImplementedError

    def encoder(self, recipe: Recipe) -> Encoder:
        """As the workbench has it."""
        raise NotImplementedError

    def _open(self, recipe: Recipe) -> OpenedRecipe:
        raise NotImplementedError
