"""kill -9 in the middle of moving 500 files, and of restoring them: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from engine.core.home import Home
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import FOLDER, batches
from engine.workbench.workbench import Workbench
from tests.counts import count
from tests.engine.killing import Killable, killable

COUNT, KILLS = 500, count(4, 100)
HERE = "tests.engine.duplicates.acts.test_kill"


def make(root: str, count: int) -> None:
    """A collection of `count` pictures, each twice."""
    folder = Path(root) / "pictures"
    for number in range(count):
        for name in ("kept", f"copies/{number % 7}"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            picture = Image.new("RGB", (4, 4), (number % 256, number // 256, 7))
            picture.save(folder / name / f"{number}.png")
    bench = Workbench(Home(Path(root) / "home"))
    bench.run("import", source="folder", title="Many", path=str(folder))


def trash_all(root: str) -> None:
    """Move every copy to the trash."""
    bench = Workbench(Home(Path(root) / "home"))
    rows = bench.collection("many").rows()
    kept = {row.hash: row.id for row in rows if row.name.startswith("kept/")}
    copies = [row for row in rows if row.name.startswith("copies/")]
    bench.drop_duplicates("many", [Drop(row.id, row.hash, kept[row.hash]) for row in copies])


def trash_plainly(root: str) -> None:
    """Move every copy to the trash for its own sake: no picture is named that is kept."""
    bench = Workbench(Home(Path(root) / "home"))
    copies = [row for row in bench.collection("many").rows() if row.name.startswith("copies/")]
    bench.drop_duplicates("many", [Drop(row.id, row.hash) for row in copies])


def restore_all(root: str) -> None:
    """Restore whatever is in the trash."""
    bench = Workbench(Home(Path(root) / "home"))
    for batch in batches(bench.collection("many")):
        if batch.waiting or batch.cut_off:
            bench.restore_dropped("many", batch.name)


def work(what: str, root: str) -> None:
    {"trash": trash_all, "plain": trash_plainly, "restore": restore_all}[what](root)


def everywhere(root: Path, killed: bool = False) -> Counter[str]:
    """How often each content lies anywhere below the folder of the pictures, the trash included.

    Who was `killed` while a file had both names, as it has for a moment, has left one file with two names.
    """
    files = [path for path in (root / "pictures").rglob("*.png") if path.is_file()]
    if killed:
        files = list({path.stat().st_ino: path for path in files}.values())
    return Counter(hashlib.sha256(path.read_bytes()).hexdigest() for path in files)


def names(root: Path) -> set[str]:
    folder = root / "pictures"
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*.png") if FOLDER not in p.parts}


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_is_twice(tmp_path: Path) -> None:
    make(str(tmp_path / "first"), 2)
    make(str(tmp_path), COUNT)
    known = [(row.id, row.name, row.status) for row in Workbench(Home(tmp_path / "home")).collection("many").rows()]
    contents, files, chance = everywhere(tmp_path), names(tmp_path), random.Random(0)
    assert set(contents.values()) == {2}
    with killable(HERE, "work", ("trash", str(tmp_path / "first"))) as do:
        took = {what: timed(do, what, tmp_path) for what in ("trash", "restore")}
        cut = 0
        took["plain"] = took["trash"]
        for number in range(KILLS):
            for what in ("plain" if number % 2 else "trash", "restore"):
                cut += not do(what, str(tmp_path), kill_after=chance.uniform(0.2, 0.95) * took[what])
                assert everywhere(tmp_path, killed=True) == contents  # every file once more in all, wherever it is
            do("restore", str(tmp_path))
            assert names(tmp_path) == files
            assert everywhere(tmp_path) == contents
            bench = Workbench(Home(tmp_path / "home"))
            assert [(row.id, row.name, row.status) for row in bench.collection("many").rows()] == known
            assert bench.dropped("many") == []
    assert cut, "no attempt was killed before its end"


def timed(do: Killable, what: str, root: Path) -> float:
    began = time.monotonic()
    assert do(what, str(root))
    return time.monotonic() - began
