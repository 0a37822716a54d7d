"""The same training with several seeds: one tells about one seed, not about its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.core.settings import check_whole

MOST_SEEDS = 20


def several(config: Mapping[str, Any], seeds: int) -> list[dict[str, Any]]:
    """The config with as many seeds, from its own on; a given name is followed by the seed.

    Raises:
        BadParameter: not a whole number of seeds from 1 to 20.
    """
    check_whole("number of seeds", "the training", seeds, 1, MOST_SEEDS)
    if seeds == 1:
        return [dict(config)]
    first, name = int(config.get("seed", 0)), config.get("name", "")
    return [{**config, "seed": first + n, "name": f"{name}-seed-{first + n}" if name else ""} for n in range(seeds)]
