"""The command `open`, and the words that stand for it; the app itself is started by the tests of the package."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import VERSION
from engine.cli import opening
from engine.cli.parser import main


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ports on which the app would have been started; the current folder holds another one with pictures."""
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pile").mkdir()
    for number in range(3):
        Image.fromarray(np.full((30, 30, 3), 80 * number, np.uint8)).save(tmp_path / "Pile" / f"{number}.png")
    ports: list[int] = []
    monkeypatch.setattr(opening, "_serve", lambda port: ports.append(port) or 0)
    monkeypatch.setattr(opening, "_has_screen", lambda: False)
    return ports


def test_no_words_open_the_app(started: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith(f"Benzer is at http://localhost:{started[0]}/ ")


def test_a_folder_is_imported_once_and_then_rescanned(started: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["Pile", "--title", "My pile"]) == 0
    assert "3 added" in capsys.readouterr().out
    Image.new("RGB", (30, 30), "red").save("Pile/new.png")
    assert main(["open", "Pile"]) == 0
    said = capsys.readouterr().out
    assert "1 added" in said
    assert "/?collection=my-pile " in said
    assert len(started) == 2
    assert main(["open", "Pile", "--title", "Another"]) == 0
    assert "It is imported already as my-pile, which keeps its title." in capsys.readouterr().err


def test_a_command_comes_before_a_folder_of_its_name(started: list[int], tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    assert main(["list"]) == 0
    assert not started


def test_a_port_in_use_is_passed_over_or_refused(started: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["open", "--port", str(port)]) == 1
        assert "The port of the app must be one that no other program uses" in capsys.readouterr().err
    assert main(["open", "--port", "70000"]) == 1
    assert "from 1 to 65535; got 70000" in capsys.readouterr().err
    assert not started


def test_what_is_not_there_is_refused(started: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["open", "nowhere"]) == 1
    assert "must be a folder, archive or CSV that exists" in capsys.readouterr().err
    assert not started


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"Benzer {VERSION}\n"
