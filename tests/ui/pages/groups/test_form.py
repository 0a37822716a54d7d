"""The form that groups a collection, and the page before anything is grouped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.presets import PRESETS
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import HOSTILE
from tests.ui.pages.groups.conftest import drawn, labels, texts, visit

# ── nothing there yet ────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_collection_the_page_says_what_to_do(empty_bench: Workbench) -> None:
    test = visit()
    assert "Nothing to group yet" in texts(test)
    assert "Add pictures" in labels(test)


def test_one_picture_is_too_few(here: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    from ui.pages.groups import page as groups

    whole = groups.collection_cards
    monkeypatch.setattr(groups, "collection_cards", lambda: [replace(card, count=1) for card in whole()])
    test = visit()
    assert "This collection has only one picture. Grouping needs at least two pictures." in texts(test)
    assert "groups-start" not in [button.key for button in test.button]


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_proposal_starts_what_it_promises(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    assert "UMAP → HDBSCAN → UMAP for the map: about" in texts(test)
    drawn(test.button(key="groups-start").click().run())
    [(kind, arguments)] = started
    assert (kind, arguments["title"]) == ("group", "Automatic (recommended)")
    assert arguments["plan"] == GroupingPlan(Step("hdbscan"), Step("umap")).as_dict()
    assert arguments["recipe"]["encoder"] == "raw-pixels"


def test_steps_and_settings_of_ones_own(here: Workbench, started: list[tuple[str, dict[str, Any]]]) -> None:
    test = visit()
    drawn(test.selectbox(key="groups-reduction").set_value("pca").run())
    assert test.session_state["groups-preset"] == "own"
    drawn(test.selectbox(key="groups-clustering").set_value("kmeans").run())
    test.number_input(key="groups-clustering-kmeans-groups").set_value(4)
    test.number_input(key="groups-reduction-pca-share").set_value(0.5)
    test.text_input(key="groups-title").set_value(HOSTILE)
    drawn(test.run())
    drawn(test.button(key="groups-start").click().run())
    [(_, arguments)] = started
    assert arguments["title"] == HOSTILE
    assert arguments["plan"] == GroupingPlan(Step("kmeans", (("groups", 4),)), Step("pca", (("share", 0.5),))).as_dict()


def test_a_preset_takes_over_steps_and_metric(here: Workbench, started: list[Any]) -> None:
    test = visit(metric="euclidean")
    drawn(test.button_group(key="groups-preset-0").set_value("photo").run())
    test.session_state.metric = "euclidean"
    drawn(test.button_group(key="groups-preset-0").set_value("recommended").run())
    assert test.session_state["groups-reduction"] == "umap"
    assert test.session_state["groups-clustering"] == "hdbscan"
    assert test.session_state.metric == "cosine"
    assert "UMAP → HDBSCAN" in texts(test)
    drawn(test.button(key="groups-start").click().run())
    assert started[0][1]["title"] == "Automatic (recommended)"


def test_a_step_changed_by_hand_leaves_the_preset_and_the_encoder_alone(here: Workbench) -> None:
    test = visit(encoder="colour-histogram")
    drawn(test.selectbox(key="groups-clustering").set_value("dbscan").run())
    assert test.button_group(key="groups-preset-1").value == "own"
    drawn(test.button_group(key="groups-preset-1").set_value("photo").run())
    assert test.session_state["groups-clustering"] == "hierarchical"
    drawn(test.selectbox(key="groups-clustering").set_value("kmeans").run())
    assert test.button_group(key="groups-preset-2").value == "own"


def test_every_method_can_be_chosen_and_planned(here: Workbench) -> None:
    from engine.grouping import clusterers, projections

    test = visit()
    for role, names in (("clustering", clusterers()), ("reduction", projections())):
        for name in names:
            drawn(test.selectbox(key=f"groups-{role}").set_value(name).run())
            assert not test.error, name
            assert not test.button(key="groups-start").disabled


def test_a_network_that_is_not_here_can_be_fetched(
    here: Workbench, started: list[tuple[str, dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, "recommended", replace(PRESETS["recommended"], encoders=("resnet-50",)))
    test = visit()
    drawn(test.button_group(key="groups-preset-0").set_value("recommended").run())
    assert r"Designed for ResNet-50 (not downloaded); using the sidebar's encoder" in texts(test)
    assert "Download ResNet-50 (103 MB)" in labels(test)
    drawn(test.button(key="groups-fetch-network").click().run())
    assert started == [("fetch", {"network": "resnet-50"})]


def test_more_groups_than_pictures_are_refused_at_once(here: Workbench) -> None:
    test = visit()
    drawn(test.selectbox(key="groups-clustering").set_value("hierarchical").run())
    drawn(test.number_input(key="groups-clustering-hierarchical-groups").set_value(13).run())
    assert "The groups of Hierarchical must be at most 12, the number of pictures; got 13." in texts(test)
    assert test.button(key="groups-start").disabled


def test_missing_weights_of_the_chosen_encoder_stop_the_start(here: Workbench) -> None:
    test = visit(encoder="resnet-18")
    assert "The weights of ResNet-18" in texts(test)
    assert test.button(key="groups-start").disabled
