"""The chip *Seeing with …*: the encoder, how its feature map becomes a vector, the distance and the search method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import streamlit as st

from engine.core.distances import METRICS
from engine.core.recipe import MAX_K, Recipe
from engine.core.settings import Choice, Setting
from engine.encoders.encoder import EncoderChoice
from engine.encoders.pooling import FINISHES, POOLINGS
from engine.indexes import Index
from ui.session.opened import workbench
from ui.shared.messages import errors_shown
from ui.sidebar.cluster_help import cluster_help, cluster_window
from ui.sidebar.encoder_picker import encoder_picker

_FINISH_HELP = (
    "Post-processing of the vectors. Precision@8 of EfficientNet-Lite0, average pool, on 1,500 photographs of "
    "three species and on 114 paintings by five artists: none .974 and .825; square root and centred .977 and .840; "
    "averaged with neighbours .981 and .832; both .981 and .848; PCA whitening .941 and .785. Averaging with the eight "
    "nearest pictures (DBA) blurs fine differences, so duplicates are found without it."
)
_METRIC_HELP = (
    "Cosine compares the directions of the vectors and ignores their lengths: of raw pixels that is the brightness, of "
    "a network's vectors it is not. Euclidean compares every value."
)

# The name of the encoder is not part of the label: a panel whose label changes closes.
_NAMED = '.st-key-seeing [data-testid="stMarkdownContainer"] p::after {{ content: ": {}"; }}'


def seeing_chip(recipe: Recipe, choices: Sequence[EncoderChoice], lines: Sequence[EncoderChoice]) -> None:
    """Draw the chip; its content is only drawn while it is open. `lines` are the offered ones of all `choices`.

    A panel cannot be closed from here, but one with another key (`seeing_closed`) begins closed.
    """
    chosen = next(line for line in lines if line.key == st.session_state.encoder)
    with st.container(key="seeing"):
        st.html(f"<style>{_NAMED.format(css_text(chosen.title))}</style>")
        key = f"seeing-open-{st.session_state.get('seeing_closed', 0)}"
        panel = st.popover("Seeing with", key=key, on_change="rerun", width="stretch")
    cluster_window(recipe)
    if panel.open:
        with panel, st.container(key="seeing-panel"), errors_shown():
            _panel(recipe, choices, lines, chosen)


def _panel(
    recipe: Recipe, choices: Sequence[EncoderChoice], lines: Sequence[EncoderChoice], chosen: EncoderChoice
) -> None:
    left, right = st.columns([1.45, 1], gap="medium")
    with left:
        encoder_picker(recipe.collection, choices, lines, chosen)
    with right:
        _drop_down("embedding", "Pooling", POOLINGS, pooling_title, "How the encoder's feature map becomes one vector.")
        _drop_down("finish", "Post-processing", FINISHES, finish_title, _FINISH_HELP)
        _drop_down("metric", "Distance", METRICS, metric_title, _METRIC_HELP)
        _method(recipe)


def _method(recipe: Recipe) -> None:
    methods = workbench().methods()
    help_text = "\n\n".join(f"**{method.title}**: {method.summary}" for method in methods.values())
    _drop_down("method", "Search method", methods, lambda name: methods[name].title, help_text)
    st.number_input(
        "Number of results", 1, MAX_K, key="k", help="How many similar pictures to show.", persist_state="session"
    )
    _settings(methods[recipe.method])
    if recipe.method == "kmeans":
        cluster_help()


def _settings(method: type[Index]) -> None:
    """A field for each setting of the method; an empty field leaves it to the method."""
    for setting in method.settings:
        key = f"{method.name}.{setting.name}"
        if isinstance(setting, Choice):
            titles = setting.options
            _drop_down(key, setting.title, titles, titles.__getitem__, setting.help)
        else:
            _number(key, setting)


def _number(key: str, setting: Setting) -> None:
    placeholder = "automatic" if setting.default is None else str(setting.default)
    st.number_input(
        setting.title, int(setting.low), int(setting.high), None, 1, key=key, help=setting.help,
        placeholder=placeholder, persist_state="session",
    )  # fmt: skip


def _drop_down(key: str, label: str, options: Collection[str], shown: Callable[[str], str], help: str) -> None:
    st.selectbox(label, list(options), format_func=shown, key=key, help=help, persist_state="session")


def css_text(text: str) -> str:
    """Text as the content of a string in a style sheet, every special character escaped."""
    return "".join(char if char.isalnum() and char.isascii() else f"\\{ord(char):x} " for char in text)


def pooling_title(name: str) -> str:
    """The title of a pooling, without the word, which the field says."""
    return POOLINGS[name].title.removesuffix(" pool")


def metric_title(name: str) -> str:
    """The title of a metric with what it ignores."""
    return METRICS[name].title + (" (ignores length)" if name == "cosine" else "")


def finish_title(name: str) -> str:
    """The title of a post-processing of vectors."""
    title = FINISHES.get(name, name).removeprefix(", ")
    return title[:1].upper() + title[1:] or "None"
