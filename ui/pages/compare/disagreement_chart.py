"""A bar chart of how many of their nearest pictures two encoders share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.comparisons.disagreement import FEW, Disagreement, K
from ui.shared.charts import COLOURS, new_figure

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def overlap_chart(found: Disagreement) -> Figure:
    """A bar for each number of shared neighbours; bars of pictures on which the encoders disagree are highlighted."""
    figure = new_figure()
    figure.add_bar(
        x=list(range(K + 1)),
        y=list(found.counts),
        marker={"color": [COLOURS["second" if shared < FEW else "first"] for shared in range(K + 1)]},
        text=[f"{count:,}" for count in found.counts],
        textposition="outside",
        textangle=0,
        textfont={"color": COLOURS["grey"]},
        cliponaxis=False,
        hovertemplate="%{x} shared: %{y:,} pictures<extra></extra>",
    )
    figure.update_xaxes(title=f"Shared of the {K} nearest", dtick=1, fixedrange=True)
    figure.update_yaxes(title="Pictures", fixedrange=True, nticks=4)
    return figure.update_layout(height=220, margin={"l": 4, "r": 8, "t": 20, "b": 4}, showlegend=False, bargap=0.25)


def spoken_overlap(found: Disagreement) -> str:
    """A text alternative for the chart."""
    parts = [f"{count:,} share {shared}" for shared, count in enumerate(found.counts)]
    return f"Of {found.queries:,} pictures " + ", ".join(parts) + f" of the {K} nearest."
