"""What the search page answers, as it is read in a browser."""

from __future__ import annotations

import re
from typing import Any

from tests.browser.helpers import settled

EIGHT = ".grid.answers button.tile"


def answers(page: Any) -> list[str]:
    """The ids of the tiles in the answer, once there are eight."""
    settled(page)
    page.locator(EIGHT).nth(7).wait_for()
    return page.locator(EIGHT).evaluate_all("tiles => tiles.map((tile) => tile.dataset.id)")


def heading(page: Any, text: str | re.Pattern[str]) -> Any:
    return page.get_by_role("heading", level=2).filter(has_text=text)
