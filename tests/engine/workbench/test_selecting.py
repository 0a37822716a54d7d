"""What is done with chosen pictures: tags by the command line, copies in a folder, saved searches by name."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, NotFound, StorageFull
from engine.core.home import Home
from engine.workbench import copying
from engine.workbench.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    for number, folder in enumerate(("a", "b", "c")):
        (tmp_path / "pile" / folder).mkdir(parents=True)
        Image.new("RGB", (8, 8), (number * 60, 90, 0)).save(tmp_path / "pile" / folder / "same.png")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    made = Workbench(Home(tmp_path / "home"))
    made.run("import", source="folder", title="Pile", path=str(tmp_path / "pile"))
    (tmp_path / "out").mkdir()
    return made


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    status = main(list(words))
    out, error = capsys.readouterr()
    return status, out + error


def test_copies_are_numbered_and_nothing_is_overwritten(bench: Workbench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "same.png").write_text("mine", "utf-8")
    bench.mark("pile", [1], add=["lake"], stars=3)
    done = bench.run("files", collection="pile", ids=[1, 2, 3], folder=str(out), sidecars=True)
    assert (done["count"], done["left_out"]) == (3, [])
    assert (out / "same.png").read_text("utf-8") == "mine"
    assert len(set(done["files"])) == 3
    originals = {path.read_bytes() for path in bench.paths("pile", [1, 2, 3])}
    assert {(out / name).read_bytes() for name in done["files"]} == originals
    assert (out / (done["files"][0] + ".xmp")).is_file()
    assert len(list(out.iterdir())) == 5
    again = bench.run("files", collection="pile", ids=[1], folder=str(out))
    assert again["files"][0] not in done["files"]
    assert len(list(out.iterdir())) == 6


def test_a_sidecar_stays_beside_its_picture_where_its_name_is_taken(bench: Workbench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    bench.mark("pile", [1], stars=3)
    name = bench.paths("pile", [1])[0].name
    (out / name).unlink(missing_ok=True)
    (out / f"{name}.xmp").write_text("of another program", "utf-8")
    [copied] = bench.run("files", collection="pile", ids=[1], folder=str(out), sidecars=True)["files"]
    assert copied != name
    assert (out / f"{copied}.xmp").is_file()
    assert (out / f"{name}.xmp").read_text("utf-8") == "of another program"


def test_copies_are_removed_while_they_are_what_they_were(bench: Workbench, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "mine.txt").write_text("mine", "utf-8")
    bench.mark("pile", [1], stars=3)
    made = bench.run("files", collection="pile", ids=[1, 2, 3], folder=str(out), sidecars=True)["made"]
    (out / made[0][0]).write_bytes(b"worked on since")
    bench.paths("pile", [2])[0].unlink()  # its copy is the last one
    removed, left = bench.remove_copies("pile", out, made)
    assert removed == 2
    reasons = {one.name: one.sentence for one in left}
    assert reasons.pop(made[0][0]) == "It has changed since it was copied."
    assert "can no longer be read" in reasons.popitem()[1]
    assert (out / made[0][0]).read_bytes() == b"worked on since"
    assert len(list(out.iterdir())) == 3
    again = bench.remove_copies("pile", out, [*made[-1:], ["../pile/a/same.png", 1, "0"]])
    assert [one.sentence for one in again[1]] == ["It is no longer there.", "It has changed since it was copied."]
    assert (tmp_path / "pile" / "a" / "same.png").is_file()


def test_the_command_line_moves_pictures_to_the_trash_and_back(
    bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "pile" / "b" / "same.png"
    dry = said(capsys, "trash", "pile", "--where", "label=b", "--dry-run")
    assert dry == (0, "1 picture would be moved to the trash.\n")
    assert picture.is_file()
    status, text = said(capsys, "trash", "pile", "--where", "label=b")
    assert status == 0
    assert "moved to the trash." in text
    assert not picture.exists()
    undo = text.splitlines()[-1].removeprefix("Undo: python -m engine ").split()
    assert "restored" in said(capsys, *undo)[1]
    assert picture.is_file()
    assert said(capsys, "trash", "pile")[0] == 1
    assert "4711: It is no longer in the collection." in said(capsys, "trash", "pile", "4711")[1]


def test_a_picture_that_has_gone_is_left_out_and_named(bench: Workbench, tmp_path: Path) -> None:
    bench.paths("pile", [2])[0].unlink()
    done = bench.run("files", collection="pile", ids=[1, 2], folder=str(tmp_path / "out"))
    assert done["count"] == 1
    assert "can no longer be read" in done["left_out"][0][1]
    with pytest.raises(NotFound, match="None of the pictures can be copied"):
        bench.run("files", collection="pile", ids=[2], folder=str(tmp_path / "out"))
    with pytest.raises(NotFound, match="There is no folder"):
        bench.run("files", collection="pile", ids=[1], folder=str(tmp_path / "nowhere"))
    with pytest.raises(BadParameter, match="at least 1"):
        bench.run("files", collection="pile", ids=[], folder=str(tmp_path / "out"))


def test_the_command_line_tags_copies_and_writes_sidecars(
    bench: Workbench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(capsys, "tag", "pile", "1", "2", "--add", "lake", "--stars", "4") == (0, "Changed 2 pictures.\n")
    assert said(capsys, "tag", "pile", "--where", "label=b", "--remove", "lake") == (0, "Changed 1 picture.\n")
    listed = said(capsys, "tag", "pile")[1]
    assert "lake" in listed
    assert "a/same.png" in listed
    assert said(capsys, "tag", "pile", "--undo") == (0, "Restored 1 picture.\n")
    assert said(capsys, "sidecars", "pile")[1] == "2 written · 0 unchanged · 0 left alone\n"
    assert (tmp_path / "pile" / "a" / "same.png.xmp").is_file()
    assert said(capsys, "sidecars", "pile", "--undo")[1] == "2 sidecar files restored · 0 left unchanged\n"
    assert not (tmp_path / "pile" / "a" / "same.png.xmp").is_file()
    status, text = said(capsys, "copy", "pile", "--where", "tag=lake", "--to", str(tmp_path / "out"))
    assert (status, text.splitlines()[-1]) == (0, f"Copied 2 pictures to {tmp_path / 'out'}.")
    status, text = said(capsys, "tag", "pile", "--add", "x")
    assert status == 1
    assert "The pictures of the command tag must be given as ids or by --where" in text


def test_a_search_is_saved_listed_made_again_and_deleted(bench: Workbench, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--collection", "pile", "--encoder", "colour-histogram", "--pooling", "flatten", "--csv")
    status, first = said(capsys, "search", *flags, "--where", "label!=c", "--save", "Two", "--image", "1")
    assert status == 0
    assert "Saved as Two." in first
    assert "label!=c" in said(capsys, "searches")[1]
    again = said(capsys, "search", "--saved", "two", "--csv")[1]
    assert again.splitlines()[-1] == next(line for line in first.splitlines() if line.startswith("1,"))
    assert said(capsys, "searches", "--delete", "Two", "--yes") == (0, "Deleted the saved search Two.\n")
    assert said(capsys, "search", "--saved", "Two")[0] == 1


def test_a_copy_that_the_disk_refuses_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        for name in ("link", "rename", "replace"):
            disk.setattr(os, name, full)
        with pytest.raises(StorageFull):
            copying._put(b"picture", tmp_path, "a.png")
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_is_too_large_is_refused(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    with bench.zipped("pile", [1, 2, 3]) as packed:
        assert len(zipfile.ZipFile(packed).namelist()) == 3
    monkeypatch.setattr(copying, "MOST_ZIPPED", 10)
    with pytest.raises(BadParameter, match="size of a ZIP of pictures must be at most"):
        bench.zipped("pile", [1])
