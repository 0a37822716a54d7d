"""Data sets as other programs write them: labels are those of their own picture, and nothing is lost in silence."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from PIL import Image
from pyarrow.parquet import write_table

from engine.workbench.workbench import Workbench


def png(level: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (level * 40, 90, 200 - level * 30)).save(out, "PNG")
    return out.getvalue()


def placed(folder: Path, *names: str) -> Path:
    for level, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(level))
    return folder


def imported(bench: Workbench, path: Path, format: str) -> tuple[dict[str, str], dict[str, Any]]:
    """The label of each picture by its name, and the report."""
    report = bench.run("import", source="dataset", format=format, title="D", path=str(path))
    images = bench.collection(report["collection"]).images()
    return dict(zip(images.names, images.labels, strict=True)), report


@pytest.mark.parametrize(("format", "table"), [("csv", "t.csv"), ("imagefolder", "metadata.csv")])
def test_a_line_that_does_not_fit_is_named(bench: Workbench, tmp_path: Path, format: str, table: str) -> None:
    folder = placed(tmp_path / "d", "a.png", "b.png", "c.png")
    (folder / table).write_text('file_name,label\na.png,x\nb.png,y, and z\nc.png,"w\n')
    labels, report = imported(bench, folder, format)
    assert labels == {"a.png": "x"}
    assert [reject["path"] for reject in report["rejects"]] == [f"{table}, line 3", f"{table}, line 4"]
    assert "It has 3 fields under 2 headings" in report["rejects"][0]["message"]
    assert "2 pictures were left out, as no record that could be read names them: b.png, c.png." in report["notes"]


def classes(**columns: list[str]) -> dict[str, str]:
    features = {name: {"names": names, "_type": "ClassLabel"} for name, names in columns.items()}
    return {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, **features}}})}


@pytest.mark.parametrize(
    ("columns", "names", "labels"),
    [
        ({"species": [1, 0], "label": [0, 1]}, {"species": ["s", "t"], "label": ["cat", "dog"]}, ["cat", "dog"]),
        ({"label": [0, 1], "coarse": [1, 0]}, {"label": ["cat", "dog"], "coarse": ["s", "t"]}, ["cat", "dog"]),
        ({"fine_label": [1, -1]}, {"fine_label": ["cat", "dog"]}, ["dog", ""]),
        ({"label": [7, 8], "style": [0, 1]}, {"style": ["oil", "ink"]}, ["7", "8"]),
    ],
)
def test_names_of_classes_are_those_of_their_own_column(
    bench: Workbench, tmp_path: Path, columns: dict[str, list[int]], names: dict[str, list[str]], labels: list[str]
) -> None:
    pictures = [{"bytes": png(level), "path": f"{level}.png"} for level in range(2)]
    table = pyarrow.table({"image": pictures, **columns}).replace_schema_metadata(classes(**names))
    write_table(table, tmp_path / "d.parquet")
    found, _ = imported(bench, tmp_path / "d.parquet", "parquet")
    assert list(found.values()) == labels


def test_a_picture_of_another_split_is_not_taken_for_one_that_is_missing(bench: Workbench, tmp_path: Path) -> None:
    folder = placed(tmp_path / "d", "train/images/1.png", "test/2.png")
    (folder / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\n2.png,cat\n")
    (folder / "test" / "metadata.csv").write_text("file_name,label\n2.png,dog\n")
    labels, report = imported(bench, folder, "imagefolder")
    assert labels == {"train/images/1.png": "cat", "test/2.png": "dog"}
    assert [reject["code"] for reject in report["rejects"]] == ["missing"]


def test_no_number_is_no_label(bench: Workbench, tmp_path: Path) -> None:
    folder = placed(tmp_path / "d", "a.png", "b.png")
    (folder / "metadata.jsonl").write_text('{"file_name": "a.png", "label": NaN}\n{"file_name": "b.png", "label": 3}\n')
    assert imported(bench, folder, "imagefolder")[0] == {"a.png": "", "b.png": "3"}
