"""The command classify: what it says before it measures."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main


def test_labels_that_read_the_same_are_pointed_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    for number, label in enumerate(["cat", "cat", "Cat", "Cat"]):
        (tmp_path / "p" / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 20, 9, 9)).save(tmp_path / "p" / label / f"{number}.png")
    assert main(["import", str(tmp_path / "p")]) == 0
    assert "'Cat' (2), 'cat' (2)" in capsys.readouterr().out
    words = ["--encoder", "colour-histogram", "--fusion", "picture", "--folds", "2", "--epochs", "1"]
    assert main(["classify", "--collection", "p", *words]) == 0
    assert "'Cat' (2), 'cat' (2)" in capsys.readouterr().err
