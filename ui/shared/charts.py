"""What charts share: an empty figure, colours of the visitor's theme, and putting a chart on the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui.shared.plain_text import plain_text

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

HEIGHT = 240  # pixels
_WARM = {"light": "#b4531f", "dark": "#f0a867"}  # the second colour, safe for the colour-blind
_VIOLET = {"light": "#6a4fa3", "dark": "#b9a3ec"}
_GREY = {"light": "#5a6168", "dark": "#adb1b4"}


def palette() -> dict[str, str]:
    """The colours of curves in the visitor's theme."""
    theme = "dark" if st.context.theme.type == "dark" else "light"
    names = ("primaryColor", "secondaryBackgroundColor", "textColor", "backgroundColor")
    first, ground, ink, paper = (str(st.get_option(f"theme.{theme}.{name}")) for name in names)
    lines = {"first": first, "second": _WARM[theme], "third": _VIOLET[theme], "grey": _GREY[theme]}
    return {**lines, "ground": ground, "ink": ink, "paper": paper}


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
    """Axes in the colour of small text: Streamlit's grey is too faint on a light ground."""
    grey = palette()["grey"]
    for axes in (figure.update_xaxes, figure.update_yaxes):
        axes(tickfont={"color": grey}, title_font={"color": grey})


def plain(text: str) -> str:
    """A title for a legend: charts interpret some HTML tags, which an external title must not contain."""
    return text.replace("<", "‹").replace(">", "›").replace("$", "＄")


def titled(text: str) -> None:
    """The small heading above a chart."""
    st.markdown(f"**{plain_text(text)}**")
