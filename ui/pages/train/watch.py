"""A training in progress: its curves, six reconstructed pictures, and the neighbours of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import streamlit as st

from engine.collections.collection import Images
from engine.core.errors import BenzerError
from engine.core.humanize import percent
from engine.runs.epochs import Probed, Watched
from engine.runs.run import Run
from engine.training.schedules import WarmRestarts, curve
from ui.pages.train.state import (
    collection_of,
    events_of,
    groups,
    learned_from_asked,
    probe_of,
    reconstructs,
    watched_of,
)
from ui.session.opened import images_of
from ui.shared.charts import draw, titled
from ui.shared.plain_text import plain_text
from ui.shared.training_curves import (
    Event,
    Line,
    agreement_chart,
    loss_chart,
    points,
    rate_chart,
    retrieval_chart,
    spoken,
)
from ui.widgets.gallery import Tile, gallery, thumbnail_url

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


WIDE_STRIP = 5  # so many pictures fill the width; fewer would become huge
LOSS, MSE, SSIM = "training objective", "MSE", "1 − SSIM"
_MEASURES = {LOSS: "validation", MSE: "mse", SSIM: "ssim"}
_MEASURE_NAMES = {"precision@8": "precision@8", "own copy found": "Altered copy found"}
_MEASURE_HELP = {
    "precision@8": "Over a fixed sample: the share of each picture's eight nearest neighbours that have its label.",
    "own copy found": "Over a fixed sample: how often a picture is the nearest neighbour of its own altered copy.",
}


_AGREEMENT_HELP = (
    "Normalised mutual information; 1 = identical. With the labels: how well the clusters match the labels, which are "
    "never used in training. With the previous epoch: how much the clusters still change."
)


def run_view(run: Run, *, key: str) -> None:
    """Draw the progress of a run; `key` distinguishes this place from others that draw a run."""
    events = events_of(run)
    with st.container(key=f"{key}-curves"):
        if events:
            _curves(run, events, key)
        else:
            st.caption("The first measurement, of the untrained network, comes before the first epoch.")
    with st.container(key=f"{key}-pictures"):
        _pictures(run, key)


# ── curves ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _curves(run: Run, events: Sequence[Event], key: str) -> None:
    probe, best, grouping = probe_of(run), run.card.get("best_epoch"), groups(run.config)
    measured = points(events, "retrieval")
    with st.container(horizontal=True, vertical_alignment="center"):
        loss = LOSS
        if reconstructs(run.config):
            loss = str(st.segmented_control("Loss", list(_MEASURES), required=True, default=LOSS, key=f"{key}-measure"))
        log = st.toggle("Log scale", key=f"{key}-log", help="Show the losses on a logarithmic scale.")
    places = _places(grouping, bool(measured))
    if grouping:
        with places.pop(0):
            _agreement(events, key)
    with places[0]:
        _losses(events, best, loss, log, key)
    if measured:
        with places[1]:
            _retrieval(measured, points(events, "recognition"), probe, best, key)
    with places[-1]:
        _rates(rate_points(run, events), key)
    for note in run.notes() if run.learned_labels else ():
        if note["kind"] == "asked":
            st.caption(learned_from_asked(note))


def _places(grouping: bool, measured: bool) -> list[DeltaGenerator]:
    """The layout of the charts; a run that groups has four, two by two."""
    if grouping:
        return [*st.columns(2, gap="medium"), *st.columns([1, 1], gap="medium")]
    return list(st.columns([1.25, 1.25, 1] if measured else [1.6, 1], gap="medium"))


def rate_points(run: Run, events: Sequence[Event]) -> list[tuple[float, float]]:
    """The learning rates so far; for warm restarts also within epochs, as those at the ends may all be equal."""
    noted, config = points(events, "rate"), run.config
    if not noted or config["schedule"] != WarmRestarts.name or run.prolonged_after is not None:
        return noted
    how = (config["schedule"], config["rate"], config["epochs"], config.get("options", {}), config.get("warmup", 0.0))
    steps = curve(*how)
    return [(epoch, rate) for epoch, rate in steps if epoch <= noted[-1][0]]


def _rates(rates: list[tuple[float, float]], key: str) -> None:
    titled("Learning rate")
    if rates:
        draw(rate_chart(rates), key=f"{key}-rate", alt=spoken("Learning rate", Line("", rates)))
    else:
        st.caption("Known after the first epoch.")


def _agreement(events: Sequence[Event], key: str) -> None:
    """How its groups come nearer to the labels, and settle."""
    titled_with_help("NMI of its clusters", _AGREEMENT_HELP)
    lines = agreement_lines(events)
    if lines:
        alt = " ".join(spoken(f"NMI of the clusters {line.title}", line, "{:.2f}".format) for line in lines)
        draw(agreement_chart(lines), key=f"{key}-agreement", alt=alt)
    else:
        st.caption("Known after the first epochs.")


def agreement_lines(events: Sequence[Event]) -> list[Line]:
    """The groups' agreement with the labels and with those of the epoch before, as far as it was measured."""
    lines = [Line("with the labels", points(events, "label_nmi")),
             Line("with the previous epoch", points(events, "nmi"), "second", "dot")]  # fmt: skip
    return [line for line in lines if line.points]


def _losses(events: Sequence[Event], best: int | None, loss: str, log: bool, key: str) -> None:
    titled(f"Loss: {loss}")
    lines = [Line("validation", points(events, _MEASURES[loss]))]
    if loss == LOSS:
        lines.insert(0, Line("training", points(events, "train"), "second", "dot"))
    lines = [line for line in lines if line.points]
    if lines:
        alt = " ".join(spoken(f"Loss, {line.title}", line) for line in lines)
        draw(loss_chart(lines, log=log, marked=best), key=f"{key}-loss", alt=alt)
    else:
        begun = any(event.get("epoch") for event in events)
        st.caption("Not measured in this run." if begun else "Known after the first epoch.")


_COPIES = "own copy found"


def _retrieval(
    measured: list[tuple[float, float]],
    copies: list[tuple[float, float]],
    probe: Probed | None,
    best: int | None,
    key: str,
) -> None:
    """Retrieval by labels, and the share of altered copies found, which needs no labels."""
    measure = probe.measure if probe else "precision@8"
    lines, both = [Line(_MEASURE_NAMES.get(measure, measure), measured)], bool(copies) and measure != _COPIES
    if both:
        lines.append(Line(_MEASURE_NAMES[_COPIES], copies, "second", "dot"))
    helps = [_MEASURE_HELP.get(name, "") for name in ([measure, _COPIES] if both else [measure])]
    titled_with_help("Retrieval" if both else lines[0].title, "\n\n".join(helps))
    figure = retrieval_chart(lines, chance=probe.chance if probe else None, marked=best)
    alt = " ".join(spoken(line.title, line, partial(percent, digits=1)) for line in lines)
    draw(figure, key=f"{key}-retrieval", alt=alt)


def titled_with_help(text: str, help: str) -> None:
    st.markdown(f"**{plain_text(text)}**", help=help or None)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _pictures(run: Run, key: str) -> None:
    probe, epochs = probe_of(run), run.watched_epochs()
    if probe is None or not epochs:
        return
    epoch = _epoch(epochs, key)
    seen = watched_of(run, epoch)
    if seen is None:
        st.caption("The pictures of this epoch have been deleted.")
        return
    left, right = (
        st.columns([1, 1.15], gap="large")
        if seen.reconstructions
        else (st.container(), st.container(key=f"{key}-near"))
    )
    if seen.reconstructions:
        with left:
            _reconstructed(probe, seen, epoch)
    if seen.neighbours is not None:
        with right:
            _neighbours(run, probe, seen, epoch, key)


def _epoch(epochs: list[int], key: str) -> int:
    """The epoch to show: the last one, following along, until the slider is moved to another one."""
    chosen, slider = f"{key}-chosen", f"{key}-slider"
    at = st.session_state.get(chosen)
    at = at if at in epochs else epochs[-1]
    if len(epochs) < 2:
        return at
    st.session_state[slider] = at

    def moved() -> None:
        value = st.session_state[slider]
        st.session_state[chosen] = None if value == epochs[-1] else value

    help = "Look back at earlier epochs. At the last one it follows the training."
    st.select_slider("Epoch", epochs, format_func=_epoch_name, key=slider, on_change=moved, help=help)
    return at


def _epoch_name(epoch: int) -> str:
    return str(epoch) if epoch else "untrained"


def _after(epoch: int) -> str:
    return f"after epoch {epoch}" if epoch else "by the untrained network"


def _reconstructed(probe: Probed, seen: Watched, epoch: int) -> None:
    count = len(probe.pictures)
    titled(f"{count} pictures and their reconstructions {_after(epoch)}")
    width: int | Literal["stretch"] = "stretch" if count >= WIDE_STRIP else 96 * count
    st.image(probe.originals, width=width, alt=f"{count} pictures of the collection")
    st.image(seen.reconstructions, width=width, alt=f"The same {count} pictures reconstructed {_after(epoch)}")


def _neighbours(run: Run, probe: Probed, seen: Watched, epoch: int, key: str) -> None:
    collection = collection_of(run)
    try:
        images = images_of(collection)
    except BenzerError:
        st.caption("The collection of this run has been deleted, so its pictures cannot be shown.")
        return
    rows = {int(id): row for row, id in enumerate(images.ids)}
    asked = [int(id) for id in probe.ids if int(id) in rows]
    if not asked or seen.neighbours is None:
        st.caption("The probe pictures have been deleted.")
        return
    picture = _chosen(probe, asked, key)
    found = [int(id) for id in seen.neighbours[[int(id) for id in probe.ids].index(picture)] if int(id) >= 0]
    label = images.labels[rows[picture]] if probe.measure == "precision@8" else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        titled(f"Nearest neighbours of one picture {_after(epoch)}")
        _picker(collection, images, rows, asked, picture, key)
    row = st.container(horizontal=True, key=f"near-{key}")
    with row.container(width=132):
        own = [_tile(collection, images, rows, picture, named=True)]
        gallery(own, key=f"{key}-query", title="Query picture", columns=1, kind="small")
    with row.container():
        tiles = [_tile(collection, images, rows, id, rank, label) for rank, id in enumerate(found, 1)]
        gallery(tiles, key=f"{key}-neighbours", title="Eight nearest neighbours", columns=4, kind="small")
        st.caption(_count(tiles, label))


def _chosen(probe: Probed, asked: list[int], key: str) -> int:
    """The picture whose neighbours are shown: the one picked, else the first of the six that is asked with."""
    chosen = st.session_state.get(f"{key}-picture")
    first = next((id for id in probe.pictures if id in asked), asked[0])
    return chosen if chosen in asked else first


def _picker(collection: str, images: Images, rows: dict[int, int], asked: list[int], picture: int, key: str) -> None:
    popover = f"{key}-picker"

    def pick(id: int) -> None:
        st.session_state[f"{key}-picture"] = id
        st.session_state[popover] = False

    panel = st.popover(
        "Choose another picture", icon=":material/grid_view:", key=popover, on_change="rerun", type="tertiary"
    )
    if panel.open:
        with panel, st.container(width=560, height=360):
            tiles = [_tile(collection, images, rows, id, selected=id == picture) for id in asked]
            gallery(
                tiles,
                key=f"{key}-pick",
                title="Pictures to choose from",
                columns=8,
                kind="browse",
                on_pick=pick,
                scroll=False,
            )


def _tile(
    collection: str,
    images: Images,
    rows: dict[int, int],
    id: int,
    rank: int | None = None,
    label: str = "",
    *,
    named: bool = False,
    selected: bool = False,
) -> Tile:
    """A tile of the picture; its label is shown where it is `named`, or a neighbour to be judged by `label`."""
    row = rows.get(id)
    if row is None:
        return Tile(id=id, src="", name="deleted picture", rank=rank, label="gone")
    own = images.labels[row]
    return Tile(
        id=id,
        src=thumbnail_url(collection, id, images.hashes[row]),
        name=images.names[row],
        rank=rank,
        label=own if named or (rank and label) else None,
        same=own == label if rank and label else None,
        selected=selected,
    )


def _count(tiles: list[Tile], label: str) -> str:
    if not label:
        return "Nearest first, among the probe pictures."
    right = sum(tile.same is True for tile in tiles)
    return f"**{right} of {len(tiles)}** have the label {plain_text(label)}."
