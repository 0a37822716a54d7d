"""The weights that an encoder gets where none are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.encoders.choosing import newest_weights, with_weights


def test_the_newest_weights_that_are_ready(home: Home, make_run: Callable[..., Any]) -> None:
    assert newest_weights(home, "model-1", "a study") == ""
    make_run(1, "first", 32)
    make_run(1, "second", 32)
    assert newest_weights(home, "model-1", "a study") == "second"
    assert newest_weights(home, "raw-pixels", "a study") == ""
    assert with_weights(home, "model-1", "a study") == "model-1@second"
    assert with_weights(home, "model-1@first", "a study") == "model-1@first"
    assert with_weights(home, "raw-pixels", "a study") == "raw-pixels"


def test_no_such_encoder(home: Home) -> None:
    with pytest.raises(BadParameter, match=r"The encoder of a study must be one of .*raw-pixels.*; got 'nobody'"):
        newest_weights(home, "nobody", "a study")
