"""The published networks for texts on disk: the list of them, removing them, and which one a classifier needs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.cli.parser import main
from engine.core.errors import NoWeights
from engine.core.home import Home
from engine.encoders.networks.job import network_of
from engine.texts import published
from engine.workbench.job_kinds import title_of
from engine.workbench.workbench import Readiness, Workbench

NAME = "tiny-texts"
FILES = {"model.safetensors": b"weights", "vocab.txt": b"[PAD]\n[UNK]\n"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home without weights; the network `tiny-texts` is published, whose files are in FILES."""
    digests = [hashlib.sha256(data).hexdigest() for data in FILES.values()]
    network = replace(published.PUBLISHED["bert-base-uncased"], name=NAME, title="Tiny", sha256=digests[0], megabytes=7)
    monkeypatch.setitem(published.PUBLISHED, NAME, network)
    monkeypatch.setattr(published, "_VOCABULARY", f"sha256:{digests[1]}")
    monkeypatch.setenv("BENZER_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(published.FOLDER, raising=False)
    return Home(tmp_path / "home")


def put(folder: Path) -> Path:
    """The network's files in a folder of its name."""
    (folder / NAME).mkdir(parents=True)
    for name, data in FILES.items():
        (folder / NAME / name).write_bytes(data)
    return folder / NAME


def listed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["weights", "list", "--json"]) == 0
    return {row["network"]: row for row in json.loads(capsys.readouterr().out)}


def test_the_list_tells_of_them(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = listed(capsys)
    assert rows["mobilenet-v2"]["for"] == "pictures"
    assert {"all-minilm-l6-v2", "bert-base-uncased", NAME} <= {name for name in rows if rows[name]["for"] == "texts"}
    row = rows[NAME]
    assert (row["state"], row["MB to download"], row["licence"]) == ("not here", 7, "Apache-2.0")
    assert row["source"].startswith("https://")
    own = put(home.pretrained / "texts")
    assert (listed(capsys)[NAME]["state"], listed(capsys)[NAME]["source"]) == ("ready", row["source"])
    (own / "vocab.txt").write_bytes(b"another")
    assert listed(capsys)[NAME]["state"] == "damaged"
    assert main(["weights", "delete", NAME, "--yes"]) == 0
    assert "Deleted the weights of Tiny" in capsys.readouterr().out
    monkeypatch.setenv(published.FOLDER, str(tmp_path / "given"))
    given = put(tmp_path / "given")
    assert (listed(capsys)[NAME]["state"], listed(capsys)[NAME]["source"]) == ("ready", str(given))


def test_only_what_was_fetched_is_removed_and_nothing_is_added(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(published.FOLDER, str(tmp_path / "given"))
    given = put(tmp_path / "given")
    assert main(["weights", "delete", NAME, "--yes"]) == 0
    assert "No weights of Tiny were downloaded" in capsys.readouterr().out
    assert (given / "vocab.txt").exists()
    assert main(["weights", "add", NAME, str(given / "model.safetensors")]) == 1
    assert f"$BENZER_WEIGHTS/{NAME}" in capsys.readouterr().err


def test_what_is_whole_is_not_fetched_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    put(home.pretrained / "texts")
    assert main(["weights", "fetch", NAME]) == 0
    assert "The weights of Tiny are installed" in capsys.readouterr().out


def test_a_search_offers_to_fetch_what_its_classifier_reads_with(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoWeights) as caught:
        published.load(home, published.PUBLISHED[NAME])
    assert caught.value.megabytes == 7
    card = {"text": NAME, "picture": {"encoder": "mobilenet-v2", "weights": ""}}
    monkeypatch.setattr("engine.encoders.networks.job.classifier", lambda home, name: SimpleNamespace(card=card))
    arguments = {"recipe": {"encoder": "fused", "weights": "mine"}}
    assert network_of(arguments, home) == NAME
    put(home.pretrained / "texts")
    assert network_of(arguments, home) == "mobilenet-v2"
    card["picture"] = None
    assert network_of(arguments, home) == NAME
    assert title_of("fetch", {**arguments, "home": str(home.root)}) == "Downloading Tiny"


def test_the_way_out_of_a_classifier_without_its_weights(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.core.recipe import Recipe

    bench, network = Workbench(home), published.PUBLISHED[NAME]
    monkeypatch.setattr(bench, "collection", lambda name: None)
    monkeypatch.setattr(bench, "encoder", lambda recipe: published.load(home, network))
    found = bench.readiness(Recipe("shop", "fused", "mine"))
    assert found == Readiness(False, found.sentence, "fetch", megabytes=7)
    assert "The weights of Tiny (7 MB) are not on this computer yet." in found.sentence
