"""Words to picture classes: which of ImageNet's 1,000 classes a word covers, by WordNet.

A word takes its most common sense that covers any class, else the nearest kind above it that does, and weighs the
classes of that sense equally. `lexicon.json.gz` is made by `build.py`; NOTICE holds WordNet's licence.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "lexicon.json.gz"
CLASSES = 1000
_LEAST_TELLING = 0.4  # of a group's class probabilities, for a name that tells it from the others
_NEARLY = 0.97
_LONGEST = 5  # words of a name: "black and gold garden spider"
FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "and",
        "or",
        "with",
        "in",
        "on",
        "at",
        "to",
        "for",
        "from",
        "by",
        "some",
        "any",
        "my",
        "our",
        "is",
        "are",
    ]
)
_ENDINGS = (("s", ""), ("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("men", "man"))


@dataclass(frozen=True)
class Meaning:
    """The ImageNet classes that a text describes.

    Attributes:
        weights: (1000,) of the classes; they sum to 1, or are all 0 if no word is known.
        known: each known name with the kind it stands for. near: those among them that are no class themselves and
            stand for the nearest kind. unknown: words that mean nothing.
    """

    weights: NDArray[np.float32]
    known: tuple[tuple[str, str], ...]
    near: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]


class Lexicon:
    """Words, the kinds they stand for, and the classes of each kind."""

    def __init__(self, file: Path = FILE) -> None:
        packed = file.read_bytes()
        data = json.loads(gzip.decompress(packed))
        self.fingerprint = hashlib.sha256(packed).hexdigest()
        self.classes: tuple[str, ...] = tuple(data["classes"])
        self.kinds: list[str] = [title for title, _ in data["kinds"]]
        self._spans: list[list[int]] = [spans for _, spans in data["kinds"]]
        self._words: dict[str, int] = data["words"]
        self._near: dict[str, int] = data["near"]
        for known in (self._words, self._near):
            for name in [name for name in known if "-" in name]:  # t-shirt is also spelled tshirt and t shirt
                for joint in ("", " "):
                    known.setdefault(name.replace("-", joint), known[name])

    def __len__(self) -> int:
        return len(self._words)

    def classes_of(self, kind: int) -> NDArray[np.int64]:
        """The class indices below a kind, ascending."""
        spans = self._spans[kind]
        runs = [np.arange(first, last + 1) for first, last in zip(spans[::2], spans[1::2], strict=True)]
        return np.concatenate(runs)

    def meaning(self, text: str) -> Meaning:
        """What a text means: its longest known names, weighed alike; else what its last words are nearest to.

        Filler words are passed over.
        """
        words = _words_of(text)
        known, unknown = self._names_in(words)
        near = {} if known else self._nearest(words)
        weights = np.zeros(len(self.classes), np.float32)
        for kind in (known or near).values():
            members = self.classes_of(kind)
            weights[members] += np.float32(1 / (len(members) * len(known or near)))
        named = tuple((name, self.kinds[kind]) for name, kind in (known or near).items())
        heads = {word for name in near for word in name.split()}
        return Meaning(weights, named, named if near else (), tuple(word for word in unknown if word not in heads))

    def _names_in(self, words: list[str]) -> tuple[dict[str, int], list[str]]:
        """The longest known names with their kinds, and the remaining words, each once."""
        known: dict[str, int] = {}
        unknown: dict[str, None] = {}
        place = 0
        while place < len(words):
            spans = range(min(_LONGEST, len(words) - place), 0, -1)
            names = (" ".join(words[place : place + count]) for count in spans)
            found = next((name for name in names if form_in(self._words, name) is not None), None)
            if found is not None:
                known[found] = form_in(self._words, found) or 0
            elif words[place] not in FUNCTION_WORDS:
                unknown[words[place]] = None
            place += found.count(" ") + 1 if found else 1
        return known, list(unknown)

    def _nearest(self, words: list[str]) -> dict[str, int]:
        """The longest name at the end of the words that stands for a nearest kind: the head of "summer dresses"."""
        for count in range(min(_LONGEST, len(words)), 0, -1):
            name = " ".join(words[-count:])
            kind = form_in(self._near, name)
            if kind is not None and name not in FUNCTION_WORDS:
                return {name: kind}
        return {}

    def best_name(
        self, shares: NDArray[np.floating], least: float = 0.6, others: NDArray[np.floating] | None = None
    ) -> tuple[str, float] | None:
        """The narrowest kind that covers at least a given share of the class probabilities, and its share.

        Beside `others` a kind that covers them as well is no name: "carnivore" says nothing of cats among dogs. Then
        the narrowest is that covers nearly the most beyond what it covers of the others, from two fifths on.

        Args:
            shares: (1000,) summing to at most 1, for example the mean class probabilities of a group.
            others: the same of all that is not in the group.
        """
        covered = self._covered(shares)  # narrowest first
        named = next((kind for kind, share in enumerate(covered) if share >= least), None)
        if others is not None:
            beyond = [share - other for share, other in zip(covered, self._covered(others), strict=True)]
            telling = [
                kind for kind, share in enumerate(covered) if share >= _LEAST_TELLING and beyond[kind] >= share / 2
            ]
            most = max((beyond[kind] for kind in telling), default=0.0)
            enough = [kind for kind in telling if covered[kind] >= least or beyond[kind] >= _NEARLY * most]
            named = enough[0] if enough else named
        return None if named is None else (self.kinds[named], covered[named])

    def _covered(self, shares: NDArray[np.floating]) -> list[float]:
        """The sum of the shares below each kind."""
        below = np.concatenate([[0.0], np.cumsum(shares, dtype=np.float64)])
        return [
            float(sum(below[last + 1] - below[first] for first, last in zip(spans[::2], spans[1::2], strict=True)))
            for spans in self._spans
        ]


def form_in(words: Mapping[str, int], name: str) -> int | None:
    """The kind of a name or of its singular; None if neither is known."""
    forms = (name[: -len(plural)] + single for plural, single in _ENDINGS if name.endswith(plural))
    return next((words[form] for form in (name, *forms) if form in words), None)


def _words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", unicodedata.normalize("NFKC", text).lower())


@cache
def lexicon() -> Lexicon:
    """The shipped lexicon, loaded once."""
    return Lexicon()
