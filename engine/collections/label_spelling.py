"""Labels that contradict: different classes that read the same, and different labels of the same picture."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

from engine.collections.catalogue import ImageRow
from engine.collections.images import Images
from engine.core.spelling import folded

_SHOWN = 20


def same_spelling(counts: Mapping[str, int]) -> list[list[str]]:
    """The labels that read the same, group by group, the most frequent of a group first.

    Args:
        counts: the number of pictures with each label.

    >>> same_spelling({"Cat": 2, "cat": 5, "dog": 1})
    [['cat', 'Cat']]
    """
    groups: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        groups.setdefault("".join(folded(label).split()), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def spelling_notes(counts: Mapping[str, int]) -> list[str]:
    """A sentence for each group of labels that read the same; those that look alike, too, are written with escapes."""
    groups = same_spelling(counts)
    notes = [
        f"Labels that differ only in capitals, spaces or Unicode form are different classes: {_listed(group, counts)}."
        for group in groups[:_SHOWN]
    ]
    return notes + ([f"… and {len(groups) - _SHOWN:,} more groups of such labels."] if len(groups) > _SHOWN else [])


def copy_notes(copies: Iterable[ImageRow], images: Images) -> list[str]:
    """A sentence on exact duplicates that have another label than the picture that counts; none if all agree."""
    rows = {hash: row for row, hash in enumerate(images.hashes)}
    told = []
    for copy in copies:
        row = rows.get(copy.hash)
        if row is not None and copy.label and copy.name != images.names[row] and copy.label != images.labels[row]:
            told.append(f"{copy.name} ({copy.label!r}) of {images.names[row]} ({images.labels[row]!r})")
    if not told:
        return []
    has = "1 exact duplicate has" if len(told) == 1 else f"{len(told):,} exact duplicates have"
    return [f"{has} another label than the picture that counts, as {told[0]}."]


def _listed(group: list[str], counts: Mapping[str, int]) -> str:
    looks = Counter(unicodedata.normalize("NFC", label) for label in group)
    shown = {label: ascii(label) if looks[unicodedata.normalize("NFC", label)] > 1 else repr(label) for label in group}
    return ", ".join(f"{shown[label]} ({counts[label]:,})" for label in group)
