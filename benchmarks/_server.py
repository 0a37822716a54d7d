"""A page of Streamlit as a process of its own, for what is timed in a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks._children import child, end_jobs

CHROMIUM = os.environ.get("BENZER_CHROMIUM", "/usr/bin/chromium")


@contextmanager
def server(script: Path, **environment: str) -> Iterator[str]:
    """The script as a person starts it, in a session of its own; its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    url = f"http://localhost:{port}"
    try:
        with child(command, env=os.environ | environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT):
            _wait_for(url)
            yield url
    finally:
        if "BENZER_HOME" in environment:
            end_jobs(Path(environment["BENZER_HOME"]))


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The server at {url} does not answer.")
