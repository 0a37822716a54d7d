"""The token of the local service."""

from __future__ import annotations

import pytest

from engine.cli import serving
from engine.core.errors import BadParameter


def test_a_short_token_is_refused_and_none_is_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(serving.TOKEN, "short")
    with pytest.raises(BadParameter, match="at least 16 printable characters"):
        serving._token()
    monkeypatch.setenv(serving.TOKEN, "0123456789abcdef")
    assert serving._token() == "0123456789abcdef"
    monkeypatch.delenv(serving.TOKEN)
    assert len(serving._token()) >= 32
    assert serving._token() != serving._token()
