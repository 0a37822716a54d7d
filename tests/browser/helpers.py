"""What the browser tests share: the server as a process, drawn pictures, a name that must never be interpreted."""

from __future__ import annotations

import io
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("BENZER_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
HOSTILE = "=1+1 <b>bold</b> **md** $x^2$ :smile: [l](x) `c` www.example.com"


class Server:
    """The app, or another script, started as a person would start it."""

    def __init__(self, home: Path, log: Path, script: str = "app.py") -> None:
        self.home, self.log = home, log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://localhost:{self.port}"
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(self.port)],
            cwd=ROOT,
            env=os.environ | {"BENZER_HOME": str(home), "BENZER_ROOTS": str(home / "pictures")},
            stdout=log.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(self.log.read_text())

    def stop(self) -> None:
        from engine.jobs import jobs

        for job in jobs(self.home / "jobs"):
            if job.alive:
                job.stop()
                job.wait(20)
        self.process.terminate()
        self.process.wait(20)


def drawn_picture(seed: int, hue: str) -> bytes:
    """A small picture of a few blobs in shades of one colour, as PNG."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (96, 96), hue)
    pen = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y, r = chance.randrange(96), chance.randrange(96), chance.randrange(6, 30)
        pen.ellipse([x - r, y - r, x + r, y + r], fill=tuple(chance.randrange(256) for _ in range(3)))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
