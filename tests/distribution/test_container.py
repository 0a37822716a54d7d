"""The Dockerfile: its style, what it must say, and that what is sent to the builder suffices."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.distribution.conftest import ROOT, build
from tests.distribution.test_wheel import files_of

DOCKERFILE = ROOT / "Dockerfile"


def instructions(name: str) -> list[str]:
    """What an instruction is given, each time it stands in the last stage."""
    last = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ").rpartition("\nFROM ")[2]
    return re.findall(rf"^{name} +(.+)$", last, re.MULTILINE)


def test_it_has_no_fault_that_hadolint_knows() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("hadolint"), DOCKERFILE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_serves_without_rights_of_root_and_keeps_what_it_stores() -> None:
    [user], [volume] = instructions("USER"), instructions("VOLUME")
    assert int(user) >= 1000
    assert volume == "/data"
    assert f"BENZER_HOME={volume}" in " ".join(instructions("ENV"))
    assert "/_stcore/health" in " ".join(instructions("HEALTHCHECK"))
    assert instructions("ARG") == ["TORCH=cpu"]
    assert '${TORCH:+"--torch-backend=${TORCH}"}' in " ".join(instructions("RUN"))


@pytest.mark.slow
def test_what_the_builder_is_sent_makes_the_whole_wheel(wheel: Path, tmp_path: Path) -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in (line[1:] for line in lines if line.startswith("!")):
        source, target = ROOT / name, tmp_path / "sent" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = shutil.copytree if source.is_dir() else shutil.copyfile
        copied(source, target)
    assert files_of(build(tmp_path / "sent", "wheel", tmp_path / "built")) == files_of(wheel)
