"""Training from the command line: a new run, going on by name, events for programs, Ctrl-C."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.home import PROJECT, Home
from engine.runs import listing as runs
from engine.runs.state import state_bytes
from tests.engine.narrow import narrow_model  # noqa: F401

WORDS = ["train", "--model", "1", "--size", "32", "--batch", "8", "--probe", "16"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    rng = np.random.default_rng(0)
    for number in range(20):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    assert main(["import", str(tmp_path / "pictures"), "--title", "Noise"]) == 0
    return Home(tmp_path / "home")


def test_train_then_more_by_name(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*WORDS, "--collection", "noise", "--name", "mine", "--epochs", "1", "--schedule", "warm-restarts"]
    assert main([*words, "--option", "t_0=3", "--flip", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"kind"')]
    assert [line["kind"] for line in lines] == ["epoch", "epoch", "done"]
    assert lines[1]["train"] > 0
    config = runs.run(home, "mine").config
    assert (config["options"], config["flip"], config["crop"]) == ({"t_0": 3}, True, False)
    assert main(["train", "--resume", "mine", "--epochs", "2"]) == 0
    said = capsys.readouterr()
    assert "continues from its kept weights (epoch 1) with a fresh optimizer" in said.err
    assert re.fullmatch(
        r"Trained: mine, with the weights of epoch [12]\. .*--encoder model-\d --weights mine\.\n", said.out
    )
    assert main(["runs", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert (listed[0]["run"], listed[0]["state"], listed[0]["epochs"]) == ("mine", "done", "2 of 2")
    assert (listed[0]["loss"], listed[0]["measure"]) == ("contrastive loss + MSE", "precision@8")
    assert listed[0]["validation loss"] > 0
    assert 0 <= listed[0]["retrieval"] <= 1
    assert main(["runs", "--show", "mine", "--csv"]) == 0
    epochs = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["epoch"] for row in epochs] == ["0", "1", "2"]
    assert float(epochs[1]["train"]) == pytest.approx(lines[1]["train"])
    assert main(["runs", "--delete", "mine", "--yes"]) == 0
    assert main(["runs", "--show", "mine"]) == 1


def test_runs_are_compared_exported_and_freed(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rate in (("one", "0.001"), ("two", "0.002")):
        words = [*WORDS, "--collection", "noise", "--name", name, "--epochs", "1", "--rate", rate, "--keep-state"]
        assert main(words) == 0
    assert "MB of disk while it trains" in capsys.readouterr().err
    assert main(["runs", "--compare", "one", "two"]) == 0
    said = capsys.readouterr().out
    assert [row for row in said.splitlines() if row.split()[:3] == ["rate", "0.001", "0.002"]]
    assert "one or two: not decided" in said or "searches better than" in said
    assert main(["runs", "--compare", "one"]) == 1
    assert "two to 8 different ones" in capsys.readouterr().err
    assert main(["runs", "--export", "one", str(home.root / "mine.safetensors")]) == 0
    assert (home.root / "mine.json").exists()
    assert main(["runs", "--export", "one", str(home.root / "mine.safetensors")]) == 1
    assert main(["runs", "--export", "one", str(home.root / "mine.safetensors"), "--replace"]) == 0
    capsys.readouterr()
    assert main(["runs", "--export", "one", str(home.root / "mine.zip")]) == 1
    assert "must be onnx or safetensors; got 'zip'" in capsys.readouterr().err, "not that mine.json is there"
    assert main(["train", "--resume", "one", "--epochs", "1"]) == 1
    assert "continues from" not in capsys.readouterr().err, "it is refused"
    assert main(["runs", "--free", "one"]) == 0
    assert state_bytes(runs.run(home, "one")) > 0  # nobody said yes
    assert main(["runs", "--free", "one", "--yes"]) == 0
    assert state_bytes(runs.run(home, "one")) == 0 < state_bytes(runs.run(home, "two"))
    capsys.readouterr()
    assert main(["runs", "--free", "--yes"]) == 0
    assert "No finished run keeps the state" in capsys.readouterr().out  # the other was asked to keep it


def test_train_without_more_words_learns_from_the_pictures(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--collection", "noise", "--size", "32", "--epochs", "1", "--batch", "8", "--probe", "16"]
    assert main([*words, "--temperature", "0.3", "--weight-decay", "0.001", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"kind"')]
    assert {"recognition", "retrieval", "train"} <= set(lines[1])
    assert lines[-1]["run"] == "noise-small-resnet-1"
    config = runs.run(home, "noise-small-resnet-1").config
    assert (config["objective"], config["temperature"], config["weight_decay"]) == ("contrastive", 0.3, 0.001)
    assert main(["embed", "--collection", "noise", "--encoder", "small-resnet"]) == 0


def test_labels_are_learned_with_two_seeds_and_a_rate_is_found(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.training.rate_finder.STEPS", 8)
    words = [
        "train",
        "--collection",
        "noise",
        "--objective",
        "triplet",
        "--setting",
        "mining=batch-hard",
        "--size",
        "32",
    ]
    words += ["--batch", "8", "--optimizer", "sgd", "--crops", "1", "--validation", "0", "--probe", "16"]
    assert main([*words, "--epochs", "1", "--seeds", "2", "--name", "mine"]) == 0
    assert "over 2 seeds" in capsys.readouterr().out
    configs = [runs.run(home, f"mine-seed-{seed}").config for seed in (0, 1)]
    assert [config["seed"] for config in configs] == [0, 1]
    assert (configs[0]["settings"], configs[0]["crops"]) == ({"mining": "batch-hard"}, 1)
    runs.run(home, "mine-seed-0").remove()
    before = len(runs.runs(home))
    assert main([*words, "--epochs", "1", "--seeds", "2", "--name", "mine"]) == 1
    assert "'mine-seed-1' already exists" in capsys.readouterr().err
    assert len(runs.runs(home)) == before, "none has begun"
    assert main([*words, "--find-rate", "--seeds", "2"]) == 1
    assert "tried with one seed" in capsys.readouterr().err
    assert main([*words, "--find-rate", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["rates"]) == len(found["losses"]) > 2
    assert main(["train", "--resume", "mine-seed-1", "--seeds", "2"]) == 1
    assert "--seeds does not go with train --resume" in capsys.readouterr().err


def test_train_from_own_groups_and_search_with_it(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--collection", "noise", "--objective", "deepcluster", "--network", "squeezenet-1-1"]
    assert main([*words, "--size", "32", "--clusters", "4", "--epochs", "2", "--probe", "16", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"kind"')]
    assert {"nmi", "label_nmi", "clusters"} <= set(lines[2])
    assert lines[-1]["run"] == "noise-squeezenet-1-1-1"
    assert main(["runs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["model"] == "squeezenet-1-1"
    recipe = ["--collection", "noise", "--encoder", "squeezenet-1-1", "--weights", lines[-1]["run"]]
    assert main(["embed", *recipe]) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [(["train"], "The collection of a training must be given"),
     (["train", "--collection", "noise", "--model", "9"], "model of the training must be a whole number from 1 to 4"),
     (["train", "--collection", "noise", "--network", "resnet-18", "--noise", "0"], "Choose another objective"),
     (["train", "--collection", "noise", "--objective", "triplet", "--setting", "margin=9"], "margin of the objective"),
     (["train", "--collection", "noise", "--objective", "triplet", "--setting", "mining=easy"], "one of semi-hard"),
     (["train", "--collection", "noise", "--optimizer", "lars"], "optimizer of the training must be one of adamw"),
     (["train", "--collection", "noise", "--model", "1", "--objective", "deepcluster"], "number of clusters"),
     (["train", "--resume", "nobody"], "There is no run 'nobody'. The runs are listed by: python -m engine runs"),
     (["train", "--resume", "nobody", "--rate", "1"], "keeps the settings it began with"),
     ([*WORDS, "--collection", "noise", "--schedule", "plateau", "--option", "t_0=5"], "setting of the schedule"),
     ([*WORDS, "--collection", "noise", "--option", "t_0"], "written as name=number"),
     ([*WORDS, "--collection", "noise", "--rate", "5000"], "rate of the training must be a number"),
     ([*WORDS, "--collection", "nothing"], "no collection")],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(
    home: Home, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 1
    said = capsys.readouterr().err.strip()
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.slow
def test_ctrl_c_stops_after_the_batch_and_nothing_is_lost(home: Home) -> None:
    words = [*WORDS, "--collection", "noise", "--name", "long", "--epochs", "1000", "--json"]
    environment = os.environ | {"BENZER_HOME": str(home.root)}
    command = [sys.executable, "-m", "engine", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=PROJECT, env=environment, **pipes) as process:
        assert process.stdout
        for line in process.stdout:
            if '"epoch": 2' in line:
                process.send_signal(signal.SIGINT)
                break
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "--resume" in said
    run = runs.run(home, "long")
    assert (run.state, run.can_continue) == ("stopped", True)
    assert (run.folder / "checkpoint" / "current.json").exists()
