"""Downloads of files with a known hash: with progress, resumed after an interruption, verified at the end.

Nothing is unpacked or even opened before the whole file matches the pinned hash.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core.errors import Corrupt, Offline
from engine.core.progress import Reporter
from engine.core.storage import full_disk_named

CONNECT_SECONDS = 4.0  # name look-up included
STALL_SECONDS = 30.0
_BLOCK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file on the network: its address, its pinned hash, its approximate size, and what works without it.

    The pin is "md5:…" or "sha256:…"; if only the first digits are published, "sha256:0676ba61*" pins a prefix.
    """

    url: str
    pin: str
    megabytes: int
    otherwise: str = "The samples work without it."

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


def fetch(remote: Remote, folder: Path, reporter: Reporter) -> Path:
    """The file in `folder`, downloaded if absent; its hash is checked either way.

    Raises:
        Offline: the server is unreachable or the connection broke; the partial file is kept for the next attempt.
        Corrupt: the file does not match its pinned hash; it is deleted.
        StorageFull, Stopped.
    """
    target = folder / remote.name
    if target.exists() and fits(target, remote.pin):
        return target
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / (remote.name + ".part")
    with full_disk_named(remote.name):
        _download(remote, part, reporter)
    if not fits(part, remote.pin):
        part.unlink()
        raise Corrupt(
            f"{remote.url} did not deliver the expected file: its checksum differs. It was deleted.",
            way_out="Try again later; if this persists, the file on the server has changed.",
        )
    os.replace(part, target)
    return target


def fits(path: Path, pin: str) -> bool:
    """Whether the file has the pinned hash."""
    kind, _, wanted = pin.partition(":")
    with open(path, "rb") as file:
        # The publishers give MD5; it identifies the file, and nothing here relies on collision resistance.
        found = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest()
    return found.startswith(wanted[:-1]) if wanted.endswith("*") else found == wanted


def _download(remote: Remote, part: Path, reporter: Reporter) -> None:
    have = part.stat().st_size if part.exists() else 0
    try:
        response = _opened(remote, have)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing left to fetch, or a bad range: the hash decides
            return
        raise _offline(remote, f"the server answered {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _offline(remote, "there is no connection") from error
    with response:
        have = have if response.status == 206 else 0
        with open(part, "ab" if have else "wb") as file:
            _stream(remote, response, file, have, reporter)


def _stream(remote: Remote, response: Any, file: Any, have: int, reporter: Reporter) -> None:
    total = have + int(response.headers.get("Content-Length") or 0)
    expected = (remote.megabytes + 1) * 10**6  # its size is rounded
    limit = min(max(total, expected), 2 * expected)
    while True:
        try:
            block = response.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _offline(remote, "the connection broke off") from error
        if not block:
            break
        have += len(block)
        if have > limit:
            raise Corrupt(f"{remote.url} delivers a far larger file than expected.")
        file.write(block)
        reporter.update(f"Downloading {remote.name}", have // 10**6, max(total, have) // 10**6, "MB")
    if have < total:
        raise _offline(remote, "the connection broke off")


def _opened(remote: Remote, have: int) -> Any:
    request = urllib.request.Request(remote.url, headers={"User-Agent": "benzer"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    response = _within(CONNECT_SECONDS, lambda: urllib.request.urlopen(request, timeout=CONNECT_SECONDS))
    if request.type == "https" and not response.url.startswith("https:"):
        response.close()
        raise _offline(remote, "the server redirects to an unencrypted address")
    _be_patient(response)
    return response


def _be_patient(response: Any) -> None:
    # A slow server may pause between two blocks for longer than the time-out that detects a dead network.
    sock = getattr(getattr(response.fp, "raw", None), "_sock", None)
    if sock is not None:
        sock.settimeout(STALL_SECONDS)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The call's result, or TimeoutError: the system's name look-up may hang far longer than any socket time-out."""
    outcome: list[Any] = []

    def attempt() -> None:
        try:
            outcome.append((call(), None))
        except Exception as error:
            outcome.append((None, error))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError
    answer, error = outcome[0]
    if error is not None:
        raise error
    return answer


def _offline(remote: Remote, why: str) -> Offline:
    kind, _, digits = remote.pin.partition(":")
    checksum = f"{kind} {digits[:-1]}…" if digits.endswith("*") else f"{kind} {digits}"
    return Offline(
        f"{remote.url} ({checksum}) could not be downloaded: {why}.",
        way_out="Connect to the internet and start again: the part already downloaded is kept. " + remote.otherwise,
    )
