"""Builds `lexicon.json.gz` from WordNet 3.0 and the ImageNet class names; run when either changes.

    python -m engine.texts.lexicon.build DICT

DICT is the folder with WordNet's data.noun and index.noun, as Debian's package wordnet-base installs it.

ImageNet's classes are ordered by WordNet offset. Class names are ambiguous, so the longest increasing subsequence
through the candidate senses of all names finds the right sense for nearly all of them.

A word with no class below any of its senses stands for the nearest kind above it that has some: a giraffe for
the ruminants. Only animals, plants, food, artefacts and landforms are looked up in this way; names of single things
never are.
"""

from __future__ import annotations

import gzip
import json
import sys
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from engine.texts.lexicon.lexicon import FILE

_MOST_OF_ALL = 0.5  # a kind that covers more of the classes is too general: entity, object, thing
_STEPS, _MOST_NEAR = 3, 30  # how far above a word its nearest kind may be, and how many classes that may cover
_ROOTS = ("animal", "plant", "food", "artifact", "geological formation", "fruit")


class WordNet:
    """The nouns of WordNet: `senses` by lower-case word, most common first; `words` and `parents` by offset."""

    def __init__(self, folder: Path) -> None:
        self.words: dict[int, list[str]] = {}
        self.parents: dict[int, list[int]] = {}
        self.senses: dict[str, list[int]] = {}
        for line in _lines(folder / "data.noun"):
            self._add_synset(line.split(" | ")[0].split())
        for line in _lines(folder / "index.noun"):
            parts = line.split()
            count = int(parts[2])
            self.senses[_plain(parts[0])] = [int(offset) for offset in parts[-count:]]

    def _add_synset(self, parts: Sequence[str]) -> None:
        offset, count = int(parts[0]), int(parts[3], 16)
        self.words[offset] = [_plain(word) for word in parts[4 : 4 + 2 * count : 2]]
        pointers = parts[5 + 2 * count :]
        links = zip(pointers[0::4], pointers[1::4], strict=False)
        self.parents[offset] = [int(target) for kind, target in links if kind == "@"]  # "@i": an instance is not a kind

    def above(self, offset: int) -> set[int]:
        """The synset and all its ancestors."""
        found, waiting = set[int](), [offset]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self.parents[one]
        return found


def rising_chain(candidates: Sequence[Iterable[int]]) -> list[int | None]:
    """One candidate per position, or None, such that the chosen ones form a longest increasing subsequence."""
    tails: list[int] = []  # the smallest end of a chain of each length
    holders: list[tuple[int, int]] = []  # (position, candidate) at the end of that chain
    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    for position, options in enumerate(candidates):
        for option in sorted(options, reverse=True):  # descending, so that no position extends itself
            length = bisect_left(tails, option)
            before[position, option] = holders[length - 1] if length else None
            tails[length:] = [option, *tails[length + 1 :]]
            holders[length:] = [(position, option), *holders[length + 1 :]]
    chosen: list[int | None] = [None] * len(candidates)
    last = holders[-1] if holders else None
    while last is not None:
        chosen[last[0]] = last[1]
        last = before[last]
    return chosen


def lexicon(wordnet: WordNet, classes: Sequence[str]) -> dict[str, object]:
    """The content of the file: the class names, the kinds with the classes below each, and words to kinds."""
    synsets = rising_chain([wordnet.senses.get(_plain(name), []) for name in classes])
    covers: dict[int, list[int]] = {}
    for number, synset in enumerate(synsets):
        for kind in wordnet.above(synset) if synset is not None else ():
            covers.setdefault(kind, []).append(number)
    kinds = {kind: some for kind, some in covers.items() if len(some) <= _MOST_OF_ALL * len(classes)}
    order = {kind: place for place, kind in enumerate(sorted(kinds, key=lambda kind: (len(kinds[kind]), kind)))}
    words = _words(wordnet, kinds, order)
    near = _near_words(wordnet, {kind: some for kind, some in kinds.items() if len(some) <= _MOST_NEAR}, order)
    unknown = {_plain(name): number for number, name in enumerate(classes) if synsets[number] is None}
    rows = [[wordnet.words[kind][0], _spans(kinds[kind])] for kind in order]
    for name, number in unknown.items():
        words.setdefault(name, len(rows))
        rows.append([name, _spans([number])])
    near = {word: kind for word, kind in sorted(near.items()) if word not in words}
    return {"classes": list(classes), "kinds": rows, "words": dict(sorted(words.items())), "near": near}


def _words(wordnet: WordNet, kinds: Mapping[int, list[int]], order: Mapping[int, int]) -> dict[str, int]:
    """Each word's first sense that covers any class."""
    found: dict[str, int] = {}
    for word in {word for kind in kinds for word in wordnet.words[kind]}:
        sense = next((sense for sense in wordnet.senses.get(word, ()) if sense in kinds), None)
        if sense is not None:
            found[word] = order[sense]
    return found


def _near_words(wordnet: WordNet, kinds: Mapping[int, list[int]], order: Mapping[int, int]) -> dict[str, int]:
    """Each word's nearest kind above one of its senses; of several, an animal first, then the one with fewest classes.

    A word that means an animal first of all is never taken for a thing that is called so too: bats are no rackets.
    """
    roots = {wordnet.senses[word][0] for word in _ROOTS if word in wordnet.senses}
    [animal] = wordnet.senses["animal"][:1]
    found: dict[str, int] = {}
    for word, senses in wordnet.senses.items():
        above = {kind: wordnet.above(kind) for sense in senses for kind in _nearest(wordnet, sense, kinds)}
        fitting = [kind for kind, all_above in above.items() if all_above & roots]
        beasts = [kind for kind in fitting if animal in above[kind]]
        if beasts or (fitting and animal not in wordnet.above(senses[0])):
            found[word] = order[min(beasts or fitting, key=lambda kind: (len(kinds[kind]), order[kind]))]
    return found


def _nearest(wordnet: WordNet, sense: int, kinds: Mapping[int, list[int]]) -> list[int]:
    level = [sense]
    for _ in range(_STEPS):
        level = [parent for offset in level for parent in wordnet.parents[offset]]
        if found := [offset for offset in level if offset in kinds]:
            return found
    return []


def _spans(numbers: Sequence[int]) -> list[int]:
    """Ascending numbers as the first and last of each range: 3 4 5 9 as 3 5 9 9."""
    spans: list[int] = []
    for number in numbers:
        if spans and spans[-1] == number - 1:
            spans[-1] = number
        else:
            spans += [number, number]
    return spans


def _plain(word: str) -> str:
    return word.partition("(")[0].replace("_", " ").lower()


def _lines(file: Path) -> list[str]:
    """The lines without the licence, whose lines start with blanks."""
    return [line for line in file.read_text(encoding="latin-1").splitlines() if not line.startswith(" ")]


def main(folder: str) -> None:
    """Write the lexicon from WordNet's `folder`."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    made = lexicon(WordNet(Path(folder)), _IMAGENET_CATEGORIES)
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))  # no date: the same words give the same bytes


if __name__ == "__main__":
    main(sys.argv[1])
