"""Hubs and orphans on the page Groups."""

from __future__ import annotations

from engine.workbench.workbench import Workbench
from tests.ui.app_pages import texts, visited


def test_the_panel_shows_hubs_and_the_skew_when_it_is_open(bench: Workbench) -> None:
    chosen = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "max"}
    assert "Skew of these numbers" not in texts(visited("groups", **chosen))
    shown = texts(visited("groups", **chosen, **{"groups-hubs": True}))
    found = bench.hubs(bench.default_recipe("shapes").but(encoder="raw-pixels", weights="", embedding="max"))
    assert found.sentence() in shown
    assert "Hubs" in shown
