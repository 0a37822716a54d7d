"""Groupings of a collection on disk: the clustering result and the manual edits.

groupings/<name>/
    current.json, 000001/   the clustering result, as a store: ids, hashes, labels, points, space, and the tree
    person.json             the title and the list of edits (sealed)
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.distances import Matrix, pairwise_distances
from engine.core.errors import BadParameter, NotFound
from engine.core.home import slug
from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.core.storage import delete_folder, full_disk_named, load_array, read_object, shape_checked, write_json
from engine.core.store import Store
from engine.grouping.clusterer import Labels, by_size
from engine.grouping.grouper import GroupingResult
from engine.grouping.kmeans import fitted
from engine.grouping.numbers import Tried
from engine.grouping.plan import GroupingPlan
from engine.grouping.quality import chance, quality
from engine.grouping.stored import edits as changes
from engine.grouping.stored.groups import Group, Groups, groups_of
from engine.grouping.tree import Tree

VERSION = 1
__all__ = ["Group", "Grouping", "Groups", "checked_title", "store_grouping"]


class Grouping:
    """One stored grouping. The clustering result is read lazily; edits are read every time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name
        snapshot = _store(folder).open(only=())
        if snapshot is None:
            raise NotFound(f"There is no grouping {folder.name!r}.")
        self.facts = snapshot.facts
        with shape_checked(folder):
            float(snapshot.facts["made"])

    # ── clustering result ────────────────────────────────────────────────────────────────────────────────────────

    @property
    def recipe(self) -> Recipe:
        """The recipe whose vectors were grouped."""
        return Recipe.from_dict(self.facts["recipe"])

    @property
    def precision(self) -> str:
        """The precision that the vectors were computed in; "" if not recorded."""
        return str(self.facts.get("precision", ""))

    @property
    def plan(self) -> GroupingPlan:
        """The plan that was carried out."""
        return GroupingPlan.from_dict(self.facts["plan"])

    @property
    def notes(self) -> list[str]:
        """Sentences on what was chosen or simplified."""
        return list(self.facts["notes"])

    @property
    def curve(self) -> list[Tried]:
        """The numbers of groups that were tried when the number was chosen; empty if it was given."""
        return [Tried(*one) for one in self.facts.get("curve", ())]

    @property
    def seconds(self) -> dict[str, float]:
        """How long each step took."""
        return dict(self.facts["seconds"])

    @property
    def made(self) -> float:
        """When, in seconds since 1970."""
        return float(self.facts["made"])

    @property
    def metric(self) -> str:
        """The metric of the grouped vectors: the recipe's, or Euclidean after a reduction."""
        return str(self.facts["metric"])

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """(n,) the images, ascending."""
        return load_array(self._files / "ids.npy")

    @cached_property
    def points(self) -> Matrix:
        """(n, 2) the map."""
        return load_array(self._files / "points.npy")

    @cached_property
    def space(self) -> Matrix:
        """(n, d) memory-mapped: the vectors that were grouped."""
        return load_array(self._files / "space.npy", mmap_mode="r")

    @cached_property
    def tree(self) -> Tree | None:
        """The tree of a hierarchical grouping, None for the others."""
        if not (self._files / "merges.npy").exists():
            return None
        return Tree(*(load_array(self._files / f"{part}.npy") for part in ("merges", "leaves", "leaf_of")))

    def stale(self, collection: Collection) -> str:
        """A sentence if the collection's images have changed since, else ""."""
        images = collection.images()
        there = images.holds(self.ids, self._contents)
        without = np.array([id for id, _ in self.facts.get("left_out", ())], dtype=np.int64)
        hashes = np.array([hash.encode() for _, hash in self.facts.get("left_out", ())], dtype="S64")
        known = int(there.sum()) + int(images.holds(without, hashes).sum())
        new, gone = len(images) - known, int((~there).sum())
        if not new and not gone:
            return ""
        changes = [count_of(new, "new picture")] if new else []
        changes += [f"{count_of(gone, 'picture')} removed or changed"] if gone else []
        return f"The collection has changed since then: {', '.join(changes)}."

    # ── manual edits ─────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def title(self) -> str:
        return str(self._person()["title"])

    def edits(self) -> list[dict[str, Any]]:
        """The edits, oldest first."""
        return list(self._person()["edits"])

    def groups(self) -> Groups:
        """The groups with all edits applied."""
        return groups_of(self.ids, self._state(), self.space, self.metric)

    def edit(self, edit: changes.Edit) -> None:
        """Apply one more edit and store it; see `edits`. The parts of a split are computed here.

        Raises:
            BadParameter: an invalid edit. NotFound: the grouping has been removed. StorageFull: the disk is full;
        nothing is changed.
        """
        with self._alone():
            person = self._person()
            if edit.get("kind") == "split":
                edit = {**edit, "parts": self._parts(edit)}
            self._applied([*person["edits"], edit])
            self._write({**person, "edits": [*person["edits"], dict(edit)]})

    def undo(self) -> bool:
        """Undo the last edit; whether there was one."""
        with self._alone():
            person = self._person()
            if not person["edits"]:
                return False
            self._write({**person, "edits": person["edits"][:-1]})
            return True

    def rename(self, title: str) -> None:
        """Give the grouping a title; BadParameter for one without a letter or digit."""
        title = checked_title(title)
        with self._alone():
            self._write({**self._person(), "title": title})

    def remove(self) -> None:
        """Delete the grouping, if it still exists. No picture is touched."""
        delete_grouping(self.folder)

    @property
    def cut_now(self) -> tuple[int, float] | None:
        """(groups, height) of the cut in force; None without a tree."""
        if self.tree is None:
            return None
        cut = changes.cut_in_force(self.edits())
        if cut is None:
            groups = len(np.unique(self._labels))
            return groups, self.tree.height_of(groups)
        if cut.get("groups"):
            return int(cut["groups"]), self.tree.height_of(int(cut["groups"]))
        return self.tree.groups_at(cut["height"]), float(cut["height"])

    def quality(self, truth: Sequence[str]) -> dict[str, float]:
        """Purity, NMI, AMI, ARI and silhouette of the current groups; `truth` (n,) are labels by `ids`.

        After a reduction also "encoder_silhouette", among the vectors of the encoder, until the groups are changed.
        """
        found = quality(self._state().labels, truth, self.space, self.metric)
        before = self.facts.get("encoder_silhouette")
        return found if before is None or self.edits() else found | {"encoder_silhouette": float(before)}

    def chance(self, truth: Sequence[str]) -> dict[str, float]:
        """What random groups of these sizes reach, by the names of `quality`."""
        return chance(self._state().labels, truth, self.plan.seed)

    def distance_matrix(self, most: int = 200) -> tuple[NDArray[np.int64], Matrix]:
        """(ids (k,), distances (k, k)) of at most `most` images, evenly spread, in the order of the tree or groups."""
        rows = self._in_order()
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(np.int64))]
        return self.ids[rows], pairwise_distances(np.asarray(self.space[rows]), self.metric)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _files(self) -> Path:
        """The folder of the arrays, every checksum verified on first access."""
        snapshot = _store(self.folder).open()
        if snapshot is None:
            raise self._gone()
        return snapshot.folder

    @cached_property
    def _labels(self) -> Labels:
        return load_array(self._files / "labels.npy")

    @cached_property
    def _contents(self) -> NDArray[np.bytes_]:
        return load_array(self._files / "hashes.npy")

    def _in_order(self) -> NDArray[np.int64]:
        if self.tree is not None:
            return self.tree.leaves[self.tree.order]
        ids = np.concatenate([group.ids for group in self.groups().groups])
        return np.searchsorted(self.ids, ids)

    def _parts(self, edit: changes.Edit) -> dict[str, int]:
        """The part that each image of a group goes to when the group is split."""
        state = self._state()
        rows = np.flatnonzero(state.labels == changes.known_group(state, edit.get("group")))
        into = changes.checked_parts(edit.get("into"), len(rows))
        parts = by_size(fitted(np.asarray(self.space[rows]), into, self.plan.seed).labels_)
        return {str(id): int(part) for id, part in zip(self.ids[rows].tolist(), parts, strict=True)}

    def _state(self) -> changes.State:
        return self._applied(self.edits())

    def _applied(self, edits: Sequence[changes.Edit]) -> changes.State:
        return changes.applied(self._labels, self.tree, self.ids, edits)

    def _person(self) -> dict[str, Any]:
        try:
            return read_object(self.folder / "person.json", title=str, edits=list)
        except FileNotFoundError:
            raise self._gone() from None

    def _write(self, person: dict[str, Any]) -> None:
        write_json(self.folder / "person.json", person)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Lock the edits for a single change; NotFound if the grouping has been removed."""
        if not (self.folder / "person.json").exists():
            raise self._gone()  # the lock would recreate the folder
        with FileLock(self.folder / ".edits.lock"):
            yield

    def _gone(self) -> NotFound:
        return NotFound(f"The grouping {self.name!r} no longer exists.")


def store_grouping(
    collection: Collection, recipe: Recipe, plan: GroupingPlan, hashes: Sequence[str], ids: NDArray[np.int64],
    result: GroupingResult, title: str, left_out: Iterable[tuple[int, str]] = (),
    precision: str = "",
) -> Grouping:  # fmt: skip
    """Store a result under a new name derived from the title; hashes (n,) and ids (n,) are the grouped images.

    `left_out` are ids and hashes of images without a vector: these do not count as new later.
    `precision` is that of the encoder.

    Raises:
        BadParameter: the title has neither a letter nor a digit. StorageFull: the disk is full.
        NotFound: the collection has been removed meanwhile.
    """
    title = checked_title(title)
    folder = _fresh(collection.folder / "groupings", title)
    facts = {"recipe": recipe.as_dict(), "plan": plan.as_dict(), "left_out": sorted(left_out), **_facts(result)}
    facts["precision"] = precision
    try:
        _store(folder).publish(_filler(hashes, ids, result), facts)
        write_json(folder / "person.json", {"title": title, "edits": []})
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Grouping(folder)


def delete_grouping(folder: Path) -> None:
    """Delete the folder of a grouping, if it is still there, however damaged it is. No picture is touched."""
    if folder.is_dir():
        with suppress(OSError), FileLock(folder / ".edits.lock"):
            (folder / "person.json").unlink()  # out of sight at once
        delete_folder(folder, "person.json")


def _facts(result: GroupingResult) -> dict[str, Any]:
    return {
        "metric": result.metric,
        "notes": result.notes,
        "curve": [list(one) for one in result.curve],
        "encoder_silhouette": result.encoder_silhouette,
        "seconds": result.seconds,
        "made": time.time(),
        "images": len(result.labels),
        "groups": int(result.labels.max(initial=-1)) + 1,
    }


def _filler(hashes: Sequence[str], ids: NDArray[np.int64], result: GroupingResult) -> Callable[[Path], None]:
    arrays: dict[str, NDArray[Any]] = {
        "ids": np.asarray(ids, dtype=np.int64),
        "hashes": np.array([hash.encode() for hash in hashes], dtype="S64"),
        "labels": result.labels,
        "points": result.points,
        "space": result.space,
    }
    if result.tree is not None:
        arrays |= {"merges": result.tree.merges, "leaves": result.tree.leaves, "leaf_of": result.tree.leaf_of}

    def fill(folder: Path) -> None:
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)

    return fill


def _store(folder: Path) -> Store:
    return Store(folder, format="grouping", version=VERSION)


def checked_title(title: str) -> str:
    """The title on one line, at most 120 characters; BadParameter for one without a letter or digit."""
    title = " ".join(title.encode("utf-8", "replace").decode().split())[:120]
    if not any(map(str.isalnum, title)):
        raise BadParameter("title", "a grouping", "a text with at least one letter or digit", title)
    return title


def _fresh(root: Path, title: str) -> Path:
    """A new folder: the slug of the title, a dash and the next free number; created at once, so that it is unique."""
    base = slug(title)[:48].strip("-")
    try:
        with full_disk_named(title):
            root.mkdir(exist_ok=True)
            return next(folder for n in count(1) if _claimed(folder := root / f"{base}-{n}"))
    except FileNotFoundError:
        raise NotFound(f"The folder {root.parent} has been removed.") from None


def _claimed(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
