"""A histogram of each picture's nearest-neighbour distance, with the threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.shared.charts import COLOURS, new_figure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from plotly.graph_objects import Figure

_BINS = 80
_HEIGHT = 190  # pixels


def nearest_chart(nearest: NDArray[np.float32], threshold: float, suggested: float, top: float) -> Figure:
    """Counts of nearest distances from 0 to `top`; bars within the threshold are highlighted, the suggestion dotted."""
    import numpy as np

    counts, edges = np.histogram(nearest, bins=_BINS, range=(0.0, top))
    middles = (edges[:-1] + edges[1:]) / 2
    within = middles <= threshold
    figure = new_figure()
    figure.add_bar(
        x=middles,
        y=counts,
        marker={"color": np.where(within, COLOURS["second"], COLOURS["first"]).tolist(), "line": {"width": 0}},
        customdata=edges[1:],
        hovertemplate="%{y} pictures up to %{customdata:.3g}<extra></extra>",
    )
    if suggested > 0:
        figure.add_vline(x=suggested, line={"dash": "dot", "color": COLOURS["grey"], "width": 1.5})
    figure.add_vline(x=threshold, line={"color": COLOURS["second"], "width": 2})
    figure.update_xaxes(range=[0, top], title="distance to the nearest other picture", fixedrange=True, showgrid=False)
    figure.update_yaxes(title="pictures", fixedrange=True, nticks=4)
    return figure.update_layout(height=_HEIGHT, margin={"l": 4, "r": 8, "t": 8, "b": 4}, bargap=0.06, showlegend=False)
