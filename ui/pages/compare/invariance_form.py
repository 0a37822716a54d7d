"""The form that starts a table of invariances: encoders, alterations, and the number of altered pictures."""

from __future__ import annotations

import streamlit as st

from engine.comparisons.invariances.plan import InvariancePlan
from engine.comparisons.invariances.run import plan_for
from engine.core.errors import BenzerError
from engine.core.humanize import count_of, duration
from engine.core.recipe import Recipe
from engine.evidence.alterations import ALTERATIONS
from engine.workbench.cost import invariance_seconds
from engine.workbench.workbench import CollectionCard
from ui.comparisons.state import begin
from ui.pages.compare.invariance_state import INVARIANCES
from ui.session.opened import workbench
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import encoder_titles

_BESIDE = ("hog", "colour-histogram")
_QUERIES, _LEVELS = 100, 5


def invariance_form(card: CollectionCard, recipe: Recipe) -> None:
    """Draw the form for a collection, with or without labels; `recipe` is the sidebar's."""
    st.write(
        "How far can a picture be rotated, cropped, blurred … and still be found? Some pictures of "
        f"**{plain_text(card.title)}** are altered, stronger and stronger, and each is searched with: is the picture "
        "that it was made from found first?"
    )
    settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        _settings(card, recipe)
    with summary, st.container(border=True, key="invariance-summary"):
        _summary(card)


def _settings(card: CollectionCard, recipe: Recipe) -> None:
    titles = encoder_titles(card.name)
    own = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    first = [name for name in dict.fromkeys((own, *_BESIDE)) if name in titles]
    key = "invariance-encoders"
    chosen = st.session_state.setdefault(key, first)
    st.session_state[key] = [name for name in chosen if name in titles]
    st.multiselect(
        "Encoders", list(titles), format_func=lambda name: titles.get(name, name), key=key, persist_state="session",
        placeholder="Choose at least one", help="Each with its usual pooling and cosine distance.",
    )  # fmt: skip
    st.session_state.setdefault("invariance-alterations", list(ALTERATIONS))
    st.multiselect(
        "Alterations", list(ALTERATIONS), format_func=lambda name: ALTERATIONS[name].title,
        key="invariance-alterations", persist_state="session", placeholder="Choose at least one",
    )  # fmt: skip
    left, right = st.columns(2)
    st.session_state.setdefault("invariance-queries", _QUERIES)
    st.session_state.setdefault("invariance-levels", _LEVELS)
    left.number_input(
        "Pictures", step=50, key="invariance-queries", persist_state="session", value=None,
        help="How many pictures are altered: a random sample, the same for every encoder. More: narrower intervals.",
    )  # fmt: skip
    right.number_input(
        "Strengths", step=1, key="invariance-levels", persist_state="session", value=None,
        help="How many strengths of each alteration are tried, evenly up to the strongest.",
    )  # fmt: skip


def _summary(card: CollectionCard) -> None:
    """The amount of work, the title and the button; or a sentence on what is impossible."""
    plan: InvariancePlan | None = None
    try:
        plan = _plan(card)
        asked = min(plan.queries, card.count)
        st.markdown(f"**{count_of(len(plan.cells()), 'curve')}**")
        factors = [(len(plan.encoders), "encoder"), (len(plan.alterations), "alteration")]
        amount = " × ".join(count_of(*factor) for factor in factors)
        took = duration(invariance_seconds(workbench().home, plan, card.count))
        st.caption(f"{amount}, {count_of(asked, 'picture')} each. About {took} once prepared.")
    except BenzerError as error:
        show_error(error)
    st.text_input(
        "Title", key="invariance-title", max_chars=100, persist_state="session",
        placeholder=_title(card, plan) if plan else "",
    )  # fmt: skip
    if st.button(
        "Measure invariances", key="invariance-start", type="primary", icon=":material/play_arrow:", width="stretch",
        disabled=plan is None,
    ):  # fmt: skip
        with errors_shown():
            begin(INVARIANCES, plan, workbench().plan_invariances, "invariance-title")


def _plan(card: CollectionCard) -> InvariancePlan:
    state = st.session_state
    plan = plan_for(
        workbench().home,
        "untitled",
        card.name,
        tuple(state["invariance-encoders"]),
        alterations=tuple(state["invariance-alterations"]),
        queries=state["invariance-queries"] or 0,
        levels=state["invariance-levels"] or 0,
    )
    return plan.titled((state.get("invariance-title") or "").strip() or _title(card, plan))


def _title(card: CollectionCard, plan: InvariancePlan) -> str:
    return f"{card.title[:80]}: {count_of(len(plan.encoders), 'encoder')}, altered"
