"""RDH, randomized distributed hashing: the vectors in random even parts, each with LSH tables of its own.

A query goes to all parts at once; each answers with its k nearest, and the nearest of all of them are the answer. The
parts live in this process, or spread over the nodes of a Ray cluster (`engine.cluster`). A part that is lost comes back
from its own folder; until then an answer says which share of the vectors it covers.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.cluster import Lost, Workers, workers
from engine.distances import checked_vectors
from engine.errors import BadParameter, BenzerError, NotFound, NotReady
from engine.indexes import make_index, methods
from engine.indexes.hash_index import HashIndex
from engine.indexes.hashing import HashFunctions
from engine.indexes.hyperplanes import DIRECTIONS
from engine.indexes.index import Ids, Index, Neighbours, Vectors, checked_ids, checked_k
from engine.indexes.part import Part
from engine.settings import Choice, Setting, Value
from engine.storage import load_array, read_json, write_json

FOLDER = "BENZER_RAY_FOLDER"  # a folder that every node sees; where parts keep themselves
_SEED = 0
_TABLES = 32
_IN_A_BUCKET = 16  # vectors that the automatic number of bits leaves in a bucket of a part
_SELECTIONS = {"selected": "balanced"}  # how LSH takes its planes where they are selected
_ANSWERED_WITHIN = 30.0  # seconds after which a part counts as lost


@dataclass
class Piece:
    """A part as the coordinator knows it: handles to its copies, and the ids it holds."""

    folders: list[Path]
    handles: list[Any]
    ids: Ids = field(default_factory=lambda: np.empty(0, dtype=np.int64))


class RDH(Index):
    """LSH (or any other index) over random parts, with the same hash functions everywhere or own ones in each part.

    With the same functions the candidates are those of one LSH over all vectors, as long as the buckets of every part
    hold k of them. Source: the doctoral thesis that introduced randomized distributed hashing; Charikar, 2002.
    """

    name = "rdh"
    title = "RDH (parts)"
    summary = "Splits the images at random into parts that are hashed and asked side by side, on Ray's nodes if wanted."
    settings = (
        Setting("parts", "Parts", "Into how many parts the images are split.", 1, 1000, 2),
        Choice(
            "functions",
            "Hash functions",
            "Whether all parts hash alike.",
            {
                "same": "the same in all parts",
                "different": "own ones in each part",
                "selected": "the same, of planes that split nearly in half",
            },
            "same",
        ),
        Setting("tables", "Tables", "Tables of each part.", 1, 512, _TABLES),
        Setting("bits", "Bits", "Planes of each table; empty: about 16 images a bucket.", 1, 64),
        Setting("probes", "Extra buckets", "How many neighbouring buckets are also looked into.", 0, 250, 0),
        Setting("copies", "Copies", "How many nodes hold each part, so that one may be lost.", 1, 8, 1),
        Choice(
            "runs",
            "A part runs",
            "The search method inside each part.",
            {
                "lsh": "LSH",
                "pcah": "PCA hashing",
                "spectral": "spectral hashing",
                "itq": "ITQ",
                "exact": "exact search",
            },
            "lsh",
        ),
        Setting(
            "directions", "Directions", "LSH: planes are drawn inside so many leading directions.", 1, 4096, DIRECTIONS
        ),
    )

    def __init__(
        self,
        metric: str,
        parts: int = 2,
        functions: str = "same",
        tables: int = _TABLES,
        bits: int | None = None,
        probes: int = 0,
        copies: int = 1,
        runs: str = "lsh",
        directions: int = DIRECTIONS,
    ) -> None:
        super().__init__(metric)
        self.parts, self.functions, self.copies, self.runs = parts, functions, copies, runs
        self.tables, self.bits, self.probes, self.directions = tables, bits, probes, directions
        self._pieces: list[Piece] | None = None
        self._turn = itertools.count()
        self._seconds: NDArray[np.float64] = np.full(parts, np.nan)

    # ── building ─────────────────────────────────────────────────────────────────────────────────────────────────

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        """As every index; BadParameter also for more parts than vectors, where there is any."""
        checked = checked_vectors(vectors, "the vectors")
        ids = checked_ids(ids, len(checked))
        if len(ids) and self.parts > len(ids):
            raise BadParameter("parts", "the method rdh", f"at most {len(ids):,}, the number of vectors", self.parts)
        self._dimensions = checked.shape[1]
        self._begin(self._automatic_bits(len(ids)), [""] * self.parts)
        split = np.array_split(np.random.default_rng(_SEED).permutation(len(ids)), self.parts)
        with tempfile.TemporaryDirectory(dir=self._folder) as shared:
            path, shared_by_all = _on_disk(vectors, checked, Path(shared)), self._functions(checked)
            calls = []
            for number, (piece, rows) in enumerate(zip(self._built, split, strict=True)):
                piece.ids, rows = np.sort(ids[rows]), np.sort(rows)
                functions = number if shared_by_all is None else shared_by_all
                calls += [(handle, "build", (path, ids[rows], rows, functions)) for handle in piece.handles]
            _all_there(self._workers.ask(calls))
        return self

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """To the parts with the fewest vectors."""
        vectors = checked_vectors(vectors, "the vectors", self._width)
        ids = checked_ids(ids, len(vectors))
        known = np.isin(ids, self._ids())
        if known.any():
            raise BadParameter("ids", "the index", "new", f"{ids[known][0]}, which is there already")
        if not len(ids):
            return
        piece = min(self._built, key=lambda piece: len(piece.ids))
        _all_there(self._workers.ask([(handle, "add", (ids, vectors)) for handle in piece.handles]))
        piece.ids = np.union1d(piece.ids, ids)

    def remove(self, ids: Ids) -> None:
        ids = np.unique(np.asarray(ids, dtype=np.int64).ravel())
        missing = ids[~np.isin(ids, self._ids())]
        if len(missing):
            raise NotFound(f"There is no vector with the id {missing[0]} in the index.")
        held = [(piece, np.intersect1d(piece.ids, ids)) for piece in self._built]
        calls = [(handle, "remove", (own,)) for piece, own in held if len(own) for handle in piece.handles]
        _all_there(self._workers.ask(calls))
        for piece, own in held:
            piece.ids = np.setdiff1d(piece.ids, own)

    # ── searching ────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, queries: Vectors, k: int) -> Neighbours:
        """The k nearest that the parts find; `share` is that of the vectors whose parts answered.

        Raises:
            BenzerError: no part answers.
        """
        pieces, k = self._built, checked_k(k)
        queries = np.ascontiguousarray(checked_vectors(queries, "the queries", self._width))
        answers = self._asked(pieces, queries, k)
        self._seconds = np.array([np.nan if answer is None else answer[3] for answer in answers])
        there = [answer for answer in answers if answer is not None]
        if not there:
            raise BenzerError("No part of the index answers.", way_out="Try again in a few seconds.")
        total = sum(len(piece.ids) for piece in pieces)
        covered = sum(len(piece.ids) for piece, answer in zip(pieces, answers, strict=True) if answer is not None)
        return merged(there, k, covered / total if total else 1.0)

    def _asked(self, pieces: Sequence[Piece], queries: Vectors, k: int) -> list[Any]:
        """What each part answers; where a copy is lost the next one is asked; None where all are."""
        answers: list[Any] = [None] * len(pieces)
        first = next(self._turn)
        for attempt in range(self.copies):
            open_ = [number for number, answer in enumerate(answers) if answer is None]
            calls = []
            for number in open_:
                handles = pieces[number].handles
                calls.append((handles[(first + attempt) % len(handles)], "search", (queries, k)))
            for number, answer in zip(open_, self._workers.ask(calls, _ANSWERED_WITHIN), strict=True):
                answers[number] = None if isinstance(answer, Lost) else answer
        return answers

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, folder: Path) -> None:
        """A folder for each part, written by the part itself: `folder` must be one that its node sees."""
        self._check_all_there()
        calls = []
        for number, piece in enumerate(self._built):
            np.save(folder / f"ids-{number:04d}.npy", piece.ids, allow_pickle=False)
            calls.append((piece.handles[0], "save", (str(folder / f"part-{number:04d}"),)))
        _all_there(self._workers.ask(calls))
        write_json(folder / "rdh.json", {"bits": self._bits, "dimensions": self._width, "parts": len(self._built)})

    def load(self, folder: Path) -> Self:
        facts = read_json(folder / "rdh.json")
        self._dimensions = facts["dimensions"]
        self._begin(facts["bits"], [str(folder / f"part-{number:04d}") for number in range(facts["parts"])])
        for number, piece in enumerate(self._built):
            piece.ids = load_array(folder / f"ids-{number:04d}.npy")
        return self

    @property
    def size(self) -> int:
        return sum(len(piece.ids) for piece in self._built)

    @property
    def chosen(self) -> dict[str, Value]:
        numbers = {"parts": len(self._built), "tables": self.tables, "bits": self._bits, "probes": self.probes}
        return {
            **numbers,
            "copies": self.copies,
            "functions": self.functions,
            "runs": self.runs,
            "directions": self.directions,
        }

    @property
    def part_seconds(self) -> NDArray[np.float64]:
        """(m,) the seconds that each part itself took in the last search; NaN where it did not answer, or none was."""
        return self._seconds

    @property
    def workers_title(self) -> str:
        """Where the parts live: "this process", or "Ray on 3 nodes"."""
        self._built  # noqa: B018 - NotReady where it is empty
        return self._workers.title

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, bits: int, bases: Iterable[str]) -> None:
        """Let a worker for every copy of every part be made, each with a folder of its own."""
        self._bits, self._workers = bits, workers()
        self._folder = Path(tempfile.mkdtemp(prefix="benzer-rdh-", dir=os.environ.get(FOLDER) or None))
        self._pieces = [self._piece(number, base) for number, base in enumerate(bases)]
        handles = [handle for piece in self._pieces for handle in piece.handles]
        weakref.finalize(self, _end, self._workers, handles, self._folder)

    def _piece(self, number: int, base: str) -> Piece:
        folders = [self._folder / f"part-{number:04d}" / f"copy-{copy}" for copy in range(self.copies)]
        for folder in folders:
            folder.mkdir(parents=True)
        asked = (base, self.runs, self.metric, self._options())
        return Piece(folders, [self._workers.hold(Part, (str(folder), *asked)) for folder in folders])

    def _options(self) -> dict[str, Value]:
        if not issubclass(methods()[self.runs], HashIndex):
            return {}
        hashed: dict[str, Value] = {
            "tables": self.tables,
            "bits": self._bits,
            "probes": self.probes,
            "lookup": "buckets",
        }
        if self.runs == "lsh":
            hashed |= {"directions": self.directions, "selection": _SELECTIONS.get(self.functions, "plain")}
        return hashed

    def _automatic_bits(self, count: int) -> int:
        return self.bits or int(np.clip(np.log2(max(count, 1) / self.parts / _IN_A_BUCKET + 1), 1, 32))

    def _functions(self, vectors: Vectors) -> HashFunctions | None:
        """The hash functions for all parts, fitted once; None where each part fits its own, or hashes nothing."""
        index = make_index(self.runs, self.metric, **self._options())
        if not isinstance(index, HashIndex) or self.functions == "different" or not len(vectors):
            return None
        return index.fit(vectors, self.tables, self._bits)

    def _check_all_there(self) -> None:
        _all_there(self._workers.ask([(handle, "size", ()) for piece in self._built for handle in piece.handles]))

    def _ids(self) -> Ids:
        return np.concatenate([piece.ids for piece in self._built])

    @property
    def _width(self) -> int:
        self._built  # noqa: B018 - NotReady where it is empty
        return self._dimensions

    @property
    def _built(self) -> list[Piece]:
        if self._pieces is None:
            raise NotReady("This index is empty: build or load it first.")
        return self._pieces


def merged(answers: Sequence[tuple[Any, ...]], k: int, share: float) -> Neighbours:
    """The k nearest of what the parts found, by distance and then by id; prices are added up."""
    ids = np.concatenate([answer[0] for answer in answers], axis=1)
    distances = np.concatenate([answer[1] for answer in answers], axis=1)
    order = np.lexsort((ids, distances))[:, :k]
    examined = np.stack([answer[2] for answer in answers])
    price = np.where((examined < 0).any(axis=0), -1, examined.sum(axis=0))
    return Neighbours(np.take_along_axis(ids, order, 1), np.take_along_axis(distances, order, 1), price, share)


def _on_disk(given: Vectors, checked: Vectors, shared: Path) -> str:
    """A .npy file of the vectors: the one they are mapped from, else one that is written now."""
    name = str(getattr(given, "filename", None) or "")
    # A part of a mapped array knows the file as well: it must be the whole of it.
    if name.endswith(".npy") and load_array(Path(name), mmap_mode="r").shape == given.shape:
        return name
    np.save(shared / "vectors.npy", checked, allow_pickle=False)
    return str(shared / "vectors.npy")


def _all_there(answers: Sequence[Any]) -> None:
    for answer in answers:
        if isinstance(answer, Lost):
            raise answer


def _end(held_by: Workers, handles: Sequence[Any], folder: Path) -> None:
    held_by.let_go(handles)
    shutil.rmtree(folder, ignore_errors=True)
