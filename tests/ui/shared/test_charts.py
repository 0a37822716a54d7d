"""The colours of charts in the light and in the dark theme."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from ui.shared.charts import CHART_STYLE, COLOURS, faint_to_strong

_THEME = tomllib.loads((Path(__file__).parents[3] / ".streamlit/config.toml").read_text())["theme"]
_LEGIBLE = 4.5  # WCAG 1.4.3


def test_each_colour_is_replaced_by_another_in_the_dark() -> None:
    pairs = set(re.findall(r"light-dark\((#\w{6}), (#\w{6})\)", CHART_STYLE))
    assert {light for light, _ in pairs} == set(COLOURS.values())
    assert len(pairs) == len(COLOURS)  # no colour has two names, of which one would decide for both
    for name, key in (("first", "primaryColor"), ("ink", "textColor")):
        assert (_THEME["light"][key], _THEME["dark"][key]) in pairs
        assert COLOURS[name] == _THEME["light"][key]


def test_a_colour_is_found_as_browsers_write_it() -> None:
    assert '[style*="stroke: rgb(23, 104, 95)"] { stroke: light-dark(#17685f, #69cbbd) !important; }' in CHART_STYLE


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["first", "second"])
def test_numbers_are_legible_on_every_cell_of_a_heat_map(name: str, theme: str) -> None:
    ink, ground = (_parts(_THEME[theme][key]) for key in ("textColor", "backgroundColor"))
    (_, faint), (_, strong) = faint_to_strong(name)
    assert faint != strong
    for cell in (faint, strong):
        *colour, opacity = map(float, re.findall(r"[\d.]+", str(cell)))
        shown = [opacity * a + (1 - opacity) * b for a, b in zip(colour, ground, strict=True)]
        bright, dim = sorted((_luminance(shown), _luminance(ink)), reverse=True)
        assert (bright + 0.05) / (dim + 0.05) >= _LEGIBLE


def _parts(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: list[float]) -> float:
    """Relative luminance as WCAG defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
