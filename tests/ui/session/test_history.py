"""Addresses that a session has had are no links, unless Back or Forward led to them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from ui.session import history

SCRIPT = """
import streamlit as st
from ui.session.history import is_followed, note_address
for address in st.session_state.get("had", []):
    note_address("kind", address)
st.session_state.followed = [is_followed("kind", address) for address in st.session_state.asked]
"""


def followed(had: list[dict[str, str]], asked: list[dict[str, str]]) -> list[bool]:
    test = AppTest.from_string(SCRIPT)
    test.session_state.had, test.session_state.asked = had, asked
    test.run()
    assert not test.exception
    answers: list[bool] = test.session_state.followed
    return answers


def test_an_address_that_the_session_had_is_followed_only_through_the_history(monkeypatch: pytest.MonkeyPatch) -> None:
    had = [{"q": "1"}, {"q": "2", "k": "8"}, {"q": "3"}]
    asked = [{"q": "1"}, {"k": "8", "q": "2"}, {"q": "3"}, {"q": "4"}]
    assert followed(had, asked) == [False, False, False, True]
    monkeypatch.setattr(history, "went_through_history", lambda: True)
    assert followed(had, asked) == [True, True, True, True]


def test_a_new_session_follows_every_address() -> None:
    assert followed([], [{"q": "1"}, {}]) == [True, True]


def test_an_address_written_again_is_the_one_that_is_shown() -> None:
    assert followed([{"q": "1"}, {"q": "2"}, {"q": "1"}], [{"q": "2"}, {"q": "1"}]) == [False, False]


def test_only_the_latest_addresses_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "_KEPT", 3)
    numbered = [{"q": str(number)} for number in range(5)]
    assert followed(numbered, numbered) == [True, True, False, False, False]
