"""On a disk without a free byte, and on one that is read-only: reading works, nothing is lost, and space can be freed.

The disk is a real one of 16 MB in memory, mounted where only the process of this test sees it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "tests" / "data" / "home-of-0.1.zip"
JOB = "20261129-173528-000-embed"
SEARCH = ["search", "--collection", "old-shapes", "--encoder", "glcm", "--image", "1"]
INSIDE = """
import contextlib, io, json, os, subprocess, sys, zipfile
from pathlib import Path

disk, kept, state, commands = Path(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", disk], check=True)
zipfile.ZipFile(kept).extractall(disk / "home")
os.environ["BENZER_HOME"] = str(disk / "home")
from engine.cli.parser import main

def fill():
    for size in (1 << 16, 1):
        with open(disk / "filling", "ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(size))

if state == "read-only":
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
for words in commands:
    if state == "full":
        fill()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


def answers(state: str, disk: Path, commands: list[list[str]]) -> list[tuple[int, str, str]]:
    """The status, output and errors of each command on such a disk."""
    if (
        sys.platform != "linux"
        or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no disk can be mounted here")
    words = ["unshare", "-m", sys.executable, "-c", INSIDE, str(disk), str(KEPT), state, json.dumps(commands)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert not done.returncode, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


def test_a_full_disk_can_be_read_searched_and_freed(tmp_path: Path) -> None:
    reading = [["list"], ["jobs"], ["indexes"], ["check"], SEARCH, [*SEARCH, "--method", "lsh(bits=5,tables=3)"]]
    writing = [["rescan", "old-shapes"], ["embed", "--collection", "old-shapes", "--encoder", "hog"]]
    freeing = [
        ["indexes", "--delete", "all", "--yes"],
        ["jobs", "--delete", JOB, "--yes"],
        ["delete", "old-shapes", "--yes"],
    ]
    found = answers("full", tmp_path, [*reading, *writing, ["check"], SEARCH, *freeing, ["list"]])
    codes = [code for code, _, _ in found]
    assert codes == [0] * 6 + [1, 1] + [0] * 6
    assert "old-shapes" in found[0][1]
    assert "disc/disc5.png" in found[4][1]
    assert found[4][1].splitlines()[:-1] == found[9][1].splitlines()[:-1]  # the last one tells the time it took
    assert all("Free some space" in err and "Traceback" not in err for _, _, err in found[6:8])
    assert "old-shapes is sound" in found[8][1]
    assert "old-shapes" not in found[-1][1]


@pytest.mark.parametrize("state", ["read-only", "full"])
def test_acts_are_refused_by_a_sentence_and_change_nothing(tmp_path: Path, state: str) -> None:
    taken = [["tag", "old-shapes", "1", "--add", "lake"], ["tag", "old-shapes"], ["sidecars", "old-shapes"]]
    near = ["--collection", "old-shapes", "--encoder", "glcm"]
    moved = [["trash", "old-shapes", "1"], ["duplicates", *near], ["outliers", *near], ["list", "old-shapes"]]
    (tmp_path / "out").mkdir()
    away = ["copy", "old-shapes", "1", "2", "--to", str(tmp_path / "out")]
    (tmp_path / "disk").mkdir()
    tag, tags, sidecars, trash, copies, outliers, there, copied = answers(
        state, tmp_path / "disk", [*taken, *moved, away]
    )
    assert tag[0] == 1
    assert "refused to store marks.sqlite" in tag[2]
    assert [tags[0], sidecars[0], copies[0], outliers[0], there[0], copied[0]] == [0] * 6
    assert "lake" not in tags[1]
    assert ("refused to store" if state == "read-only" else "Nothing was changed: It was copied") in trash[1] + trash[2]
    assert "disc/disc4.png" in there[1]
    assert len(list((tmp_path / "out").iterdir())) == 2
    assert not any("Traceback" in err for _, _, err in (tag, sidecars, trash, copies, copied))


def test_a_read_only_home_can_be_read_and_says_what_it_refuses(tmp_path: Path) -> None:
    reading = [["list"], ["jobs"], ["indexes"], ["check"], SEARCH, [*SEARCH, "--method", "lsh(bits=5,tables=3)"]]
    writing = [["rescan", "old-shapes"], ["indexes", "--delete", "all", "--yes"], ["delete", "old-shapes", "--yes"]]
    found = answers("read-only", tmp_path, [*reading, *writing, ["list"]])
    assert [code for code, _, _ in found] == [0] * 6 + [1] * 3 + [0]
    assert all("must be one that can be written to" in err for _, _, err in found[6:9])
    assert "old-shapes" in found[0][1]
    assert found[0][1] == found[-1][1]
    assert "disc/disc5.png" in found[4][1]
