"""A run on disk: one commit point, verified weights."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from engine.core.errors import BadParameter, Corrupt, NotFound, NotTrained
from engine.core.home import Home
from engine.core.storage import read_object
from engine.runs import listing as runs
from engine.runs import run as run_file
from engine.runs.epochs import Watch
from engine.runs.run import Run


def weights(value: float) -> dict[str, torch.Tensor]:
    return {"layer": torch.full((300,), value)}


def fresh(home: Home, name: str = "mine") -> Run:
    return runs.create(home, name, {"model": 2, "size": 96}, {"title": "Model 2, trained on blobs"})


def test_keep_and_load(home: Home) -> None:
    run = fresh(home)
    assert (run.ready, run.digest, run.state, run.model) == (False, "", "interrupted", 2)
    with pytest.raises(NotTrained, match="has no weights yet"):
        run.load()
    run.keep(weights(1.0), best_epoch=1)
    first = run.digest
    run.keep(weights(2.0), best_epoch=2)
    run.end("done")
    assert torch.equal(run.load()["layer"], weights(2.0)["layer"])
    assert run.digest != first
    assert run.card == {"title": "Model 2, trained on blobs", "best_epoch": 2, "epochs_done": 0}
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


def test_a_file_is_read_once_until_it_changes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    made, read = fresh(home), list[Path]()
    made.end("done")
    path = made.folder / "run.json"
    os.utime(path, (1, 1))
    monkeypatch.setattr(
        run_file, "read_object", lambda path, **fields: read.append(path) or read_object(path, **fields)
    )
    for _ in range(3):
        made.facts["state"] = "mine alone"
        assert (Run(made.folder).state, made.model) == ("done", 2)
    assert len(read) == 1
    made.rename("Another")
    assert (made.title, Run(made.folder).title) == ("Another", "Another")
    os.utime(path, (2, 2))
    assert made.title == "Another"
    path.write_bytes(path.read_bytes().replace(b"Another", b"Changed"))  # as long, and sealed otherwise
    os.utime(path, (3, 3))
    with pytest.raises(Corrupt):
        made.facts  # noqa: B018


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
    from engine.core.errors import StorageFull

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


def test_a_cut_off_line_of_events_is_passed_over(home: Home) -> None:
    run = fresh(home)
    run.note(epoch=1, train=0.5)
    with open(run.folder / "events.jsonl", "ab") as file:
        file.write(b'{"epoch": 2, "tr')
    assert [event["epoch"] for event in run.events()] == [1]


def test_it_trains_as_long_as_someone_holds_it(home: Home) -> None:
    run = fresh(home, "mine")
    with run.training(job="job-7"):
        assert (run.state, run.alive, run.can_continue, run.job) == ("training", True, False, "job-7")
        with pytest.raises(BadParameter, match="not training right now"):
            run.remove()
        with pytest.raises(BadParameter, match="not training right now"), runs.run(home, "mine").training():
            pass
    assert (run.state, run.alive, run.can_continue) == ("interrupted", False, True)


def test_another_title_keeps_the_name(home: Home) -> None:
    run = fresh(home, "mine")
    assert run.title == "mine"
    run.rename("  My  first ")
    assert (runs.run(home, "mine").title, run.name) == ("My first", "mine")
    for wrong in ("", "   ", "x" * 81):
        with pytest.raises(BadParameter):
            run.rename(wrong)


def test_deleting_removes_everything(home: Home) -> None:
    run = fresh(home, "mine")
    run.keep({"a": torch.zeros(3)})
    run.remove()
    assert not run.folder.exists()
    with pytest.raises(NotFound):
        runs.run(home, "mine")


def test_what_came_with_the_code_is_not_deleted_or_renamed() -> None:
    shipped = runs.run(Home.default(), "default")
    for action in (shipped.remove, lambda: shipped.rename("mine")):
        with pytest.raises(BadParameter):
            action()
    assert not shipped.can_continue


def test_the_download_holds_weights_card_and_events(home: Home, tmp_path: Path) -> None:
    run = fresh(home, "mine")
    with pytest.raises(NotTrained):
        run.archive()
    run.keep({"a": torch.arange(3.0)})
    run.note(epoch=1, train=0.5)
    with zipfile.ZipFile(io.BytesIO(run.archive())) as archive:
        names = {f"mine/{name}" for name in ("run.json", "weights.safetensors", "events.jsonl")}
        assert set(archive.namelist()) == names
        data = archive.read("mine/weights.safetensors")
        facts = json.loads(archive.read("mine/run.json"))
    assert hashlib.sha256(data).hexdigest() == facts["weights"]["sha256"] == run.digest
    assert load(data)["a"].tolist() == [0, 1, 2]


def test_going_back_drops_later_epochs(home: Home) -> None:
    run = fresh(home, "mine")
    for epoch in range(4):
        run.note(epoch=epoch)
        Watch(run.folder / "watch").note(epoch, None, b"")
    run.note(kind="halved", epoch_begun=3)
    run.rewind(1)
    assert [event["epoch"] for event in run.events()] == run.watched_epochs() == [0, 1]
    assert run.notes() == []
    run.rewind(-1)
    assert run.events() == run.watched_epochs() == []


def test_what_a_kill_left_half_written_is_swept_away(home: Home) -> None:
    run = fresh(home)
    left = [run.folder / ".weights-1a2b.safetensors.x.part", run.folder / "watch" / ".0001.json.x.part"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    with run.training():
        assert not any(path.exists() for path in left)


def test_a_download_speaks_of_the_weights_in_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    run = fresh(home)
    run.keep(weights(1.0))
    read = Run.weights_data

    def overtaken(self: Run) -> bytes:
        data = read(self)
        run.keep(weights(2.0))  # a training that gets better in this moment
        return data

    monkeypatch.setattr(Run, "weights_data", overtaken)
    with zipfile.ZipFile(io.BytesIO(run.archive())) as archive:
        facts = json.loads(archive.read("mine/run.json"))
        assert hashlib.sha256(archive.read("mine/weights.safetensors")).hexdigest() == facts["weights"]["sha256"]


def test_files_of_others_among_the_epochs_are_passed_over(home: Home) -> None:
    run = fresh(home)
    Watch(run.folder / "watch").note(1, None, b"")
    (run.folder / "watch" / "0001 copy.json").write_text("{}")
    assert run.watched_epochs() == [1]
