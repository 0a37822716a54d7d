"""What words mean in pictures: which of ImageNet's 1,000 classes a word covers, by WordNet.

A word means its commonest sense that covers any class, and weighs the classes below that sense evenly. `lexicon.json`
is made by `build.py`; NOTICE holds WordNet's licence.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "lexicon.json"
CLASSES = 1000
_LONGEST = 5  # words of a name: "black and gold garden spider"
_STOP = frozenset(
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
    """What a text means in pictures.

    Attributes:
        weights: (1000,) of the classes; they sum to 1, or are 0 where no word is known.
        known: each known name with the kind it stands for. unknown: words that cover no class.
    """

    weights: NDArray[np.float32]
    known: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]


class Lexicon:
    """Words, the kinds they stand for, and the classes of each kind."""

    def __init__(self, file: Path = FILE) -> None:
        data = json.loads(file.read_text(encoding="utf-8"))
        self.classes: tuple[str, ...] = tuple(data["classes"])
        self.kinds: list[str] = [title for title, _ in data["kinds"]]
        self._spans: list[list[int]] = [spans for _, spans in data["kinds"]]
        self._words: dict[str, int] = data["words"]

    def __len__(self) -> int:
        return len(self._words)

    def classes_of(self, kind: int) -> NDArray[np.int64]:
        """The numbers of the classes below a kind, ascending."""
        spans = self._spans[kind]
        runs = [np.arange(first, last + 1) for first, last in zip(spans[::2], spans[1::2], strict=True)]
        return np.concatenate(runs)

    def meaning(self, text: str) -> Meaning:
        """What a text means: its longest known names, weighed alike; filler words are passed over."""
        words = re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", unicodedata.normalize("NFKC", text).lower())
        weights = np.zeros(len(self.classes), np.float32)
        known: list[tuple[str, str]] = []
        unknown: list[str] = []
        place = 0
        while place < len(words):
            name, kind = self._name_at(words, place)
            if kind is None:
                unknown += [name] if name not in _STOP else []
            else:
                members = self.classes_of(kind)
                weights[members] += np.float32(1 / len(members))
                known.append((name, self.kinds[kind]))
            place += name.count(" ") + 1
        return Meaning(weights / np.float32(max(len(known), 1)), tuple(known), tuple(dict.fromkeys(unknown)))

    def _name_at(self, words: list[str], place: int) -> tuple[str, int | None]:
        """The longest known name that begins at a word, with its kind; else the word itself and None."""
        for count in range(min(_LONGEST, len(words) - place), 0, -1):
            name = " ".join(words[place : place + count])
            kind = self._kind_of(name)
            if kind is not None:
                return name, kind
        return words[place], None

    def _kind_of(self, name: str) -> int | None:
        if name in self._words or name in _STOP:
            return self._words.get(name)
        forms = (name[: -len(plural)] + single for plural, single in _ENDINGS if name.endswith(plural))
        return next((self._words[form] for form in forms if form in self._words), None)

    def best_name(self, shares: NDArray[np.floating], least: float = 0.6) -> tuple[str, float] | None:
        """The narrowest kind that holds at least that share of some probability over the classes, and its share.

        Args:
            shares: (1000,) summing to at most 1, such as the mean class probabilities of a group.
        """
        for kind, title in enumerate(self.kinds):  # the narrowest stand first
            share = float(shares[self.classes_of(kind)].sum())
            if share >= least:
                return title, share
        return None


@cache
def lexicon() -> Lexicon:
    """The lexicon that ships; read once."""
    return Lexicon()
