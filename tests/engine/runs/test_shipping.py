"""Weights that ship: half the size, checked as others are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.runs import listing as runs
from engine.runs import shipping
from engine.runs.run import Run


def trained(home: Home, weights: dict[str, torch.Tensor]) -> Run:
    run = runs.create(home, "mine", {"model": 1, "size": 64, "name": "mine"}, {"title": "Model 1"})
    run.note(epoch=1, train=0.1)
    run.keep(weights)
    run.end("done")
    return run


def test_what_ships_reads_back(home: Home, tmp_path: Path) -> None:
    run = trained(home, {"a": torch.rand(1000), "b": torch.rand(3, 4)})
    shipped = shipping.ship(run, tmp_path / "default", licence="free")
    assert shipped.load()["a"] == pytest.approx(run.load()["a"], abs=1e-3)
    assert (shipped.card["licence"], shipped.card["title"], shipped.config["name"]) == ("free", "Model 1", "default")
    assert shipped.events() == run.events()
    assert sorted(path.name for path in shipped.folder.iterdir()) == ["events.jsonl", "run.json", "weights.safetensors"]


def test_what_cannot_ship(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(home, {"a": torch.full((10,), 1e6)})
    with pytest.raises(BadParameter, match="small enough for float16"):
        shipping.ship(run, tmp_path / "default")
    run.keep({"a": torch.rand(1000)})
    monkeypatch.setattr(shipping, "MOST_BYTES", 1000)
    with pytest.raises(BadParameter, match="at most 1,000 bytes"):
        shipping.ship(run, tmp_path / "default")
    assert not (tmp_path / "default" / "run.json").exists()


def test_the_weights_in_the_repository() -> None:
    run = Run(Home.default().shipped_weights / "default")
    if not run.folder.exists():
        pytest.skip("no weights ship with this checkout")
    weights = run.folder / run.facts["weights"]["file"]
    assert weights.stat().st_size <= 35_000_000
    assert all(tensor.isfinite().all() for tensor in run.load().values())
    assert {"made", "collection", "precision_at_8", "licence", "validation_loss", "how"} <= set(run.card)
