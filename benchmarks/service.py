"""How long does the local service take to answer, alone and with many clients at once?

    python -m benchmarks.service [--requests 400]

The sample that ships ready to search, asked over HTTP for the eight nearest of stored pictures (no network runs) and of
sent pictures (one runs each time), by 1, 8 and 32 clients, and by 200 that all ask at once. Writes
benchmarks/results/service.md.
"""

from __future__ import annotations

import argparse
import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks import _machine
from benchmarks._children import child
from engine.core.home import Home
from engine.core.tables import text_table
from engine.workbench.workbench import Workbench

RESULT = Path(__file__).resolve().parent / "results" / "service.md"
TOKEN = "a token for this measurement"  # noqa: S105 - of a server that lives for minutes, on this computer alone
PORT = 8612
CLIENTS = (1, 8, 32, 200)
_START = 120.0  # seconds that the service may take to answer


@contextmanager
def served(home: Path) -> Iterator[None]:
    """The service on a home, in a process of its own."""
    variables = os.environ | {"BENZER_HOME": str(home), "BENZER_API_TOKEN": TOKEN}
    command = [sys.executable, "-m", "engine", "serve", "--api", "--port", str(PORT)]
    with child(command, env=variables, stdout=subprocess.DEVNULL):
        end = time.monotonic() + _START
        while time.monotonic() < end:
            try:
                ask("GET", "/openapi.json")
                break
            except OSError:
                time.sleep(0.2)
        yield


def ask(method: str, path: str, body: bytes | None = None, kind: str = "") -> float:
    """The milliseconds until the whole answer is there; an error status is an error."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=300)
    headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Content-Type": kind} if kind else {})
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    return 1000 * (time.perf_counter() - began)


def measured(one: Callable[[int], float], clients: int, requests: int) -> list[object]:
    """Clients, requests a second, and the milliseconds of half, 95 % and all of the requests."""
    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        times = sorted(pool.map(one, range(requests)))
    rate = requests / (time.perf_counter() - began)
    return [clients, round(rate, 1), *(round(x, 1) for x in (statistics.median(times), _share(times, 0.95), times[-1]))]


def _share(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(share * len(times)))]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--requests", type=int, default=400)
    requests = words.parse_args().requests
    with tempfile.TemporaryDirectory(prefix="benzer-service-") as folder:
        bench = Workbench(Home(Path(folder)))
        name = bench.add_sample()
        collection = bench.collection(name)
        ids = collection.images().ids.tolist()
        picture = collection.picture(ids[0])

        def stored(number: int) -> float:
            return ask("GET", f"/collections/{name}/pictures/{ids[number % len(ids)]}/neighbours?k=8")

        def sent(number: int) -> float:
            return ask("POST", f"/collections/{name}/search?k=8", picture, "image/png")

        rows = []
        with served(Path(folder)):
            for title, one in (("by id", stored), ("by picture", sent)):
                one(0)
                rows += [[title, *measured(one, clients, requests)] for clients in CLIENTS]
    header = ["search", "clients", "requests/s", "median ms", "95 % ms", "longest ms"]
    text = (
        f"{len(ids):,} pictures, {requests} requests each. {_machine.facts()}\n\n```\n{text_table(header, rows)}\n```\n"
    )
    RESULT.write_text("# The local service\n\n" + text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
