"""The wheel, installed: its commands work from any folder, beside modules of the user that are called like ours."""

from __future__ import annotations

import json
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

from engine import VERSION
from tests.distribution.conftest import ROOT, Installed, build

pytestmark = pytest.mark.slow


def files_of(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def test_one_name_is_taken_in_site_packages(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert tops == {"benzer", f"benzer-{VERSION}.dist-info"}


def test_the_package_says_what_it_needs(wheel: Path) -> None:
    metadata = zipfile.ZipFile(wheel).read(f"benzer-{VERSION}.dist-info/METADATA").decode()
    required = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for line in filter(None, (line.partition("#")[0].strip() for line in required)):
        assert f"requires-dist: {line.lower()}\n" in metadata.lower()
    for extra in ("ray", "words", "timm"):
        assert f"Provides-Extra: {extra}\n" in metadata


def test_a_source_distribution_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / f"benzer-{VERSION}", "wheel", tmp_path / "again")
    assert files_of(again) == files_of(wheel)


def test_it_says_its_version(installed: Installed) -> None:
    assert installed.run("benzer", "--version") == f"Benzer {VERSION}\n"
    assert installed.run("python", "-m", "benzer", "--version") == f"Benzer {VERSION}\n"
    assert installed.run("benzer", "--help").startswith("usage: benzer ")
    assert installed.run("python", "-c", "import benzer; print(benzer.__version__)") == f"{VERSION}\n"


def test_it_searches_beside_modules_that_are_called_alike(installed: Installed) -> None:
    assert "8 added" in installed.run("benzer", "import", "Pile")
    recipe = ["--encoder", "colour-histogram", "--pooling", "flatten", "--k", "3"]
    out = installed.run("benzer", "search", "--collection", "pile", *recipe, "--json", "Pile/red/1.png")
    answer = json.loads(out)
    assert [hit["label"] for hit in answer["hits"]] == ["red"] * 3
    assert (installed.folder / "data" / "benzer" / "datasets" / "pile").is_dir()


def test_modules_of_the_user_stay_the_users(installed: Installed) -> None:
    (installed.folder / "models.py").write_text("mine = 7\n", encoding="utf-8")
    code = "import benzer.models.specs, models; print(models.mine, len(benzer.models.specs.SPECS))"
    assert installed.run("python", "-c", code) == "7 4\n"


def test_the_public_names_are_there(installed: Installed) -> None:
    code = """
import sys, benzer
assert "torch" not in sys.modules and "benzer.engine.workbench" not in sys.modules
bench = benzer.Workbench()
collection = bench.import_folder("Pile")
assert len(collection.to_frame()) == 8
recipe = bench.prepare("pile/colour-histogram/flatten/euclidean/exact/3")
print(*bench.search(recipe, "Pile/red/1.png").to_frame()["label"])
assert all(getattr(benzer, name) for name in benzer.__all__)
assert benzer.indexes.LSH("cosine").name == "lsh"
"""
    assert installed.run("python", "-c", code) == "red red red\n"


def test_jobs_find_the_package(installed: Installed) -> None:
    code = """
import time
from benzer.engine.workbench.workbench import Workbench
job = Workbench().start("import", source="folder", title="Pile", path="Pile")
while job.alive or job.state in ("running", "waiting"): time.sleep(0.1)
print(job.state, len(Workbench().collection("pile")))
"""
    place = str(installed.folder / "Pile")
    assert installed.run("python", "-c", code.replace('path="Pile"', f"path={place!r}")) == "done 8\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_of(port: int, path: str, host: str = "localhost") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def healthy(port: int) -> bool:
    try:
        return answer_of(port, "/_stcore/health") == (200, "ok")
    except OSError:
        return False


def test_a_folder_in_place_of_a_command_is_prepared_and_shown(installed: Installed) -> None:
    port = free_port()
    command = installed.command("benzer", "Pile", "--port", str(port), "--no-browser")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=installed.folder, env=installed.variables, **pipes) as process:
        try:
            said = iter(process.stdout.readline, "")
            address = next(line for line in said if "Benzer is at" in line)
            assert f"http://localhost:{port}/?collection=pile " in address
            end = time.monotonic() + 100
            while not healthy(port) and time.monotonic() < end:
                time.sleep(0.2)
            assert answer_of(port, "/_stcore/health") == (200, "ok")
            assert "<title>" in answer_of(port, "/")[1]
            assert answer_of(port, "/", host="elsewhere.example")[0] in (400, 403)
        finally:
            process.terminate()
        assert process.wait(timeout=30) == 0
    assert not healthy(port)
