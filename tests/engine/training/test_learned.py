"""Which pictures a run learned from, drawn again as the training drew them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engine.training.config import TrainingConfig
from engine.training.learned import learned_ids, learned_note
from engine.training.split import chosen_rows, split

IDS = np.arange(40) * 3 + 1
IMAGES = SimpleNamespace(ids=IDS, labels=["a", "b"] * 20)


def collection(name: str = "faces", fingerprint: str = "f") -> Any:
    return SimpleNamespace(name=name, fingerprint=lambda: fingerprint, images=lambda: IMAGES)


def run(images: int = 20, **card: Any) -> Any:
    config = TrainingConfig(name="r", model=1, limit=20, seed=3, validation=0.25)
    whole = {"collection": {"name": "faces", "fingerprint": "f"}, "images": images, **card}
    return SimpleNamespace(config=config.as_dict(), card=whole, learned_labels=False)


def test_the_pictures_held_out_are_not_among_them() -> None:
    config = TrainingConfig.from_dict(run().config)
    rows = chosen_rows(40, config)
    learned, held_out = split(20, config)
    found = learned_ids(run(), collection())
    assert found is not None
    assert found.tolist() == IDS[rows[learned]].tolist()
    assert not set(found.tolist()) & set(IDS[rows[held_out]].tolist())
    assert learned_note(run(), collection(), IDS) == (
        "It learned from 15 of the 40 queries, so this is no figure for unseen pictures."
    )
    assert learned_note(run(), collection(), IDS[rows[held_out]]) == ""


def test_another_collection_was_not_learned_from() -> None:
    assert learned_note(run(), collection("others"), IDS) == ""
    assert learned_note(run(collection={}), collection(), IDS) == ""


@pytest.mark.parametrize("changed", [{"images": 19}, {"collection": {"name": "faces", "fingerprint": "g"}}])
def test_the_note_says_if_the_training_pictures_are_unknown(changed: dict[str, Any]) -> None:
    assert learned_ids(run(**changed), collection()) is None
    assert "cannot be told" in learned_note(run(**changed), collection(), IDS)
