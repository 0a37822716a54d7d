"""Where networks run and in which precision: chosen once, and shown to the user.

The hardware decides the precision unless BENZER_PRECISION sets it: float32 is the reference, the same on every machine
up to rounding; bfloat16 reproduces results of hardware with native bfloat16 products.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from engine.core.errors import BadParameter

if TYPE_CHECKING:
    import torch


PRECISIONS = ("float32", "bfloat16")
_VARIABLE = "BENZER_PRECISION"


@dataclass(frozen=True)
class Device:
    """A device: its `name` in torch ("cpu", "cuda"), the precision of its products, a title to display."""

    name: str
    dtype: torch.dtype
    title: str

    @property
    def precision(self) -> str:
        """The name of the precision: float32 or bfloat16."""
        return _short(self.dtype)

    @property
    def reduced(self) -> bool:
        """Whether the precision is lower than float32."""
        return self.dtype.itemsize < 4


def device(precision: str = "") -> Device:
    """CUDA if available, else the CPU; in the requested precision, else the best for the hardware.

    The first device in float32 on CUDA turns TF32 off for the process, so that float32 means the same everywhere.

    Args:
        precision: for this work alone; "" for that of the process.

    Raises:
        BadParameter: BENZER_PRECISION names no precision.
    """
    return _device(precision or asked_precision())


def asked_precision() -> str:
    """The precision set by BENZER_PRECISION, "" if the hardware decides."""
    asked = os.environ.get(_VARIABLE, "")
    if asked and asked not in PRECISIONS:
        raise BadParameter(_VARIABLE, "the environment", "one of " + ", ".join(PRECISIONS), asked)
    return asked


@contextmanager
def precision_asked_for(name: str | None) -> Iterator[None]:
    """Let this process and its children compute in the named precision inside the context; None changes nothing."""
    former = os.environ.get(_VARIABLE)
    if name is not None:
        os.environ[_VARIABLE] = name
    try:
        yield
    finally:
        if former is not None:
            os.environ[_VARIABLE] = former
        elif name is not None:
            del os.environ[_VARIABLE]


@cache
def _device(asked: str) -> Device:
    import torch

    if torch.cuda.is_available():
        dtype = _dtype(asked, torch.cuda.is_bf16_supported(including_emulation=False))
        if dtype == torch.float32:
            _forbid_tf32()
        return Device("cuda", dtype, f"{torch.cuda.get_device_name()}, {_short(dtype)}")
    dtype = _dtype(asked, _processor_has_bf16())
    threads = torch.get_num_threads()
    return Device("cpu", dtype, f"processor with {threads} thread{'s' * (threads != 1)}, {_short(dtype)}")


def _forbid_tf32() -> None:
    """Keep convolutions in float32 on the GPU: by default cuDNN rounds what they multiply to 10 bits.

    It holds for the whole process from then on, as PyTorch knows no narrower setting that is safe with threads. Work in
    bfloat16 is not affected.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False


def _dtype(asked: str, native: bool) -> torch.dtype:
    import torch

    reduced = asked == "bfloat16" if asked else native
    return torch.bfloat16 if reduced else torch.float32


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _processor_has_bf16() -> bool:
    """Whether the CPU multiplies bfloat16 natively (AVX-512 BF16 or AMX); emulation would be slower."""
    import torch

    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


@cache
def keep_freed_memory() -> None:
    """Let the C library keep large freed blocks for the next batch instead of returning them (Linux, glibc).

    Networks on the CPU allocate and free the same hundred megabytes for every batch; without this, page faults cost a
    fifth to a third of the training time (measured: Model 2, 224 pixels, 21 → 29 images/s).
    """
    no_mmap, trim_never, grow_by = (-4, 0), (-1, -1), (-2, 64 << 20)  # M_MMAP_MAX, M_TRIM_THRESHOLD, M_TOP_PAD
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            libc = ctypes.CDLL("libc.so.6")
            for option, value in (no_mmap, trim_never, grow_by):
                libc.mallopt(option, value)
