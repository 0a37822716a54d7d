"""Runs on disk: one commit point, checked weights, names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from engine.errors import BadParameter, Corrupt, NameTaken, NotFound, NotTrained
from engine.home import Home
from engine.training import runs


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"layer": torch.full((300,), value)}


def fresh(home: Home, name: str = "mine") -> runs.Run:
    return runs.create(home, name, {"model": 2, "size": 96}, {"title": "Model 2, trained on blobs"})


def test_keep_and_load(home: Home) -> None:
    run = fresh(home)
    assert (run.ready, run.digest, run.state, run.model) == (False, "", "training", 2)
    with pytest.raises(NotTrained, match="has no weights yet"):
        run.load()
    run.keep(weights(1.0), best_epoch=1)
    first = run.digest
    run.keep(weights(2.0), best_epoch=2)
    run.end("done")
    assert torch.equal(run.load()["layer"], weights(2.0)["layer"])
    assert run.digest != first
    assert run.card == {"title": "Model 2, trained on blobs", "best_epoch": 2}
    assert len(list(run.folder.glob("*.safetensors"))) == 1


def test_half_precision_is_read_as_single(home: Home) -> None:
    run = fresh(home)
    run.keep({"layer": torch.full((3,), 0.5, dtype=torch.float16)})
    assert run.load()["layer"].dtype == torch.float32


def test_every_flipped_bit_is_noticed(home: Home) -> None:
    run = fresh(home)
    run.keep(weights(1.0))
    rng = torch.Generator().manual_seed(0)
    for path in (next(run.folder.glob("*.safetensors")), run.folder / "run.json"):
        whole = path.read_bytes()
        for _ in range(40):
            spoilt = bytearray(whole)
            place = int(torch.randint(len(whole), (1,), generator=rng))
            spoilt[place] ^= 1 << int(torch.randint(8, (1,), generator=rng))
            path.write_bytes(bytes(spoilt))
            with pytest.raises(Corrupt, match=path.name):
                run.load()
        path.write_bytes(whole)
    assert run.load()


def test_missing_weights_are_named(home: Home) -> None:
    run = fresh(home)
    run.keep(weights(1.0))
    next(run.folder.glob("*.safetensors")).unlink()
    with pytest.raises(Corrupt, match="is missing"):
        run.load()


def test_weights_that_never_were_committed_do_not_count(home: Home) -> None:
    """A crash between the weights and run.json leaves the former weights in force."""
    run = fresh(home)
    run.keep(weights(1.0))
    (run.folder / "weights-000000000000.safetensors").write_bytes(b"half")
    assert torch.equal(run.load()["layer"], weights(1.0)["layer"])
    run.keep(weights(3.0))
    assert len(list(run.folder.glob("*.safetensors"))) == 1


def test_a_full_disk_keeps_the_former_weights(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.errors import StorageFull

    run = fresh(home)
    run.keep(weights(1.0))
    before = run.digest

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StorageFull):
        run.keep(weights(2.0))
    assert run.digest == before
    assert run.load()


@pytest.mark.parametrize("name", ["", "../out", "a/b", "Große", "with space", ".hidden", "a" * 80])
def test_names_that_cannot_be(home: Home, name: str) -> None:
    with pytest.raises(BadParameter):
        fresh(home, name)


def test_names_that_are_taken(home: Home) -> None:
    fresh(home)
    with pytest.raises(NameTaken):
        fresh(home)
    assert runs.fresh_name(home, "Mine Two") == "mine-two-1"
    fresh(home, "mine-two-1")
    assert runs.fresh_name(home, "Mine Two") == "mine-two-2"


@pytest.mark.parametrize("name", ["nobody", "../../etc", "", "."])
def test_runs_that_are_not_there(home: Home, name: str) -> None:
    with pytest.raises(NotFound):
        runs.run(home, name)


def test_the_list_passes_over_damaged_runs(home: Home) -> None:
    fresh(home, "good")
    (fresh(home, "bad").folder / "run.json").write_text("{}")
    (home.weights / "empty").mkdir()
    names = [run.name for run in runs.runs(home)]
    assert "good" in names
    assert "bad" not in names
    assert "empty" not in names


def test_a_cut_off_line_of_events_is_passed_over(home: Home) -> None:
    run = fresh(home)
    run.note(epoch=1, train=0.5)
    with open(run.folder / "events.jsonl", "ab") as file:
        file.write(b'{"epoch": 2, "tr')
    assert [event["epoch"] for event in run.events()] == [1]


def test_shipped_runs_stand_beside_own_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = Home(tmp_path / "shipped")
    monkeypatch.setattr(Home, "shipped_weights", property(lambda self: shipped.weights))
    fresh(shipped, "default")
    home = Home(tmp_path / "own")
    fresh(home, "mine")
    assert [run.name for run in runs.runs(home)] == ["mine", "default"]
    assert runs.run(home, "default").folder == shipped.weights / "default"
    with pytest.raises(NameTaken):
        fresh(home, "default")
