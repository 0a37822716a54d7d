"""Human-readable numbers, and texts from outside made fit to be shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def with_unit(number: object, unit: str) -> str:
    """A number and its unit, which stay together at the end of a line."""
    return f"{number}\N{NO-BREAK SPACE}{unit}"


def duration(seconds: float) -> str:
    """A duration in the coarsest units that still help: "8 s", "3 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 100:
        return with_unit(whole, "s")
    minutes = round(whole / 60)
    if minutes < 100:
        return with_unit(minutes, "min")
    return f"{with_unit(minutes // 60, 'h')} {with_unit(minutes % 60, 'min')}"


def examples(names: Sequence[str], most: int = 3) -> str:
    """The first of some names, and how many more there are.

    >>> examples(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def percent(share: float, digits: int = 0) -> str:
    """A share in percent.

    >>> percent(0.4617), percent(0.4617, 1)
    ('46\\xa0%', '46.2\\xa0%')
    """
    return with_unit(f"{100 * share:.{digits}f}", "%")


def probability(share: float) -> str:
    """A probability in percent: 100 % only if exact, and never 0 %.

    >>> probability(0.954), probability(0.9999), probability(0.0001)
    ('95\\xa0%', '>\\xa099\\xa0%', '<\\xa01\\xa0%')
    """
    if share < 0.01:
        return f"<\N{NO-BREAK SPACE}{percent(0.01)}"
    return f">\N{NO-BREAK SPACE}{percent(0.99)}" if 0.99 < share < 1 else percent(share)


def small_share(share: float) -> str:
    """A share in percent with two significant digits, however small.

    >>> small_share(0.124), small_share(0.012), small_share(0.0000034)
    ('12\\xa0%', '1.2\\xa0%', '0.00034\\xa0%')
    """
    digits = f"{100 * share:.0f}" if share >= 0.0995 or not share else f"{100 * share:.2g}"
    return with_unit(f"{float(digits):.10f}".rstrip("0").rstrip(".") if "e" in digits else digits, "%")


def count_of(number: int, what: str) -> str:
    """A number with its noun, "1 picture" or "1,997 pictures"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def file_size(size: int) -> str:
    """A human-readable size: "812 bytes", "34 KB", "2.1 MB", "8.0 GB". A megabyte has 1,000,000 bytes everywhere."""
    if size < 1000:
        return count_of(size, "byte")
    if size < 999_500:
        return with_unit(f"{size / 1e3:.0f}", "KB")
    if size < 999_950_000:
        return with_unit(f"{size / 1e6:.1f}", "MB")
    return with_unit(f"{size / 1e9:,.1f}", "GB")


def is_shown(letter: str) -> bool:
    """Whether a letter is printed or a space of some width: neither the end of a line nor one that gives orders."""
    return letter.isprintable() or unicodedata.category(letter) == "Zs"


def on_one_line(text: object) -> str:
    """A text from outside as it can be shown, with a replacement for each letter that cannot."""
    return "".join(letter if is_shown(letter) else "\N{REPLACEMENT CHARACTER}" for letter in str(text))
