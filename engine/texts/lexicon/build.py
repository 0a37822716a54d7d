"""Builds `lexicon.json.gz` from WordNet 3.0 and the ImageNet class names; run when either changes.

    python -m engine.texts.lexicon.build DICT SYNSETS

DICT is the folder with WordNet's data.noun and index.noun, as Debian's package wordnet-base installs it. SYNSETS has
ImageNet's identifiers of its classes in their order, one a line ("n01440764", an offset in WordNet), as the file
timm/data/_info/imagenet_synsets.txt of the package timm: names alone are ambiguous, a jersey is also a fabric.

A word with no class below any of its senses stands for the nearest kind above it that has some: a giraffe for
the ruminants. Only animals, plants, food, artefacts and landforms are looked up in this way; names of single things
never are. Kinds of which hardly anything is a class, as creation or surface, stand for nothing. A word with a synonym
that names a class stands for that class, though it is another sense of it: a handbag for the purse.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.texts.lexicon.lexicon import FILE

_MOST_OF_ALL = 0.5  # a kind that covers more of the classes is too general: entity, object, thing
_STEPS, _MOST_NEAR = 3, 30  # how far above a word its nearest kind may be, and how many classes that may cover
_LEAST_KNOWN = 0.01  # of what WordNet has below a kind are classes, else it stands for no other word
_SENSES = 2  # of a word, its most common ones, are looked up in this way
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


def lexicon(wordnet: WordNet, classes: Sequence[str], synsets: Sequence[int]) -> dict[str, object]:
    """The content of the file: the class names, the kinds with the classes below each, and words to kinds."""
    covers: dict[int, list[int]] = {}
    for number, synset in enumerate(synsets):
        for kind in wordnet.above(synset):
            covers.setdefault(kind, []).append(number)
    kinds = {kind: some for kind, some in covers.items() if len(some) <= _MOST_OF_ALL * len(classes)}
    order = {kind: place for place, kind in enumerate(sorted(kinds, key=lambda kind: (len(kinds[kind]), kind)))}
    words = _words(wordnet, kinds, order)
    for name, synset in zip(classes, synsets, strict=True):
        words.setdefault(_plain(name), order[synset])
    near = _near_words(wordnet, _standing(wordnet, kinds), order)
    near |= _of_synonyms(wordnet, [_plain(name) for name in classes], words)
    near = {word: kind for word, kind in sorted(near.items()) if word not in words}
    rows = [[wordnet.words[kind][0], _spans(kinds[kind])] for kind in order]
    return {"classes": list(classes), "kinds": rows, "words": dict(sorted(words.items())), "near": near}


def _words(wordnet: WordNet, kinds: Mapping[int, list[int]], order: Mapping[int, int]) -> dict[str, int]:
    """Each word's first sense that covers any class."""
    found: dict[str, int] = {}
    for word in {word for kind in kinds for word in wordnet.words[kind]}:
        sense = next((sense for sense in wordnet.senses.get(word, ()) if sense in kinds), None)
        if sense is not None:
            found[word] = order[sense]
    return found


def _standing(wordnet: WordNet, kinds: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """The kinds that may stand for words below them: with few classes, which are not too small a part of them."""
    below = Counter(kind for synset in wordnet.words for kind in wordnet.above(synset))
    fewest = {kind: _LEAST_KNOWN * below[kind] for kind in kinds}
    return {kind: some for kind, some in kinds.items() if fewest[kind] <= len(some) <= _MOST_NEAR}


def _near_words(wordnet: WordNet, kinds: Mapping[int, list[int]], order: Mapping[int, int]) -> dict[str, int]:
    """Each word's nearest kind above one of its most common senses; of several, an animal first, then the narrowest."""
    roots = {wordnet.senses[word][0] for word in _ROOTS if word in wordnet.senses}
    [animal] = wordnet.senses["animal"][:1]
    found: dict[str, int] = {}
    for word, senses in wordnet.senses.items():
        above = {kind: wordnet.above(kind) for sense in _meant(wordnet, senses, kinds, roots, animal)
                 for kind in _nearest(wordnet, sense, kinds)}  # fmt: skip
        fitting = [kind for kind, all_above in above.items() if all_above & roots]
        beasts = [kind for kind in fitting if animal in above[kind]]
        if fitting:
            found[word] = order[min(beasts or fitting, key=lambda kind: (len(kinds[kind]), order[kind]))]
    return found


def _meant(
    wordnet: WordNet, senses: Sequence[int], kinds: Mapping[int, list[int]], roots: set[int], animal: int
) -> list[int]:
    """The most common senses of a word, without those after a thing that nothing is near to.

    A word that means such a thing first of all is never taken for another that is called so too: bats are no rackets,
    and sausages no airships. But chickens, which are meat first of all, are animals too.
    """
    first, *others = senses[:_SENSES]
    above = wordnet.above(first)
    if not above & roots or _nearest(wordnet, first, kinds):
        return [first, *others]
    return [] if animal in above else [sense for sense in others if animal in wordnet.above(sense)]


def _of_synonyms(wordnet: WordNet, names: Sequence[str], words: Mapping[str, int]) -> dict[str, int]:
    """Words whose synonym, in the first sense of both, names a class, which has another sense of it."""
    roots = {wordnet.senses[word][0] for word in _ROOTS if word in wordnet.senses}
    found: dict[str, int] = {}
    for name in names:
        sense = next(iter(wordnet.senses.get(name, ())), None)
        if sense is not None and wordnet.above(sense) & roots:
            same = [word for word in wordnet.words[sense] if wordnet.senses[word][0] == sense]
            found |= {word: words[name] for word in same if word != name}
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


def main(folder: str, identifiers: str) -> None:
    """Write the lexicon from WordNet's `folder` and the file of the classes' `identifiers`."""
    from torchvision.models._meta import _IMAGENET_CATEGORIES

    synsets = [int(line.removeprefix("n")) for line in Path(identifiers).read_text(encoding="utf-8").split()]
    made = lexicon(WordNet(Path(folder)), _IMAGENET_CATEGORIES, synsets)
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"))
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))  # no date: the same words give the same bytes


if __name__ == "__main__":
    main(*sys.argv[1:])
