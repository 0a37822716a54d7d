"""Which pictures of a collection a run has learned from: they tell less of how it searches among others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.runs.run import Run
from engine.training.config import TrainingConfig
from engine.training.train import chosen_rows


def learned_ids(run: Run, collection: Collection) -> NDArray[np.int64] | None:
    """The ids it was trained on, without those held out; empty if it was trained on another collection.

    None if that cannot be told: the pictures have changed since, or its settings are of another version.
    """
    from engine.training.pictures import split

    try:
        made_of = run.card.get("collection", {})
        if made_of.get("name") != collection.name:
            return np.empty(0, dtype=np.int64)
        config = TrainingConfig.from_dict(run.config)
        if made_of.get("fingerprint") != collection.fingerprint():
            return None
    except (BenzerError, KeyError, TypeError):
        return None
    ids = collection.images().ids
    rows = chosen_rows(len(ids), config)
    if len(rows) != run.card.get("images"):
        return None
    return np.asarray(ids[rows[split(len(rows), config)[0]]])


def learned_note(run: Run, collection: Collection, queries: NDArray[np.int64]) -> str:
    """What to say beside figures of a run over these (q,) query ids, "" if it has seen none of them."""
    learned = learned_ids(run, collection)
    if learned is None:
        return "It was trained on this collection; which of the queries it learned from cannot be told."
    seen = int(np.isin(queries, learned).sum())
    if not seen:
        return ""
    return f"It learned from {seen:,} of the {len(queries):,} queries, so this is no figure for unseen pictures."
