"""Files and folders that results shall go to: what cannot be written there is found before the work begins."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.cli.parser import main
from engine.core.storage import unwritable, write_bytes

NO_PLACE = ["/proc/r.csv", "{}/file.txt/r.csv", "{}/" + "x" * 300 + ".csv", "{}/\0.csv", "{}/folder"]
COMMANDS = [
    ["search", "--collection", "none", "--encoder", "hog", "--image", "1"],
    ["duplicates", "--collection", "none"],
    ["duplicates", "--collection", "none", "--encoder", "hog"],
    ["outliers", "--collection", "none", "--encoder", "hog"],
    ["group", "--collection", "none", "--encoder", "hog"],
    ["classify", "--collection", "none"],
    ["compare", "--collection", "none"],
    ["hashing", "--collection", "none", "--encoder", "hog"],
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("place", NO_PLACE)
def test_a_place_where_nothing_can_be_written(place: str, folder: Path) -> None:
    path = Path(place.format(folder))
    assert unwritable(path)
    if path.name != "folder":  # which would be set aside
        with pytest.raises((OSError, ValueError)):
            write_bytes(path, b"x")


@pytest.mark.parametrize("place", ["new.csv", "deep/er/new.csv", "file.txt", "y" * 200])
def test_a_place_where_something_can_be_written_stays_as_it_is(place: str, folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    assert unwritable(folder / place) == ""
    assert sorted(folder.rglob("*")) == before
    write_bytes(folder / place, b"x")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("place", [NO_PLACE[0], NO_PLACE[1]])
def test_commands_find_it_before_the_work(
    command: list[str], place: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--csv", place.format(folder)]) == 1
    assert "must be a file that can be written" in capsys.readouterr().err


def test_devices_are_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["classify", "--collection", "none", "--html", os.devnull]) == 1
    assert "It is not a file" in capsys.readouterr().err
    assert not Path(os.devnull).is_file()


def test_the_list_of_skipped_files(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "folder" / "a.png").write_text("no picture")
    assert main(["import", str(folder / "folder"), "--rejects", "/proc/r.csv"]) == 1
    assert "folder that exists and can be written to" in capsys.readouterr().err
    assert not (folder / "home" / "datasets").exists()
    assert main(["import", str(folder / "folder"), "--rejects", os.devnull]) == 1
    assert "There is no picture to import" in capsys.readouterr().err


def test_a_home_in_a_path_is_meant(folder: Path) -> None:
    from PIL import Image

    Image.new("L", (9, 9)).save(folder / "folder" / "b.png")
    (folder / "folder" / "a.png").write_text("no picture")
    assert main(["import", str(folder / "folder"), "--rejects", "~/r.csv"]) == 0
    assert "a.png" in (folder / "r.csv").read_text(encoding="utf-8-sig")


def test_a_folder_for_copies_of_groups(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["group", "--collection", "none", "--encoder", "hog", "--folders", "/proc"]) == 1
    assert "The folder '/proc' cannot be written to" in capsys.readouterr().err
