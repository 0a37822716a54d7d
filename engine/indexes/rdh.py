"""RDH, randomized distributed hashing: the vectors in random parts of equal size, each with its LSH tables.

A query goes to all parts at once; each returns its k nearest, which are merged into the result. The parts live in this
process or on the nodes of a Ray cluster (`engine.cluster`). A lost part is restored from its folder; until then results
state which share of the vectors they cover.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import checked_vectors
from engine.core.errors import BadParameter, NotFound, NotReady
from engine.core.settings import Choice, Setting, Value
from engine.core.storage import full_disk_named, load_array, read_json, write_json
from engine.indexes import make_index, methods
from engine.indexes.distributed.partition import even_parts
from engine.indexes.distributed.parts import Parts
from engine.indexes.distributed.resizing import grow, shrink
from engine.indexes.distributed.settings import Numbers, numbers_for
from engine.indexes.hashing.hash_index import FURTHER, HashIndex
from engine.indexes.hashing.hyperplanes import DIRECTIONS
from engine.indexes.index import BuildCost, Ids, Index, Neighbours, Vectors
from engine.indexes.table.rows import checked_ids, checked_k

_SEED = 0
_PARTS = 2  # where no number is given
_SELECTIONS = {"selected": "balanced"}  # how LSH takes its planes where they are selected


class RDH(Index):
    """LSH (or any other index) over random parts, with hash functions that are shared or separate for each part.

    With the same functions the candidates are those of one LSH over all vectors, and numbers that are not given are
    those that it would choose.

    Source: the doctoral thesis that introduced randomized distributed hashing; Charikar, 2002.
    """

    name = "rdh"
    title = "RDH (parts)"
    family = "hashing"
    rank = 50
    summary = "Splits the pictures at random into parts that are searched in parallel, on Ray nodes if wanted."
    settings = (
        Setting("parts", "Parts", "Number of parts.", 1, 1000, _PARTS),
        Choice(
            "functions",
            "Hash functions",
            "Whether all parts use the same hash functions.",
            {
                "same": "the same in all parts",
                "different": "own ones in each part",
                "selected": "the same, of planes that split nearly in half",
            },
            "same",
        ),
        Setting("tables", "Tables", "Hash tables per part; empty: chosen from the data.", 1, 512),
        Setting("bits", "Bits", "Bits per code; empty: chosen from the data.", 1, 64),
        Setting(
            "probes",
            "Probes",
            "Neighbouring buckets that are searched too (multi-probe); empty: chosen.",
            0,
            250,
        ),
        Setting("copies", "Replicas", "Nodes that hold each part, so that one may be lost.", 1, 8, 1),
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
        Setting("directions", "Directions", "LSH: leading directions in which planes are drawn.", 1, 4096, DIRECTIONS),
        FURTHER,
    )

    def __init__(
        self,
        metric: str,
        parts: int = _PARTS,
        functions: str = "same",
        tables: int | None = None,
        bits: int | None = None,
        probes: int | None = None,
        copies: int = 1,
        runs: str = "lsh",
        directions: int = DIRECTIONS,
        further: str = "yes",
    ) -> None:
        super().__init__(metric)
        self.further = further
        self.parts, self.functions, self.copies, self.runs = parts, functions, copies, runs
        self.tables, self.bits, self.probes, self.directions = tables, bits, probes, directions
        self._parts: Parts | None = None

    # ── building ─────────────────────────────────────────────────────────────────────────────────────────────────

    def foreseen(self, count: int, dimensions: int) -> BuildCost:
        part = make_index(self.runs, self.metric, **self._options()).foreseen(-(-count // self.parts), dimensions)
        return BuildCost(self.parts * self.copies * part.bytes, self.parts * part.products)

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        """As for every index; BadParameter also for more parts than vectors."""
        checked = checked_vectors(vectors, "the vectors")
        ids = checked_ids(ids, len(checked))
        if len(ids) and self.parts > max(len(ids), _PARTS):
            raise BadParameter("parts", "the method rdh", f"at most {len(ids):,}, the number of vectors", self.parts)
        count = min(self.parts, len(ids) or self.parts)  # one vector is one part where the usual number is two
        numbers, functions = numbers_for(make_index(self.runs, self.metric, **self._options()), checked, self._given)
        own_ones = functions is None or self.functions == "different"
        parts = self._made(checked.shape[1], numbers, [""] * count)
        with tempfile.TemporaryDirectory(dir=parts.folder) as shared:
            path, rows = _on_disk(vectors, checked, Path(shared)), even_parts(len(ids), count, _SEED)
            given = [(path, ids[own], own, n if own_ones else functions) for n, own in enumerate(rows)]
            parts.all_of([(piece, "build", what) for piece, what in zip(parts.pieces, given, strict=True)])
        parts.answer_for([(piece, np.sort(ids[own])) for piece, own in zip(parts.pieces, rows, strict=True)])
        self._parts = parts
        return self

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Add to the part with the fewest vectors; Lost if a part does not answer: repeat the call."""
        parts = self._built
        vectors = checked_vectors(vectors, "the vectors", self._dimensions)
        ids = checked_ids(ids, len(vectors))
        with parts.changing:
            known = np.isin(ids, parts.ids)
            if known.any():
                raise BadParameter("ids", "the index", "new", f"{ids[known][0]}, which already exists")
            if len(ids):
                fewest = min(parts.pieces, key=lambda piece: len(piece.ids))
                parts.all_of([(fewest, "add", (ids, vectors))])
                more = {fewest: np.sort(np.concatenate([fewest.ids, ids]))}
                parts.answer_for([(piece, more.get(piece, piece.ids)) for piece in parts.pieces])

    def remove(self, ids: Ids) -> None:
        """As for every index; Lost if a part does not answer: repeat the call."""
        parts, ids = self._built, np.unique(np.asarray(ids, dtype=np.int64).ravel())
        with parts.changing:
            missing = ids[~np.isin(ids, parts.ids)]
            if len(missing):
                raise NotFound(f"There is no vector with the id {missing[0]} in the index.")
            parts.settle()
            held = [(piece, np.intersect1d(piece.ids, ids, assume_unique=True)) for piece in parts.pieces]
            parts.all_of([(piece, "remove", (own,)) for piece, own in held if len(own)])
            parts.answer_for([(piece, np.setdiff1d(piece.ids, own, assume_unique=True)) for piece, own in held])

    # ── more parts, and fewer ────────────────────────────────────────────────────────────────────────────────────

    def join(self) -> int:
        """Add one part for each node that holds none yet, as `grow`; how many were added."""
        more = self._built.workers.idle_nodes()
        return self.grow(more) if more else 0

    def grow(self, more: int = 1) -> int:
        """Add parts that take an even share of the vectors from the others, and return their number.

        Searches continue meanwhile, with complete results.

        Raises:
            BadParameter: more parts than vectors. Lost: a part does not answer; the parts answer as before.
        """
        parts = self._built
        more = Setting("more", "New parts", "", 1, 1000).checked(more, "the method rdh")
        with parts.changing:
            grow(parts, more, self.functions != "different")
        return more

    def shrink(self) -> None:
        """Distribute the last part's vectors to the others and remove it. Searches continue, with complete results.

        Raises:
            BadParameter: it is the only one. Lost: a part does not answer; the parts answer as before.
        """
        parts = self._built
        with parts.changing:
            shrink(parts)

    # ── searching ────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, queries: Vectors, k: int) -> Neighbours:
        """The k nearest that the parts find; `share` is that of the vectors whose parts answered.

        Raises:
            BenzerError: no part answers.
        """
        parts, k = self._built, checked_k(k)
        return parts.search(np.ascontiguousarray(checked_vectors(queries, "the queries", self._dimensions)), k)

    # ── keeping ──────────────────────────────────────────────────────────────────────────────────────────────────

    def save(self, folder: Path) -> None:
        """Save each part to a subfolder, written by the part itself: its node must see `folder`."""
        parts = self._built
        with parts.changing:
            parts.settle()
            parts.all_of([(piece, "size", ()) for piece in parts.pieces])
            calls = []
            for number, piece in enumerate(parts.pieces):
                np.save(folder / f"ids-{number:04d}.npy", piece.ids, allow_pickle=False)
                calls.append((piece.first(), "save", (str(folder / f"part-{number:04d}"),)))
            parts.all_of(calls)
            facts = {"numbers": self._numbers.as_dict(), "dimensions": self._dimensions, "parts": len(parts.pieces)}
            write_json(folder / "rdh.json", facts)

    def load(self, folder: Path) -> Self:
        facts = read_json(folder / "rdh.json")
        bases = [str(folder / f"part-{number:04d}") for number in range(facts["parts"])]
        former = {"tables": self.tables or 32, "bits": facts.get("bits"), "probes": self.probes or 0}
        parts = self._made(facts["dimensions"], Numbers.from_dict(facts.get("numbers", former)), bases)
        ids = [load_array(folder / f"ids-{number:04d}.npy") for number in range(facts["parts"])]
        parts.answer_for(list(zip(parts.pieces, ids, strict=True)))
        self._parts = parts
        return self

    @property
    def size(self) -> int:
        return len(self._built.ids)

    @property
    def chosen(self) -> dict[str, Value]:
        return {
            "parts": len(self._built.pieces),
            **self._numbers.chosen,
            "copies": self.copies,
            "functions": self.functions,
            "runs": self.runs,
            "directions": self.directions,
            "further": self.further,
        }

    @property
    def part_seconds(self) -> NDArray[np.float64]:
        """(m,) the seconds that each part itself took in the last search; NaN for one that did not answer."""
        return self._built.seconds

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _given(self) -> dict[str, int]:
        numbers = {"tables": self.tables, "bits": self.bits, "probes": self.probes}
        return {name: number for name, number in numbers.items() if number is not None}

    def _made(self, dimensions: int, numbers: Numbers, bases: Sequence[str]) -> Parts:
        """Parts that start from these folders, or empty."""
        self._dimensions, self._numbers = dimensions, numbers
        options = self._options(numbers.chosen)
        steps = partial(numbers.steps, further=self.further == "yes") if options else None
        return Parts((self.runs, self.metric, options), self.copies, bases, steps)

    def _options(self, numbers: Mapping[str, Value] | None = None) -> dict[str, Any]:
        """The settings of a part's index: with these numbers if given, else with the user's."""
        if not issubclass(methods()[self.runs], HashIndex):
            return {}
        hashed: dict[str, Any] = {**(numbers or self._given), "lookup": "buckets"}
        if self.runs == "lsh":
            hashed |= {"directions": self.directions, "selection": _SELECTIONS.get(self.functions, "plain")}
        return hashed

    @property
    def _built(self) -> Parts:
        if self._parts is None:
            raise NotReady("This index is empty: build or load it first.")
        return self._parts


def _on_disk(given: Vectors, checked: Vectors, shared: Path) -> str:
    """A .npy file of the vectors: the file they are mapped from, else a new file."""
    name = str(getattr(given, "filename", None) or "")
    # A part of a mapped array knows the file as well, and so does one turned round: it must be the whole, as it lies.
    as_stored = isinstance(given, np.memmap) and given.mode == "r" and given.flags.c_contiguous
    if as_stored and name.endswith(".npy") and load_array(Path(name), mmap_mode="r").shape == given.shape:
        return name
    with full_disk_named("the vectors for the parts of an index"):
        np.save(shared / "vectors.npy", checked, allow_pickle=False)
    return str(shared / "vectors.npy")
