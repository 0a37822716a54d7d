"""The button that fetches the weights of a network, and what it says while and after that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from streamlit.testing.v1 import AppTest

from engine.core.storage import write_json
from engine.workbench.workbench import Workbench

NAME = "bert-base-uncased"
PAGE = "from ui.shared.network_fetch import fetch_texts\nfetch_texts({!r})"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    asked: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.delenv("BENZER_WEIGHTS", raising=False)
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append((kind, arguments)))
    return asked


def drawn(name: str = NAME) -> AppTest:
    test = AppTest.from_string(PAGE.format(name), default_timeout=30).run()
    assert not test.exception
    return test


def job(bench: Workbench, result: dict[str, Any] | None = None) -> Path:
    """The folder of a job that fetches the network."""
    folder = bench.home.jobs / "20990101-000000-000-fetch"
    config = {"kind": "fetch", "title": "Fetch it", "arguments": {"network": NAME}, "started": 0.0}
    write_json(folder / "config.json", config)
    (folder / "lock").touch()
    if result is not None:
        write_json(folder / "result.json", result)
    return folder


def test_it_says_what_it_costs_and_starts_once(empty_bench: Workbench, started: list[Any]) -> None:
    test = drawn()
    assert [button.label for button in test.button] == ["Download BERT (440 MB)"]
    test.button[0].click().run()
    assert started == [("fetch", {"network": NAME})]


def test_while_it_runs_there_is_progress_instead_of_the_button(empty_bench: Workbench, started: list[Any]) -> None:
    with FileLock(job(empty_bench) / "lock"):
        test = drawn()
        assert any("Fetch it" in part.value for part in test.markdown)
        assert [button.label for button in test.button] == ["Stop"]


def test_the_error_is_shown_above_the_button(empty_bench: Workbench, started: list[Any]) -> None:
    job(empty_bench, {"state": "failed", "error": "There is *no* way to the server."})
    test = drawn()
    assert [part.value.replace("\\", "") for part in test.error] == ["There is *no* way to the server."]
    assert [button.label for button in test.button] == ["Download BERT (440 MB)"]


def test_nothing_is_offered_where_nothing_is_missing(empty_bench: Workbench, started: list[Any]) -> None:
    assert not drawn("tf-idf").button
    folder = empty_bench.home.pretrained / "texts" / NAME
    folder.mkdir(parents=True)
    for name in ("model.safetensors", "vocab.txt"):
        (folder / name).touch()
    assert not drawn().button
