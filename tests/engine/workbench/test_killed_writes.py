"""kill -9 at the write itself: a hook stops the process at the k-th file opened for writing, renamed, deleted or
linked, or statement that changes a database. Nothing is damaged, and the same work done again comes to its end.

Some writes of each job are tried; with BENZER_FULL_COUNTS=1 all of them are.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.collections.facts.marks import marks
from engine.collections.integrity import check
from engine.collections.labelling import write_labels
from engine.collections.sources.changing import add_pictures, remove_pictures
from engine.core.errors import NameTaken, NotFound
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.duplicates.acts.checking import Drop
from engine.duplicates.acts.journal import FOLDER, batches
from engine.workbench.integrity import check_home
from engine.workbench.workbench import Workbench
from tests.counts import FULL
from tests.engine.killing import Killable, killable

TRIED = 4
_CONNECT = sqlite3.connect
RECIPE = Recipe("many", "colour-histogram", method="lsh")
PLAN = {"clustering": "kmeans(groups=2)", "map": "pca"}
_CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
_STATEMENTS = ("INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "COMMIT", "BEGIN", "PRAGMA JOURNAL")


class Stop:
    """An audit hook that counts writes below a folder and kills the process at the one with the number `at`."""

    def __init__(self, root: str, at: int) -> None:
        self.root, self.at, self.count = root, at, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.root):
                self._write()
        elif event in _CHANGES:
            self._write()

    def connect(self, *arguments: Any, **more: Any) -> sqlite3.Connection:
        """As sqlite3.connect, with an eye on the statements."""
        db = _CONNECT(*arguments, **more)
        db.set_trace_callback(self._statement)
        return db

    def _statement(self, text: str) -> None:
        if text.lstrip().upper().startswith(_STATEMENTS):
            self._write()

    def _write(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


def work(job: str, root: str, at: int = -1) -> None:
    """Do a job and note its number of writes; killed at the one with the number `at`, not looked at where it is -1."""
    stop = Stop(root, at)
    if at >= 0:
        sys.addaudithook(stop)
        sqlite3.connect = stop.connect  # type: ignore[assignment]
    do = JOBS.get(job, everything)
    do(Workbench(Home(Path(root) / "home")), Path(root))
    count = stop.count
    stop.at = -1
    Path(root).with_suffix(".writes").write_text(str(count))


def import_all(bench: Workbench, root: Path) -> None:
    with suppress(NameTaken):  # the one that was killed had come to its end
        bench.run("import", source="folder", title="Many", path=str(root / "pictures"))


def embed(bench: Workbench, root: Path) -> None:
    bench.run("embed", recipe=RECIPE.as_dict())


def index(bench: Workbench, root: Path) -> None:
    bench.run("index", recipe=RECIPE.as_dict())


def group(bench: Workbench, root: Path) -> None:
    bench.run("group", recipe=RECIPE.as_dict(), plan=PLAN, title="Two")


def rescan(bench: Workbench, root: Path) -> None:
    bench.run("rescan", collection="many")


def delete(bench: Workbench, root: Path) -> None:
    with suppress(NotFound):
        bench.remove("many")


def cull(bench: Workbench, root: Path) -> None:
    rows = bench.collection("many").rows()
    kept = {row.hash: row.id for row in rows if row.name.startswith("a")}
    copies = [row for row in rows if row.name.startswith("copies/")]
    bench.drop_duplicates("many", [Drop(row.id, row.hash, kept[row.hash]) for row in copies])


def restore(bench: Workbench, root: Path) -> None:
    for batch in batches(bench.collection("many")):
        if batch.waiting or batch.cut_off:
            bench.restore_dropped("many", batch.name)


def add(bench: Workbench, root: Path) -> None:
    """As the service does it: files that are there already become exact copies."""
    own = bench.collection("own")
    add_pictures(own, _files(root, "a*.png"), Reporter())
    remove_pictures(own, [row.id for row in own.rows("image") if row.name == "a11.png"])


def upload(bench: Workbench, root: Path) -> None:
    with suppress(NameTaken):
        bench.run("import", source="upload", title="Own", spool=str(bench.spool(_files(root, "a[0-5].png"))))


def _files(root: Path, pattern: str) -> list[tuple[str, bytes]]:
    return [(path.name, path.read_bytes()) for path in sorted((root / "pictures").glob(pattern))]


def mark(bench: Workbench, root: Path) -> None:
    ids = bench.collection("many").images().ids.tolist()
    bench.mark("many", ids, add=["lake"], stars=4)
    write_labels(bench.collection("many"), dict.fromkeys(ids[:5], "boat"), "a test")


def sidecars(bench: Workbench, root: Path) -> None:
    bench.run("sidecars", collection="many", ids=None)


def undo_sidecars(bench: Workbench, root: Path) -> None:
    with suppress(NotFound):  # the one that was killed had come to its end
        bench.undo_sidecars("many")


def copies(bench: Workbench, root: Path) -> None:
    """The copies of the one that was killed stay, and those of the next are numbered: what counts are the pictures."""
    (root / "out").mkdir(exist_ok=True)
    bench.run("files", collection="many", ids=bench.collection("many").images().ids.tolist(), folder=str(root / "out"))


def everything(bench: Workbench, root: Path) -> None:
    """What imports and compiles all that the others use, once, before a process forks for each of them."""
    for job in (import_all, embed, index, group):
        job(bench, root)


JOBS: dict[str, Callable[[Workbench, Path], None]] = {
    "import": import_all, "embed": embed, "index": index, "group": group,
    "rescan": rescan, "delete": delete, "cull": cull, "restore": restore, "upload": upload, "add": add,
    "mark": mark, "sidecars": sidecars, "undo-sidecars": undo_sidecars, "copies": copies,
}  # fmt: skip
BEFORE: dict[str, list[str]] = {
    "import": [], "embed": ["import"], "rescan": ["import"], "cull": ["import"], "restore": ["import", "cull"],
    "upload": ["import"], "add": ["import", "upload"], "mark": ["import"], "sidecars": ["import", "mark"],
    "undo-sidecars": ["import", "mark", "sidecars"], "copies": ["import"],
    "index": ["import", "embed"], "group": ["import", "embed"], "delete": ["import", "embed", "index"],
}  # fmt: skip


def make(root: Path, job: str) -> None:
    """What is there before a job; for a rescan, files that were renamed, changed, added and deleted."""
    pictures = root / "pictures"
    (pictures / "copies").mkdir(parents=True)
    drawn = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    for number, pixels in enumerate(drawn):
        Image.fromarray(pixels).save(pictures / f"a{number}.png")
        if number < 4:
            shutil.copy(pictures / f"a{number}.png", pictures / "copies" / f"{number}.png")
    for before in BEFORE[job]:
        JOBS[before](Workbench(Home(root / "home")), root)
    if job == "rescan":
        (pictures / "a11.png").rename(pictures / "moved.png")
        (pictures / "a10.png").unlink()
        Image.fromarray(drawn[0] // 2).save(pictures / "a9.png")
        Image.fromarray(drawn[1] // 2).save(pictures / "new.png")


def state(root: Path) -> Any:
    """What is there after a job: collections with their rows, marks, what is ready, groups, and the files."""
    bench, facts = Workbench(Home(root / "home")), []
    for card in bench.collections():
        collection = bench.collection(card.name)
        facts.append(sorted((mark.tags, mark.stars) for mark in marks(collection).values()))
        rows = sorted((row.name, row.label, row.status, row.hash) for row in collection.rows())
        if card.name == "own":  # what is added again becomes exact copies
            rows = [row for row in rows if row[2] == "image"]
        ready = bench.readiness(RECIPE).ready, bench.readiness(RECIPE.but(method="exact")).ready
        facts.append((card.name, rows, ready, {grouping.title for grouping in bench.groupings(card.name)}))
    trash = {path.name for path in (root / "pictures").rglob("*.png") if FOLDER in path.parts}
    beside = sorted((path.name, path.read_bytes()) for path in (root / "pictures").rglob("*.xmp"))
    return (
        facts,
        beside,
        len(trash),
        sorted(p.name for p in (root / "pictures").rglob("*.png") if FOLDER not in p.parts),
    )


def damage(root: Path) -> Iterator[str]:
    bench = Workbench(Home(root / "home"))
    for card in bench.collections():
        yield from check(bench.collection(card.name))
    yield from (finding.sentence for finding in check_home(bench.home))
    whole = {path.read_bytes() for path in (root / "pictures").rglob("*.png")}
    yield from (path.name for path in (root / "out").glob("[!.]*") if path.read_bytes() not in whole)


def ids(root: Path) -> list[tuple[int, str, str]]:
    return [(row.id, row.name, row.status) for row in Workbench(Home(root / "home")).collection("many").rows()]


class Killing:
    """Kills jobs at some of their writes, each time in a fresh copy of what was there before."""

    def __init__(self, do: Killable, place: Path) -> None:
        self.do, self.place = do, place
        self._writes: dict[str, int] = {}

    def ready(self, job: str) -> tuple[Path, int]:
        """The place of a job that has come to its end once, and how often it writes."""
        root = self.place / job
        if job not in self._writes:
            make(root, job)
            shutil.copytree(root, self.place / f"{job}-before", symlinks=True)
            assert self.do(job, str(root), 0)
            self._writes[job] = int(root.with_suffix(".writes").read_text())
            shutil.copytree(root, self.place / f"{job}-after", symlinks=True)
        return self.place / f"{job}-after", self._writes[job]

    def stopped(self, job: str) -> Iterator[tuple[Path, str]]:
        """The place after each kill, and what to say of it."""
        (_, total), root, ended = self.ready(job), self.place / job, []
        assert total > TRIED
        numbers = range(1, total + 1) if FULL else sorted({round(n) for n in np.linspace(1, total, TRIED)})
        for at in numbers:
            shutil.rmtree(root)
            shutil.copytree(self.place / f"{job}-before", root, symlinks=True)
            if self.do(job, str(root), at):
                ended.append(at)
            yield root, f"{job} killed at write {at} of {total}"
        assert len(ended) <= len(numbers) // 4, f"{job} was not stopped at {ended}"


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killing]:
    place = tmp_path_factory.mktemp("killed")
    make(place / "first", "import")
    forkable = {"NUMBA_THREADING_LAYER": "workqueue"}
    with killable(__name__, "work", ("everything", str(place / "first")), **forkable) as do:
        yield Killing(do, place)


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_a_job_killed_at_a_write_leaves_nothing_damaged_and_ends_when_it_is_done_again(
    killing: Killing, job: str
) -> None:
    wanted = state(killing.ready(job)[0])
    for root, when in killing.stopped(job):
        assert list(damage(root)) == [], when
        assert killing.do(job, str(root))
        assert (list(damage(root)), state(root)) == ([], wanted), f"done again after {when}"


@pytest.mark.slow
@pytest.mark.parametrize("job", ["cull", "restore"])
def test_a_rescan_after_an_act_that_was_killed_costs_no_id(killing: Killing, job: str) -> None:
    killing.ready("cull")
    wanted = ids(killing.place / "cull-before")
    for root, when in killing.stopped(job):
        for what in (rescan, restore):
            what(Workbench(Home(root / "home")), root)
        assert ids(root) == wanted, when
