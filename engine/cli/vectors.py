"""The command vectors: custom embeddings of a collection, computed elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.cli.flags import OUTPUT, Commands, only, output_flags, yes_flag
from engine.cli.printing import confirmed, print_rows, progress_line
from engine.core.errors import BadParameter
from engine.core.progress import Reporter
from engine.encoders.imported_vectors import cards, import_vectors, remove
from engine.encoders.vectors.files import Part
from engine.encoders.vectors.layouts import parts_of
from engine.workbench.workbench import Workbench

_ACTIONS = ("list", "add", "delete")
_WORDS = {"list": OUTPUT, "add": ("file", "names", "columns", "title"), "delete": ("file",)}
_WHY = {"list": "it lists all of the collection", "add": "it only adds", "delete": "it only deletes"}


def register(commands: Commands) -> None:
    sub = commands.add("vectors", command_vectors)
    sub.add_argument("action", nargs="?", default="list", choices=_ACTIONS, type=_action, help="default: list")
    sub.add_argument("file", nargs="?", help="add: a file or folder of vectors; delete: the name, as in the list")
    sub.add_argument("--collection", required=True)
    sub.add_argument(
        "--names", metavar="FILE", help="the pictures' names in the order of a .npy: one a line, or a table"
    )
    sub.add_argument("--columns", metavar="NAMES", help="the columns of a table with the values, separated by commas")
    sub.add_argument("--title", help="the title of the embeddings (default: the file's name)")
    yes_flag(sub)
    output_flags(sub)


def _action(word: str) -> str:
    return "delete" if word == "remove" else word


def command_vectors(arguments: argparse.Namespace) -> None:
    """List the custom embeddings of a collection; add some from a file, or delete them."""
    bench, action = Workbench(), arguments.action
    only(arguments, ("action", "collection", *_WORDS[action]), f"vectors {action}", _WHY[action])
    if arguments.action == "list":
        return _list(bench, arguments)
    if not arguments.file:
        wanted = "named (see: python -m engine vectors --collection NAME)"
        raise BadParameter("file", f"vectors {arguments.action}", wanted, "nothing")
    (_add if arguments.action == "add" else _delete)(bench, arguments)


def _list(bench: Workbench, arguments: argparse.Namespace) -> None:
    found = cards(bench.collection(arguments.collection))
    header = ["encoder", "title", "vectors", "values each", "file"]
    print_rows(header, [[c.name, c.title, c.count, c.width, c.file] for c in found], arguments)


def _add(bench: Workbench, arguments: argparse.Namespace) -> None:
    path, collection = _there(arguments.file), bench.collection(arguments.collection)
    names = [Part(names.name, names)] if arguments.names and (names := _there(arguments.names)) else []
    columns = [name.strip() for name in (arguments.columns or "").split(",") if name.strip()]
    reporter = Reporter(listen=progress_line())
    title = arguments.title or (path.name if path.is_dir() else path.stem)
    card = import_vectors(collection, [*parts_of(path), *names], title, reporter, columns)
    for note in card.notes:
        print(note)
    print(f"{card.count:,} vectors of {card.width:,} values were added; search with: --encoder {card.name}")


def _there(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.exists():
        raise BadParameter("file", "custom embeddings", "an existing file or folder", text)
    return path


def _delete(bench: Workbench, arguments: argparse.Namespace) -> None:
    collection, name = bench.collection(arguments.collection), arguments.file
    if confirmed(f"the custom embeddings {name} of {collection.title}", arguments):
        remove(collection, name)
        print(f"Deleted {name}.")
