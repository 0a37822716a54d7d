"""The dialog that exports a collection, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.workbench.workbench import Workbench

FORM = """
from ui.pages.collections.exporting import export_form
from ui.session.opened import collection_cards
export_form(next(card for card in collection_cards() if card.name == "shapes"))
"""


def sent(folder: str, format: str = "", vectors: bool = False) -> AppTest:
    test = AppTest.from_string(FORM, default_timeout=180).run()
    assert not test.exception
    if format:
        test.selectbox(key="export-format").select(format).run()
    if vectors:
        test.checkbox(key="export-vectors-False").check().run()
    test.text_input(key="export-folder").set_value(folder)
    test.button(key="export-start").click().run()
    return test


def test_an_export_starts_with_a_folder(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    sent(str(small_home))
    assert started == [("export", {"collection": "shapes", "format": "csv", "folder": str(small_home), "grouping": ""})]
    sent(str(small_home), "coco", vectors=True)
    assert started[1][1]["recipe"] == bench.default_recipe("shapes").as_dict()


def test_a_folder_is_offered_which_is_the_one_of_pictures_if_there_is_one(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, started: list[Any], tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for offered in (tmp_path, tmp_path / "Pictures"):
        offered.mkdir(exist_ok=True)
        AppTest.from_string(FORM, default_timeout=180).run().button(key="export-start").click().run()
        assert started[-1][1]["folder"] == str(offered)


def test_a_format_of_vectors_takes_them_along(
    bench: Workbench, small_home: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(small_home))
    test = sent(str(small_home), "npy")
    assert test.checkbox(key="export-vectors-True").disabled
    assert started[0][1]["recipe"] == bench.default_recipe("shapes").as_dict()


def test_a_folder_outside_is_a_sentence(bench: Workbench, started: list[Any]) -> None:
    assert "outside the folders that Benzer may read" in sent("/etc").error[0].value
    assert started == []
