"""From a collection to a data set: its pictures with all that is known of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from engine.collections.collection import Collection
from engine.collections.facts.table import PictureTable, unmarked_table, with_marks
from engine.core.errors import BadParameter, NotFound
from engine.encoders.vectors.store import Vectors
from engine.grouping.stored.exporting import names_and_size
from engine.grouping.stored.exports import plain_name, unused_name
from engine.grouping.stored.grouping import Grouping
from engine.interchange.dataset import Dataset, Sample, Vector


def gathered(
    collection: Collection,
    ids: Iterable[int] | None,
    vectors: Vectors | None = None,
    grouping: Grouping | None = None,
    metric: str = "cosine",
) -> tuple[Dataset, int]:
    """The pictures with these ids (None: all) as a data set, and the size of their files in bytes.

    Raises:
        BadParameter: no pictures. NotFound: an id is no picture.
    """
    table = with_marks(unmarked_table(collection), collection)
    wanted = table.ids.tolist() if ids is None else list(dict.fromkeys(map(int, ids)))
    if not wanted:
        raise BadParameter("number of pictures", "an export", "at least 1", 0)
    rows = {id: row for id in wanted if (row := table.row(id)) is not None}
    if (gone := next((id for id in wanted if id not in rows), None)) is not None:
        raise NotFound(f"There is no picture {gone} in the collection {collection.title!r} any more.")
    names, size = names_and_size(collection, wanted)
    held, placed = _vectors(vectors), _groups(grouping)
    samples = [
        _sample(table, rows[id], name, held.get(id), *placed.get(id, ("", None)))
        for id, name in zip(wanted, plain_paths([names[id] for id in wanted]), strict=True)
    ]
    return Dataset(collection.title, samples, metric), size


def plain_paths(names: Sequence[str]) -> list[str]:
    """Paths as every system can store them, each once: a name that is taken is numbered.

    >>> plain_paths(["cats/1.png", "../cats/1.png", "a:b.png"])
    ['cats/1.png', 'cats/1 (2).png', 'a_b.png']
    """
    taken: dict[str, dict[str, int]] = {}
    found = []
    for name in names:
        *folders, last = PurePosixPath(name.replace("\\", "/")).parts or ("picture",)
        inside = "/".join(plain_name(folder) for folder in folders if folder.strip("./"))
        own = unused_name(plain_name(last, "picture"), taken.setdefault(inside.casefold(), {}))
        found.append(f"{inside}/{own}" if inside else own)
    return found


def _sample(
    table: PictureTable, row: int, name: str, vector: Vector | None, group: str, point: tuple[float, float] | None
) -> Sample:
    mark = table.marks[row]
    return Sample(
        name=name,
        label=table.labels[row],
        text=table.texts[row],
        tags=mark.tags,
        stars=mark.stars,
        group=group,
        columns={column: cells[row] for column, cells in table.columns.items() if cells[row]},
        vector=vector,
        point=point,
        width=int(table.widths[row]),
        height=int(table.heights[row]),
        id=int(table.ids[row]),
    )


def _vectors(vectors: Vectors | None) -> Mapping[int, Vector]:
    if vectors is None:
        return {}
    return dict(zip(vectors.ids.tolist(), vectors.matrix, strict=True))


def _groups(grouping: Grouping | None) -> Mapping[int, tuple[str, tuple[float, float] | None]]:
    """The title of each picture's group, "" for those in none, and its place on the map."""
    if grouping is None:
        return {}
    titles = {id: g.title for g in grouping.groups().groups if g.number >= 0 for id in g.ids.tolist()}
    points = grouping.points.tolist()
    return {id: (titles.get(id, ""), (x, y)) for id, (x, y) in zip(grouping.ids.tolist(), points, strict=True)}
