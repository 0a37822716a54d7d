"""The command explain: why two pictures are near."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.flags import Commands, encoder_flags, metric_flag, picture_of, recipe_of, refuse
from engine.cli.preparing import prepared
from engine.cli.printing import json_text
from engine.core.errors import BadParameter
from engine.core.humanize import percent
from engine.core.recipe import Recipe
from engine.core.storage import unwritable, write_bytes
from engine.core.tables import text_table
from engine.evidence.decoded import Decoded
from engine.evidence.explanation import Explanation
from engine.search.answer import Query
from engine.workbench.seeing import Sights
from engine.workbench.workbench import Workbench


def register(commands: Commands) -> None:
    sub = commands.add("explain", command_explain, job="embed")
    encoder_flags(sub)
    metric_flag(sub)
    sub.add_argument("first", help="a picture's file, or a picture of the collection as '#12'")
    sub.add_argument("second", nargs="?", help="another one; left out with --words")
    sub.add_argument("--words", metavar="TEXT", help="where the picture shows what a search by these words looks for")
    sub.add_argument("--seen", action="store_true", help="what the encoder sees: reconstructions, or its channels")
    sub.add_argument("--png", metavar="FILE", help="draw both pictures with their maps, or what is seen of them")
    sub.add_argument("--json", action="store_true", help="print JSON")


def command_explain(arguments: argparse.Namespace) -> None:
    """Show what each place of two pictures contributes to their distance."""
    if arguments.png and (reason := unwritable(Path(arguments.png))):
        raise BadParameter("file", "--png", f"one that can be written ({reason})", arguments.png)
    bench, recipe = Workbench(), recipe_of(arguments)
    if (arguments.words is None) == (arguments.second is None):
        raise BadParameter(
            "pictures", "an explanation", "two, or one with --words", arguments.second or arguments.words
        )
    if arguments.words is not None:
        refuse(arguments, ("seen",), "explain --words", "what an encoder sees is shown of two pictures")
        return _words(bench, recipe, picture_of(arguments.first), arguments)
    first, second = picture_of(arguments.first), picture_of(arguments.second)
    if arguments.seen:
        return _seen(bench, recipe, first, second, arguments)
    explanation = prepared(bench, recipe, lambda: bench.explain(recipe, first, second))
    if arguments.png:
        write_bytes(Path(arguments.png), bench.drawn_explanation(recipe, explanation, first, second))
    print(json_text(explanation.as_dict()) if arguments.json else _table(explanation))


def _words(bench: Workbench, recipe: Recipe, picture: Query, arguments: argparse.Namespace) -> None:
    found = bench.explain_words(recipe, arguments.words, picture)
    if arguments.png:
        write_bytes(Path(arguments.png), bench.drawn_class(recipe, found, picture))
    print(json_text(found.as_dict()) if arguments.json else found.sentence())


def _seen(bench: Workbench, recipe: Recipe, first: Query, second: Query, arguments: argparse.Namespace) -> None:
    found = prepared(bench, recipe, lambda: bench.sights(recipe, first, second))
    if arguments.png:
        write_bytes(Path(arguments.png), bench.drawn_sights(recipe, found, first, second))
    print(json_text(found.as_dict()) if arguments.json else f"{_sights_table(found)}\n\n{found.sentence()}")


def _sights_table(found: Sights) -> str:
    if isinstance(found, Decoded):
        steps = [[percent(step.share), f"#{step.nearest}", f"{step.distance:.4f}"] for step in found.path]
        return text_table(["of the way", "nearest picture", "distance"], steps)
    rows = [
        [one.number, f"{one.amount:.4f}", ", ".join(f"#{id}" for id in one.ids.tolist())] for one in found.strongest
    ]
    return text_table(["channel", "adds", "pictures that excite it most"], rows)


def _table(explanation: Explanation) -> str:
    """The strongest matches by row and column of the places, counted from 1 at the top left, and the sum."""
    header = ["encoder", "place in the first", "place in the second", "adds"]
    rows = [
        [part.title, _place(match.first), _place(match.second), f"{match.amount:.4f}"]
        for part in explanation.parts
        if not part.whole
        for match in part.matches()
    ]
    return "\n\n".join(filter(None, [text_table(header, rows), explanation.sentence(), explanation.note]))


def _place(place: tuple[int, int]) -> str:
    return f"row {place[0] + 1}, column {place[1] + 1}"
