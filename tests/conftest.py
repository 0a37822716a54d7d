"""How the tests are shared out where two workers run them (`pytest -n 2 --dist loadgroup`)."""

from __future__ import annotations

from pathlib import Path

import pytest

BROWSER = Path(__file__).parent / "browser"


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a file stay together, for they share what is made once; those of the browser stay together, for
    they share one browser and measure what a visitor waits for."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item.path)))


def _group(path: Path) -> str:
    return "browser" if BROWSER in path.parents else path.relative_to(BROWSER.parent).as_posix()
