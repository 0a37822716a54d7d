"""How the tests are shared out where several processes run them (`pytest -n 2`)."""

from __future__ import annotations

from typing import Any

import pytest

ON_RAY = {"tests/engine/test_spread.py", "tests/engine/indexes/test_rdh.py", "tests/engine/indexes/test_rdh_ray.py"}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The tests of a file stay together, for they share what is made once; those of the browser stay together, for
    they share one browser and measure what a visitor waits for; those on a real Ray, whose clusters on one machine
    disturb each other."""
    from xdist.scheduler import LoadFileScheduling

    class Sharing(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "browser" if file.startswith("tests/browser/") else "ray" if file in ON_RAY else file

    return Sharing(config, log)
