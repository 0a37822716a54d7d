"""Model 1 with a quarter of its channels, for tests of what does not depend on the width.

A checkpoint of the whole model holds 68 MB, which are written, hashed and synced at every step where a test asks for
that; of the narrow one it holds 4.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.runs.run import Run
from models.specs import CHANNELS, SPECS, Spec

WHOLE = SPECS[1]
_REST = 1.0  # seconds; the slider of epochs loses a press while a new epoch is drawn
EVERYWHERE = "BENZER_TEST_NARROW"  # set in the environment of processes that are forked for such tests


def _narrow(spec: Spec) -> Spec:
    ups = tuple(up if up.channels == CHANNELS else replace(up, channels=up.channels // 4) for up in spec.ups)
    return replace(spec, blocks=tuple(channels // 4 for channels in spec.blocks), ups=ups)


NARROW = _narrow(WHOLE)


def narrow() -> None:
    """Make Model 1 narrow for the rest of this process, which is no test's."""
    SPECS[1] = NARROW


def rest_after_epochs() -> None:
    """Let the trainings of this process, which is no test's, sleep a moment after each epoch.

    One that goes on until a test stops it would take a whole core from the browser and the server that watch it.
    """
    note = Run.note

    def noted(self: Run, **facts: Any) -> None:
        note(self, **facts)
        time.sleep(_REST)

    Run.note = noted  # type: ignore[method-assign]


@pytest.fixture(scope="module", autouse=True)
def narrow_model() -> Iterator[None]:
    """Model 1 is narrow in the tests of the module that imports this, and in the servers and workers of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SPECS, 1, NARROW)
        patch.setenv(EVERYWHERE, "1")
        yield


@pytest.fixture
def whole_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model 1 as it is, for a test whose figures depend on the width."""
    monkeypatch.setitem(SPECS, 1, WHOLE)
