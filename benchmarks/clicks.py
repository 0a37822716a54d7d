"""Does a training make the pages slow? A click on a picture until the new answer stands there, in a real browser.

    python -m benchmarks.clicks [--clicks 15] [--rounds 3] [--model 2] [--size 160]

Idle, and beside a training: as any process, made nice, stood back as workers do (`engine.jobs.job.lower_priority`),
with a core left free. The trainings are paused and woken in turns within each round, so that a busy moment hits
all alike; medians count, and ratios to the idle clicks of the same rounds. Needs Linux and a browser
($BENZER_CHROMIUM). Each round that is done stands in benchmarks/results/clicks.jsonl: cut off, it goes on from
there. Writes benchmarks/results/clicks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks import _machine
from benchmarks._children import child
from benchmarks._server import CHROMIUM, server
from engine.core.home import PROJECT, Home
from engine.core.storage import append_line, lines
from engine.workbench.workbench import Workbench

HERE = Path(__file__).resolve().parent
LINES = HERE / "results" / "clicks.jsonl"
SAMPLE = "animal-faces"
TILES = ".grid.answers button.tile"
WAYS = {  # name: (how nice each thread is, how nice the session is, threads fewer than cores)
    "training, as any process": (0, 0, 0),
    "training, nice 10": (10, 0, 0),
    "training, nice 10, its session too": (10, 10, 0),
    "training, a core left free": (0, 0, 1),
    "training, nice 10, its session too, a core left free": (10, 10, 1),
}
TRAIN = """
import json, sys
from pathlib import Path
from engine.collections.collection import Collection
from engine.core.home import Home
from engine.jobs.job import Reporter
from engine.training import TrainingConfig, train_run
home, folder, config = Home(Path(sys.argv[1])), Path(sys.argv[2]), TrainingConfig.from_dict(json.loads(sys.argv[3]))
train_run(Home(folder), config, Collection.open(home, sys.argv[4]), Reporter(folder))
"""


class Training:
    """A training in a session of its own, which can be paused."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], nice: int, group: int) -> None:
        self.folder, self.process = folder, process
        while not self.done:
            if self.process.poll() is not None:
                raise RuntimeError("The training ended before it began.")
            time.sleep(0.2)
        self._stand_back(nice, group)
        self.pause()

    def _stand_back(self, nice: int, group: int) -> None:
        process = Path("/proc") / str(self.process.pid)
        for thread in (process / "task").iterdir():
            os.setpriority(os.PRIO_PROCESS, int(thread.name), nice)
        (process / "autogroup").write_text(str(group))

    @property
    def done(self) -> int:
        """Pictures learned from so far."""
        told = [
            event["done"] for event in lines(self.folder / "events.jsonl", 4096) if event.get("stage") == "Training"
        ]
        return int(told[-1]) if told else 0

    def pause(self) -> None:
        os.killpg(self.process.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.killpg(self.process.pid, signal.SIGCONT)


@contextmanager
def training(home: Home, folder: Path, way: str, config: dict[str, Any]) -> Iterator[Training]:
    """A training on the sample, begun and paused; ended with the block."""
    nice, group, fewer = WAYS[way]
    folder.mkdir()
    command = [sys.executable, "-c", TRAIN, str(home.root), str(folder), json.dumps(config), SAMPLE]
    threads = max(1, (os.cpu_count() or 1) - fewer)
    with child(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}) as process:
        yield Training(folder, process, nice, group)


def click(page: Any) -> float:
    """Milliseconds from a click on a picture until the answer to it is drawn: the picture itself is not among it."""
    settled = "() => document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'"
    page.wait_for_function(settled)
    page.wait_for_timeout(250)
    tile = page.locator(TILES).nth(2)
    id = tile.get_attribute("data-id")
    began = time.perf_counter()
    tile.click()
    page.locator(f'{TILES}[data-id="{id}"]').wait_for(state="detached")
    return 1000 * (time.perf_counter() - began)


def clicks(page: Any, count: int) -> list[float]:
    click(page)
    return [click(page) for _ in range(count)]


def one_round(page: Any, trainings: dict[str, Training], count: int, number: int) -> None:
    """Clicks of every way once, in an order that turns with the round, stored as they come."""
    names = ["idle", *trainings]
    for name in names[number % len(names) :] + names[: number % len(names)]:
        facts: dict[str, Any] = {"round": number, "way": name}
        if name == "idle":
            facts["milliseconds"] = clicks(page, count)
        else:
            training = trainings[name]
            training.wake()
            time.sleep(1)
            before, began = training.done, time.monotonic()
            facts["milliseconds"] = clicks(page, count)
            facts["images_per_second"] = (training.done - before) / (time.monotonic() - began)
            training.pause()
        append_line(LINES, facts)
        print(f"round {number + 1}: {name}: {statistics.median(facts['milliseconds']):.0f} ms", flush=True)


def table(wanted: argparse.Namespace) -> str:
    taken: dict[str, list[float]] = {}
    speed: dict[str, list[float]] = {}
    for event in lines(LINES):
        taken.setdefault(event["way"], []).extend(event["milliseconds"])
        if "images_per_second" in event:
            speed.setdefault(event["way"], []).append(event["images_per_second"])
    idle = statistics.median(taken["idle"])
    out = [f"# A click on a picture while Model {wanted.model} trains at {wanted.size} pixels", ""]
    out += ["| | click, ms (median) | times idle | p90, ms | training, images/s |", "|---|---:|---:|---:|---:|"]
    for way in ("idle", *WAYS):
        times = sorted(taken[way])
        rate = f"{statistics.median(speed[way]):.0f}" if way in speed else "–"
        middle, late = statistics.median(times), times[int(0.9 * len(times))]
        out.append(f"| {way} | {middle:.0f} | {middle / idle:.2f} | {late:.0f} | {rate} |")
    out += ["", f"{len(taken['idle'])} clicks each, in turns; images/s while somebody clicks all the time."]
    return "\n".join([*out, "", f"{time.strftime('%Y-%m-%d')}, {_machine.facts()}", ""])


def rounds_done() -> set[int]:
    """The rounds of which every way was measured."""
    seen = [event["round"] for event in lines(LINES)]
    return {number for number in seen if seen.count(number) > len(WAYS)}


def measure(wanted: argparse.Namespace, home: Home) -> None:
    from playwright.sync_api import sync_playwright

    print("Drawing and embedding the sample ...", flush=True)
    Workbench(home).run("sample", name=SAMPLE)
    config = {"model": wanted.model, "size": wanted.size, "batch": 16, "epochs": 10_000, "probe": 0}
    with ExitStack() as started:
        trainings = {
            way: started.enter_context(
                training(home, home.root / f"training-{number}", way, config | {"name": f"run-{number}"})
            )
            for number, way in enumerate(WAYS)
        }
        url = started.enter_context(server(PROJECT / "app.py", BENZER_HOME=str(home.root)))
        playwright = started.enter_context(sync_playwright())
        page = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]).new_page()
        page.goto(f"{url}/?collection={SAMPLE}&q=30")
        page.locator(TILES).nth(7).wait_for(timeout=120_000)
        for number in sorted(set(range(wanted.rounds)) - rounds_done()):
            one_round(page, trainings, wanted.clicks, number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", type=int, default=2)
    parser.add_argument("--size", type=int, default=160)
    wanted = parser.parse_args()
    if sys.platform != "linux" or not Path(CHROMIUM).exists():
        print(f"This needs Linux and a browser at {CHROMIUM}; nothing was measured.")
        return
    LINES.parent.mkdir(exist_ok=True)
    if not set(range(wanted.rounds)) <= rounds_done():
        with tempfile.TemporaryDirectory() as temporary:
            measure(wanted, Home(Path(temporary)))
    found = table(wanted)
    print(found)
    (HERE / "results" / "clicks.md").write_text(found, encoding="utf-8")
    LINES.unlink()


if __name__ == "__main__":
    main()
