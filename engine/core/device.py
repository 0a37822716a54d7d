"""Where networks run and in which precision: chosen once, and shown to people."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Device:
    """A place to compute: `name` for torch ("cpu", "cuda"), the precision of its products, a title for people."""

    name: str
    dtype: torch.dtype
    title: str

    @property
    def reduced(self) -> bool:
        """Whether the precision is less than float32."""
        return self.dtype.itemsize < 4


@cache
def device() -> Device:
    """CUDA when there is a card, else the processor; bfloat16 where the hardware multiplies in it, else float32."""
    import torch

    if torch.cuda.is_available():
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
        return Device("cuda", dtype, f"{torch.cuda.get_device_name()}, {_short(dtype)}")
    dtype = torch.bfloat16 if _processor_has_bf16() else torch.float32
    threads = torch.get_num_threads()
    return Device("cpu", dtype, f"processor with {threads} thread{'s' * (threads != 1)}, {_short(dtype)}")


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _processor_has_bf16() -> bool:
    """Whether the processor has instructions for bfloat16 products (AVX-512 BF16 or AMX); emulated they are slower."""
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


@cache
def keep_freed_memory() -> None:
    """Let the C library keep large freed blocks for the next batch instead of giving them back (Linux, glibc).

    Networks on the processor free and take the same hundred megabytes for every batch; without this each of their pages
    is faulted in anew, a fifth to a third of the training time (measured: Model 2, 224 pixels, 21 → 29 images/s).
    """
    no_mmap, trim_never, grow_by = (-4, 0), (-1, -1), (-2, 64 << 20)  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL("libc.so.6")
            for option, value in (no_mmap, trim_never, grow_by):
                libc.mallopt(option, value)
