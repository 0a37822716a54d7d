"""The hash lab on the page Search benchmarks, without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.comparisons.hashlab.lab import Change
from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.ui.app_pages import labels, texts, visited
from ui.pages.hashing.lab import candidates_sentence
from ui.widgets.hash_code import ShownBit, code_data

RAW = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "avg-sqrt", "metric": "cosine"}


@pytest.fixture
def prepared(bench: Workbench) -> Workbench:
    bench.run("embed", recipe=Recipe("shapes", "raw-pixels", "", embedding="avg-sqrt").as_dict())
    return bench


def lab(**session: Any) -> AppTest:
    return visited("hashing", **{"hashing-view": "Hash lab", **RAW, "finish": "-sqrt", "embedding": "avg", **session})


def followed(link: dict[str, str]) -> AppTest:
    """The page after a link; it is followed once the page is there."""
    test = visited("hashing")
    for name, value in link.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def params(test: AppTest) -> dict[str, str]:
    values = {name: test.query_params[name] for name in test.query_params}
    return {name: value[0] if isinstance(value, list) else value for name, value in values.items()}


def test_the_code_its_buckets_and_prices_are_shown_and_stand_in_the_address(prepared: Workbench) -> None:
    test = lab(**{"lab-bits": 3, "lab-tables": 2})
    said = texts(test)
    assert "candidates" in said
    assert "All methods with 3 bits, 2 tables and 0 probes" in said
    assert params(test)["lab"] == "lsh(bits=3,probes=0,tables=2)"
    assert params(test)["collection"] == "shapes"


def test_flipped_bits_say_who_comes_and_who_goes(prepared: Workbench) -> None:
    test = lab(**{"lab-bits": 3, "lab-tables": 1, "lab-flips": frozenset({(0, 1)})})
    assert "with the flipped bits" in texts(test)
    assert params(test)["flip"] == "1.2"
    test.button(key="lab-reset").click().run()
    assert "with the flipped bits" not in texts(test)
    assert "flip" not in params(test)


def test_a_link_opens_the_lab(prepared: Workbench) -> None:
    link = {"collection": "shapes", "encoder": "raw-pixels", "embedding": "avg-sqrt", "metric": "cosine", "q": "3"}
    test = followed(link | {"method": "exact", "lab": "itq(bits=4,probes=1,tables=2)", "flip": "2.1"})
    assert "All methods with 4 bits, 2 tables and 1 probe" in texts(test)
    assert test.session_state["lab-flips"] == {(1, 0)}
    assert params(test)["q"] == "3"
    test.segmented_control(key="hashing-view").set_value("Benchmarks").run()
    assert "lab" not in params(test)


@pytest.mark.parametrize("text", ["hnsw(bits=2)", "lsh(bits=99)", "<b>"])
def test_a_link_that_means_nothing_is_said(prepared: Workbench, text: str) -> None:
    test = followed({"collection": "shapes", "lab": text})
    assert "Part of this link could not be read and was ignored." in texts(test)
    assert params(test)["lab"] == "lsh(bits=12,probes=0,tables=4)"


def test_pictures_that_are_not_prepared_are_offered(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(Workbench, "start", lambda self, kind, **arguments: asked.append(kind))
    test = lab(encoder="local-binary-patterns", embedding="flatten", finish="")
    assert "Prepare 12 pictures" in labels(test)
    test.button(key="lab-prepare").click().run()
    assert asked == ["embed"]


def test_without_a_collection_there_is_a_sentence(empty_bench: Workbench) -> None:
    assert "There is no collection yet." in texts(visited("hashing", **{"hashing-view": "Hash lab"}))


def test_one_candidate_is_one() -> None:
    none = np.empty(0, np.int64)
    change = Change(np.array([12]), none, none, {12: 0.7}, np.arange(1, 9))
    assert candidates_sentence(change, False) == "1 candidate, 0 of its 8 nearest among them."


def test_names_reach_the_browser_as_data_only() -> None:
    bit = ShownBit(1, 0.25, 1, 0.5, [1, 2], 1.0, [("a.webp", "<b>x</b>")], [], True)
    [sent] = code_data([bit], "<i>")["bits"]
    assert sent["low"] == [{"src": "a.webp", "name": "<b>x</b>"}]
    assert sent["flipped"] is True
