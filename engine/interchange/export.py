"""The job that writes a collection as a data set of another program, into a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.collections.collection import Collection
from engine.core.errors import BadParameter, NotFound
from engine.core.home import home_of
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import full_disk_named
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import vectors_of
from engine.grouping.stored.exports import check_room, plain_name, put_in_place, temporary_folder
from engine.grouping.stored.listing import grouping
from engine.interchange import Dataset, Format, make_format
from engine.interchange.gathering import gathered
from engine.interchange.target import Target


def export(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Write pictures of `collection` in `format` into a new folder below `folder`, named after `title`.

    Args:
        arguments: also `ids` of the pictures (None: all), the `recipe` whose vectors go along (None: none; missing
            ones are computed), the name of a `grouping` whose groups and map do, and `columns` renamed.

    Returns:
        `path` of the new folder, `count` of the pictures in it, and `left_out`: names with the reason.

    Raises:
        BadParameter: no such format, or one that needs vectors. NotFound: no such folder, grouping or picture, or none
        of the pictures can be read. StorageFull, Stopped: nothing is left behind.
    """
    into = Path(arguments["folder"]).expanduser()
    collection = Collection.open(home_of(arguments), arguments["collection"])
    format = make_format(arguments["format"], arguments.get("columns"))
    if format.needs_vectors and not arguments.get("recipe"):
        raise BadParameter("vectors", f"the format {format.name}", "named, as it consists of them", "none")
    check_room(into, 0)
    dataset, size = _gathered(collection, arguments, reporter)
    check_room(into, size if format.needs_pictures else 0)
    return _written(collection, dataset, format, into, arguments.get("title", ""), reporter)


def _gathered(collection: Collection, arguments: dict[str, Any], reporter: Reporter) -> tuple[Dataset, int]:
    named = grouping(collection, arguments["grouping"]) if arguments.get("grouping") else None
    if not arguments.get("recipe"):
        return gathered(collection, arguments.get("ids"), None, named)
    recipe = Recipe.from_dict(arguments["recipe"])
    encoder = open_encoder(recipe.encoder, recipe.weights, home_of(arguments))
    vectors = vectors_of(collection, encoder, recipe.embedding, reporter)
    return gathered(collection, arguments.get("ids"), vectors, named, recipe.metric)


def _written(
    collection: Collection, dataset: Dataset, format: Format, into: Path, title: str, reporter: Reporter
) -> dict[str, Any]:
    """Write the data set into a folder that appears once it is complete."""
    title = title or f"{collection.title} ({format.name})"
    with temporary_folder(into) as folder, full_disk_named(title):
        target = Target(folder, collection.picture, reporter, len(dataset.samples))
        format.write(dataset, target)
        if not target.count:
            raise NotFound(f"None of the pictures can be exported: {target.left_out[0][1]}")
        path = put_in_place(folder, into, plain_name(title, "export"))
    return {"path": str(path), "count": target.count, "left_out": [list(line) for line in target.left_out]}
