"""The panel that imports a data set of another program, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engine.workbench.workbench import Workbench

PANEL = """
import streamlit as st
from ui.pages.collections.adding import _begin, _refusal
from ui.pages.collections.datasets import PANEL, dataset_panel
dataset_panel(_begin)
_refusal(PANEL)
"""


def sent(path: str, format: str, title: str = "") -> AppTest:
    test = AppTest.from_string(PANEL, default_timeout=180).run()
    assert not test.exception
    test.selectbox(key="dataset-format").select(format).run()
    test.text_input(key="dataset-title").set_value(title)
    test.text_input(key="dataset-path").set_value(path)
    test.button(key="dataset-start").click().run()
    return test


def test_a_data_set_is_imported_in_its_format(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[Any]
) -> None:
    monkeypatch.setenv("BENZER_ROOTS", str(tmp_path))
    (tmp_path / "birds.zip").write_bytes(b"")
    sent(str(tmp_path / "birds.zip"), "coco")
    sent(str(tmp_path), "yolo", "My birds")
    given = {"source": "dataset", "unlinked": True}
    assert started == [
        ("import", given | {"title": "birds", "path": str(tmp_path / "birds.zip"), "format": "coco"}),
        ("import", given | {"title": "My birds", "path": str(tmp_path), "format": "yolo"}),
    ]


def test_formats_without_pictures_are_not_offered_and_places_outside_are_refused(
    bench: Workbench, started: list[Any]
) -> None:
    test = sent("/etc", "coco")
    assert "npy" not in test.selectbox(key="dataset-format").options
    assert "outside the folders that Benzer may read" in test.error[0].value
    assert started == []
