"""Jobs live in processes of their own, and their folder tells the truth about them."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine.core.errors import BadParameter, NotFound, Stopped
from engine.core.progress import Progress, Reporter
from engine.core.storage import write_json
from engine.jobs import job as jobs
from engine.jobs.job import Job, work


def folder_for(root: Path, kind: str, arguments: dict[str, Any] | None = None, age: float = 0) -> Path:
    folder = root / f"job-{kind}"
    folder.mkdir(parents=True)
    config = {"kind": kind, "title": "A test", "arguments": arguments or {}, "started": time.time() - age}
    write_json(folder / "config.json", config)
    return folder


def count_to(arguments: dict[str, Any], reporter: Reporter) -> int:
    for number in range(arguments["n"]):
        reporter.update("Counting", number + 1, arguments["n"], "numbers")
    return int(arguments["n"])


def test_a_job_that_ends_holds_its_value_and_progress(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count", {"n": 5})
    work(folder, {"count": count_to})
    job = Job(folder)
    assert job.state == "done"
    assert job.result == {"state": "done", "value": 5}
    assert (job.progress.done, job.progress.total, job.progress.unit) == (5, 5, "numbers")
    assert job.progress.fraction == 1.0
    assert not job.alive
    assert job.error == ""


def test_a_failure_is_one_sentence_and_the_traceback_stays_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def known(arguments: dict[str, Any], reporter: Reporter) -> None:
        raise NotFound("There is no such thing.")

    def unknown(arguments: dict[str, Any], reporter: Reporter) -> None:
        raise ZeroDivisionError("division by zero")

    first, second = folder_for(tmp_path, "known"), folder_for(tmp_path, "unknown")
    work(first, {"known": known})
    work(second, {"unknown": unknown})
    assert Job(first).error == "There is no such thing."
    assert Job(second).state == "failed"
    assert "Traceback" not in Job(second).error
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_a_stop_is_obeyed_at_the_next_step(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count", {"n": 1000})
    seen = []

    def stop_at_three(arguments: dict[str, Any], reporter: Reporter) -> None:
        for number in range(1000):
            if number == 3:
                Job(folder).stop()
            seen.append(number)
            reporter.update("Counting", number, 1000)

    work(folder, {"count": stop_at_three})
    assert Job(folder).state == "stopped"
    assert seen == [0, 1, 2, 3]


def test_a_dead_worker_is_interrupted_not_running(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count", age=60)
    assert Job(folder).state == "interrupted"
    assert "cut off" in Job(folder).error
    young = folder_for(tmp_path / "other", "count")
    assert Job(young).state == "starting"


def test_a_worker_that_is_about_to_take_its_lock_is_starting(tmp_path: Path) -> None:
    """The file is opened first and locked then: in between nobody holds it, though nobody has died."""
    folder = folder_for(tmp_path, "count")
    (folder / "lock").touch()
    assert Job(folder).state == "starting"
    old = folder_for(tmp_path / "old", "count", age=60)
    (old / "lock").touch()
    assert Job(old).state == "interrupted"


def test_a_worker_that_takes_its_lock_while_somebody_looks_is_not_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_for(tmp_path, "count")

    def looked_at_a_moment_too_early(path: Path) -> bool:
        if not (folder / "pid").exists():
            (folder / "pid").write_text("1")  # the worker takes it just now
            return False
        return True

    monkeypatch.setattr(jobs, "held", looked_at_a_moment_too_early)
    assert [Job(folder).state, Job(folder).state] == ["starting", "running"]


def test_a_job_names_the_process_that_works_on_it(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "own")
    work(folder, {"own": lambda arguments, reporter: Job(folder).worker})
    assert Job(folder).result == {"state": "done", "value": os.getpid()}
    assert Job(folder).worker is None  # it has ended


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count", {"n": 2})
    work(folder, {"count": count_to})
    with open(folder / "events.jsonl", "ab") as file:
        file.write(b'{"kind": "progress", "done": 99')
    assert Job(folder).progress.done == 2


def test_the_last_progress_of_a_long_job_is_found_in_the_tail(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count")
    reporter = Reporter(folder)
    for number in range(3000):
        reporter.event(kind="progress", stage="Counting", done=number, total=3000, unit="numbers", note="x" * 50)
    assert (folder / "events.jsonl").stat().st_size > 3 * 65_536
    assert Job(folder).progress.done == 2999
    assert sum(1 for _ in Job(folder).events()) == 3000


def test_the_rate_counts_what_this_run_did(tmp_path: Path) -> None:
    heard: list[Progress] = []
    reporter = Reporter(listen=heard.append)
    reporter.update("Embedding", 900, 1000)  # taken up again at 900
    time.sleep(0.05)
    reporter.update("Embedding", 905, 1000)
    assert heard[0].rate == 0
    assert 0 < heard[1].rate < 5 / 0.05 * 1.01
    assert heard[1].seconds_left == pytest.approx(95 / (5 / 0.05), rel=0.9)


def test_a_reporter_without_a_folder_never_stops() -> None:
    reporter = Reporter()
    reporter.update("Counting", 1, 2)
    reporter.stop_if_asked()
    assert not reporter.stop_asked


def test_stopped_is_raised_by_update(tmp_path: Path) -> None:
    (tmp_path / "stop").touch()
    with pytest.raises(Stopped):
        Reporter(tmp_path).update("Counting", 1, 2)


def test_jobs_are_listed_newest_first_and_damage_is_passed_over(tmp_path: Path) -> None:
    folder_for(tmp_path, "a")
    folder_for(tmp_path, "b")
    (tmp_path / "job-c").mkdir()
    (tmp_path / "job-d").mkdir()
    (tmp_path / "job-d" / "config.json").write_text("{")
    assert [job.id for job in jobs.jobs(tmp_path)] == ["job-b", "job-a"]
    assert jobs.job(tmp_path, "job-a").title == "A test"
    with pytest.raises(NotFound):
        jobs.job(tmp_path, "../job-a")


def test_a_job_that_lives_is_not_removed(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "count", {"n": 1})
    with pytest.raises(BadParameter):
        Job(folder).remove()
    work(folder, {"count": count_to})
    Job(folder).remove()
    assert not folder.exists()


def test_a_job_that_was_removed_meanwhile_no_longer_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removed = Job(folder_for(tmp_path, "count", {"n": 1}))
    shutil.rmtree(removed.folder)
    assert not removed.alive
    assert removed.state == "interrupted"
    monkeypatch.setattr(jobs, "_KEPT", 0)
    monkeypatch.setattr(jobs, "jobs", lambda root: [removed])  # listed before another process removed it
    monkeypatch.setattr(jobs, "begin_worker", lambda folder: None)
    assert jobs.start(tmp_path, "count", "Another", {}).kind == "count"


def test_only_the_newest_jobs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_KEPT", 1)
    monkeypatch.setattr(jobs, "begin_worker", lambda folder: None)
    for name in ("a", "b", "c"):
        folder = folder_for(tmp_path, name, {"n": 1}, age=60)
        if name != "b":
            work(folder, {name: count_to})
    jobs.start(tmp_path, "count", "Another", {})
    kept = {job.id for job in jobs.jobs(tmp_path)}
    assert {"job-c"} <= kept
    assert not {"job-a", "job-b"} & kept


@pytest.mark.slow
@pytest.mark.usefixtures("real_workers")
def test_a_real_worker_runs_fails_in_one_sentence_and_may_be_killed(tmp_path: Path) -> None:
    job = jobs.start(tmp_path, "rescan", "Rescan nothing", {"home": str(tmp_path), "collection": "nothing"})
    assert job.wait(60) == "failed"
    assert "nothing" in job.error
    assert "Traceback" not in job.error


@pytest.mark.slow
def test_a_killed_worker_is_noticed_at_once(tmp_path: Path) -> None:
    folder = folder_for(tmp_path, "sleep")
    child = os.fork()
    if child == 0:
        work(folder, {"sleep": lambda arguments, reporter: time.sleep(60)})
        os._exit(0)
    until = time.monotonic() + 10
    while Job(folder).state != "running" and time.monotonic() < until:
        time.sleep(0.02)
    assert Job(folder).state == "running"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert Job(folder).state == "interrupted"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="niceness of sessions is Linux's")
def test_only_background_work_gets_a_lower_priority(tmp_path: Path) -> None:
    nice = {}
    for kind in ("long", "short"):
        folder = folder_for(tmp_path, kind)
        child = os.fork()
        if child == 0:
            os.setsid()
            work(folder, {kind: lambda arguments, reporter: os.nice(0)}, background=("long",))
            os._exit(0)
        os.waitpid(child, 0)
        result = Job(folder).result
        assert result is not None
        nice[kind] = result["value"]
    assert nice["long"] == min(19, nice["short"] + 10)
