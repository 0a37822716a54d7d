"""The colours of groups, the same in tree, map and gallery: (light theme, dark theme), safe for the colour-blind.

Source: the light ones follow Okabe and Ito (2008) and Tol's muted scheme, darkened to be read on white.
"""

from __future__ import annotations

COLOURS: tuple[tuple[str, str], ...] = (
    ("#0b6ba8", "#5cb3ea"),
    ("#c9501a", "#f0905a"),
    ("#0a7f5f", "#4fc8a4"),
    ("#a63d80", "#e58cc4"),
    ("#8a6d00", "#e0bf3f"),
    ("#5b4aa8", "#a99bf0"),
    ("#7a3b1f", "#c99371"),
    ("#2b7f9e", "#86d3ea"),
    ("#9e2a3c", "#f07f8f"),
    ("#4f7a1e", "#a5d16a"),
    ("#6b6f80", "#b8bccb"),
    ("#1f3f77", "#7f9fe0"),
)
NOISE: tuple[str, str] = ("#a9a49a", "#6d7479")


def colour_of(number: int) -> int:
    """The index of a group's colour, −1 for ungrouped."""
    return number % len(COLOURS) if number >= 0 else -1
