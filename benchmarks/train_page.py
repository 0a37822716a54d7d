"""What an open Train page costs the server while a training runs.

    python -m benchmarks.train_page [--seconds 60] [--epoch 7]

Seconds of processor time of the server's process, without and with the page open in a real browser. The training only
reports: five times a second how far it is and, every `--epoch` seconds, an epoch with its neighbours and
reconstructions, in the files of a real one; it computes nothing, so that the figures are those of the page alone.
Needs a browser ($BENZER_CHROMIUM). Writes benchmarks/results/train-page.md.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from PIL import Image

from benchmarks import _machine
from benchmarks._page import markdown
from benchmarks._server import CHROMIUM, server
from engine.core.home import PROJECT, Home
from engine.core.humanize import percent
from engine.core.progress import Reporter
from engine.core.storage import write_json
from engine.runs import listing as runs
from engine.runs.epochs import Watch
from engine.training import TrainingConfig
from engine.training.config import with_defaults
from engine.workbench.workbench import Workbench

RESULTS = Path(__file__).resolve().parent / "results" / "train-page.md"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SAMPLE = "animal-faces"
EPOCHS, STARTED, STEP, PROBE = 400, 40, 0.2, 256  # epochs planned, and done before the page is opened
SETTLED, IDLE = 12, 0.02  # seconds after the page is there; share of a core that an idle server uses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--epoch", type=float, default=7.0)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = report(Path(folder), wanted.seconds, wanted.epoch)
    print(text)
    RESULTS.write_text(text, encoding="utf-8")


def report(home: Path, seconds: int, epoch: float) -> str:
    """The table, with the machine it was measured on."""
    Workbench(Home(home)).run("sample", name=SAMPLE)
    rows = [["training", "nobody looks", "one open page", "the page alone, of one core"]]
    for objective in ("contrastive", "autoencoding"):
        with server(PROJECT / "app.py", BENZER_HOME=str(home)) as url:
            wait_until_idle(server_of(url))  # it loads and compiles ahead as long as nothing else works
            with reporting(home, objective, epoch):
                alone, watched = measured(url, seconds)
        share = (watched - alone) / seconds
        rows.append([objective, f"{alone:.2f} s", f"{watched:.2f} s", percent(share, 1)])
    return (
        "# What an open Train page costs\n\n"
        f"{_machine.facts()}\n\n`python -m benchmarks.train_page --seconds {seconds} --epoch {epoch:g}`: processor "
        f"seconds of the server in {seconds} s, beside a training that ends an epoch every {epoch:g} s and only "
        f"reports.\n\n{markdown(rows)}\n"
    )


# ── a training that only reports ─────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def reporting(home: Path, objective: str, epoch: float) -> Iterator[None]:
    """A training of that objective in a process of its own, until the block is left."""
    begun = multiprocessing.Event()
    process = multiprocessing.Process(target=report_only, args=(home, objective, epoch, begun), daemon=True)
    process.start()
    try:
        begun.wait()
        yield
    finally:
        process.kill()
        process.join()


def report_only(home: Path, objective: str, epoch: float, begun: Any) -> None:
    bench = Workbench(Home(home))
    collection = bench.collection(SAMPLE)
    config = TrainingConfig.from_dict(with_defaults({"objective": objective, "epochs": EPOCHS}))
    facts = {"name": SAMPLE, "title": collection.title, "fingerprint": collection.fingerprint()}
    run = runs.create(bench.home, f"of-{objective}", config.as_dict(), {"collection": facts, "images": len(collection)})
    job = bench.home.jobs / f"{time.strftime('%Y%m%d-%H%M%S')}-000-train"
    job.mkdir(parents=True)
    arguments = {"collection": SAMPLE, "config": config.as_dict(), "home": str(home)}
    write_json(job / "config.json", {"kind": "train", "title": "Training", "arguments": arguments, "started": 0.0})
    with FileLock(job / "lock"), run.training(job=job.name):
        (job / "pid").write_text(str(os.getpid()))
        ids, watch = collection.images().ids[:PROBE], Watch(run.folder / "watch")
        watch.begin(ids, "precision@8", 0.1, ids[:6].tolist(), strip())
        reporter, began = Reporter(job), time.monotonic()
        for number in range(EPOCHS + 1):
            end_epoch(run, watch, ids, number, reconstructs=config.reconstructs)
            if number == STARTED:
                begun.set()
                began = time.monotonic()
            while number >= STARTED and time.monotonic() < began + (number - STARTED + 1) * epoch:
                share = (time.monotonic() - began) / epoch % 1
                note = f"epoch {number + 1} of {EPOCHS} · loss {1 / (number + 1):.5f}"
                reporter.update("Training", int(600 * (number + share)), 600 * EPOCHS, note=note)
                time.sleep(STEP)


def end_epoch(run: Any, watch: Watch, ids: Any, number: int, *, reconstructs: bool) -> None:
    chance = np.random.default_rng(number)
    facts = {"train": 1 / (number + 1), "rate": 0.001, "images_per_second": 90.0, "seconds": 7.0} if number else {}
    more = {"validation": 1 / (number + 1), "mse": 0.1, "ssim": 0.2} if reconstructs else {"recognition": 0.8}
    neighbours = np.stack([chance.choice(ids, 8) for _ in ids])
    watch.note(number, neighbours, strip() if reconstructs else b"")
    run.note(epoch=number, retrieval=0.5, best=number > 0, **facts, **more)


def strip() -> bytes:
    """Six pictures side by side, with detail."""
    chance, out = np.random.default_rng(0), io.BytesIO()
    small = Image.fromarray(chance.integers(0, 256, (16, 96, 3), np.uint8))
    small.resize((768, 128), Image.Resampling.BICUBIC).save(out, "WEBP", quality=80)
    return out.getvalue()


# ── what it costs ────────────────────────────────────────────────────────────────────────────────────────────────────


def measured(url: str, seconds: int) -> tuple[float, float]:
    """Processor seconds of the server without and with an open page."""
    process = server_of(url)
    with page(url):  # once without counting: imports, and what is compiled first
        time.sleep(SETTLED)
    time.sleep(SETTLED)
    alone = used_in(process, seconds)
    with page(url):
        time.sleep(SETTLED)
        return alone, used_in(process, seconds)


def wait_until_idle(process: int) -> None:
    idle = 0
    while idle < 3:  # in a row: on a busy computer what it loads comes in starts
        idle = idle + 1 if used_in(process, SETTLED) <= IDLE * SETTLED else 0


def used_in(process: int, seconds: int) -> float:
    before = processor_seconds(process)
    time.sleep(seconds)
    return processor_seconds(process) - before


def processor_seconds(process: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def server_of(url: str) -> int:
    """The process that was started to listen at this address."""
    port = url.rpartition(":")[2]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if "--server.port" in words and words[words.index("--server.port") + 1] == port:
            return int(folder.name)
    raise RuntimeError(f"There is no server at {url}.")


@contextmanager
def page(url: str) -> Iterator[Any]:
    """The Train page in a browser of its own, until the block is left."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.set_default_timeout(180_000)
        opened.goto(f"{url}/train?collection={SAMPLE}")
        opened.get_by_text("Runs in the background").wait_for()
        yield opened
        browser.close()


if __name__ == "__main__":
    main()
