"""Processes that die: exactly the guilty file is blamed, the rest is read, and the order is kept."""

import os
import subprocess
import sys
import textwrap
import time

import pytest

from engine.collections.collection import Collection
from engine.collections.reading import workers
from engine.collections.reading.worker_tasks import Failure, FileRef, Seen, look
from engine.collections.sources import ingest
from engine.collections.sources.importing import import_folder
from engine.core.errors import BenzerError, UnreadableImage
from engine.core.home import PROJECT


def test_order_is_kept(pile):
    paths = sorted(str(path) for path in pile.rglob("*.png"))
    found = list(workers.run(look, [FileRef(path) for path in paths], chunk=2))
    assert [file.location for file, _ in found] == paths
    assert all(isinstance(result, Seen) and result.width == 48 for _, result in found)


def test_the_last_idle_worker_may_be_taken_by_another_thread(pile):
    class SeenByTwo(list):
        def __bool__(self) -> bool:
            return True  # as it was when this thread looked

    path = next(pile.rglob("*.png"))
    pool = workers.WorkerProcesses(1, look, (), 30)
    pool._idle = SeenByTwo()
    try:
        assert isinstance(pool.send([FileRef(str(path))]).result()[0], Seen)
    finally:
        pool.close()


def test_only_the_guilty_are_blamed(tmp_path, encoded, deadly):
    guilty = {7: "segv", 21: "kill", 22: "loop", 40: "alloc"}
    paths = []
    for number in range(60):
        paths.append(tmp_path / f"{number:02d}{guilty.get(number, '')}.png")
        paths[-1].write_bytes(encoded(number))
    found = list(workers.run(deadly.look, [FileRef(str(path)) for path in paths], seconds=3))
    blamed = {number: result.code for number, (_, result) in enumerate(found) if isinstance(result, Failure)}
    assert blamed == {7: "crashed", 21: "crashed", 22: "time-out", 40: "out-of-memory"}
    assert len(found) == 60


def test_an_import_survives_its_workers(home, pile, encoded, deadly, monkeypatch, reporter):
    (pile / "segv.png").write_bytes(encoded(100))
    (pile / "kill.png").write_bytes(encoded(101))
    monkeypatch.setattr(ingest, "look", deadly.look)
    report = import_folder(home, "Pile", pile, reporter)
    assert (report.added, report.inputs) == (12, 14)
    assert {(r.path, r.stage, r.code) for r in report.rejects} == {
        ("segv.png", "worker", "crashed"),
        ("kill.png", "worker", "crashed"),
    }
    monkeypatch.setattr(ingest, "look", look)
    from engine.collections.sources.importing import rescan

    again = rescan(Collection.open(home, "pile"), reporter)
    assert (again.changed, again.unchanged, again.rejects) == (2, 12, [])


def test_workers_are_light(deadly):
    import torch  # noqa: F401 - the parent has it

    heavy = ["torch", "streamlit", "sklearn", "scipy", "pandas"]
    assert [loaded for _, loaded in workers.run(deadly.loaded, [[*heavy, "PIL.Image"]])] == [["PIL.Image"]]


def test_one_picture_in_a_worker(encoded):
    assert workers.read_in_worker(encoded(1), 24).shape == (24, 24, 3)
    with pytest.raises(UnreadableImage):
        workers.read_in_worker(b"nothing", 24)


def test_a_reader_may_stop_early(pile):
    paths = [FileRef(str(path)) for path in sorted(pile.rglob("*.png"))] * 20
    found = workers.run(look, paths, chunk=4)
    assert next(found)[0] == paths[0]
    found.close()


SCRIPT = """
    import sys
    from engine.collections.reading import workers
    from engine.collections.reading.worker_tasks import FileRef, look
    print("MAIN", flush=True)
    import glob
    files = [FileRef(p) for p in sorted(glob.glob(sys.argv[1] + "/*/*.png"))] * {times}
    for _ in workers.run(look, files):
        print("SEEN", flush=True)
"""


def test_workers_do_not_run_the_main_script(tmp_path, pile):
    script = tmp_path / "script.py"  # without the usual guard
    script.write_text(textwrap.dedent(SCRIPT.format(times=1)))
    done = subprocess.run(
        [sys.executable, script, pile], env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("MAIN") == 1
    assert done.stdout.count("SEEN") == 12


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_worker_outlives_a_killed_parent(tmp_path, pile):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(times=500)))
    mark = f"mark-{os.getpid()}-{time.time_ns()}"
    process = subprocess.Popen(
        [sys.executable, script, pile],
        env=os.environ | {"PYTHONPATH": str(PROJECT), "BENZER_MARK": mark},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while "SEEN" not in process.stdout.readline():
        pass
    assert len(marked(mark)) >= 2
    process.kill()
    process.wait()
    until = time.monotonic() + 10
    while marked(mark) and time.monotonic() < until:
        time.sleep(0.1)
    assert marked(mark) == []


def marked(mark: str) -> list[str]:
    """The processes that carry the mark in their environment."""
    found = []
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                with open(f"/proc/{process}/environ", "rb") as file:
                    found += [process] if mark.encode() in file.read() else []
            except OSError:
                continue
    return found


def test_a_worker_is_kept_for_the_next_picture(encoded, deadly):
    workers.SPARE.end()
    workers.read_in_worker(encoded(1), 24)
    kept = workers.SPARE.take()
    assert kept.usable
    workers.SPARE.put_back(kept)
    assert [number for _, number in workers.run(deadly.process, [0])] == [kept.id]
    assert workers.read_in_worker(encoded(2), 24).shape == (24, 24, 3)
    assert workers.SPARE.take() is kept
    kept.end()


def test_a_new_import_path_takes_a_new_worker(encoded, tmp_path, monkeypatch):
    workers.read_in_worker(encoded(1), 24)
    former = workers.SPARE.take()
    workers.SPARE.put_back(former)
    monkeypatch.syspath_prepend(str(tmp_path))
    worker = workers.SPARE.take()
    assert worker is not former
    worker.end()


def test_a_picture_after_one_that_killed_its_worker(encoded, deadly, tmp_path):
    (tmp_path / "segv.png").write_bytes(encoded(1))
    [(_, result)] = workers.run(deadly.look, [FileRef(str(tmp_path / "segv.png"))])
    assert isinstance(result, Failure)
    assert workers.read_in_worker(encoded(2), 24).shape == (24, 24, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_hung_worker_ends_without_its_parent(encoded, deadly, tmp_path):
    """Its parent would end it after 0.3 seconds; this one never does."""
    (tmp_path / "loop.png").write_bytes(encoded(1))
    worker = workers.WorkerProcess()
    worker._connection.send((deadly.look, ([FileRef(str(tmp_path / "loop.png"))],), 0.3))
    until = time.monotonic() + 20
    while worker.usable and time.monotonic() < until:
        time.sleep(0.05)
    assert not worker.usable
    worker.end()


def test_a_program_that_does_not_start_blames_no_picture(encoded, monkeypatch):
    workers.SPARE.end()
    monkeypatch.setattr(workers, "_PROGRAM", "engine.no_such_program")
    with pytest.raises(BenzerError, match="did not start"):
        workers.read_in_worker(encoded(1), 24)
    with pytest.raises(BenzerError, match="did not start"):
        list(workers.run(look, [FileRef("a.png"), FileRef("b.png")]))


def test_windows_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(BenzerError, match=r"Linux and macOS only\. On Windows, run Benzer in WSL"):
        workers.WorkerProcess()
