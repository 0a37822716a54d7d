"""The command explain: why two pictures are near."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.cli.flags import Commands, encoder_flags, metric_flag, picture_of, recipe_of
from engine.cli.printing import json_text, progress_line
from engine.core.errors import BadParameter, NotReady
from engine.core.recipe import Recipe
from engine.core.storage import unwritable, write_bytes
from engine.core.tables import text_table
from engine.evidence.explanation import Explanation
from engine.search.answer import Query
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    sub = commands.add("explain", command_explain, job="embed")
    encoder_flags(sub)
    metric_flag(sub)
    for name in ("first", "second"):
        sub.add_argument(name, help="a picture's file, or a picture of the collection as '#12'")
    sub.add_argument("--png", metavar="FILE", help="draw both pictures with their maps")
    sub.add_argument("--json", action="store_true", help="print JSON")


def command_explain(arguments: argparse.Namespace) -> None:
    """Show what each place of two pictures contributes to their distance."""
    if arguments.png and (reason := unwritable(Path(arguments.png))):
        raise BadParameter("file", "--png", f"one that can be written ({reason})", arguments.png)
    bench, recipe = Workbench(), recipe_of(arguments)
    first, second = picture_of(arguments.first), picture_of(arguments.second)
    explanation = _explained(bench, recipe, first, second)
    if arguments.png:
        write_bytes(Path(arguments.png), bench.drawn_explanation(recipe, explanation, first, second))
    print(json_text(explanation.as_dict()) if arguments.json else _table(explanation))


def _explained(bench: Workbench, recipe: Recipe, first: Query, second: Query) -> Explanation:
    """The explanation; vectors that are not there yet are made first."""
    try:
        return bench.explain(recipe, first, second)
    except NotReady as error:
        print(error.message + " Doing that first.", file=sys.stderr)
        bench.run("embed", progress_line(), recipe=recipe.as_dict())
        return bench.explain(recipe, first, second)


def _table(explanation: Explanation) -> str:
    """The strongest matches by row and column of the places, counted from 1 at the top left, and the sum."""
    header = ["encoder", "place in the first", "place in the second", "adds"]
    rows = [
        [part.title, _place(match.first), _place(match.second), f"{match.amount:.4f}"]
        for part in explanation.parts
        for match in part.matches()
    ]
    return "\n\n".join(filter(None, [text_table(header, rows), explanation.sentence(), explanation.note]))


def _place(place: tuple[int, int]) -> str:
    return f"row {place[0] + 1}, column {place[1] + 1}"
