"""What the benchmark of a million pictures is made of."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks._memory import measured, memory
from benchmarks._thumbnails import KINDS, SIDE, draw, pictures


def test_the_same_block_has_the_same_pictures_and_some_are_there_twice() -> None:
    once, other = list(pictures(0)), list(pictures(1))
    assert once == list(pictures(0))
    assert once[1] == once[0]
    assert len(set(once)) == 990
    assert not set(once) & set(other)
    near, of = (np.asarray(Image.open(io.BytesIO(once[number])), float) for number in (51, 50))
    assert near.shape == (SIDE, SIDE, 3)
    assert 4 < (near - of).mean() < 20


def test_drawing_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    draw(tmp_path, 30)
    first = sorted(path.name for path in tmp_path.rglob("*.jpg"))
    assert len(first) == 30
    stamp = (tmp_path / "kind-000" / "0000000.jpg").stat().st_mtime_ns
    draw(tmp_path, 30)
    assert (tmp_path / "kind-000" / "0000000.jpg").stat().st_mtime_ns == stamp
    assert len(list(tmp_path.iterdir())) == KINDS


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_ends_while_memory_is_counted_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux says of some that they are no longer there, of others that they never were."""
    real = os.stat

    def ended(path: object, *how: object, **more: object) -> os.stat_result:
        if str(path).endswith("/stat"):
            raise ProcessLookupError(path)
        return real(path, *how, **more)  # type: ignore[arg-type,call-overload,no-any-return]

    monkeypatch.setattr(os, "stat", ended)
    assert memory(os.getpid())[0] > 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_of_a_program_with_its_children() -> None:
    own, resident = memory(os.getpid())
    assert 10 < own < resident
    hungry = "b = bytearray(200 << 20); print(flush=True); input()"
    above = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hungry!r}])"
    with subprocess.Popen([sys.executable, "-c", above], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        assert memory(program.pid)[0] > 200
        program.communicate(b"\n")
    assert measured([sys.executable, "-c", "import time; time.sleep(0.2)"]).seconds > 0.2
    with pytest.raises(RuntimeError):
        measured([sys.executable, "-c", "raise SystemExit(3)"])
