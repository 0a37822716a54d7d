"""Names suggested for groups: by the labels or the folders of their pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import PurePosixPath

_CLEAR = 0.6  # of a group's pictures must share a label or a folder that names it


def common_value(values: Sequence[str]) -> str:
    """The value shared by at least 60 % of all, "" if there is none; empty values count as others.

    >>> common_value(["cat", "cat", "dog"])
    'cat'
    """
    value, times = Counter(value for value in values if value).most_common(1)[0] if any(values) else ("", 0)
    return value if times >= _CLEAR * len(values) else ""


def folder_of(name: str) -> str:
    """The innermost folder in the name of a picture, "" if it has none."""
    return PurePosixPath(name).parent.name


def distinct(names: Sequence[str], taken: Sequence[str] = ()) -> list[str]:
    """The names, with a number where one occurs again or is taken; "" stays.

    >>> distinct(["cat", "cat", ""], taken=["cat 2"])
    ['cat', 'cat 3', '']
    """
    used = set(taken)
    found = []
    for name in names:
        free = (text for number in count(1) if (text := f"{name} {number}" if number > 1 else name) not in used)
        chosen = next(free) if name else ""
        used |= {chosen} - {""}
        found.append(chosen)
    return found
