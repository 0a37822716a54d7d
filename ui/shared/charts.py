"""What charts share: an empty figure, colours of the theme, and putting a chart on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEIGHT = 240  # pixels
# In the light and in the dark theme. After Okabe and Ito, "Color universal design" (2008): distinct for all colour
# vision. Charts are drawn in the light ones, which `CHART_STYLE` replaces in the browser: Streamlit keeps the colours
# of a chart when the system changes from light to dark, even those of its own theme.
_SHADES = {
    "first": ("#17685f", "#69cbbd"),
    "second": ("#b4531f", "#f0a867"),
    "third": ("#6a4fa3", "#b9a3ec"),
    "grey": ("#5a6168", "#adb1b4"),
    "blue": ("#0072b2", "#5cb3e6"),
    "pink": ("#b3467f", "#f09ac4"),
    "ochre": ("#8a6d00", "#e8c547"),
    "sky": ("#3f8fc4", "#9ad4f5"),
    "ink": ("#21262b", "#e9e7e2"),
}
COLOURS = {name: light for name, (light, _) in _SHADES.items()}
_STRONGEST = 0.65  # opacity: more would make ink illegible on a strong cell in the light theme


def _rgb(colour: str) -> str:
    return ", ".join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))


CHART_STYLE = "\n".join(
    f'.js-plotly-plot [style*="{part}: rgb({_rgb(light)})"] {{ {part}: light-dark({light}, {dark}) !important; }}'
    for light, dark in _SHADES.values()
    for part in ("fill", "stroke")
)


def faint_to_strong(name: str) -> list[list[float | str]]:
    """A colour scale for heat maps: the named colour, through which the page shines, so that ink is legible on all."""
    return [[share, f"rgba({_rgb(COLOURS[name])}, {opacity})"] for share, opacity in ((0, 0.06), (1, _STRONGEST))]


def new_figure(**layout: Any) -> Figure:
    """An empty figure with these entries of Plotly's layout."""
    import pandas  # noqa: F401 - fully imported before Plotly uses it: another visitor's thread may be importing it
    from plotly.graph_objects import Figure

    return Figure(layout=layout)


def draw(figure: Figure, *, key: str, alt: str) -> None:
    """Put a chart on the page, with a text alternative."""
    _legible(figure)
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False})


def draw_points(figure: Figure, *, key: str, alt: str, on_pick: Callable[[str], None]) -> None:
    """Put a chart on the page whose points can be clicked; `on_pick` is called with the first of their `customdata`."""

    def chosen() -> None:
        points = st.session_state[key].selection.points
        if points and points[0].get("customdata"):
            on_pick(str(points[0]["customdata"][0]))

    _legible(figure)
    st.plotly_chart(
        figure, key=key, alt=alt, config={"displayModeBar": False}, on_select=chosen, selection_mode="points"
    )


def _legible(figure: Figure) -> None:
    """Small text in grey, tips in ink: Streamlit's own grey is too faint on a light ground."""
    figure.update_layout(font={"color": COLOURS["grey"]}, hoverlabel={"font": {"color": COLOURS["ink"]}})
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont={"color": COLOURS["grey"]}, title_font={"color": COLOURS["grey"]})


def plain(text: str) -> str:
    """A title for a legend, without what charts would interpret: HTML tags and formulas."""
    return text.replace("<", "‹").replace(">", "›").replace("$", "＄")


def titled(text: str) -> None:
    """The small heading above a chart."""
    st.markdown(f"**{plain_text(text)}**")
