"""The wheel, built once, and a virtual environment that has it beside the packages of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "raise RuntimeError('a module of the user was imported')\n"


def build(root: Path, target: str, folder: Path) -> Path:
    """The wheel or the source distribution, built by the build backend without a network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=200)
    [built] = folder.iterdir()
    return built


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel; commands run in a folder with modules that are called like ours."""

    environment: Path
    folder: Path

    def command(self, program: str, *words: str) -> list[str]:
        return [str(self.environment / "bin" / program), *words]

    @property
    def variables(self) -> Mapping[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("BENZER_", "PYTHON"))}
        return kept | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data"), "OMP_NUM_THREADS": "1"}

    def run(self, program: str, *words: str) -> str:
        """What a command prints; it must succeed."""
        given = {"cwd": self.folder, "env": self.variables, "capture_output": True, "text": True, "timeout": 200}
        done = subprocess.run(self.command(program, *words), check=False, **given)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    there = folder / "lib" / version / "site-packages" / "other-packages.pth"
    there.write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    install = ["install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel)]
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), *install]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    return folder


@pytest.fixture
def installed(environment: Path, tmp_path: Path) -> Installed:
    for name in ("models", "engine", "ui"):
        (tmp_path / f"{name}.py").write_text(HOSTILE, encoding="utf-8")
    rng = np.random.default_rng(1)
    for label, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (tmp_path / "Pile" / label).mkdir(parents=True)
        for number in range(4):
            pixels = np.clip(rng.normal(colour, 20, (30, 30, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "Pile" / label / f"{number}.png")
    return Installed(environment, tmp_path)
