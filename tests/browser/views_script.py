"""A page with the drawing components alone, on made points and a made tree: what the tests of them look at."""

import sys
from pathlib import Path

import numpy as np
import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from engine.grouping.stored.palette import COLOURS
from tests.browser.helpers import HOSTILE
from ui.pages.classify.charts import confusion_chart
from ui.shared.charts import CHART_STYLE, draw_points
from ui.widgets.dendrogram import dendrogram
from ui.widgets.density_map import density_map
from ui.widgets.distance_matrix import distance_matrix
from ui.widgets.picture_map import picture_map

SIDE = 30  # points along each side: more than are drawn as pictures at once
FIRST = 100  # the id of the first point
# A picture of one colour whose address holds an id, as the address of a thumbnail does.
PICTURE = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='80' height='80' data-id='{id}'>"
    "<rect width='80' height='80' fill='rgb(250 10 200)'/></svg>"
)

st.set_page_config(page_title="Views", layout="wide")
state = st.session_state
state.setdefault("selected", [])
state.setdefault("told", {})


def tell(name):
    return lambda value: state.told.__setitem__(name, value)


def select(ids):
    state.selected = ids


view = st.query_params.get("view", "map")
st.title("Views")
if view == "map":
    rows, columns = np.divmod(np.arange(SIDE * SIDE), SIDE)
    points = np.stack([columns, rows], axis=1).astype(np.float32)
    colours = columns // 10
    colours[-1] = -1
    legend = [(number, f"Group {number + 1}", int((colours == number).sum())) for number in range(3)]
    picture_map(
        key="map",
        title="Map of points",
        ids=np.arange(SIDE * SIDE) + FIRST,
        points=points,
        colours=colours,
        palette=COLOURS,
        names=[HOSTILE if row == 1 else f"{row}.png" for row in range(SIDE * SIDE)],
        thumbs=PICTURE,
        legend=[*legend, (-1, "Ungrouped", 1)],
        selected=set(state.selected),
        on_select=select,
        on_pick=tell("picked"),
    )
    st.text("selected: " + " ".join(map(str, state.selected)))
    if st.button("Again"):
        st.text("drawn again")
    if st.button("Select three"):
        select([FIRST, FIRST + 1, FIRST + 2])
        st.rerun()
elif view == "tree":
    leaves = [
        {"node": 0, "id": 1, "name": HOSTILE, "count": 1, "colour": 0, "src": PICTURE.replace("{id}", "1")},
        {"node": 3, "id": 2, "name": "b.png", "count": 1, "colour": 0, "src": PICTURE.replace("{id}", "2")},
        {"node": 1, "id": 3, "name": "c.png", "count": 13, "colour": 1, "src": PICTURE.replace("{id}", "3")},
        {"node": 2, "id": 4, "name": "d.png", "count": 1, "colour": 2, "src": PICTURE.replace("{id}", "4")},
    ]
    joins = [
        {"node": 4, "left": 0, "right": 3, "height": 0.1, "x": 0.5, "count": 2, "colour": 0},
        {"node": 5, "left": 1, "right": 2, "height": 0.4, "x": 2.5, "count": 14, "colour": -1},
        {"node": 6, "left": 4, "right": 5, "height": 0.8, "x": 1.5, "count": 16, "colour": -1},
    ]
    dendrogram(
        key="tree",
        title="Tree of four",
        leaves=leaves,
        joins=joins,
        height_now=state.told.get("cut", 0.2),
        palette=COLOURS,
        on_cut=tell("cut"),
        on_pick=tell("picked"),
    )
elif view == "density":
    density_map(
        key="density", title="Map of very many", count=200_000, palette=COLOURS, legend=[(0, HOSTILE, 200_000)],
        tiles=PICTURE.replace("{id}", "{theme}-{z}-{x}-{y}"), selected=5_000 if state.selected else 0, height=500,
        marks=np.array([[0, 0], [0.5, 0.5]]) if state.selected else np.zeros((0, 2)),
        on_box=lambda box, adds: select([1]), on_pick=lambda x, y, within: select([]), on_open=tell("opened"),
    )  # fmt: skip
elif view == "chart":
    st.html(f"<style>{CHART_STYLE}</style>")
    confused = confusion_chart(["cat", "dog"], np.array([[50, 3], [8, 22]]), None)
    draw_points(confused, key="chart", alt="Confusion matrix", on_pick=tell("picked"))
else:
    apart = np.abs(np.subtract.outer(np.arange(12), np.arange(12))) / 10
    distance_matrix(
        key="matrix", names=[HOSTILE, *"abcdefghijk"], matrix=apart, groups=[0] * 5 + [1] * 7, measure="distance"
    )
st.text(f"picked: {state.told.get('picked')}")
st.text(f"cut: {state.told.get('cut', 0.2):.3f}")
