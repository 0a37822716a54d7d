"""How often tests of damage, kills and crowds try: a few times, or in full with BENZER_FULL_COUNTS=1."""

from __future__ import annotations

import os

FULL = os.environ.get("BENZER_FULL_COUNTS") == "1"


def count(usual: int, full: int) -> int:
    """The number of trials of this run."""
    return full if FULL else usual
