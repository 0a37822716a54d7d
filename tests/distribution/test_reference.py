"""The reference of the Python API is generated, and names what programs import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.distribution.conftest import ROOT

pytestmark = pytest.mark.slow


def test_the_reference_has_every_public_name(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "distribution" / "reference.py"), str(tmp_path / "site")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "benzer.html").read_text(encoding="utf-8")
    for name in ("Workbench", "Recipe", "Query", "Answer", "Example", "ExperimentPlan", "StudyPlan"):
        assert f'id="{name}"' in page, name
    assert 'id="Workbench.search"' in page
    notebook = (tmp_path / "site" / "benzer" / "engine" / "workbench" / "notebook.html").read_text(encoding="utf-8")
    for method in ("encode", "import_folder", "export", "add_encoder", "prepare"):
        assert f'id="NotebookMethods.{method}"' in notebook, method
    assert "from engine" not in page
    assert str(tmp_path) not in page
