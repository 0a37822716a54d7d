"""The names of modules in the installed package."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "distribution"))
import layout  # noqa: E402


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package") / layout.PACKAGE
    layout.write_package(ROOT, folder)
    return folder


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from engine.core import home", "from benzer.engine.core import home"),
        ("from engine import VERSION", "from benzer.engine import VERSION"),
        ("    import engine.runs.run as runs", "    import benzer.engine.runs.run as runs"),
        ("from models.specs import SPECS", "from benzer.models.specs import SPECS"),
        ("import modelscope", "import modelscope"),
        ("from uids import ui", "from uids import ui"),
        ('_PROGRAM = "engine.collections.reading.worker"', '_PROGRAM = "benzer.engine.collections.reading.worker"'),
        ('"Run: python -m engine embed"', '"Run: benzer embed"'),
        ("python -m engine.runs.shipping RUN", "python -m benzer.engine.runs.shipping RUN"),
        ('["python", "-m", "engine", "search"]', '["benzer", "search"]'),
        ('[sys.executable, "-m", "engine", "work"]', '[sys.executable, "-m", "benzer", "work"]'),
        ("engine.models", "engine.models"),
        ('"https://example.org/models/"', '"https://example.org/models/"'),
    ],
)
def test_names_are_changed_where_they_are_ours(code: str, expected: str) -> None:
    assert layout.renamed(code) == expected


def test_no_module_is_left_under_a_former_name(package: Path) -> None:
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            assert not {name.partition(".")[0] for name in names} & set(layout.PACKAGES), f"{path}:{node.lineno}"
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                former = r"engine$|(engine|models|ui)(\.[a-z_]+)+$|.*\bpython -m engine"
                assert not re.match(former, node.value), f"{path}:{node.lineno}"


def test_every_file_of_the_packages_is_shipped(package: Path) -> None:
    for name in layout.PACKAGES:
        for path in (ROOT / name).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (package / path.relative_to(ROOT)).is_file(), path
    assert (package / "weights" / "default" / "weights.safetensors").stat().st_size > 1_000_000
    assert (package / ".streamlit" / "config.toml").is_file()
