"""Files of vectors that claim, or unpack to, more than memory has room for are refused before they are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from engine.core import memory
from engine.core.errors import BadParameter, OutOfMemory
from engine.encoders.imported_vectors import _checked
from engine.encoders.vectors.files import Part, array_in, table_in


def test_a_small_parquet_file_of_many_equal_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {f"v{number}": np.zeros(200_000) for number in range(20)}
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"name": [f"{n % 7}.png" for n in range(200_000)]} | columns), path)
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(memory, "free_memory", lambda: 16_000_000)
    with pytest.raises(OutOfMemory, match=r"a\.parquet needs 33\.6\xa0MB of memory, and only 16\.0\xa0MB are free"):
        table_in(Part(path.name, path))


def test_numbers_that_must_be_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda: 1 << 20)
    with pytest.raises(OutOfMemory, match=r"a\.npy needs 4\.0\xa0MB"):
        _checked(np.zeros((1000, 1000), np.uint8), "a.npy")
    assert _checked(np.zeros((1000, 1000), np.float32), "a.npy").shape == (1000, 1000)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("shape", [(10**9, 2000), (2**40, 2**40), (-1, 4)], ids=str)
def test_an_array_whose_header_lies(tmp_path: Path, shape: tuple[int, int]) -> None:
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        file.write(bytes(400))
    with pytest.raises(BadParameter, match=r"a whole \.npy file of numbers"):
        array_in(Part(path.name, path))
    with open(path, "rb") as file, pytest.raises(BadParameter, match=r"a whole \.npy file of numbers"):
        array_in(Part(path.name, file))
