"""The groups page: clustering similar pictures without labels."""

from __future__ import annotations

import streamlit as st

from engine.core.errors import BenzerError
from engine.core.recipe import Recipe
from engine.workbench.workbench import CollectionCard
from ui.pages.groups.form import groups_form
from ui.pages.groups.hubs import hubs_view
from ui.pages.groups.list import groupings_list
from ui.pages.groups.members import close_missing_group
from ui.pages.groups.outliers import outliers_view
from ui.pages.groups.result import grouping_view
from ui.pages.groups.state import (
    Seen,
    complain,
    listed,
    open_grouping,
    open_parts,
    opened,
    opened_parts,
    seen,
)
from ui.pages.groups.work import groups_work
from ui.session.address import GROUPS
from ui.session.history import note_address
from ui.session.opened import collection_cards
from ui.shared.first_ways import add_pictures
from ui.shared.messages import empty_state, errors_shown, show_complaint, show_error
from ui.shared.plain_text import plain_text

# On a telephone the view comes first: what can be done with the grouping are icons beside its title, and what can be
# done with selected pictures is a row of icons at the foot of the window, as on Search. Their words stay for screen
# readers.
_ICONS = ':is(.st-key-groups-head, [class*="st-key-selection-at-"])'
_BAR = '[class*="st-key-selection-at-"]'
_STYLE = f"""
.stElementContainer:has(> .stHtml > style) {{ display: none; }}
@media (max-width: 640px) {{
  :is(.st-key-groups-head, {_BAR}), .st-key-groups-head .stHorizontalBlock {{ flex-wrap: nowrap; gap: 0.35rem; }}
  .st-key-groups-head h2 {{ font-size: 1.25rem; padding: 0; }}
  {_ICONS} button {{ min-height: 2.25rem; min-width: 2.25rem; padding: 0; justify-content: center; }}
  {_ICONS} button .stMarkdownEllipsis {{
    position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  }}
  {_ICONS} .stPopover [aria-hidden]:has([data-testid="stIconMaterial"]) {{ display: none; }}
  .st-key-group-acts {{ gap: 0.35rem; }}
  .st-key-group-acts button {{ min-height: 2.25rem; padding: 0 0.6rem; }}
  .st-key-group-acts button :has(> [data-testid="stIconMaterial"]) {{ display: none; }}
  [class*="st-key-map-by-"] .stButtonGroup {{ display: flex; flex-flow: row wrap; align-items: center; gap: 0 0.6rem; }}
  .stLayoutWrapper:has(> {_BAR}) {{ display: contents; }}
  {_BAR} {{
    position: fixed; z-index: 90; bottom: 0.8rem; inset-inline: 1rem; width: auto; padding: 0.45rem 0.8rem;
    background: light-dark(#fcfbf8, #15191c); box-shadow: 0 6px 28px rgb(0 0 0 / 0.28);
  }}
  {_BAR} > :first-child {{ flex: 1; white-space: nowrap; }}
  {_BAR}:has(button:disabled) {{ display: none; }}
  .stMainBlockContainer:has({_BAR}) {{ padding-bottom: 5rem; }}
}}
"""


def page() -> None:
    """Draw the open grouping, the form that makes a new one, and the other groupings."""
    st.html(f"<style>{_STYLE}</style>")
    st.title("Group similar pictures", anchor=False)
    recipe: Recipe | None = st.session_state.recipe
    if recipe is None:
        show_complaint()
        sentence = "Grouping needs a collection of pictures."
        empty_state("Nothing to group yet", sentence, {"Add pictures": add_pictures}, key="groups-empty")
        return
    card = next(card for card in collection_cards() if card.name == recipe.collection)
    # Fixed containers: what comes and goes above must not shift what is drawn below it.
    messages, work, result, form, tidying, others = (st.container() for _ in range(6))
    with messages:
        _news()
    with work, errors_shown():
        groups_work(card.name)
    with result:
        view = _opened(card)
        if view is not None:
            close_missing_group(view)
        _write_address(card.name, view)
        if view is not None:
            with errors_shown():
                grouping_view(view)
    with form:
        _new(card, recipe, folded=view is not None)
    if view is None and card.count > 1:
        with tidying:
            _outliers(recipe)
            _hubs(recipe)
    with others, errors_shown():
        groupings_list(card.name, view.name if view else "")


def _news() -> None:
    """The outcome of a click or a link, good or bad."""
    show_complaint()
    complain()
    news = st.session_state.pop("groups_news", "")
    if news:
        st.success(plain_text(news), icon=":material/check_circle:")


# ── which one is open ────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(card: CollectionCard) -> Seen | None:
    """The grouping in the address, or the chosen one; on a first visit the newest."""
    linked = st.session_state.pop("grouping_linked", None)
    if linked is not None:
        open_grouping(card.name, linked)
        open_parts(st.session_state.pop("grouping_parts", {}))
    if opened(card.name) is None:
        open_grouping(card.name, next((grouping.name for grouping in listed(card.name)), None))
    name = opened(card.name)
    if not name:
        return None
    try:
        view = seen(card.name, name)
    except BenzerError as error:
        show_error(error)
        return None
    if view is None:
        st.warning(f"The grouping “{plain_text(name)}” no longer exists.", icon=":material/info:")
        open_grouping(card.name, None)
    return view


def _write_address(collection: str, view: Seen | None) -> None:
    """Put the collection and the open grouping into the address, so that the page can be shared and reloaded."""
    address = {"collection": collection} | (opened_parts(view) if view else {})
    note_address(GROUPS, address)
    if {name: st.query_params[name] for name in st.query_params} != address:
        st.query_params.from_dict(address)


# ── a new one ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _new(card: CollectionCard, recipe: Recipe, *, folded: bool) -> None:
    """The form, expanded unless a grouping is open."""
    if not folded:
        st.header(f"Group “{plain_text(card.title)}”", anchor=False)
        _form(card, recipe)
        return
    panel = st.expander("New grouping", icon=":material/add:", key="groups-another", on_change="rerun")
    if panel.open:
        with panel:
            _form(card, recipe)


def _outliers(recipe: Recipe) -> None:
    """Outliers by the sidebar's vectors, if no grouping is open."""
    panel = st.expander("Outliers", icon=":material/scatter_plot:", key="groups-tidy", on_change="rerun")
    if panel.open:
        with panel, errors_shown():
            outliers_view(recipe)


def _hubs(recipe: Recipe) -> None:
    """Pictures that are found too often or never by the sidebar's vectors, if no grouping is open."""
    panel = st.expander("Hubs and orphans", icon=":material/hub:", key="groups-hubs", on_change="rerun")
    if panel.open:
        with panel, errors_shown():
            hubs_view(recipe)


def _form(card: CollectionCard, recipe: Recipe) -> None:
    if card.count < 2:
        few = "This collection has only one picture." if card.count else "This collection is empty."
        empty_state(
            "Too few to group",
            f"{few} Grouping needs at least two pictures.",
            {"Add pictures": add_pictures},
            key="groups-few",
        )
        return
    with errors_shown():
        groups_form(card, recipe)
