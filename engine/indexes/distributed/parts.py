"""The parts of a distributed index: their placement, the routing of queries, and the recovery of lost parts."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.cluster import Lost, Workers, workers
from engine.cluster.recovery import Watch
from engine.core.errors import BenzerError, reason_of
from engine.core.storage import full_disk_named
from engine.indexes.distributed.part import Part
from engine.indexes.distributed.partition import Piece, merged
from engine.indexes.distributed.read_write_lock import ReadWriteLock
from engine.indexes.hashing.lookup import short_of
from engine.indexes.index import Ids, Neighbours, Vectors

FOLDER = "BENZER_RAY_FOLDER"  # a folder visible to every node, where parts are persisted
_ANSWERED_WITHIN = 30.0  # seconds after which a part counts as lost
_DONE_WITHIN = 3600.0  # the same for calls that change a part: a build takes minutes
_BACK_WITHIN = 5.0  # seconds that a search waits if no part answers: usually one recovers
GONE = "No part of the index answers."
AGAIN = "Try again in a few seconds."


class Parts:
    """Parts with their copies, each a worker. Any number of threads may search while one makes changes.

    Args:
        made_of: method, metric and options of each part's index. copies: how many nodes hold each.
        bases: for each part a folder to start from, "" for none.
        steps: for k, the successive probe counts, tried while all parts together find fewer than k.

    Attributes:
        changing: lock held during changes. pieces: the parts to query; replaced, never mutated.
    """

    def __init__(
        self,
        made_of: tuple[str, str, dict[str, Any]],
        copies: int,
        bases: Sequence[str],
        steps: Callable[[int], Iterable[int]] | None = None,
    ) -> None:
        self.workers, self.made_of, self.copies = workers(), made_of, copies
        self.steps = steps or (lambda k: (0,))
        self.changing, self._access = threading.Lock(), ReadWriteLock()
        self._watch = Watch(self.workers, "size")
        self._numbers, self._turn = itertools.count(), itertools.count()
        self._handles: list[Any] = []
        self._repeats = False  # whether two parts may return the same vector
        self.folder = _own_folder()
        weakref.finalize(self, _end, self.workers, self._watch, self._handles, self.folder)
        self.pieces = [self.make(base) for base in bases]
        self.seconds: NDArray[np.float64] = np.full(len(bases), np.nan)

    @property
    def ids(self) -> Ids:
        """(n,) ids of all parts."""
        return np.concatenate([piece.ids for piece in self.pieces])

    @property
    def handles(self) -> list[Any]:
        """Those of all copies of all parts."""
        return [handle for piece in self.pieces for handle in piece.handles]

    def make(self, base: str = "") -> Piece:
        """A new part, not yet queried: each copy is a worker with a separate folder, on a separate node."""
        number = next(self._numbers)
        piece = Piece([self.folder / f"part-{number:04d}" / f"copy-{copy}" for copy in range(self.copies)], [])
        for folder in piece.folders:
            folder.mkdir(parents=True)
            handle = self.workers.hold(Part, (str(folder), base, *self.made_of), apart=piece.handles)
            piece.handles.append(handle)
            self._handles.append(handle)
        return piece

    def let_go(self, pieces: Sequence[Piece]) -> None:
        """Release parts that are no longer queried and delete their folders."""
        handles = [handle for piece in pieces for handle in piece.handles]
        self._handles[:] = [handle for handle in self._handles if handle not in handles]
        self._watch.forget(handles)
        self.workers.let_go(handles)
        for piece in pieces:
            shutil.rmtree(piece.folders[0].parent, ignore_errors=True)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────

    def search(self, queries: Vectors, k: int) -> Neighbours:
        """The k nearest found by the parts, and the share of vectors they cover; BenzerError if none answers.

        If all parts together find fewer than k, all probe further, as a single index over all vectors would.
        """
        with self._access.reading():
            first, *further = self.steps(k)
            found, seconds = self._found(queries, k, first)
            total = sum(len(piece.ids) for piece in self.pieces)
            for wider in further:
                short = short_of(found.ids, total)
                if not len(short):
                    break
                more, added = self._found(np.ascontiguousarray(queries[short]), k, wider)
                found, seconds = _with(found, short, more), seconds + added
            self.seconds = seconds
        return found

    def _found(self, queries: Vectors, k: int, wider: int = 0) -> tuple[Neighbours, NDArray[np.float64]]:
        """The parts' answers and the seconds each took, NaN without an answer."""
        pieces, what, repeats = self.pieces, (queries, k, wider), self._repeats  # which may end meanwhile
        answers = self._answers(pieces, what)
        if not any(answers) and self._watch.back(_BACK_WITHIN):
            answers = self._answers(pieces, what)
        there = [answer for answer in answers if answer is not None]
        if not there:
            raise BenzerError(GONE, way_out=AGAIN)
        held = np.array([len(piece.ids) for piece in pieces])
        covered = held[[answer is not None for answer in answers]].sum()
        share = float(covered / held.sum()) if held.sum() else 1.0
        seconds = np.array([np.nan if answer is None else answer[3] for answer in answers])
        return merged(there, k, share, repeats), seconds

    def _answers(self, pieces: Sequence[Piece], what: tuple[Vectors, int, int]) -> list[Any]:
        """Each part's answer; if a copy is lost the next one is queried; None if all are lost."""
        answers: list[Any] = [None] * len(pieces)
        turn = next(self._turn)
        for attempt in range(self.copies):
            asked: dict[int, Any] = {}
            for number, piece in enumerate(pieces):
                handle = piece.handles[(turn + attempt) % len(piece.handles)]
                if answers[number] is None and handle not in self._watch:
                    asked[number] = handle
            found = self.workers.read([(handle, "search", what) for handle in asked.values()], _ANSWERED_WITHIN)
            for (number, handle), answer in zip(asked.items(), found, strict=True):
                if isinstance(answer, Lost):
                    self._watch.lost(handle)
                else:
                    answers[number] = answer
        return answers

    def all_of(self, calls: Sequence[tuple[Piece, str, tuple[Any, ...]]]) -> None:
        """Call a method of every copy of these parts; Lost if one does not answer, whose recovery is then started."""
        asked = [(handle, method, arguments) for piece, method, arguments in calls for handle in piece.handles]
        answers = self.workers.ask(asked, _DONE_WITHIN)
        lost = [(call[0], answer) for call, answer in zip(asked, answers, strict=True) if isinstance(answer, Lost)]
        for handle, _ in lost:
            self._watch.lost(handle)
        if lost:
            raise lost[0][1]

    def one_of(self, pieces: Sequence[Piece], method: str, *arguments: Any) -> Any:
        """The answer of the first live copy of each part; Lost if there is none."""
        answer: Any = Lost(GONE, way_out=AGAIN)
        for handle in [handle for piece in pieces for handle in piece.handles]:
            answer = self.workers.ask([(handle, method, arguments)], _DONE_WITHIN)[0]
            if not isinstance(answer, Lost):
                return answer
        raise answer

    # ── changing; the caller holds `changing` ────────────────────────────────────────────────────────────────────

    def answer_for(self, held: Sequence[tuple[Piece, Ids]]) -> None:
        """Switch queries to these parts and ids; returns once no search uses the previous ones."""
        now = [Piece(piece.folders, piece.handles, ids) for piece, ids in held]
        with self._access.writing():
            self.pieces = now

    def repeat(self) -> None:
        """Start deduplicating answers, as two parts may now hold the same vector; ended by `settle`."""
        with self._access.writing():
            self._repeats = True

    def settle(self) -> None:
        """Make every part drop vectors that moved to others; Lost if one does not answer: repeat the call."""
        if self._repeats:
            self.all_of([(piece, "keep_only", (piece.ids,)) for piece in self.pieces])
            self._repeats = False


def _own_folder() -> Path:
    """A new folder for the parts; BenzerError if it cannot be created in `$BENZER_RAY_FOLDER`."""
    where = os.environ.get(FOLDER) or None
    try:
        with full_disk_named("the parts of an index"):
            return Path(tempfile.mkdtemp(prefix="benzer-rdh-", dir=where))
    except OSError as error:
        reason = reason_of(error)
        raise BenzerError(f"The parts of an index cannot be kept in {where or tempfile.gettempdir()} ({reason}).",
            way_out=f"Set {FOLDER} to a folder that every node sees.") from error  # fmt: skip


def _with(neighbours: Neighbours, rows: NDArray[np.int64], more: Neighbours) -> Neighbours:
    """The answers with these rows replaced; the share is the lower of the two."""
    ids, distances, examined = neighbours.ids.copy(), neighbours.distances.copy(), neighbours.examined.copy()
    ids[rows], distances[rows] = more.ids, more.distances
    examined[rows] = more.examined
    return Neighbours(ids, distances, examined, min(neighbours.share, more.share))


def _end(held_by: Workers, watch: Watch, handles: Sequence[Any], folder: Path) -> None:
    watch.forget(handles)
    held_by.let_go(handles)
    shutil.rmtree(folder, ignore_errors=True)
