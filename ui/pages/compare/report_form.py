"""One button that reproduces tables 4 and 5 of the original study, with its cost stated up front."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from engine.comparisons.recipes.plan import ExperimentPlan, report_tables
from engine.comparisons.recipes.seeds import repeated
from engine.core.errors import BenzerError
from engine.training.config import ORIGINAL_STUDY, TrainingConfig
from engine.workbench.workbench import CollectionCard
from ui.pages.compare.form import show_cost, start
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text

_FIRST = {"size": ORIGINAL_STUDY["size"], "epochs": ORIGINAL_STUDY["epochs"], "limit": None}


def report_form(card: CollectionCard) -> None:
    """Draw the panel for a labelled collection."""
    with st.container(border=True, key="report-form"):
        st.subheader("Reproduce the original study", anchor=False)
        st.write(
            "Trains nine autoencoders (Models 1 to 4 with their schedules) and searches with each in four ways: "
            "*flatten* or *max pool* with *cosine* or *Euclidean* distance. The original study (“Image Similarity "
            "Engine”, tables 4 and 5) counted the correct results out of eight for a single picture; precision@8 over "
            "all pictures is shown beside it. It shows whether a lower loss means a better search."
        )
        fields, cost = st.columns([1.75, 1], gap="large")
        with fields:
            _fields(card)
        plan = _plan(card, cost)
        with cost, errors_shown():
            if plan is not None:
                _cost(plan, card)
            if st.button(
                "Start reproduction", key="report-start", icon=":material/article:", disabled=plan is None
            ):  # fmt: skip
                start(plan)


def _fields(card: CollectionCard) -> None:
    left, right = st.columns(2)
    for name, first in _FIRST.items():
        st.session_state.setdefault(f"report-{name}", first)
    left.number_input(
        "Input size", step=1, value=None, key="report-size", persist_state="session",
        help="Side length in pixels, 224 in the original study. A model that cannot reconstruct this size exactly "
        "takes the nearest size it can.",
    )  # fmt: skip
    right.number_input(
        "Epochs", step=1, value=None, key="report-epochs", persist_state="session", help="40 in the original study."
    )
    st.number_input(
        "Max. pictures", step=100, value=None, key="report-limit", persist_state="session",
        placeholder=f"all {card.count:,}", help="A random sample to train on. All pictures are searched.",
    )  # fmt: skip
    st.toggle(
        "Three seeds", key="report-three-seeds", persist_state="session",
        help="Each of the nine is trained with three seeds: three times the work. The tables show the means, and the "
        "results beside them how far a seed moves them.",
    )  # fmt: skip


def _plan(card: CollectionCard, where: object) -> ExperimentPlan | None:
    """The experiment; None, with a sentence, for an invalid number."""
    size, epochs, limit = (st.session_state.get(f"report-{name}") for name in _FIRST)
    try:
        title = f"Tables 4 and 5 on {card.title[:80]}"
        plan = report_tables(card.name, size=size or 0, epochs=epochs or 0, limit=limit, title=title)
        plan = repeated(plan) if st.session_state.get("report-three-seeds") else plan
        checked = [replace(t, config=TrainingConfig.from_dict(t.config).as_dict()) for t in plan.trainings]
        return replace(plan, trainings=tuple(checked))
    except BenzerError as error:
        with where:  # type: ignore[attr-defined]
            show_error(error)
        return None


def _cost(plan: ExperimentPlan, card: CollectionCard) -> None:
    images = min(card.count, st.session_state.get("report-limit") or card.count)
    passes = sum(int(training.config["epochs"]) for training in plan.trainings)
    notes = list(dict.fromkeys(training.note for training in plan.trainings if training.note))
    st.caption(
        f"{len(plan.trainings)} trainings, {passes:,} epochs × {images:,} pictures in all, then {len(plan.cells())} "
        "configurations."
    )
    for note in notes:
        st.caption(plain_text(note))
    show_cost(plan, card, key="report")
