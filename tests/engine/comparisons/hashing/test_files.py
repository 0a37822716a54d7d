"""Files of vectors: what each form holds, and what is said of those that are not whole."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest

from engine.comparisons.hashing.files import read_vectors
from engine.core import memory
from engine.core.errors import BadParameter, MissingPackage, NotFound, OutOfMemory, Unreadable

VALUES = np.arange(60, dtype=np.float32).reshape(12, 5)


def records(values, kind):
    length = np.int32(values.shape[1]).tobytes()
    return b"".join(length + row.astype(kind).tobytes() for row in values)


@pytest.fixture
def hdf5(tmp_path):
    import h5py

    def write(**parts):
        path = tmp_path / "set.hdf5"
        with h5py.File(path, "w") as file:
            for name, value in parts.items():
                if name == "distance":
                    file.attrs[name] = value
                elif name == "packed":
                    file.create_dataset("train", data=value, compression="gzip")
                else:
                    file[name] = value
        return path

    return write


def test_npy_is_mapped_and_not_copied(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    found = read_vectors(tmp_path / "a.npy")
    assert isinstance(found.vectors, np.memmap)
    assert (found.title, found.queries, found.metric) == ("a", None, None)
    np.testing.assert_array_equal(found.vectors, VALUES)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float64, ">f4"])
def test_other_numbers_become_single_precision(tmp_path, kind):
    np.save(tmp_path / "a.npy", VALUES.astype(kind))
    found = read_vectors(tmp_path / "a.npy").vectors
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, VALUES)


def test_the_texmex_forms(tmp_path):
    (tmp_path / "a.fvecs").write_bytes(records(VALUES, "<f4"))
    (tmp_path / "b.bvecs").write_bytes(records(VALUES, np.uint8))
    for name in ("a.fvecs", "b.bvecs"):
        np.testing.assert_array_equal(read_vectors(tmp_path / name).vectors, VALUES)


@pytest.mark.parametrize("name", ["train", "packed"])
def test_ann_benchmarks_bring_queries_and_a_metric(hdf5, name):
    found = read_vectors(hdf5(**{name: VALUES, "test": VALUES[:3], "distance": "angular"}))
    assert found.metric == "cosine"
    assert isinstance(found.vectors, np.memmap) == (name == "train")
    np.testing.assert_array_equal(found.vectors, VALUES)
    np.testing.assert_array_equal(found.queries, VALUES[:3])


def test_hdf5_that_means_something_else(hdf5, tmp_path):
    import h5py

    with pytest.raises(BadParameter, match="one of euclidean, angular"):
        read_vectors(hdf5(train=VALUES, distance="jaccard"))
    with pytest.raises(BadParameter, match="one of euclidean, angular"):
        read_vectors(hdf5(train=VALUES, distance=np.array([1, 2])))
    with pytest.raises(BadParameter, match="train and"):
        read_vectors(hdf5(other=VALUES))
    with pytest.raises(BadParameter, match="numbers"):
        read_vectors(hdf5(train=np.array([b"a", b"b"])))
    with h5py.File(tmp_path / "link.hdf5", "w") as file:
        file["train"] = h5py.ExternalLink("set.hdf5", "/train")
    with pytest.raises(BadParameter, match="train and"):  # a link must not lead to another file
        read_vectors(tmp_path / "link.hdf5")


def test_cut_off_files_are_named(hdf5, tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    (tmp_path / "a.fvecs").write_bytes(records(VALUES, "<f4"))
    (tmp_path / "a.bvecs").write_bytes(records(VALUES, np.uint8))
    for path in (tmp_path / "a.npy", tmp_path / "a.fvecs", tmp_path / "a.bvecs", hdf5(packed=VALUES)):
        whole = path.read_bytes()
        for length in (0, 3, len(whole) - 1):
            path.write_bytes(whole[:length])
            with pytest.raises(Unreadable, match=f"{path.name} is cut off"):
                read_vectors(path)


def test_lengths_that_differ_are_refused(tmp_path):
    data = bytearray(records(VALUES, "<f4"))
    data[24:28] = np.int32(4).tobytes()  # the second record says that it is shorter
    (tmp_path / "a.fvecs").write_bytes(data)
    with pytest.raises(BadParameter, match="equal length"):
        read_vectors(tmp_path / "a.fvecs")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.where(VALUES == 7, np.nan, VALUES), "NaN or Inf in row 1"),
        (np.where(VALUES == 7, 1e39, VALUES.astype(np.float64)), "NaN or Inf in row 1"),
        (VALUES[0], r"\(n, d\)"),
        (VALUES[:0], r"\(n, d\)"),
        (VALUES.astype(np.complex64), "numbers"),
        (VALUES.astype(str), "numbers"),
    ],
)
def test_what_is_no_matrix_of_finite_numbers(tmp_path, values, said):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(BadParameter, match=said):
        read_vectors(tmp_path / "a.npy")


def test_objects_are_never_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(Unreadable, match=r"a\.npy"):
        read_vectors(tmp_path / "a.npy")


def test_other_files_and_none(tmp_path):
    (tmp_path / "a.txt").write_text("1 2 3")
    with pytest.raises(BadParameter, match=r"one of \.npy"):
        read_vectors(tmp_path / "a.txt")
    with pytest.raises(NotFound):
        read_vectors(tmp_path / "b.npy")


def test_queries_of_another_length(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    np.save(tmp_path / "q.npy", VALUES[:, :4])
    with pytest.raises(BadParameter, match="5, as of the vectors; got 4"):
        read_vectors(tmp_path / "a.npy").asked_with(read_vectors(tmp_path / "q.npy"))


def test_a_missing_library_is_named(hdf5, monkeypatch):
    path = hdf5(train=VALUES)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingPackage, match="pip install h5py"):
        read_vectors(path)


LAYOUTS = (
    {},
    {"chunks": (1000, 16)},
    {"chunks": (1000, 16), "compression": "gzip"},
    {"chunks": (7, 3), "shuffle": True},
)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("shape", [(10**9, 1900), (10**6, 1900)], ids=str)
@pytest.mark.parametrize("name", ["train", "test"])
def test_a_data_set_that_claims_more_than_the_file_holds(tmp_path, name, shape, layout):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        for one in ("train", "test"):
            if one == name:
                made = file.create_dataset(one, shape, "f4", **layout)
                if layout:
                    made[0, 0] = 1  # one chunk of many
            else:
                file[one] = VALUES
    with pytest.raises(Unreadable, match=f"The data set {name} of a.h5 claims {shape[0]:,} × {shape[1]:,} values"):
        read_vectors(tmp_path / "a.h5")


@pytest.mark.parametrize("dtype", ["<f4", "<f8", "u1"])
@pytest.mark.parametrize("layout", LAYOUTS[1:], ids=str)
def test_whole_data_sets_of_any_layout_are_read(tmp_path, layout, dtype):
    import h5py

    values = np.arange(2100 * 40).reshape(2100, 40) % 200
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("train", data=values.astype(dtype), **layout)
    np.testing.assert_array_equal(read_vectors(tmp_path / "a.h5").vectors, values)


def test_what_does_not_fit_into_memory_is_refused_with_both_numbers(tmp_path, hdf5, monkeypatch):
    monkeypatch.setattr(memory, "free_memory", lambda: 32_000_000)
    packed = hdf5(packed=np.zeros((100_000, 100), np.float32))
    assert packed.stat().st_size < 1 << 20
    with pytest.raises(OutOfMemory, match=r"set\.hdf5 needs 40\.0\xa0MB of memory, and only 32\.0\xa0MB are free"):
        read_vectors(packed)
    np.save(tmp_path / "a.npy", np.zeros((100_000, 100), np.uint8))
    with pytest.raises(OutOfMemory, match=r"a\.npy needs 40\.0\xa0MB"):
        read_vectors(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros((100_000, 100), np.float32))
    assert isinstance(read_vectors(tmp_path / "b.npy").vectors, np.memmap)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("shape", [(10**9, 2000), (2**40, 2**40), (-1, 4), (10**12, 0)], ids=str)
def test_an_array_whose_header_lies(tmp_path, shape):
    with open(tmp_path / "a.npy", "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        file.write(bytes(400))
    with pytest.raises((Unreadable, BadParameter), match=r"a\.npy"):
        read_vectors(tmp_path / "a.npy")


@pytest.mark.parametrize("ending", [".h5", ".npy", ".fvecs"])
def test_a_file_of_holes_is_not_read_to_its_end(tmp_path, ending):
    path = tmp_path / f"holes{ending}"
    path.write_bytes(b"\4\0\0\0")
    os.truncate(path, 20 << 37)
    with pytest.raises(Unreadable, match=r"claims 2,560 GB, and 0\.0 GB of them are on the disk"):
        read_vectors(path)


def test_a_large_data_set_that_was_only_reserved(tmp_path):
    import h5py

    path = tmp_path / "reserved.h5"
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        h5py.h5d.create(file.id, b"train", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((1 << 32, 256)), plan)
    assert path.stat().st_size > 1 << 42 or path.stat().st_size < 1 << 20
    with pytest.raises(Unreadable, match=r"holes|not all in the file|cut off"):
        read_vectors(path)
