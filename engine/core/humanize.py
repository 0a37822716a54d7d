"""Human-readable numbers."""

from __future__ import annotations

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """A duration in the coarsest units that still help: "8 s", "3 min", "2 h 5 min"."""
    whole = max(1, round(seconds))
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


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
    ('46 %', '46.2 %')
    """
    return f"{100 * share:.{digits}f} %"


def probability(share: float) -> str:
    """A probability in percent: 100 % only if exact, and never 0 %.

    >>> probability(0.954), probability(0.9999), probability(0.0001)
    ('95 %', '> 99 %', '< 1 %')
    """
    if share < 0.01:
        return "< 1 %"
    return "> 99 %" if 0.99 < share < 1 else percent(share)


def small_share(share: float) -> str:
    """A share in percent with two significant digits, however small.

    >>> small_share(0.124), small_share(0.012), small_share(0.0000034)
    ('12 %', '1.2 %', '0.00034 %')
    """
    digits = f"{100 * share:.0f}" if share >= 0.0995 or not share else f"{100 * share:.2g}"
    return (f"{float(digits):.10f}".rstrip("0").rstrip(".") if "e" in digits else digits) + " %"


def count_of(number: int, what: str) -> str:
    """A number with its noun, "1 picture" or "1,997 pictures"."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def file_size(size: int) -> str:
    """A human-readable size: "812 bytes", "34 KB", "2.1 MB", "8.0 GB". A megabyte has 1,000,000 bytes everywhere."""
    if size < 1000:
        return count_of(size, "byte")
    if size < 999_500:
        return f"{size / 1e3:.0f} KB"
    return f"{size / 1e6:.1f} MB" if size < 999_950_000 else f"{size / 1e9:,.1f} GB"
