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
    with pytest.raises(OutOfMemory, match=r"Much needs 1,125,899\.9\xa0GB of memory, and only "):
        memory.check_memory(1 << 50, "Much")


def test_what_the_system_says_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "meminfo"
    said.write_text("MemTotal: 99 kB\nMemAvailable:   12 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", said)
    monkeypatch.setattr(memory, "_OWN_GROUPS", tmp_path / "none")
    assert memory.free_memory() == 12 * 1024
    said.write_text("nothing known")
    assert (memory.free_memory() or 0) > 1 << 20


@pytest.mark.parametrize("own", ["0::/", "0::/pod/one", "12:cpu:/x\n0::/pod/one"])
def test_the_limit_of_a_container_counts(own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = tmp_path / "cgroup"
    (groups / "pod" / "one").mkdir(parents=True)
    (groups / "pod" / "one" / "memory.max").write_text("max\n")
    for place, most in ((groups, 9000), (groups / "pod", 8000)):
        (place / "memory.max").write_text(f"{most}\n")
        (place / "memory.current").write_text("5000\n")
        (place / "memory.stat").write_text("anon 4000\ninactive_file 600\n")
    said = tmp_path / "self"
    said.write_text(own + "\n")
    monkeypatch.setattr(memory, "_GROUPS", groups)
    monkeypatch.setattr(memory, "_OWN_GROUPS", said)
    assert memory.free_memory() == (3600 if "pod" in own else 4600)


def test_the_limit_of_a_container_of_old_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group = tmp_path / "cgroup" / "memory" / "docker" / "a1"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("9000")
    (group / "memory.usage_in_bytes").write_text("8000")
    (group / "memory.stat").write_text("total_inactive_file 50")
    said = tmp_path / "self"
    said.write_text("9:memory:/docker/a1\n3:cpu,cpuacct:/docker/a1\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "_OWN_GROUPS", said)
    assert memory.free_memory() == 1050
