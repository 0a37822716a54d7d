"""What a benchmark ran on, as one line to print beside its figures."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def facts(load: bool = True) -> str:
    """Processor, cores, memory, system, versions; the load of the machine when it was asked, unless it tells little."""
    import torch

    from engine.core.device import device

    now = f"load {os.getloadavg()[0]:.1f}" if load and hasattr(os, "getloadavg") else ""
    parts = [
        _processor(),
        f"{os.cpu_count()} cores",
        _memory(),
        platform.system(),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(filter(None, [*parts, f"torch {torch.__version__}", device().title, now]))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    known = next((line for line in lines if line.startswith("flags")), "")
    return name + "".join(f" {flag}" for flag in ("avx512_bf16", "amx_bf16") if f" {flag} " in known + " ")


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB"
    except (ValueError, OSError, AttributeError):
        return ""
