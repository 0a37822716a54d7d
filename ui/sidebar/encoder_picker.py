"""The encoders on three shelves, and what the chosen one still needs: a download, a training, a measurement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from engine.comparisons.figures import Figure
from engine.core.humanize import percent
from engine.encoders.encoder import COMPUTED, OWN, PHOTOGRAPHS, EncoderChoice
from engine.encoders.networks.table import BACKBONES
from engine.workbench.cost import measured_images_per_second
from ui.session.opened import recent_jobs, workbench
from ui.session.recipe import choose_embedding
from ui.shared.job_progress import job_progress
from ui.shared.messages import errors_shown
from ui.shared.network_fetch import fetch_network
from ui.shared.plain_text import plain_text
from ui.sidebar.encoder_combination import combine_encoders
from ui.sidebar.weights_file import add_weights
from ui.widgets.encoder_shelves import Shelf, ShelfLine, encoder_shelves

_SHELVES = {PHOTOGRAPHS: "For photographs", COMPUTED: "Needs no download", OWN: "Your own"}


def encoder_picker(
    collection: str, choices: Sequence[EncoderChoice], lines: Sequence[EncoderChoice], chosen: EncoderChoice
) -> None:
    """Draw the shelves of the offered `lines`, and below what the chosen encoder needs and what makes new ones."""
    figures = workbench().encoder_figures(collection)
    embeddings = {line.key: line.embedding for line in lines}
    shelves = [
        Shelf(title, [_line(line, figures.get(line.key)) for line in lines if line.shelf == shelf])
        for shelf, title in _SHELVES.items()
    ]
    with st.container(height=420, border=False, key="encoder-shelves"):
        encoder_shelves(shelves, chosen.key, key="encoder-choice", on_choose=partial(_choose, embeddings))
    _missing(chosen)
    _measure(collection)
    with st.expander("Add a weights file …", icon=":material/upload_file:", key="add-weights"):
        add_weights()
    combine_encoders(choices, chosen)


def _line(choice: EncoderChoice, figure: Figure | None) -> ShelfLine:
    title, separator, state = choice.title.partition(" · not ")
    state = f"not {state}" if separator else ""
    return ShelfLine(choice.key, title, choice.good_for or choice.help, _facts(choice), _figure_text(figure), state)


def _facts(choice: EncoderChoice) -> str:
    """Size, and the speed where it was measured."""
    size = f"{choice.megabytes} MB" if choice.megabytes else ""
    measured = measured_images_per_second(workbench().home, choice.name)
    rate = f"{measured:,.0f} pictures/s on this computer" if measured else ""
    return " · ".join(filter(None, [size, rate]))


def _figure_text(figure: Figure | None) -> str:
    if figure is None:
        return ""
    if figure.judged_by.startswith("precision"):
        return f"{figure.judged_by} {figure.value:.3f}"
    return f"{figure.judged_by} {percent(figure.value)}"


def _choose(embeddings: dict[str, str], key: str) -> None:
    """Take an encoder, with the pooling that suits it."""
    if key in embeddings:
        st.session_state.encoder = key
        choose_embedding(embeddings[key])


def _missing(chosen: EncoderChoice) -> None:
    """What the chosen encoder needs before it can be used."""
    if chosen.ready:
        return
    network = BACKBONES.get(chosen.name)
    if network is not None and not network.package:
        fetch_network(network.name, network.title, network.megabytes, key="seeing-fetch")
        return
    st.info(plain_text(chosen.help), icon=":material/info:")
    if network is None:
        go = partial(st.session_state.update, go_to="train")
        st.button("Go to Train", key="seeing-train", icon=":material/model_training:", on_click=go)


def _measure(collection: str) -> None:
    """The button that measures every ready encoder on this collection, or its progress."""
    jobs = (job for job in recent_jobs("quick") if job.config["arguments"].get("collection") == collection)
    job = next(jobs, None)
    if job is not None and job.alive:
        job_progress(job, key="seeing-quick")
        return
    if job is not None and job.error:
        st.error(plain_text(job.error), icon=":material/error:")
    st.button(
        "Measure which one sees this collection best", key="seeing-measure", icon=":material/bolt:", type="tertiary",
        on_click=_start, args=(collection,), help="Every ready encoder on at most 400 pictures, in about a minute.",
    )  # fmt: skip


def _start(collection: str) -> None:
    with errors_shown():
        workbench().start("quick", collection=collection)
