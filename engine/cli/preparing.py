"""Asking for what needs vectors or an index, which are computed first if they are missing."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from engine.cli.printing import progress_line
from engine.core.errors import NotReady, NotTrained, NoWeights
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench

T = TypeVar("T")


def prepared(bench: Workbench, recipe: Recipe, ask: Callable[[], T], job: str = "embed") -> T:
    """The result of `ask`; if the recipe is not ready, the job is run and `ask` called once more.

    Raises:
        NotTrained, NoWeights: the encoder has no weights, which the job cannot provide.
    """
    try:
        return ask()
    except (NotTrained, NoWeights):
        raise
    except NotReady as error:
        print(error.message + " Doing that first.", file=sys.stderr)
        bench.run(job, progress_line(), recipe=recipe.as_dict())
        return ask()
