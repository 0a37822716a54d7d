"""Fetching the weights of ready-made networks."""

from __future__ import annotations

import http.server
import io
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.cli import parser
from engine.core.errors import BenzerError, Corrupt, Offline
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import BACKBONES, Backbone
from tests.engine.encoders.networks.conftest import SMALL, random_weights


class Server(http.server.ThreadingHTTPServer):
    data = b""
    breaks: list[int]
    asked: list[str]

    def handle_error(self, *_: object) -> None:
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-") or 0)
        rest = self.server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[: self.server.breaks.pop(0) if self.server.breaks else len(rest)])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Backbone]]:
    """A server with weights for SqueezeNet 1.1, and the line of the table that points there, pinned by eight digits."""
    import hashlib

    from engine.encoders.networks import table as backbones

    out = io.BytesIO()
    torch.save(random_weights(SMALL), out)
    server = Server(("127.0.0.1", 0), Handler)
    server.data, server.breaks, server.asked = out.getvalue(), [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    digits = hashlib.sha256(server.data).hexdigest()[:8]
    network = replace(SMALL, file=f"squeezenet1_1-{digits}.pth")
    monkeypatch.setattr(backbones, "_SERVER", f"http://127.0.0.1:{server.server_port}/")
    monkeypatch.setitem(BACKBONES, SMALL.name, network)
    yield server, network
    server.shutdown()
    server.server_close()


def test_fetched_once_and_resumed(served: tuple[Server, Backbone], home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server, network = served
    server.breaks = [1_000_000]
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert parser.main(["weights", "fetch", SMALL.name]) == 1
    assert parser.main(["weights", "fetch", SMALL.name]) == 0
    assert server.asked == ["", "bytes=1000000-"]
    assert parser.main(["weights", "fetch", SMALL.name]) == 0
    assert len(server.asked) == 2
    card = pretrained.card(home, network)
    assert card
    assert card.source_sha256.startswith(network.digits)
    assert list((home.pretrained / "downloads").iterdir()) == []
    open_encoder(SMALL.name, "", home)
    (home.pretrained / card.file).write_bytes(b"rot")
    assert pretrained.fetch(home, network, Reporter()) == card  # damaged ones are fetched again
    open_encoder(SMALL.name, "", home)


def test_the_full_digest_counts_from_the_second_time_on(served: tuple[Server, Backbone], home: Home) -> None:
    """A file with the same eight digits and another rest: stood in for by a card that remembers another rest."""
    from dataclasses import asdict

    from engine.core.storage import write_json

    _, network = served
    card = pretrained.fetch(home, network, Reporter())
    (home.pretrained / card.file).unlink()
    other = replace(card, source_sha256=card.source_sha256[:8] + "0" * 56)
    write_json(home.pretrained / f"{network.name}.json", asdict(other))
    with pytest.raises(Corrupt, match="checksum differs"):
        pretrained.fetch(home, network, Reporter())


@pytest.mark.parametrize("change", ["flip", "zero", "swap"])
def test_a_poisoned_server(change: str, served: tuple[Server, Backbone], home: Home) -> None:
    server, network = served
    whole = server.data
    server.data = {"flip": b"Q" + whole[1:], "zero": bytes(len(whole)), "swap": whole[::-1]}[change]
    with pytest.raises(Corrupt, match="checksum differs"):
        pretrained.fetch(home, network, Reporter())
    assert not pretrained.ready(home, network)


def test_offline_is_one_sentence_within_five_seconds(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.encoders.networks import table as backbones

    silent = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(backbones, "_SERVER", f"http://127.0.0.1:{silent.getsockname()[1]}/")
    began = time.monotonic()
    with pytest.raises(Offline, match="could not be downloaded") as caught:
        pretrained.fetch(home, SMALL, Reporter())
    assert time.monotonic() - began < 5
    assert f"weights add {SMALL.name} FILE" in caught.value.way_out
    silent.close()


def test_the_commands(home: Home, weights_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert parser.main(["weights", "add", SMALL.name, str(weights_file)]) == 0
    assert parser.main(["weights"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert "ready" in lines[SMALL.name]
    assert "not here" in lines["vgg-16"]
    for words in (["add", SMALL.name], ["fetch"], ["fetch", "nobody"], ["add", SMALL.name, "/nowhere.pth"]):
        assert parser.main(["weights", *words]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert parser.main(["weights", "delete", SMALL.name, "--yes"]) == 0


def test_the_page_offers_to_fetch(home: Home) -> None:
    from engine.workbench.job_kinds import title_of
    from engine.workbench.workbench import Workbench

    assert title_of("fetch", {"recipe": {"encoder": "resnet-50"}, "home": str(home.root)}) == "Downloading ResNet-50"
    bench = Workbench(home)
    with pytest.raises(BenzerError):
        bench.run("fetch", network="resnet-51")
