"""The form that starts an experiment: encoders, columns, trainings, and the expected cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from engine.comparisons.recipes.plan import ExperimentPlan
from engine.core.distances import METRICS
from engine.core.errors import BenzerError
from engine.core.humanize import count_of
from engine.core.recipe import Recipe
from engine.encoders.pooling import FINISHES, POOLINGS
from engine.workbench.cost import experiment_cost
from engine.workbench.workbench import CollectionCard
from ui.comparisons.state import begin
from ui.pages.compare.cost import measure_trainings, training_seconds
from ui.pages.compare.state import EXPERIMENTS
from ui.pages.compare.trainings import planned, trainings_form
from ui.session.opened import workbench
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import embedding_title, encoder_titles, metric_title

_QUERIES = 500
_WEIGHTLESS = ("raw-pixels", "colour-histogram")


def experiment_form(card: CollectionCard, default: Recipe) -> None:
    """Draw the form for a labelled collection; `default` is the sidebar's recipe, part of the initial selection."""
    st.write(
        f"Each configuration is queried with all {card.count:,} pictures of **{plain_text(card.title)}** and scored by "
        "precision@8: the share of the eight results that have the label of the query."
    )
    settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        _grid(default)
        trainings_form()
        _queries()
        _split()
        _probe()
    with summary:
        _summary(card)


# ── the settings ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _grid(default: Recipe) -> None:
    titles = encoder_titles(default.collection)
    own = f"{default.encoder}@{default.weights}" if default.weights else default.encoder
    first = [name for name in dict.fromkeys((own, *_WEIGHTLESS)) if name in titles]
    _several(
        "encoders",
        "Encoders",
        list(titles),
        first,
        lambda name: titles.get(name, name),
        "All encoders that are ready to use.",
    )
    left, right = st.columns(2)
    with left:
        _several("embeddings", "Pooling", _embeddings(), [default.embedding], embedding_title)
    with right:
        _several("metrics", "Distances", list(METRICS), ["cosine"], metric_title)
    _several(
        "methods", "Search methods", list(workbench().methods()), ["exact"], str,
        "To set parameters, type them after the name, as in `lsh(bits=8)`, and press Enter. Others are automatic.",
        own=True,
    )  # fmt: skip


def _embeddings() -> list[str]:
    return [f"{name}{finish}" for finish in FINISHES for name in POOLINGS]


def _several(
    name: str,
    label: str,
    options: list[str],
    first: list[str],
    shown: Callable[[str], str],
    help: str | None = None,
    *,
    own: bool = False,
) -> None:
    """A multiple choice; `own` also allows typed values. Values that no longer exist are dropped."""
    key = f"experiment-{name}"
    chosen = st.session_state.setdefault(key, first)
    if not own and not set(chosen) <= set(options):
        st.session_state[key] = [one for one in chosen if one in options]
    st.multiselect(
        label, options, key=key, format_func=shown, help=help, accept_new_options=own, persist_state="session",
        placeholder="Choose at least one",
    )  # fmt: skip


def _split() -> None:
    """Which pictures are queries, and which labels count."""
    with st.expander("Split and labels", key="experiment-split"):
        st.text_input(
            "Queries", key="experiment-where", persist_state="session", placeholder="split=test",
            help="A filter, as on Search: the pictures that meet it are the queries, all others the gallery that is "
            "searched. Empty: every picture is both, and left out of its own results.",
        )  # fmt: skip
        st.toggle(
            "Leave out labels that a classifier wrote", key="experiment-own-labels", persist_state="session",
            help="Such labels say what the classifier predicts; judged by them, its encoder looks better than it is.",
        )  # fmt: skip


def _probe() -> None:
    st.toggle(
        "Measure a linear probe, too", key="experiment-probe", persist_state="session",
        help="Logistic regression on the vectors of each encoder and pooling. Takes seconds to a minute for each.",
    )  # fmt: skip


def _queries() -> None:
    st.session_state.setdefault("experiment-all", True)
    left, right = st.columns(2, vertical_alignment="bottom")
    every = left.toggle(
        "Use every labelled picture as a query", key="experiment-all", persist_state="session",
        help="Fewer queries are faster; the confidence interval gets wider.",
    )  # fmt: skip
    if not every:
        st.session_state.setdefault("experiment-queries", _QUERIES)
        right.number_input(
            "Max. queries", step=100, key="experiment-queries", persist_state="session", value=None,
            help="A random sample, the same for every configuration.",
        )  # fmt: skip


# ── summary ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _summary(card: CollectionCard) -> None:
    """The number of configurations, the time, the title and the button; or a sentence on what is impossible."""
    plan: ExperimentPlan | None = None
    with st.container(border=True, key="experiment-summary"):
        try:
            plan = _plan(card)
            _size(plan, card)
        except BenzerError as error:
            show_error(error)
        st.text_input(
            "Title",
            key="experiment-title",
            max_chars=100,
            placeholder=_title(card, plan) if plan else "",
            persist_state="session",
        )
        if st.button(
            "Start comparison", key="experiment-start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=plan is None,
        ):  # fmt: skip
            with errors_shown():
                start(plan)


def _plan(card: CollectionCard) -> ExperimentPlan:
    axes = ("encoders", "embeddings", "metrics")
    chosen: dict[str, Any] = {name: tuple(st.session_state[f"experiment-{name}"]) for name in axes}
    methods = tuple(text.replace(" ", "") for text in st.session_state["experiment-methods"])
    trainings = tuple(planned())
    every = st.session_state["experiment-all"]
    queries = None if every else st.session_state.get("experiment-queries") or 0
    split: dict[str, Any] = {
        "queries_where": (st.session_state.get("experiment-where") or "").strip(),
        "own_labels": bool(st.session_state.get("experiment-own-labels")),
        "probe": bool(st.session_state.get("experiment-probe")),
    }
    columns = chosen | {"trainings": trainings, "methods": methods}
    plan = ExperimentPlan("untitled", card.name, queries=queries, **columns, **split)
    return replace(plan, title=(st.session_state.get("experiment-title") or "").strip() or _title(card, plan))


def _title(card: CollectionCard, plan: ExperimentPlan) -> str:
    return f"{card.title[:80]}: {count_of(len(plan.cells()), 'configuration')}"


def _size(plan: ExperimentPlan, card: CollectionCard) -> None:
    cells, rows = len(plan.cells()), len(plan.encoders) + len(plan.trainings)
    st.markdown(f"**{count_of(cells, 'configuration')}**")
    factors = [(rows, "encoder"), (len(plan.embeddings), "pooling"), (len(plan.metrics), "distance")]
    st.caption(" × ".join(count_of(*factor) for factor in [*factors, (len(plan.methods), "method")]))
    if plan.trainings:
        st.caption(f"{count_of(len(plan.trainings), 'encoder')} of these will be trained first, one after the other.")
    show_cost(plan, card, key="experiment")


def show_cost(plan: ExperimentPlan, card: CollectionCard, *, key: str) -> None:
    """The estimated time, and the offer to time trainings of unknown duration."""
    home, images = workbench().home, card.count
    expected = experiment_cost(home, plan, images, lambda config: training_seconds(config, images, card.name))
    st.caption(expected.sentence())
    if expected.unknown and st.button("Estimate time", key=f"{key}-measure", icon=":material/timer:", type="tertiary"):
        with st.spinner("Timing a few batches of each …"):
            measure_trainings([training.config for training in plan.trainings], card.name)
        st.rerun()


def start(plan: ExperimentPlan | None) -> None:
    """Store the plan, start measuring, and show the experiment; only once on a double click."""
    begin(EXPERIMENTS, plan, workbench().plan_experiment, "experiment-title")
