"""Files of vectors: arrays, lists of names in any dialect, tables with other columns, and other programs' exports."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow.parquet import write_table

from engine.core.errors import BadParameter
from engine.encoders.vectors.columns import Given
from engine.encoders.vectors.files import Part, array_in, names_in, table_in
from engine.encoders.vectors.layouts import parts_of, read_parts

MATRIX = np.random.default_rng(0).random((4, 3)).astype(np.float32)
NAMES = ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
FLOATS = {f"d{number}": MATRIX[:, number] for number in range(3)}


def parquet(columns: dict[str, Any], name: str = "t.parquet") -> Part:
    file = io.BytesIO()
    write_table(pyarrow.table(columns), file)
    file.seek(0)
    return Part(name, file)


def text(content: str | bytes, name: str = "t.csv") -> Part:
    return Part(name, io.BytesIO(content.encode() if isinstance(content, str) else content))


def npy(matrix: np.ndarray, name: str = "v.npy") -> Part:
    file = io.BytesIO()
    np.save(file, matrix)
    file.seek(0)
    return Part(name, file)


def check(given: Given) -> None:
    assert given.names == NAMES
    assert given.matrix == pytest.approx(MATRIX)


# ── which columns are values ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("columns", "unused"),
    [
        ({"file": NAMES, **FLOATS, "class_id": [1, 2, 3, 4]}, "class_id"),
        ({"class_id": [1, 2, 3, 4], "file": NAMES, **FLOATS}, "class_id"),
        ({"label": list("wxyz"), "file": NAMES, **FLOATS, "score": [0.5] * 4}, "label, score"),
        ({"file": NAMES, **dict(reversed(FLOATS.items())), "width": [9] * 4, "height": [9] * 4}, "width, height"),
        ({"file": NAMES, "x": MATRIX[:, 0], "y": MATRIX[:, 1], "z": MATRIX[:, 2], "n": [1] * 4}, "n"),
        ({"file": NAMES, "embedding": MATRIX.tolist(), "bbox": [[1, 2, 3, 4]] * 4, **FLOATS}, "bbox, d0, d1, d2"),
        ({"file": NAMES, "text_embedding": [[0.5]] * 4, "image_embedding": MATRIX.tolist()}, "text_embedding"),
        ({"file": NAMES, "v": MATRIX.tolist(), "tags": [["x"]] * 4}, "tags"),
        ({"file": NAMES, **FLOATS, "__index_level_0__": [17, 9, 3, 1]}, ""),
    ],
)
def test_columns_that_are_no_values_are_passed_over_and_named(columns: dict[str, Any], unused: str) -> None:
    found = table_in(parquet(columns))
    check(found)
    assert found.notes == ([f"Columns of t.parquet that were not used: {unused}."] if unused else [])


def test_numbered_columns_stand_in_the_order_of_their_numbers() -> None:
    wide = np.arange(24.0).reshape(2, 12)
    columns = {"name": ["a", "b"]} | {f"v_{number}": wide[:, number] for number in [*range(5, 12), *range(5)]}
    assert np.array_equal(table_in(parquet(columns)).matrix, wide)


def test_whole_numbers_are_values_where_they_are_numbered_or_asked_for() -> None:
    quantised = {"file": NAMES, "class_id": [7] * 4, "q0": [1, 2, 3, 4], "q1": [5, 6, 7, 8]}
    assert table_in(parquet(quantised)).matrix.tolist() == [[1, 5], [2, 6], [3, 7], [4, 8]]
    plain = {"file": NAMES, "red": [1, 2, 3, 4], "class_id": [7] * 4}
    assert table_in(parquet(plain), ["red"]).matrix.tolist() == [[1], [2], [3], [4]]
    with pytest.raises(BadParameter, match=r"got 'file, red, class_id'\. Name those of the values with --columns"):
        table_in(parquet(plain))


@pytest.mark.parametrize(
    ("columns", "wanted", "sentence"),
    [
        ({"file": NAMES, "u": MATRIX.tolist(), "w": MATRIX.tolist()}, (), "in one column of lists; got 'u, w'"),
        ({"file": NAMES, "a0": [1.0] * 4, "a1": [1.0] * 4, "b0": [1.0] * 4, "b1": [2.0] * 4}, (), "one series"),
        ({"file": NAMES, **FLOATS}, ["nothing"], "one of lists, or some of numbers: d0, d1, d2; got 'nothing'"),
        ({"file": NAMES, "v": MATRIX.tolist(), "w": [1.0] * 4}, ["v", "w"], "got 'v'"),
        ({"file": NAMES, "v": [[1.0], [1.0, 2.0], [], [3.0]]}, (), "of equal length; got '0 and 1 and 2'"),
        ({"v": [1.0]}, (), "one of file names"),
        ({"name": ["a"]}, (), "one of lists or some of numbers"),
    ],
)
def test_tables_that_are_not_clear(columns: dict[str, Any], wanted: list[str], sentence: str) -> None:
    with pytest.raises(BadParameter) as error:
        table_in(parquet(columns), wanted)
    assert sentence in str(error.value)


def test_rows_without_a_vector_are_counted() -> None:
    found = table_in(parquet({"file": NAMES, "v": [[1.0, 2.0], None, [3.0, 4.0], None]}))
    assert (found.names, found.matrix.tolist()) == (["a/0.png", "b/0.png"], [[1, 2], [3, 4]])
    assert found.notes == ["2 rows of t.parquet had no vector."]


# ── tables of text, and lists of names ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "sep={}\r\n"])
def test_tables_of_text_in_any_dialect(separator: str, mark: str) -> None:
    rows = [["file_name", "class_id", "d0", "d1", "d2"]]
    rows += [[f'"{name}"', "7", *map(str, values)] for name, values in zip(NAMES, MATRIX.tolist(), strict=True)]
    check(table_in(text(mark.format(separator) + "\r\n".join(separator.join(row) for row in rows))))


@pytest.mark.parametrize(
    "form",
    [
        str,
        lambda row: str(np.array(row)),
        lambda row: f"({', '.join(map(str, row))})",
        lambda row: f"[{', '.join(f'np.float64({value})' for value in row)}]",
        lambda row: f"array({row}, dtype=float32)",
        lambda row: f"tensor({row}, device='cuda:0')",
    ],
)
def test_lists_in_brackets_in_a_table_of_text(form: Any) -> None:
    lines = [f'{name},"{form(row)}"' for name, row in zip(NAMES, MATRIX.tolist(), strict=True)]
    found = table_in(text("filepath,embedding\n" + "\n".join(lines)))
    assert found.names == NAMES
    assert found.matrix == pytest.approx(MATRIX, abs=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        "a/0.png\na/1.png\nb/0.png\nb/1.png",
        "name\r\na/0.png\r\na/1.png\r\nb/0.png\r\nb/1.png\r\n",
        "\ufefffilename;label\na/0.png;x\na/1.png;y\nb/0.png;x\nb/1.png;y",
        "label\tfile\nx\ta/0.png\nx\ta/1.png\nx\tb/0.png\nx\tb/1.png",
        'sep=;\n"image";"n"\n"a/0.png";1\n"a/1.png";2\n"b/0.png";3\n"b/1.png";4',
        "x,a/0.png\nx,a/1.png\nx,b/0.png\nx,b/1.png",
        "a/0.png\ra/1.png\rb/0.png\rb/1.png\r",
        "".join(f"{name}\n" for name in NAMES).encode("utf-16"),
        json.dumps(NAMES),
        "# by a program\n\u202aa/0.png\na/1.png\nb/0.png\nb/1.png",
    ],
)
def test_lists_of_names_by_other_hands(content: str | bytes) -> None:
    assert names_in(text(content, "names.txt")) == NAMES


def test_names_in_quotes_and_of_other_scripts() -> None:
    assert names_in(text('name,label\r\na.png,cat\r\n"b,c.png",dog\r\n\r\n')) == ["a.png", "b,c.png"]
    assert names_in(text("ü.png\n写真.png")) == ["ü.png", "写真.png"]
    assert names_in(text("")) == []


@settings(max_examples=60)
@given(
    st.lists(st.text(st.characters(categories=["L", "N", "Zs", "P"]), min_size=1, max_size=9), min_size=1, max_size=9)
)
def test_quoted_names_are_read_back(stems: list[str]) -> None:
    names = [f"x{stem}x.png" for stem in stems]
    lines = ["image,label", *('"' + name.replace('"', '""') + '",y' for name in names)]
    assert names_in(text("\n".join(lines))) == names


# ── layouts of other programs ────────────────────────────────────────────────────────────────────────────────────────


def clip_retrieval(root: Path, names: str = "image_path", parts: int = 2) -> Path:
    for folder in ("img_emb", "text_emb", "metadata"):
        (root / folder).mkdir(parents=True)
    for number in range(parts):
        rows = slice(number * 4 // parts, (number + 1) * 4 // parts)
        np.save(root / "img_emb" / f"img_emb_{number}.npy", MATRIX[rows].astype(np.float16))
        np.save(root / "text_emb" / f"text_emb_{number}.npy", MATRIX[rows])
        columns = {"caption": ["see 9.jpg"] * 4, names: NAMES, "url": ["https://x.org/p.jpg"] * 4, "width": [9] * 4}
        table = pyarrow.table({name: cells[rows] for name, cells in columns.items()})
        write_table(table, root / "metadata" / f"metadata_{number}.parquet")
    return root


@pytest.mark.parametrize("names", ["image_path", "key"])
@pytest.mark.parametrize("inside", ["", "img_emb"])
def test_clip_retrieval(names: str, inside: str, tmp_path: Path) -> None:
    found = read_parts(parts_of(clip_retrieval(tmp_path, names) / inside))
    assert found.names == NAMES
    assert found.matrix == pytest.approx(MATRIX, abs=1e-3)


def test_clip_retrieval_sent_as_single_files(tmp_path: Path) -> None:
    sent = [Part(file.name, file) for file in sorted(clip_retrieval(tmp_path).rglob("*.*"), reverse=True)]
    found = read_parts(sent)
    assert found.names == NAMES
    assert found.notes == ["Vectors of texts were left out: text_emb_1.npy, text_emb_0.npy."]
    without = [part for part in sent if part.name != "metadata_1.parquet"]
    with pytest.raises(
        BadParameter, match=r"one list of names for each array, of the same number; got 'img_emb_1\.npy'"
    ):
        read_parts(without)


def test_many_parts_stand_in_the_order_of_their_numbers() -> None:
    parts = [npy(np.full((1, 2), number, float), f"img_emb_{number}.npy") for number in range(12)]
    parts += [parquet({"image_path": [f"{number}.png"]}, f"metadata_{number}.parquet") for number in range(12)]
    found = read_parts(sorted(parts, key=lambda part: part.name))
    assert found.names == [f"{number}.png" for number in range(12)]
    assert found.matrix[:, 0].tolist() == list(range(12))


def packed(row: np.ndarray) -> dict[str, Any]:
    file = io.BytesIO()
    np.save(file, row)
    return {"$binary": {"base64": base64.b64encode(zlib.compress(file.getvalue())).decode(), "subType": "00"}}


@pytest.mark.parametrize("form", [packed, np.ndarray.tolist])
def test_fiftyone(form: Any, tmp_path: Path) -> None:
    samples = [
        {"_id": {"$oid": "6"}, "filepath": name, "tags": ["x"], "metadata": {"width": 9}, "embedding": form(row)}
        | {"ground_truth": {"_cls": "Classification", "label": "cat"}, "uniqueness": 0.5}
        for name, row in zip(NAMES, MATRIX, strict=True)
    ]
    (tmp_path / "samples.json").write_text(json.dumps({"samples": samples}))
    (tmp_path / "metadata.json").write_text("{}")
    found = read_parts(parts_of(tmp_path))
    check(found)
    assert "uniqueness" in found.notes[0]


HUGE = f'{{"samples": [{{"filepath": "a", "v": {10**400}}}]}}'


@pytest.mark.parametrize(
    "content", ["{}", "[1]", "{", '{"samples": [{"filepath": "a", "v": {"$binary": "AAAA"}}]}', HUGE], ids=range(5)
)
def test_json_that_is_no_export(content: str) -> None:
    with pytest.raises(BadParameter, match=r"s\.json"):
        table_in(text(content, "s.json"))


PICTURES = [{"bytes": b"\x89PNG", "path": name} for name in NAMES]


@pytest.mark.parametrize(
    "vector",
    [
        pyarrow.array(MATRIX.tolist()),
        pyarrow.array(MATRIX.tolist(), pyarrow.list_(pyarrow.float32(), 3)),
        pyarrow.array(MATRIX.tolist(), pyarrow.large_list(pyarrow.float64())),
        pyarrow.array([[[value] for value in row] for row in MATRIX.tolist()]),
        pyarrow.FixedShapeTensorArray.from_numpy_ndarray(MATRIX),
    ],
    ids=["list", "fixed", "large", "nested", "tensor"],
)
def test_hugging_face(vector: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = pyarrow.table({"image": PICTURES, "label": [0, 1, 0, 1], "embeddings": vector})
    write_table(table.slice(2), tmp_path / "data" / "train-00001-of-00002.parquet")
    write_table(table.slice(0, 2), tmp_path / "data" / "train-00000-of-00002.parquet")
    check(read_parts(parts_of(tmp_path)))


def test_embedding_atlas() -> None:
    neighbours = [{"ids": [1, 2], "distances": [0.1, 0.2]}] * 4
    columns = {"image": PICTURES, "embedding": MATRIX.tolist(), "projection_x": [0.5] * 4, "projection_y": [0.5] * 4}
    check(table_in(parquet({**columns, "neighbors": neighbours, "__row_index__": [0, 1, 2, 3]})))


def test_a_list_of_names_beside_a_table() -> None:
    names = text("\n".join(reversed(NAMES)), "n.txt")
    found = read_parts([parquet({"file": NAMES, **FLOATS}), names])
    assert found.names == NAMES[::-1]


# ── what cannot be used ──────────────────────────────────────────────────────────────────────────────────────────────


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    pickled = io.BytesIO()
    np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for name, data in (("a.npy", pickled.getvalue()), ("a.npy", b"rubbish"), ("a.parquet", b"rubbish"), ("a.csv", b"")):
        with pytest.raises(BadParameter, match="file of custom embeddings"):
            read_parts([text(data, name)])
    for parts in ([text("x", "a.doc")], []):
        with pytest.raises(BadParameter, match=r"one of \.npy, \.parquet"):
            read_parts(parts)
    with pytest.raises(BadParameter, match="img_emb and metadata"):
        parts_of(tmp_path)
    with pytest.raises(BadParameter, match=r"lines of t\.csv must be such that all fit; got 'line 3"):
        table_in(text("image,d0,d1\na.png,1,2\nb.png,1,2,3\n"))


def test_files_that_do_not_belong_together() -> None:
    with pytest.raises(BadParameter, match=r"number of vectors of v\.npy must be that of the names, 3; got 4"):
        read_parts([npy(MATRIX), text("\n".join(NAMES[:3]), "n.txt")])
    with pytest.raises(BadParameter, match="of equal length in all files; got '2 and 3'"):
        read_parts([npy(MATRIX, "a0.npy"), npy(MATRIX[:, :2], "a1.npy")])


@pytest.mark.parametrize("from_disk", [True, False])
def test_a_header_that_promises_terabytes_is_no_whole_file(from_disk: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (10**9, 10**4)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(BadParameter, match=r"a whole \.npy file"):
        array_in(Part("a.npy", path if from_disk else io.BytesIO(path.read_bytes())))
