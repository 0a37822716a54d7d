"""The command duplicates: list, trash, link and restore, with their flags and their refusals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.cli.parser import main
from tests.engine.duplicates.scenes import imported, scene


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """one.png, an equal file in b/, and a smaller copy in b/."""
    folder = tmp_path / "pictures"
    (folder / "b").mkdir(parents=True)
    scene(0).save(folder / "one.png")
    shutil.copy(folder / "one.png", folder / "b" / "one.png")
    scene(0).resize((160, 120)).save(folder / "b" / "small.png")
    imported(tmp_path / "home", folder)
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    return folder


def run(*words: str) -> int:
    return main(["duplicates", *words, "--collection", "scenes"])


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.png") if ".benzer-trash" not in path.parts}


def test_list_trash_and_restore(pictures: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("--csv", str(tmp_path / "groups.csv")) == 0
    assert "1 group with 2 duplicates" in capsys.readouterr().out
    assert (tmp_path / "groups.csv").read_text(encoding="utf-8-sig").count("\n") == 4
    assert run("trash", "--dry-run") == 0
    assert "2 pictures would be moved to the trash." in capsys.readouterr().out
    assert len(files(pictures)) == 3
    assert run("trash") == 0
    said = capsys.readouterr().out
    assert "2 pictures (" in said
    assert files(pictures) == {"one.png"}
    assert run("restore") == 0
    act = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert f"--act {act}" in said
    assert run("restore", "--act", act, "--dry-run") == 0
    assert capsys.readouterr().out.split("\n")[:3] == ["b/one.png", "b/small.png", "2 pictures would be restored."]
    assert run("restore", "--act", act, "--file", "b/small.png") == 0
    assert "1 picture (" in capsys.readouterr().out
    assert files(pictures) == {"one.png", "b/small.png"}
    assert run("restore", "--act", act) == 0
    assert "1 picture (" in capsys.readouterr().out
    assert len(files(pictures)) == 3


def test_keep_protect_and_strength(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def dropped(*words: str) -> set[str]:
        capsys.readouterr()
        assert run(*words, "--json") == 0
        return {row["file"] for row in json.loads(capsys.readouterr().out)["files"] if row["keep"] == "no"}

    assert dropped() == {"b/one.png", "b/small.png"}
    assert dropped("--keep", "b") == {"one.png", "b/small.png"}
    assert dropped("--keep", str(pictures / "b")) == {"one.png", "b/small.png"}
    assert dropped("--protect", "b") == {"one.png"}
    assert dropped("--strength", "1") == {"b/one.png"}


def test_links_are_made_of_equal_files_only(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("link") == 0
    assert "1 picture (" in capsys.readouterr().out
    assert (pictures / "one.png").samefile(pictures / "b" / "one.png")
    assert not (pictures / "one.png").samefile(pictures / "b" / "small.png")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--strength", "tight"), "The strength of the duplicates must be strict, normal, loose or a number"),
        (("--keep", "nowhere"), "The folder of the duplicates must be a folder below"),
        (("--protect", "/"), "The folder of the duplicates must be a folder below"),
        (("list", "--act", "x"), "--act does not go with duplicates list: "),
        (("restore", "--act", "x"), "There is nothing named 'x' in the trash"),
        (("restore", "--act", "x", "--file", "y"), "There is no file 'y' to restore in 'x'."),
        (("restore", "--file", "y"), "The act of duplicates restore --file must be"),
        (("trash", "--file", "y"), "--file does not go with duplicates trash: "),
        (("trash", "--encoder", "raw-pixels"), "only list goes by vectors"),
    ],
)
def test_a_wrong_flag_is_named(
    pictures: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    before = files(pictures)
    assert run(*words) == 1
    assert sentence in capsys.readouterr().err
    assert files(pictures) == before
