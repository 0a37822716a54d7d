"""Names of runs are taken once, and every readable run is listed."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import torch

from engine.core.errors import BadParameter, NameTaken, NotFound
from engine.core.home import Home
from engine.runs import listing as runs
from engine.runs.run import Run


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"layer": torch.full((300,), value)}


def fresh(home: Home, name: str = "mine") -> Run:
    return runs.create(home, name, {"model": 2, "size": 96}, {"title": "Model 2, trained on blobs"})


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


def test_runs_are_listed_and_measured_while_others_are_deleted(home: Home) -> None:
    own = [fresh(home, f"run-{number}") for number in range(60)]
    for number in range(30):
        (own[0].folder / f"file-{number}").touch()
    wrong: list[Exception] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            try:
                runs.runs(home)
                assert own[0].size_bytes >= 0
            except Exception as error:
                wrong.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    for run in own[::-1]:
        run.remove()
    done.set()
    looking.join()
    assert not wrong


def test_the_newest_come_first_whatever_is_done_to_the_older_ones(home: Home) -> None:
    first, second = fresh(home, "first"), fresh(home, "second")
    first.rename("Renamed later")
    assert [run.name for run in runs.runs(home) if not run.shipped] == [second.name, first.name]
