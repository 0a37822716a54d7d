"""The colours of charts in the light and in the dark theme."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from ui.shared.charts import CHART_STYLE, COLOURS, faint_to_strong

_THEME = tomllib.loads((Path(__file__).parents[3] / ".streamlit/config.toml").read_text())["theme"]


def test_each_colour_is_replaced_by_another_in_the_dark() -> None:
    pairs = set(re.findall(r"light-dark\((#\w{6}), (#\w{6})\)", CHART_STYLE))
    assert {light for light, _ in pairs} == set(COLOURS.values())
    assert len(pairs) == len(COLOURS)  # no colour has two names, of which one would decide for both
    for name, key in (("first", "primaryColor"), ("ink", "textColor")):
        assert (_THEME["light"][key], _THEME["dark"][key]) in pairs
        assert COLOURS[name] == _THEME["light"][key]


def test_a_colour_is_found_as_browsers_write_it() -> None:
    assert '[style*="stroke: rgb(23, 104, 95)"] { stroke: light-dark(#17685f, #69cbbd) !important; }' in CHART_STYLE
    assert faint_to_strong("first") == [[0, "rgba(23, 104, 95, 0.06)"], [1, "#17685f"]]
