"""Long work in a separate process: start, watch, stop, resume.

A job is a folder, and the folder is its only state:

    jobs/<id>/
        config.json     the request (sealed)
        events.jsonl    one whole line for each step of progress
        stop            present once the user asked the work to stop
        result.json     the outcome (sealed), written last
        lock            held by the worker for as long as it lives, so that "alive" is exact even after a kill -9
        pid             the worker's process id, written once it holds the lock
        log.txt         what the worker printed

Nothing here depends on the kind of work: the worker is `python -m engine work <folder>`, which looks the kind up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound, Stopped
from engine.core.home import IMPORTED_FROM
from engine.core.locks import held
from engine.core.progress import Progress, Reporter, progress_of, sentence_of
from engine.core.settings import check_text
from engine.core.storage import lines, read_object, time_stamp, write_json

WAITING = "Waiting for its turn"  # the stage of a queued job (see queue.py)

_ID = re.compile(r"\d{8}-\d{6}-\d{3}-")
_ENDS = ("done", "failed", "stopped")
_AGAIN = "Start it again: what was finished is kept."
_TAIL = 65_536  # bytes at the end of the events file that always contain the last progress
_KEPT = 200  # jobs to keep in the history
_NICE = 10  # niceness of background work, at most 19; benchmarks/clicks.py measures its effect
_STARTUP = 15.0  # seconds for a worker to acquire its lock


@dataclass(frozen=True)
class Job:
    """One job, read from its folder. `state`: starting, running, done, failed, stopped, or interrupted (killed)."""

    folder: Path

    @property
    def id(self) -> str:
        """The name of its folder; ids sort by the time of the start."""
        return self.folder.name

    @property
    def config(self) -> dict[str, Any]:
        """`kind`, `title` and `arguments`, as requested; Corrupt if the file is damaged."""
        fields: dict[str, Any] = {"kind": str, "title": str, "arguments": dict, "started": (int, float)}
        return read_object(self.folder / "config.json", **fields)

    @property
    def kind(self) -> str:
        """The name of its `JobKind`."""
        return str(self.config["kind"])

    @property
    def title(self) -> str:
        return str(self.config["title"])

    @property
    def result(self) -> dict[str, Any] | None:
        """The result: `state` and, depending on it, `value` or `error`; None until the job ends.

        A damaged file reads as a failure that names it.
        """
        try:
            result = read_object(self.folder / "result.json", state=str)
        except FileNotFoundError:
            return None
        except Corrupt as error:
            return {"state": "failed", "error": f"{error.message} {_AGAIN}"}
        return result if result["state"] in _ENDS else {"state": "failed", "error": _AGAIN}

    @property
    def state(self) -> str:
        """starting, running, done, failed, stopped, or interrupted."""
        result = self.result
        if result:
            return str(result["state"])
        begun = (self.folder / "pid").exists()  # checked before the lock: the worker may take it in between
        if self.locked:
            return "running"
        if self.result:  # it ended between the two checks
            return self.state
        return "starting" if not begun and self._young else "interrupted"

    @property
    def _young(self) -> bool:
        """Whether its worker may still be about to acquire the lock; not if the job has been removed meanwhile."""
        try:
            started = self.config["started"]
        except FileNotFoundError:
            return False
        return abs(time.time() - started) < _STARTUP  # abs: a start in the future must not stay young

    @property
    def alive(self) -> bool:
        """Whether its worker is starting or running."""
        return self.state in ("starting", "running")

    @property
    def waiting(self) -> bool:
        """Whether it is alive and queued, as only one job of its kind may work at a time."""
        return self.alive and self.progress.stage == WAITING

    @property
    def error(self) -> str:
        """The error message, "" if there is no error."""
        state = self.state
        if state == "interrupted":
            return f"The work was cut off before it ended. {_AGAIN}"
        return str((self.result or {}).get("error", ""))

    @property
    def progress(self) -> Progress:
        """The last reported progress, an empty one if there is none yet."""
        last = None
        for event in self.events(last_bytes=_TAIL):  # a long job's file is large, and tabs poll every second
            if event.get("kind") == "progress":
                last = progress_of(event) or last
        return last or Progress()

    def events(self, last_bytes: int | None = None) -> Iterator[dict[str, Any]]:
        """The stored events, oldest first, of the whole file or its end; a line cut off by a crash is skipped."""
        return lines(self.folder / "events.jsonl", last_bytes)

    def stop(self) -> None:
        """Ask the worker to stop; it does so at its next step, and keeps what is finished."""
        (self.folder / "stop").touch()

    def wait(self, seconds: float = 600.0) -> str:
        """Block until the job has ended or the time is up, and return its state."""
        until = time.monotonic() + seconds
        while self.alive and time.monotonic() < until:
            time.sleep(0.05)
        return self.state

    def remove(self) -> None:
        """Delete the folder of a job that has ended."""
        with suppress(Corrupt, FileNotFoundError):  # what cannot be read is deleted as well
            if self.alive:
                raise BadParameter("job", "removing", "one that has ended", self.id)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def locked(self) -> bool:
        """Whether its worker is alive; also works for a damaged job."""
        return held(self.folder / "lock")

    @property
    def worker(self) -> int | None:
        """The process id of its worker, None if none works on it now."""
        try:
            pid = int((self.folder / "pid").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return pid if self.locked else None


def start(root: Path, kind: str, title: str, arguments: dict[str, Any]) -> Job:
    """Start a worker for `kind` with JSON-able `arguments` and return at once; the oldest ended jobs are forgotten."""
    for old in jobs(root)[_KEPT:]:
        if not old.alive:
            old.remove()
    folder = _new_folder(root, kind)
    write_json(folder / "config.json", {"kind": kind, "title": title, "arguments": arguments, "started": time.time()})
    begin_worker(folder)
    return Job(folder)


def begin_worker(folder: Path) -> None:
    """Start the process that does the job of a folder, in a session of its own, and return at once."""
    with open(folder / "log.txt", "wb") as log:
        subprocess.Popen(
            [sys.executable, "-m", "engine", "work", str(folder)],
            cwd=IMPORTED_FROM,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )


def work(
    folder: Path, kinds: dict[str, Callable[[dict[str, Any], Reporter], Any]], background: Collection[str] = ()
) -> None:
    """Run the job in `folder` in this process: the body of the worker. Every outcome is recorded in the folder.

    Kinds in `background` take hours and run at low priority; for all others the user is waiting.
    """
    job = Job(folder)
    with FileLock(folder / "lock", timeout=5):
        reporter = Reporter(folder)
        try:
            (folder / "pid").write_text(str(os.getpid()), encoding="ascii")
            if job.kind in background:
                lower_priority()
            value = kinds[job.kind](job.config["arguments"], reporter)
            result = {"state": "done", "value": value}
        except Stopped:
            result = {"state": "stopped"}
        except MemoryError:
            result = {"state": "failed", "error": "The memory of this machine ran out. Try a smaller batch."}
        except BaseException as error:
            result = {"state": "failed", "error": sentence_of(error)}
        write_json(folder / "result.json", result)


def lower_priority() -> None:
    """Lower the priority of this process and its children, so that pages stay responsive while it works.

    With autogrouping, Linux divides the processor between sessions first, and niceness only counts within a session:
    so the session's own priority is lowered as well.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):
        os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE))


def jobs(root: Path) -> list[Job]:
    """Every readable job, newest first."""
    found = []
    for folder in sorted(root.glob("*/"), reverse=True):
        try:
            Job(folder).config  # noqa: B018 - to pass over what cannot be read
        except (OSError, BenzerError):
            continue
        found.append(Job(folder))
    return found


def damaged_jobs(root: Path) -> list[tuple[Job, str]]:
    """Jobs with an unreadable file, each with a message that names the file; `remove` deletes them."""
    found = ((Job(folder), _damage(folder)) for folder in sorted(root.glob("*/")) if _ID.match(folder.name))
    return [(job, sentence) for job, sentence in found if sentence]


def _damage(folder: Path) -> str:
    """What is damaged in a job's files, "" if nothing is."""
    try:
        Job(folder).config  # noqa: B018 - raises on access
        read_object(folder / "result.json", state=str)
    except FileNotFoundError:
        return ""
    except Corrupt as error:
        return str(error)
    return ""


def job(root: Path, id: str) -> Job:
    """The job of that id; NotFound if it does not exist or cannot be read."""
    check_text("name", "a job", id)
    found = Job(root / id)
    try:
        if id != Path(id).name:
            raise FileNotFoundError(id)
        found.config  # noqa: B018 - raises on access
    except (OSError, BenzerError) as error:
        raise NotFound(f"There is no job {id!r}.") from error
    return found


def unread_job(root: Path, id: str) -> Job:
    """The job of that id even if it is damaged, so that it can be removed; NotFound if there is none."""
    if not _ID.match(id) or id != Path(id).name or not (root / id).is_dir():
        raise NotFound(f"There is no job {id!r}.")
    return Job(root / id)


def _new_folder(root: Path, kind: str) -> Path:
    stamp = time_stamp()
    for number in range(1000):
        folder = root / f"{stamp}-{number:03d}-{kind}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise BadParameter("number of jobs", "one second", "at most 1000", 1000)
