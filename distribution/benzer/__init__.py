"""Benzer: find, group and compare the pictures that look alike.

    import benzer

    bench = benzer.Workbench()
    recipe = bench.prepare(bench.import_folder("/home/me/pictures"))
    bench.search(recipe, "beach.jpg").to_frame()

Every name is imported when it is first used, as processes that only read pictures need none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from engine import VERSION as __version__

if TYPE_CHECKING:
    from engine import indexes
    from engine.comparisons.hashing.plan import StudyPlan
    from engine.comparisons.recipes.plan import ExperimentPlan
    from engine.core.errors import BenzerError
    from engine.core.home import Home
    from engine.core.recipe import Recipe
    from engine.evaluation.retrieval import evaluate
    from engine.search.answer import Answer, Query
    from engine.search.examples import Example
    from engine.workbench.workbench import Workbench

__all__ = [
    "Answer",
    "BenzerError",
    "Example",
    "ExperimentPlan",
    "Home",
    "Query",
    "Recipe",
    "StudyPlan",
    "Workbench",
    "__version__",
    "evaluate",
    "indexes",
]

_ROOMS = {
    "Answer": "search.answer",
    "BenzerError": "core.errors",
    "Example": "search.examples",
    "ExperimentPlan": "comparisons.recipes.plan",
    "Home": "core.home",
    "Query": "search.answer",
    "Recipe": "core.recipe",
    "StudyPlan": "comparisons.hashing.plan",
    "Workbench": "workbench.workbench",
    "evaluate": "evaluation.retrieval",
}


def __getattr__(name: str) -> Any:
    if name == "indexes":
        return import_module(f"{__name__}.engine.indexes")
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.engine.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return __all__
