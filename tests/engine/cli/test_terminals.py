"""Terminals and pipes of another encoding get escapes, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from engine.core.home import PROJECT, Home
from engine.workbench import Workbench

NAME = "写真.png"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("terminals")
    (root / "pictures").mkdir()
    Image.new("RGB", (40, 40), (200, 30, 30)).save(root / "pictures" / NAME)
    Workbench(Home(root / "home")).run("import", source="folder", title="p", path=str(root / "pictures"))
    return root / "home"


def printed(home: Path, encoding: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    told = {**os.environ, "BENZER_HOME": str(home), "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "engine", *words]
    return subprocess.run(command, cwd=PROJECT, env=told, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_a_list_can_be_printed(kept: Path, encoding: str) -> None:
    shown = printed(kept, encoding, "list", "p")
    assert shown.returncode == 0, shown.stderr
    wanted = NAME if encoding == "utf-8" else NAME.encode("ascii", "backslashreplace").decode()
    assert wanted in shown.stdout.decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_json_stays_json(kept: Path, encoding: str) -> None:
    shown = printed(kept, encoding, "list", "p", "--json")
    assert json.loads(shown.stdout.decode(encoding))[0]["name"] == NAME


def test_errors_can_be_printed(kept: Path) -> None:
    shown = printed(kept, "ascii", "list", NAME)
    assert shown.returncode == 1
    assert b"Traceback" not in shown.stderr
