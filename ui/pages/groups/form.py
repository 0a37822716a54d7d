"""The form that groups a collection: a preset or custom steps, a summary with the estimated time, and the button."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from engine.core.errors import BadParameter, BenzerError
from engine.core.humanize import count_of, duration
from engine.core.recipe import Recipe
from engine.core.settings import AnySetting, Choice, Setting
from engine.grouping import Clusterer, Projection, clusterers, make_clusterer, make_projection, projections
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.presets import PRESETS
from engine.grouping.run import recipe_of_preset
from engine.workbench.workbench import CollectionCard
from ui.pages.groups.network import network_note
from ui.pages.groups.state import listed
from ui.session.opened import workbench
from ui.session.recipe import choose_embedding
from ui.shared.messages import errors_shown, show_error
from ui.shared.plain_text import plain_text
from ui.shared.titles import embedding_title, encoder_titles, metric_title

OWN = "own"
_FIRST = "recommended"
_NONE = ""
_TWICE = 2.0  # seconds in which a repeated start is ignored: a double click
# Seconds per thousand pictures on two processor cores; only the order of magnitude matters.
_SECONDS = {"umap": 6.0, "tsne": 8.0, "mds": 15.0, "kernel-pca": 2.0, "hierarchical": 2.0, "hdbscan": 1.0}
_STARTING = 8.0  # loading the libraries
_COMPILING = 15.0  # UMAP's compilation before it starts


def groups_form(card: CollectionCard, recipe: Recipe) -> None:
    """Draw the form for a collection of at least two pictures; `recipe` is the sidebar's."""
    settings, summary = st.columns([1.75, 1], gap="large")
    with settings:
        with st.container():  # the note comes and goes; what is below must not move, or it would fold
            _presets(recipe.collection)
            network_note(recipe, st.session_state["groups-preset"])
        _steps()
    with summary:
        _summary(card, recipe)


# ── presets ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _presets(collection: str) -> None:
    if "groups-preset" not in st.session_state:
        st.session_state["groups-preset"] = _FIRST
        _take_over(PRESETS[_FIRST].plan)
    titles = {name: preset.title for name, preset in PRESETS.items()} | {OWN: "Custom"}
    key = _control()
    st.segmented_control(
        "Preset", list(titles), default=st.session_state["groups-preset"], key=key,
        format_func=titles.__getitem__, required=True, on_change=_chosen, args=(collection, key),
    )  # fmt: skip
    preset = PRESETS.get(st.session_state["groups-preset"])
    st.caption(plain_text(preset.help) if preset else "Any combination of dimensionality reduction and clustering.")


def _chosen(collection: str, key: str) -> None:
    """Put a preset into the form and the sidebar.

    A browser that sends the next click before it has redrawn the control still sends the preset that was just left
    by a manual change: ignore it.
    """
    if (key, st.session_state.get(key)) == st.session_state.get("groups_preset_left"):
        return
    st.session_state["groups-preset"] = st.session_state.get(key) or OWN
    preset = PRESETS.get(st.session_state["groups-preset"])
    if preset is None:
        return

    _take_over(preset.plan)
    try:
        wanted = recipe_of_preset(workbench().home, preset, collection)
    except BenzerError as error:
        st.session_state.groups_complaint = error
        return
    use_encoder(wanted)


def use_encoder(recipe: Recipe) -> None:
    """Put a recipe's encoder, embedding and metric into the sidebar; for callbacks only."""
    state = st.session_state
    state.encoder = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    state.metric = recipe.metric
    choose_embedding(recipe.embedding)


def use_plan(plan: GroupingPlan) -> None:
    """Put the steps of a grouping into the form, as custom steps."""
    _own()
    _take_over(plan)


def _take_over(plan: GroupingPlan) -> None:
    for role, step in (("reduction", plan.reduction), ("clustering", plan.clustering), ("map", plan.map)):
        st.session_state[f"groups-{role}"] = step.name if step else _NONE
        for setting in _known(role)[step.name].settings if step else ():
            st.session_state[_key(role, step.name, setting.name)] = _in_form(setting, dict(step.options))  # type: ignore[union-attr]


def _in_form(setting: AnySetting, options: dict[str, Any]) -> Any:
    """What a field shows: an empty number means the default."""
    return options.get(setting.name, setting.default if isinstance(setting, Choice) else None)


def _control() -> str:
    """The key of the presets' control, which changes with every manual change, so that it shows *Custom*."""
    return f"groups-preset-{st.session_state.get('groups_presets_left', 0)}"


def _own() -> None:
    """Deselect the preset after a manual change of a step."""
    if st.session_state.get("groups-preset") != OWN:
        st.session_state.groups_preset_left = (_control(), st.session_state.get("groups-preset"))
        st.session_state["groups-preset"] = OWN
        st.session_state.groups_presets_left = st.session_state.get("groups_presets_left", 0) + 1


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _steps() -> None:
    """The steps with their settings, folded away as long as they are those of a preset."""
    own = st.session_state["groups-preset"] == OWN
    # Opening it is left to the browser: a click that is sent before a preset is drawn would carry the former steps.
    with st.expander("Steps and settings", icon=":material/tune:", expanded=own):
        left, right = st.columns(2, gap="medium")
        with left:
            _step("reduction", "Dimensionality reduction", optional=True)
        with right:
            _step("clustering", "Clustering")
        _layout()


def _layout() -> None:
    with st.expander("Map", icon=":material/scatter_plot:", key="groups-map-panel", on_change="rerun") as panel:
        if panel.open:
            st.caption("How pictures are laid out on the map. It does not affect the groups.")
            _step("map", "Layout")


def _known(role: str) -> dict[str, type[Projection] | type[Clusterer]]:
    """The methods available for a role, by name."""
    return dict(clusterers()) if role == "clustering" else dict(projections())


def _step(role: str, label: str, *, optional: bool = False) -> None:
    methods = _known(role)
    names = [_NONE, *methods] if optional else list(methods)
    key = f"groups-{role}"
    if st.session_state.get(key) not in names:
        st.session_state[key] = names[0]
    name = st.selectbox(
        label, names, key=key, format_func=lambda name: methods[name].title if name else "None",
        on_change=_own, persist_state="session",
    )  # fmt: skip
    if not name:
        st.caption("The vectors are clustered as they are.")
        return
    st.caption(plain_text(methods[name].summary))
    for setting in methods[name].settings:
        if role != "map" or setting.name != "dimensions":  # a map always has two
            _field(role, name, setting)


def _field(role: str, method: str, setting: AnySetting) -> None:
    key = _key(role, method, setting.name)
    if isinstance(setting, Choice):
        if st.session_state.get(key) not in setting.options:
            st.session_state[key] = setting.default
        st.selectbox(
            setting.title, list(setting.options), key=key, format_func=setting.options.__getitem__, help=setting.help,
            on_change=_own, persist_state="session",
        )  # fmt: skip
        return
    st.session_state.setdefault(key, None)
    low, high, step = (
        (int(setting.low), int(setting.high), 1) if setting.whole else (float(setting.low), float(setting.high), None)
    )
    st.number_input(
        setting.title, low, high, None, step, key=key, help=setting.help, on_change=_own, persist_state="session",
        placeholder="automatic" if setting.default is None else f"{setting.default:g}",
    )  # fmt: skip


def _key(role: str, method: str, setting: str) -> str:
    return f"groups-{role}-{method}-{setting}"


def plan_of_form() -> GroupingPlan:
    """The plan shown in the form; an empty field leaves the choice to the method."""
    return GroupingPlan(_chosen_step("clustering"), _chosen_step("reduction", optional=True), _chosen_step("map"))  # type: ignore[arg-type]


def _chosen_step(role: str, *, optional: bool = False) -> Step | None:
    methods = _known(role)
    name = st.session_state.get(f"groups-{role}", _NONE)
    if name not in methods:
        return None if optional else Step(next(iter(methods)))
    options = {
        setting.name: value
        for setting in methods[name].settings
        if (value := st.session_state.get(_key(role, name, setting.name))) not in (None, _default(setting))
        and (role != "map" or setting.name != "dimensions")
    }
    return Step(name, tuple(options.items()))


def _default(setting: AnySetting) -> Any:
    return setting.default if isinstance(setting, Choice | Setting) else None


# ── summary ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _summary(card: CollectionCard, recipe: Recipe) -> None:
    with st.container(border=True, key="groups-summary"):
        plan: GroupingPlan | None = None
        try:
            plan = plan_of_form()
            ready = _forecast(card, recipe, plan)
        except BenzerError as error:
            show_error(error)
            ready = False
        title = title_of(plan) if plan else ""
        st.text_input("Name", key="groups-title", max_chars=100, placeholder=title, persist_state="session")
        if st.button(
            "Group", key="groups-start", type="primary", icon=":material/play_arrow:", width="stretch",
            disabled=not ready or plan is None,
        ):  # fmt: skip
            with errors_shown():
                start_grouping(recipe, plan, (st.session_state.get("groups-title") or "").strip() or title)


def _forecast(card: CollectionCard, recipe: Recipe, plan: GroupingPlan) -> bool:
    """Say what will happen and about how long it takes; whether it is possible."""
    readiness = workbench().readiness(recipe.but(method="exact"))
    key = f"{recipe.encoder}@{recipe.weights}" if recipe.weights else recipe.encoder
    encoder = encoder_titles().get(key, recipe.encoder)
    st.markdown(f"**{plain_text(count_of(card.count, 'picture'))}**")
    vectors = f"{encoder} · {embedding_title(recipe.embedding)} · {metric_title(recipe.metric)}"
    st.caption(plain_text(f"{vectors}, from the sidebar"))
    if readiness.action in ("fetch", "train"):
        st.info(plain_text(readiness.sentence), icon=":material/construction:")
        return False
    _check(plan, recipe, card.count)
    missing = readiness.missing if readiness.action == "embed" else 0
    steps = [f"Prepare {count_of(missing, 'picture')}"] if missing else []
    steps += [*_titles(plan), f"{_known('map')[plan.map.name].title} for the map"]
    whole = seconds_of(plan, card) + ((readiness.seconds or 0.0) if missing else 0.0)
    st.write(plain_text(f"{' → '.join(steps)}: about {duration(whole)}."))
    return True


def _check(plan: GroupingPlan, recipe: Recipe, count: int) -> None:
    """Raise BadParameter for what the job would refuse."""
    for step in filter(None, (plan.reduction, plan.map)):
        make_projection(step, recipe.metric)
    clusterer = make_clusterer(plan.clustering, recipe.metric)
    groups = clusterer.chosen.get("groups")
    if groups and groups > count:
        raise BadParameter("groups", clusterer.title, f"at most {count:,}, the number of pictures", groups)


def seconds_of(plan: GroupingPlan, card: CollectionCard) -> float:
    """The estimated time of the steps: as in their last run here, else as on another machine."""
    for grouping in listed(card.name):
        if str(grouping.plan) == str(plan) and grouping.seconds:
            images = int(grouping.facts.get("images", card.count)) or 1
            return _STARTING + sum(grouping.seconds.values()) * card.count / images
    names = [step.name for step in (plan.reduction, plan.clustering, plan.map) if step]
    begin = _STARTING + (_COMPILING if "umap" in names else 0)
    return begin + sum(_SECONDS.get(name, 0.5) for name in names) * card.count / 1000


def title_of(plan: GroupingPlan) -> str:
    """The default title of a grouping: its preset, or its steps."""
    preset = PRESETS.get(st.session_state.get("groups-preset", OWN))
    return preset.title if preset else " + ".join(_titles(plan))


def _titles(plan: GroupingPlan) -> Sequence[str]:
    steps = [("reduction", plan.reduction), ("clustering", plan.clustering)]
    return [_known(role)[step.name].title for role, step in steps if step]


def start_grouping(recipe: Recipe, plan: GroupingPlan | None, title: str) -> None:
    """Start the job; only once on a double click."""
    asked, at = st.session_state.get("groups_asked", (None, 0.0))
    wanted = (recipe, plan, title)
    if plan is None or (wanted == asked and time.monotonic() - at < _TWICE):
        return
    st.session_state.groups_asked = (wanted, time.monotonic())
    job = workbench().start("group", recipe=recipe.but(method="exact").as_dict(), plan=plan.as_dict(), title=title)
    st.session_state.groups_job = job.id if job is not None else None
    st.session_state.pop("groups-title", None)
    st.toast("Grouping started.", icon=":material/workspaces:")
    st.rerun()
