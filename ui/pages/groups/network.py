"""The network that a preset is designed for: download it, or use the best available one."""

from __future__ import annotations

import streamlit as st

from engine.core.recipe import Recipe
from engine.encoders.encoder import EncoderChoice
from engine.encoders.networks.table import backbone
from engine.grouping.presets import PRESETS, Preset
from ui.session.opened import workbench
from ui.session.recipe import choose_embedding
from ui.shared.network_fetch import fetch_button, last_fetch
from ui.shared.plain_text import plain_text


def network_note(recipe: Recipe, preset_name: str) -> None:
    """A sentence with buttons, if the sidebar's encoder is not the one that a preset was designed for."""
    preset = PRESETS.get(preset_name)
    if preset is None or recipe.encoder == preset.encoders[0] or _fetching(preset.encoders[0]):
        return
    choices = {choice.name: choice for choice in workbench().choices()}
    best = choices.get(preset.encoders[0])
    here = next((choices[name] for name in preset.encoders if name in choices and choices[name].ready), None)
    with st.container(horizontal=True, vertical_alignment="center", key="groups-network"):
        st.caption(plain_text(_sentence(recipe, preset, best, here)))
        if here is not None and here.name != recipe.encoder:
            st.button(
                f"Use {plain_text(here.title)}", key="groups-use-network", on_click=_use, args=(here.name, preset),
                icon=":material/check:",
            )  # fmt: skip
        if best is not None and not best.ready and not backbone(best.name).package:
            fetch_button(best.name, _title(best), _megabytes(best.name), key="groups-fetch-network")


def _sentence(recipe: Recipe, preset: Preset, best: EncoderChoice | None, here: EncoderChoice | None) -> str:
    made_for = f"Designed for {_title(best) if best else preset.encoders[0]}"
    if best is None or not best.ready:
        made_for += " (not downloaded)"
    if here is not None and recipe.encoder == here.name:
        return f"{made_for}; using {here.title}, the best network available."
    if here is not None:
        return f"{made_for}; the sidebar has another encoder."
    return f"{made_for}; using the sidebar's encoder instead."


def _title(choice: EncoderChoice) -> str:
    """The title without the list's additions in brackets or after a comma."""
    return choice.title.partition(" (")[0].partition(" · ")[0]


def _megabytes(name: str) -> int:
    return int(backbone(name).megabytes)


def _fetching(name: str) -> bool:
    job = last_fetch(name)
    return job is not None and job.alive


def _use(name: str, preset: Preset) -> None:
    state = st.session_state
    state.encoder, state.metric = name, preset.metric
    choose_embedding(preset.embedding)
