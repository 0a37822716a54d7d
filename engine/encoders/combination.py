"""Two encoders as one: their vectors, each of length 1, concatenated with adjustable weights.

The name is the specification: `mobilenet-v2+colour-histogram` weighs both equally, `mobilenet-v2+colour-histogram+30`
gives the second 30 percent, and `model-4__default+hog` names the weights of a part. Saved combinations are in one file:

    combinations.json      the names (sealed)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import BadParameter, Corrupt
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.core.storage import digest_of, read_json, write_json
from engine.encoders import families, open_encoder
from engine.encoders.encoder import Encoder, EncoderChoice, EncoderInfo
from engine.encoders.vectors.batches import embed_pictures
from engine.encoders.vectors.derived import Derivation, Derived
from engine.encoders.vectors.joined import common_rows, side_by_side
from engine.encoders.vectors.pipeline import vectors_of
from engine.encoders.vectors.store import Vectors

_RUN = "__"  # between a part and its weights; occurs in neither
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
EVEN = 50  # percent


@dataclass(frozen=True)
class Pair:
    """A parsed combination name: two parts, each (encoder, weights), and the share of the second in percent."""

    first: tuple[str, str]
    second: tuple[str, str]
    share: int = EVEN

    def __post_init__(self) -> None:
        if self.first == self.second:
            raise BadParameter("parts", "a combination", "two different encoders", "+".join(map(_written, self.parts)))
        if not 1 <= self.share <= 99:
            raise BadParameter("share", "a combination", "a whole number of percent from 1 to 99", self.share)
        Recipe("any", str(self))  # rejects a name too long for a recipe

    @property
    def shares(self) -> tuple[float, float]:
        """The share of each, between 0 and 1."""
        return 1 - self.share / 100, self.share / 100

    @property
    def parts(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Both encoders, each with its weights."""
        return self.first, self.second

    def __str__(self) -> str:
        share = [] if self.share == EVEN else [str(self.share)]
        return "+".join([*map(_written, self.parts), *share])

    @classmethod
    def parse(cls, name: str) -> Pair | None:
        """The pair of that name, None if it is not the name of a combination.

        >>> Pair.parse("model-4__default+hog+30")
        Pair(first=('model-4', 'default'), second=('hog', ''), share=30)
        """
        first, *rest = name.split("+")
        if len(rest) not in (1, 2) or not all(map(_PART.fullmatch, (first, rest[0]))):
            return None
        if len(rest) == 2 and not re.fullmatch("[1-9][0-9]?", rest[1]):
            return None
        try:
            pair = cls(_read(first), _read(rest[0]), int(rest[1]) if len(rest) == 2 else EVEN)
        except BadParameter:
            return None
        return pair if str(pair) == name else None


class Combination(Derived):
    """The vectors of two encoders, each normalised and multiplied by the square root of its share, concatenated."""

    name = "combination"
    rank = 65

    def __init__(self, pair: Pair, parts: Sequence[Encoder]) -> None:
        self.pair, self.parts = pair, tuple(parts)
        infos = [part.info for part in parts]
        made_of = [(info.name, info.weights, info.fingerprint, info.input_size) for info in infos]
        self.info = EncoderInfo(
            name=str(pair),
            weights="",
            title=_title(pair, [info.title for info in infos]),
            input_size=max(info.input_size for info in infos),
            spatial=any(info.spatial for info in infos),
            fingerprint=digest_of(*made_of, pair.share),
            source=" and ".join(info.source for info in infos),
            licence=" and ".join(dict.fromkeys(info.licence for info in infos)),
            sha256=" + ".join(info.sha256 for info in infos if info.sha256),
            precision=next((info.precision for info in infos if info.precision), ""),
        )

    @classmethod
    def choices(cls, home: Home) -> list[EncoderChoice]:
        """The saved combinations whose parts are available, in order of creation."""
        names = kept(home)
        known = _single(home) if names else []
        return [line for name in names for line in _lines(name, known, home)]

    @classmethod
    def unlisted(cls, name: str, home: Home) -> list[EncoderChoice]:
        return _lines(name, _single(home), home) if Pair.parse(name) else []

    @classmethod
    def open(cls, name: str, weights: str, home: Home) -> Self:
        pair = Pair.parse(name)
        if pair is None:
            raise BadParameter("name", "a combination", "written like mobilenet-v2+colour-histogram+30", name)
        if weights:
            raise BadParameter("weights", f"the encoder {name}", f"in its name, as in model-4{_RUN}default", weights)
        return cls(pair, [open_encoder(*part, home) for part in pair.parts])

    @classmethod
    def knows(cls, name: str, home: Home) -> bool:
        return bool(cls.unlisted(name, home))  # the saved file is only a list of these

    def at(self, collection: Collection) -> Combination:
        return Combination(self.pair, [part.at(collection) for part in self.parts])

    def made_from(self, collection: Collection) -> tuple[Path, ...]:
        return tuple(path for part in self.parts for path in part.made_from(collection))

    def prepared(self, collection: Collection, reporter: Reporter) -> Combination:
        return Combination(self.pair, [part.prepared(collection, reporter) for part in self.parts])

    def derive(self, collection: Collection, name: str, reporter: Reporter) -> Derivation:
        found = [vectors_of(collection, part, name, reporter) for part in self.parts]
        ids, rows = common_rows(found)
        joined = _Joined([vectors.matrix for vectors in found], rows, self.pair.shares)
        source = Vectors(ids, [], cast("NDArray[np.float32]", joined), "")
        width = sum(vectors.matrix.shape[1] for vectors in found)
        without = "One of the two encoders has no vector for it."
        return Derivation({id: (source, row) for row, id in enumerate(ids.tolist())}, width, without)

    def embed(self, pictures: Sequence[Any], name: str) -> NDArray[np.float32]:
        return side_by_side([embed_pictures(part, pictures, name) for part in self.parts], self.pair.shares)


@dataclass(frozen=True)
class _Joined:
    """Rows concatenated on access: nothing of the size of a collection is held in memory."""

    matrices: list[NDArray[np.float32]]
    rows: list[NDArray[np.int64]]
    shares: tuple[float, ...]

    def __getitem__(self, row: int) -> NDArray[np.float32]:
        parts = [matrix[None, own[row]] for matrix, own in zip(self.matrices, self.rows, strict=True)]
        return side_by_side(parts, self.shares)[0]


# ── those that are kept ──────────────────────────────────────────────────────────────────────────────────────────────


def kept(home: Home) -> list[str]:
    """The names of the saved combinations; empty if the list is damaged, as it only saves typing."""
    try:
        names = read_json(home.root / "combinations.json")
    except (FileNotFoundError, Corrupt):
        return []
    whole = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return names if whole else []


def keep(home: Home, pair: Pair) -> str:
    """Save a combination to the choices and return its name.

    Raises:
        BadParameter: no such encoder or weights, or parts that belong to different collections.
    """
    name = str(pair)
    if not Combination.unlisted(name, home):
        raise BadParameter("parts", "a combination", "two encoders that can be used with one collection", name)
    _change(home, lambda names: [*(other for other in names if other != name), name])
    return name


def forget(home: Home, name: str) -> None:
    """Remove a combination from the choices; its vectors stay, and its name can still be used."""
    _change(home, lambda names: [other for other in names if other != name])


def _change(home: Home, change: Callable[[list[str]], list[str]]) -> None:
    home.root.mkdir(parents=True, exist_ok=True)
    with FileLock(home.root / ".combinations.lock"):  # another process may have added a name meanwhile
        write_json(home.root / "combinations.json", change(kept(home)))


def parts_of(name: str, weights: str) -> tuple[tuple[str, str], ...]:
    """The (encoder, weights) parts of an encoder: two for a combination, else itself."""
    pair = Pair.parse(name)
    return pair.parts if pair else ((name, weights),)


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _written(part: tuple[str, str]) -> str:
    return _RUN.join(filter(None, part))


def _read(text: str) -> tuple[str, str]:
    name, _, weights = text.partition(_RUN)
    return name, weights


def _single(home: Home) -> list[EncoderChoice]:
    """The choices of all encoders that can be part of a combination."""
    return [line for family in families() if family is not Combination for line in family.choices(home)]


def _lines(name: str, known: Sequence[EncoderChoice], home: Home) -> list[EncoderChoice]:
    """The choices of a combination: none if a part is missing, one per collection if its parts are bound to some."""
    pair = Pair.parse(name)
    if pair is None:
        return []
    first, second = (_part_lines(part, known, home) for part in pair.parts)
    return [_line(pair, a, b) for a in first for b in second if _together(a, b)]


def _together(first: EncoderChoice, second: EncoderChoice) -> bool:
    """Whether both can be used with the same collection."""
    return "" in (first.collection, second.collection) or first.collection == second.collection


def _part_lines(part: tuple[str, str], known: Sequence[EncoderChoice], home: Home) -> list[EncoderChoice]:
    """The choices of a part: several if more than one collection has vectors of that name."""
    lines = [line for line in known if (line.name, line.weights) == part]
    if lines or part[1]:
        return lines
    return [line for family in families() if family is not Combination for line in family.unlisted(part[0], home)]


def _line(pair: Pair, first: EncoderChoice, second: EncoderChoice) -> EncoderChoice:
    help = f"{pair.share} % weight on {second.title}. {first.help} {second.help}"
    title, ready = _title(pair, [first.title, second.title]), first.ready and second.ready
    only = first.collection or second.collection
    return EncoderChoice(str(pair), "", title, help, ready, collection=only, good_for="Both views at once.")


def _title(pair: Pair, titles: Sequence[str]) -> str:
    share = "" if pair.share == EVEN else f" ({100 - pair.share} : {pair.share})"
    return " + ".join(titles) + share
