"""Which pictures of a collection a run was trained on: its figures on these are optimistic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.collections.collection import Collection
from engine.core.errors import BenzerError
from engine.runs.run import Run
from engine.training.config import TrainingConfig
from engine.training.split import chosen_rows, rows_of
from engine.training.train import labels_digest


def learned_ids(run: Run, collection: Collection) -> NDArray[np.int64] | None:
    """The ids it was trained on, without those held out; empty if it was trained on another collection.

    None if that cannot be told: the pictures have changed since, or its settings are of another version.
    """
    try:
        made_of = run.card.get("collection", {})
        if made_of.get("name") != collection.name:
            return np.empty(0, dtype=np.int64)
        config = TrainingConfig.from_dict(run.config)
        if made_of.get("fingerprint") != collection.fingerprint():
            return None
    except (BenzerError, KeyError, TypeError):
        return None
    images = collection.images()
    rows = chosen_rows(len(images.ids), config)
    names = [images.labels[row] for row in rows]
    digest = run.card.get("labels", {}).get("digest")
    if len(rows) != run.card.get("images") or (digest and digest != labels_digest(images.ids[rows], names)):
        return None
    return np.asarray(images.ids[rows[rows_of(names, config)[0]]])


def learned_note(run: Run, collection: Collection, queries: NDArray[np.int64]) -> str:
    """The caveat beside figures of a run over these (q,) query ids; "" if it was trained on none of them."""
    learned = learned_ids(run, collection)
    if learned is None:
        labels = " with its labels" if run.learned_labels else ""
        return f"It was trained on this collection{labels}; which of the queries it learned from cannot be told."
    seen = int(np.isin(queries, learned).sum())
    if not seen:
        return ""
    what = "the labels of" if run.learned_labels else "from"
    return f"It learned {what} {seen:,} of the {len(queries):,} queries, so this is no figure for unseen pictures."
