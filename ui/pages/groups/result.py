"""The open grouping: its title, the quality of its groups, notes, and its views."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from engine.core.humanize import count_of
from engine.grouping.stored.grouping import Grouping
from ui.comparisons.live import made_text
from ui.pages.groups import charts
from ui.pages.groups.export import export_menu
from ui.pages.groups.form import start_grouping
from ui.pages.groups.map import map_tab
from ui.pages.groups.members import groups_tab
from ui.pages.groups.outliers import outliers_view
from ui.pages.groups.state import (
    OWN_LABELS,
    TABS,
    Seen,
    ask,
    asked_for,
    close_panels,
    open_grouping,
    panel_key,
    steps_text,
    undo,
)
from ui.pages.groups.tree import tree_tab
from ui.pages.groups.vectors import vectors_tab
from ui.session.opened import workbench
from ui.shared.charts import draw, titled
from ui.shared.messages import errors_shown
from ui.shared.plain_text import plain_text
from ui.shared.rename_delete import confirm_buttons, rename_field
from ui.shared.titles import embedding_title, encoder_titles, metric_title

_QUALITY = {
    "purity": ("Purity", "Share of pictures that carry the most common label of their group."),
    "nmi": (
        "NMI",
        "Normalised mutual information of groups and labels: 1 identical. Random groups are above 0, the more so the "
        "smaller they are.",
    ),
    "ami": ("AMI", "Adjusted mutual information of groups and labels: 0 is chance level, 1 identical."),
    "ari": ("ARI", "Adjusted Rand index of groups and labels: 0 is chance level, 1 identical."),
    "silhouette": (
        "Silhouette",
        "How much closer pictures are to their own group than to the next: −1 to 1. In the space that was clustered, "
        "after a reduction; among the encoder's vectors it may be much lower.",
    ),
    "encoder_silhouette": (
        "Silhouette, encoder's vectors",
        "The same, but among the vectors of the encoder, before they were reduced: of the groups as they were made.",
    ),
}  # fmt: skip


def grouping_view(view: Seen) -> None:
    """Draw the open grouping."""
    _head(view)
    st.markdown(f"**{plain_text(summary(view))}**")
    if view.stale:
        _stale(view)
    drawn = (groups_tab, tree_tab, map_tab, vectors_tab, _outliers)
    tabs: dict[str, Callable[[Seen], None]] = dict(zip(TABS, drawn, strict=True))
    for tab, show in zip(st.tabs(list(tabs), key="groups-tab", on_change="rerun"), tabs.values(), strict=True):
        if tab.open:
            with tab, errors_shown():
                show(view)
    with st.expander("How it was made, and how good it is", icon=":material/info:", key="groups-facts"):
        st.caption(plain_text(made_of(view)))
        _notes(view)
        _quality(view)


# ── the head ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _head(view: Seen) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="groups-head"
    ):
        st.header(plain_text(view.title), anchor=False)
        with st.container(horizontal=True, width="content", gap="small"):
            st.button(
                "Undo", key=f"groups-undo-{view.key}", icon=":material/undo:", disabled=not view.edited,
                on_click=undo, args=(view,), help="Undo the last change to the groups.",
            )  # fmt: skip
            export_menu(view)
            if asked_for(f"remove-{view.key}"):
                ask_to_remove(view.collection, view.name, view.title, view.edited)
            with st.popover(
                "More", key=panel_key(f"groups-more-{view.key}"), icon=":material/more_horiz:", on_change="rerun"
            ) as panel:
                if panel.open:
                    _more(view)
            st.button(
                "Close", key="groups-close", icon=":material/close:", on_click=open_grouping,
                args=(view.collection, None),
            )  # fmt: skip


def summary(view: Seen) -> str:
    """For example "1,500 pictures in 12 groups, 43 ungrouped"."""
    whole = f"{count_of(len(view.groups.ids), 'picture')} in {count_of(len(view.real), 'group')}"
    return f"{whole}, {view.alone:,} ungrouped" if view.alone else whole


def made_of(view: Seen) -> str:
    """The encoder, the metric, the steps and the date."""
    recipe = view.grouping.recipe
    key = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    vectors = [encoder_titles().get(key, key), embedding_title(recipe.embedding), metric_title(recipe.metric)]
    changed = [count_of(view.edited, "manual change")] if view.edited else []
    return " · ".join([*vectors, steps_text(view.grouping.plan), made_text(view.grouping.made), *changed])


def _notes(view: Seen) -> None:
    """The engine's notes; for a manually edited grouping they describe the original."""
    lead = "At creation: " if view.edited else ""
    for note in view.grouping.notes:
        st.caption(f":material/info: {plain_text(lead + note)}")


def _quality(view: Seen) -> None:
    shown = [(name, *_QUALITY[name]) for name in _QUALITY if name in view.quality]
    if not shown:
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", key="groups-quality"):
        for name, text, help in shown:
            value = f"{view.quality[name]:.3f}".replace("-", "−")
            st.metric(_named(view, name, text), value, help=help, width="content")
    st.toggle(
        "Leave out labels that a classifier wrote", key=OWN_LABELS, persist_state="session",
        help="For purity, NMI, AMI and ARI: such labels agree with groups of the same vectors.",
    )  # fmt: skip
    _agreement(view)
    _numbers(view)


def _agreement(view: Seen) -> None:
    """How well the groups agree with the labels, beside random groups of the same sizes."""
    charted = [name for name in view.chance if name in view.quality]
    if charted:
        titles = [_QUALITY[name][0] for name in charted]
        values, chances = ([of[name] for name in charted] for of in (view.quality, view.chance))
        if learned_labels(view):
            st.caption("The encoder learned these labels: the agreement says nothing about unseen pictures.")
        alt = charts.spoken_agreement(titles, values, chances)
        draw(charts.agreement_chart(titles, values, chances), key=f"groups-agreement-{view.key}", alt=alt)


def learned_labels(view: Seen) -> bool:
    """Whether the encoder of the grouping learned from the labels of this collection."""
    key = (view.grouping.recipe.encoder, view.grouping.recipe.weights)
    lines = workbench().choices(view.collection)
    own = (line for line in lines if line.learned_labels and line.trained_on == view.collection)
    return any((line.name, line.weights) == key for line in own)


def _numbers(view: Seen) -> None:
    """The numbers of groups that were tried, if one was chosen."""
    curve = view.grouping.curve
    if len(curve) > 1:
        titled("Silhouette by number of groups")
        st.caption("Solid: groups of at least 2 %, times their share; the number was chosen by it. Dotted: all.")
        draw(charts.number_chart(curve), key=f"groups-numbers-{view.key}", alt=charts.spoken_numbers(curve))


def _named(view: Seen, name: str, text: str) -> str:
    """The silhouette says of which space it is, where there are two."""
    reduced = name == "silhouette" and view.grouping.plan.reduction is not None
    return f"{text}, reduced space" if reduced else text


def _stale(view: Seen) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(plain_text(view.stale), icon=":material/error:")
        if st.button("Re-cluster", key=f"groups-again-{view.key}", type="primary", icon=":material/refresh:"):
            with errors_shown():
                start_grouping(view.grouping.recipe, view.grouping.plan, view.title)


def _more(view: Seen) -> None:
    rename_and_delete(view.grouping, view.title, "groups", view.key)


def rename_and_delete(grouping: Grouping, title: str, prefix: str, key: str) -> None:
    """The fields behind *More* of a grouping; keys of widgets begin with `prefix`, `key` is that of the question."""

    def rename(new: str) -> None:
        grouping.rename(new)
        close_panels()

    rename_field("Name", title, rename, f"{prefix}-name-{key}", f"{prefix}-rename-{key}")
    question = (f"remove-{key}",)
    st.button("Delete …", key=f"{prefix}-remove-{key}", icon=":material/delete:", on_click=ask, args=question)


@st.dialog("Delete this grouping?")
def ask_to_remove(collection: str, name: str, title: str, edited: int) -> None:
    """Ask, then delete a grouping; no picture is touched."""
    changes = f", including {count_of(edited, 'manual change')}," if edited else ""
    st.write(f"**{plain_text(title)}**{changes} will be permanently deleted. No picture is touched.")
    confirm_buttons(
        "Delete grouping",
        lambda: workbench().grouping(collection, name).remove(),
        "groups-remove",
        then=partial(open_grouping, collection, None),
    )


def _outliers(view: Seen) -> None:
    """Outliers by the grouped vectors."""
    outliers_view(view.grouping.recipe)
