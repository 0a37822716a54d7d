"""A new tab begins with what was last used in the same browser."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import quote

import pytest
from streamlit.testing.v1 import AppTest

from engine.core.recipe import Recipe
from engine.workbench.workbench import Workbench
from tests.ui.conftest import SCRIPT
from ui.session.address import last_used

USED = Recipe.parse("shapes/raw-pixels/max/euclidean/lsh(bits=4)/8")


def opened(monkeypatch: pytest.MonkeyPatch, cookie: str, **address: str) -> AppTest:
    """A new tab of a browser with that cookie, at that address."""
    context = SimpleNamespace(cookies={"benzer_last": quote(cookie)}, theme=SimpleNamespace(type="light"))
    monkeypatch.setattr("streamlit.context", context)
    test = AppTest.from_file(SCRIPT, default_timeout=60)
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def test_it_begins_with_the_last_choices(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    test = opened(monkeypatch, last_used(USED))
    assert test.session_state.recipe == USED
    test.run()
    assert test.session_state.recipe == USED


def test_an_address_counts_more(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    test = opened(monkeypatch, last_used(USED), collection="few", metric="cosine")
    assert test.session_state.recipe.collection == "few"
    assert test.session_state.recipe.metric == "cosine"


@pytest.mark.parametrize(
    "cookie",
    ["", "collection=gone&metric=euclidean", "collection=few", "collection=few&metric=euclidean&method=lsh(", "%"],
)
def test_what_cannot_be_used_is_passed_over_in_silence(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, cookie: str
) -> None:
    test = opened(monkeypatch, cookie)
    assert not test.warning
    assert not test.error
    assert test.session_state.recipe.metric == "cosine"
