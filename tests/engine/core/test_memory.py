"""How much memory is free, and what is said where it is not enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core import memory
from engine.core.errors import OutOfMemory


def test_free_memory_is_less_than_all_and_can_be_had() -> None:
    free = memory.free_memory()
    assert free is not None
    assert 1 << 20 < free < 1 << 50
    memory.check_memory(1 << 20, "Little")
    with pytest.raises(OutOfMemory, match="Much needs 1,073,741,824 MB of memory, and only "):
        memory.check_memory(1 << 50, "Much")


def test_what_the_system_says_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "meminfo"
    said.write_text("MemTotal: 99 kB\nMemAvailable:   12 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", said)
    assert memory.free_memory() == 12 * 1024
    said.write_text("nothing known")
    assert (memory.free_memory() or 0) > 1 << 20
