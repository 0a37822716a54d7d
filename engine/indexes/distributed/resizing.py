"""Adding and removing parts while the index is being searched.

Vectors move between parts through the shared folder. Moving vectors are temporarily in two parts, and answers are
deduplicated, so that none is ever missing: they are copied first, then served from the new part, and dropped from the
old part only when no search relies on it any more.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from engine.cluster import Lost
from engine.core.errors import BadParameter
from engine.indexes.distributed.partition import Piece, shares_for
from engine.indexes.distributed.parts import Parts
from engine.indexes.hashing.functions import HashFunctions
from engine.indexes.index import Ids


def grow(parts: Parts, more: int, shared: bool) -> None:
    """Add parts that take an even share from all others.

    Args:
        shared: whether all parts hash alike.

    Raises:
        BadParameter: more parts than vectors. Lost: a part does not answer; the parts answer as before.
    """
    former, total = parts.pieces, len(parts.ids)
    if total < len(former) + more:
        wanted = f"at most {total - len(former):,} for {total:,} vectors in {len(former)} parts"
        raise BadParameter("more", "the method rdh", wanted, more)
    parts.settle()
    shares = shares_for([piece.ids for piece in former], more, len(former))
    new: list[Piece] = []
    with tempfile.TemporaryDirectory(dir=parts.folder) as between:
        try:
            _give(parts, former, shares, Path(between))
            new += [parts.make() for _ in range(more)]
            _take(parts, new, shared, Path(between))
        except BaseException:
            parts.let_go(new)
            raise
    kept = [
        np.setdiff1d(piece.ids, np.concatenate(given), assume_unique=True)
        for piece, given in zip(former, shares, strict=True)
    ]
    taken = [np.sort(np.concatenate(given)) for given in zip(*shares, strict=True)]
    parts.repeat()
    parts.answer_for([*zip(former, kept, strict=True), *zip(new, taken, strict=True)])
    with suppress(Lost):  # repeated before the next change
        parts.settle()


def shrink(parts: Parts) -> None:
    """Distribute the last part's vectors to the others and remove it.

    Raises:
        BadParameter: it is the only one. Lost: a part does not answer; the parts answer as before.
    """
    *others, leaving = parts.pieces
    if not others:
        raise BadParameter("parts", "the method rdh", "2 or more for one to leave", 1)
    parts.settle()
    order = np.random.default_rng(len(others)).permutation(leaving.ids)
    shares = [np.sort(share) for share in np.array_split(order, len(others))]
    with tempfile.TemporaryDirectory(dir=parts.folder) as between:
        _give(parts, [leaving], [shares], Path(between))
        parts.repeat()
        folders = [str(_between(Path(between), 0, number)) for number in range(len(others))]
        parts.all_of([(piece, "add_given", (folder,)) for piece, folder in zip(others, folders, strict=True)])
    more = [np.sort(np.concatenate([piece.ids, share])) for piece, share in zip(others, shares, strict=True)]
    parts.answer_for(list(zip(others, more, strict=True)))
    parts.let_go([leaving])
    with suppress(Lost):
        parts.settle()


def _give(parts: Parts, givers: Sequence[Piece], shares: Sequence[Sequence[Ids]], between: Path) -> None:
    """Make the first live copy of each part write its shares."""
    for number, (piece, given) in enumerate(zip(givers, shares, strict=True)):
        folders = [str(_between(between, number, taker)) for taker in range(len(given))]
        parts.one_of([piece], "give", list(given), folders)


def _take(parts: Parts, new: Sequence[Piece], shared: bool, between: Path) -> None:
    """Make new parts index their shares, with the others' hash functions if these are shared."""
    givers = len(parts.pieces)
    functions: HashFunctions | None = parts.one_of(parts.pieces, "functions") if shared else None
    calls = []
    for number, piece in enumerate(new):
        folders = [str(_between(between, giver, number)) for giver in range(givers)]
        own = givers + number if functions is None else functions
        calls.append((piece, "take", (folders, own)))
    parts.all_of(calls)


def _between(folder: Path, giver: int, taker: int) -> Path:
    return folder / f"from-{giver}-to-{taker}"
