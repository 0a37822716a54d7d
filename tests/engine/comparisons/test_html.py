"""What all reports share: escaping, tables, bars and charts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from engine.comparisons.html import Bar, Best, Table, bold_best, curves, optional, render

TEMPLATES = sorted(Path(engine.__file__).parent.rglob("*.html"))


def page(**values: object) -> str:
    given = {"facts": "", "study": None, "results": Table([], [], 0), "by_label": None, "worst": [], "failed": None}
    given |= {"verdict": "", "measures": None, "seeds": None, "seeds_verdict": ""}
    return render("comparisons/recipes/report.html", **{"title": "T", **given, "notes": [], **values})


def test_text_from_users_is_escaped_everywhere() -> None:
    wrong = "<script>alert('x')</script>\"&"
    table = Table([wrong], [[wrong], [Best(wrong, wrong, wrong)]], 1)
    text = page(title=wrong, facts=wrong, results=table, worst=[(wrong, table)], notes=[wrong])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 2 + 1 + 2 * 5 + 1 + 1


def test_a_page_asks_nothing_from_outside() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in page()
    assert page().startswith("<!doctype html>")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_switches_escaping_off_or_loads_anything(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    text = re.sub(r'<img src="data:image/webp;base64,\{\{ [\w.]+ \}\}"', "", text)  # a picture inside the page
    assert not re.search(r"\|\s*safe\b|autoescape|<script|<a |<img|<link|src=|href=|url\(|https?://", text)


def test_cells_are_plain_bold_or_bars() -> None:
    text = page(results=Table(["a", "b"], [["1", Best("2", " of 3")], ["4", Bar(0.5, 0.25, 0.75, 0.1)]], 1))
    assert '<td>1</td><td class="number"><strong>2</strong> of 3</td>' in text
    assert 'aria-label="0.500, interval 0.250 to 0.750, chance 0.100"' in text
    assert '<rect class="bar" width="60.0" height="14"/>' in text


def test_the_best_is_the_highest_or_the_lowest_and_may_be_shared() -> None:
    assert bold_best([1, 3, None, 3]) == [False, True, False, True]
    assert bold_best([1, 3, None, 1], low=True) == [True, False, False, True]
    assert bold_best([None]) == [False]
    assert (optional(0.25, ".0%"), optional(None, ".0%")) == ("25 %", "–")


def test_a_chart_has_its_points_where_the_axes_say() -> None:
    chart = curves(
        {"one": [(10, 0.5), (0, 1)], "two": [(100, 1.0)], "none": [(0, 1)]}, "ms", "recall", logarithmic=True
    )
    assert chart is not None
    assert [line.name for line in chart.lines] == ["one", "two"]
    assert [tick.text for tick in chart.x_ticks] == ["10", "100"]
    assert chart.lines[0].places == [(chart.left, (chart.top + chart.bottom) / 2)]
    assert chart.lines[1].places == [(chart.right, chart.top)]
    assert chart.label == "recall against ms for one, two"
    assert curves({"none": []}, "x", "y") is None
