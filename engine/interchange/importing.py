"""The job that makes a collection from a data set of another program: pictures, then tags, vectors and groups."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.collections.collection import Collection
from engine.collections.facts.marks import Mark, change_marks
from engine.collections.reading.regular_files import follows_links, opened, read_bytes
from engine.collections.reading.worker_tasks import Failure
from engine.collections.sources import staged
from engine.collections.sources.archives import SUFFIXES
from engine.collections.sources.folders import real_path
from engine.collections.sources.importing import import_items
from engine.collections.sources.items import Item
from engine.core.errors import NotFound, Unreadable, UnreadableImage
from engine.core.home import Home, home_of
from engine.core.humanize import count_of, examples
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import full_disk_named
from engine.encoders.imported_vectors import OwnVectors, add
from engine.encoders.vectors.pipeline import embed_collection
from engine.grouping.clusterer import NOISE, by_size
from engine.grouping.grouper import GroupingResult
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.grouping import store_grouping
from engine.interchange import make_format
from engine.interchange.dataset import Sample, matrix_of
from engine.interchange.files import Files, files_at
from engine.search.opening import default_recipe

_PLAN = GroupingPlan(Step("imported"), map=Step("imported"))  # nothing was computed here
_FOLDERS = ("images/", "data/")  # of pictures, in which whole data sets lie


def import_dataset(arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Make the collection `title` from the data set at `path` in `format`; pictures are copied.

    Tags and stars are one act that can be undone, vectors become custom embeddings, groups and places a grouping.

    Args:
        arguments: also `columns`, the data set's names of our fields, for formats in which they vary, and
            `follow_links`, whether links may lead out of the folder.

    Raises:
        BadParameter: no such format, or a value that cannot be. NotFound: no such file. Unreadable: no data set of
        that format, or no picture in it. NameTaken, StorageFull, Stopped.
    """
    home, path = home_of(arguments), _checked_path(arguments)
    format, title = make_format(arguments["format"], arguments.get("columns")), arguments["title"]
    if not format.needs_pictures:
        format.read(Files((), path))  # says what to do instead
    follow = bool(arguments.get("follow_links")) or follows_links()
    samples: list[Sample] = []
    unlisted: list[str] = []

    def items(staging: Path) -> Iterator[Item]:
        files = files_at(path, staging, follow=follow)
        samples.extend(_named(format.read(files)))
        unlisted.extend(files.unlisted())
        matrix_of(samples, "the data set")  # refused before any picture is imported
        return _items(samples, staging)

    source = {"kind": "dataset", "format": format.name, "path": str(path)}
    source |= {} if path.is_dir() else {"sha256": _digest(path, Path(path.anchor) if follow else path.parent)}
    report = import_items(home, title, source, items, reporter)
    collection = Collection.open(home, report.collection)
    report.notes += [*_left_out(unlisted), *_taken_over(home, collection, samples, reporter)]
    return report.to_dict()


def _checked_path(arguments: dict[str, Any]) -> Path:
    """The folder or archive of the data set without links; another file keeps its name, as it may be one of links."""
    path = Path(arguments["path"]).expanduser()
    try:
        real = real_path(path, unlinked=bool(arguments.get("unlinked")))
        if real.is_dir() or path.name.lower().endswith(SUFFIXES):
            return real
        return real_path(path.parent) / path.name
    except (OSError, RuntimeError, ValueError) as error:
        raise NotFound(f"There is no file or folder {str(path)!r}.") from error


def _digest(path: Path, bounds: Path) -> str:
    try:
        with opened(path, bounds) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except UnreadableImage as error:
        raise Unreadable(f"The file {path.name!r} cannot be read: {error.message}") from error


def _left_out(unlisted: Sequence[str]) -> list[str]:
    if not unlisted:
        return []
    pictures = f"{count_of(len(unlisted), 'picture')} {'was' if len(unlisted) == 1 else 'were'} left out"
    them = "it" if len(unlisted) == 1 else "them"
    return [f"{pictures}, as no record that could be read names {them}: {examples(unlisted)}."]


def _named(samples: Sequence[Sample]) -> list[Sample]:
    """The samples without the folder in which all pictures lie, each with a name of its own."""
    folder = next((one for one in _FOLDERS if all(sample.name.startswith(one) for sample in samples)), "")
    times: Counter[str] = Counter()
    found = []
    for sample in samples:
        name = sample.name.removeprefix(folder)
        times[name] += 1
        found.append(replace(sample, name=name if times[name] == 1 else f"{name} ({times[name]})"))
    return found


def _items(samples: Iterable[Sample], staging: Path) -> Iterator[Item]:
    for number, sample in enumerate(samples):
        assert sample.file is not None
        item = sample.file if sample.file.owned or sample.file.failure else _copied(sample.file, staging / f"{number}")
        item = replace(item, key=_key(sample), shown=sample.name)
        yield replace(item, label=sample.label, text=sample.text, columns=sample.columns)


def _copied(item: Item, place: Path) -> Item:
    """A copy of a file in the staging folder; one with a failure for a link that leads out, or whatever is no file."""
    try:
        data = read_bytes(Path(item.location), Path(item.bounds))
    except UnreadableImage as error:
        return replace(item, failure=Failure(error.stage, error.code, error.message))
    with full_disk_named(item.name):
        staged.write(place, data)
    return Item(item.key, location=str(place), owned=True, size=len(data))


def _key(sample: Sample) -> bytes:
    return sample.name.encode("utf-8", "surrogateescape").replace(b"\0", b" ")


# ── what is known of the pictures ────────────────────────────────────────────────────────────────────────────────────


def _taken_over(home: Home, collection: Collection, samples: Sequence[Sample], reporter: Reporter) -> list[str]:
    """Tags, vectors and groups of the samples that became pictures; a sentence on each for the report."""
    by_id = _by_id(collection, samples)
    vectors, notes = _add_vectors(collection, by_id, reporter)
    return [*_add_marks(collection, by_id), *notes, *_add_groups(home, collection, by_id, vectors)]


def _by_id(collection: Collection, samples: Sequence[Sample]) -> dict[int, Sample]:
    """The sample of each picture by its id; of exact copies the first counts."""
    rows = collection.rows()
    picture = {row.hash: row.id for row in reversed(rows) if row.status == "image"}
    ids = {row.key: picture[row.hash] for row in rows if row.status != "rejected"}
    found: dict[int, Sample] = {}
    for sample in samples:
        if (id := ids.get(_key(sample))) is not None:
            found.setdefault(id, sample)
    return found


def _add_marks(collection: Collection, samples: Mapping[int, Sample]) -> list[str]:
    marked = {id: Mark(sample.tags, sample.stars) for id, sample in samples.items() if sample.tags or sample.stars}
    if not marked:
        return []
    change_marks(collection, marked, lambda id, mark: replace(marked[id], synced=mark.synced), "imported")
    return [f"Tags and stars of {count_of(len(marked), 'picture')} were imported."]


def _add_vectors(collection: Collection, samples: Mapping[int, Sample], reporter: Reporter) -> tuple[str, list[str]]:
    """Add the vectors as custom embeddings; the name of these as an encoder, "" without any."""
    having = [sample for sample in samples.values() if sample.vector is not None]
    if not having:
        return "", []
    names, matrix = [sample.name for sample in having], matrix_of(having, "the data set")
    card = add(collection, collection.title, "the data set", names, matrix)
    embed_collection(collection, OwnVectors(card.name).at(collection), ["max"], reporter)
    return card.name, [f"{count_of(card.count, 'vector')} of {card.width:,} values are custom embeddings.", *card.notes]


def _add_groups(home: Home, collection: Collection, samples: Mapping[int, Sample], encoder: str) -> list[str]:
    """Store groups and places on the map as a grouping, where the data set has any."""
    if not any(sample.group or sample.point for sample in samples.values()):
        return []
    ids = sorted(samples)
    titles = list(dict.fromkeys(samples[id].group for id in ids if samples[id].group))
    numbers = {title: number for number, title in enumerate(titles)}
    labels = by_size(np.array([numbers.get(samples[id].group, NOISE) for id in ids], dtype=np.int64))
    points = np.array([samples[id].point or (0.0, 0.0) for id in ids], dtype=np.float32)
    complete = encoder and all(samples[id].vector is not None for id in ids)
    space = matrix_of([samples[id] for id in ids], "the data set") if complete else points
    note = "These groups were imported with the pictures; nothing was computed."
    found = GroupingResult(labels, points, space, "cosine" if complete else "euclidean", notes=[note])
    recipe = Recipe(collection.name, encoder, "", "max") if complete else default_recipe(home, collection.name)
    hashes = {row.id: row.hash for row in collection.rows("image")}
    made = store_grouping(
        collection, recipe, _PLAN, [hashes[id] for id in ids], np.array(ids), found, "Imported groups"
    )
    for title in titles:
        place = next(row for row, id in enumerate(ids) if samples[id].group == title)
        made.edit({"kind": "name", "group": int(labels[place]), "title": title})
    return [f"{count_of(len(titles), 'group')} were imported as a grouping."]
