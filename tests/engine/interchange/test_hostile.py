"""Data sets that try to read or write elsewhere, or to fill the disk: named in the report or refused, nothing more."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.collections.sources.folders import Walk
from engine.core.errors import BadParameter, BenzerError, Unreadable
from engine.interchange import formats
from engine.interchange.csv_table import FILE
from engine.interchange.files import Files, files_at
from engine.workbench.workbench import Workbench

SECRET = b"what must not be read"


def png(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), colour).save(out, "PNG")
    return out.getvalue()


def rejected(bench: Workbench, path: Path, format: str) -> dict[str, str]:
    """The code of each file that was not taken over; the one good picture is."""
    report = bench.run("import", source="dataset", format=format, title="Hostile", path=str(path))
    assert report["added"] == 1
    return {one["path"]: one["code"] for one in report["rejects"]}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A picture beside the data set."""
    path = tmp_path / "outside.png"
    path.write_bytes(png("red"))
    return path


@pytest.fixture
def folder(tmp_path: Path, outside: Path) -> Path:
    root = tmp_path / "set"
    (root / "images").mkdir(parents=True)
    (root / "images" / "good.png").write_bytes(png("teal"))
    os.symlink(outside, root / "images" / "link.png")
    return root


def written(folder: Path, names: list[str]) -> dict[str, Callable[[], object]]:
    """For each format with paths, what writes a data set with these."""
    lines = "\n".join(json.dumps({"file_name": name, "label": "x"}) for name in names)
    pictures = [{"id": n, "file_name": name} for n, name in enumerate(names)]
    coco = {"images": pictures, "categories": [], "annotations": []}
    samples = {"samples": [{"filepath": name, "tags": []} for name in names]}
    table = "image,label\n" + "".join(f'"{name}",x\n' for name in names)
    return {
        "imagefolder": lambda: (folder / "metadata.jsonl").write_text(lines),
        "coco": lambda: (folder / "annotations.json").write_text(json.dumps(coco)),
        "fiftyone": lambda: (folder / "samples.json").write_text(json.dumps(samples)),
        "csv": lambda: (folder / "table.csv").write_text(table),
        "yolo": lambda: (folder / "metadata.csv").write_text(table.replace("image,", "file_name,")),
    }


@pytest.mark.parametrize("format", ["imagefolder", "coco", "fiftyone", "csv", "yolo"])
def test_no_path_leads_out(bench: Workbench, folder: Path, outside: Path, format: str) -> None:
    names = ["images/good.png", "../outside.png", str(outside), "images/link.png", "http://x.org/a.png", "/etc/passwd"]
    written(folder, names)[format]()
    codes = rejected(bench, folder, format)
    assert codes.pop("images/link.png", codes.pop("link.png", "")) == "link-outside"
    assert sorted(codes.values()) == ["address", "missing", "missing", "outside"]


@pytest.mark.parametrize("pack", ["zip", "tar"])
def test_members_of_archives_lead_nowhere_else(bench: Workbench, tmp_path: Path, pack: str) -> None:
    path = tmp_path / f"set.{pack}"
    lines = json.dumps({"file_name": "good.png"}) + "\n" + json.dumps({"file_name": "../up.png"})
    members = {
        "metadata.jsonl": lines.encode(),
        "good.png": png("teal"),
        "../up.png": png("red"),
        "/abs.png": png("tan"),
    }
    if pack == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(path, "w") as archive_tar:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive_tar.addfile(info, io.BytesIO(data))
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive_tar.addfile(link)
    before = set(tmp_path.rglob("*.png"))
    bench.run("import", source="dataset", format="imagefolder", title="Hostile", path=str(path))
    outside_home = {one for one in tmp_path.rglob("*.png") if "home" not in one.relative_to(tmp_path).parts}
    assert outside_home == before
    assert not Path("/abs.png").exists()


def test_a_shard_with_links_and_devices_gives_only_pictures(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    with tarfile.open(tmp_path / "shards" / "0.tar", "w") as shard:
        for name, data in {"a.png": png("teal"), "a.cls": b"3"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            shard.addfile(info, io.BytesIO(data))
        for name, kind in (("b.png", tarfile.SYMTYPE), ("c.png", tarfile.LNKTYPE), ("d.png", tarfile.FIFOTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            shard.addfile(info)
    codes = rejected(bench, tmp_path / "shards", "webdataset")
    assert set(codes) == {"b.png", "c.png", "d.png"}
    assert bench.collection("hostile").labels() == {"3": 1}


def test_an_archive_that_swells_is_refused(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.jsonl", b"\0" * (64 << 20))
    with pytest.raises(BenzerError, match="swells to more than 100 times"):
        bench.run("import", source="dataset", format="imagefolder", title="Bomb", path=str(tmp_path / "bomb.zip"))
    assert not bench.collections()


def test_a_member_beyond_the_limit_is_a_reject(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.collections.sources.archives import Limits

    monkeypatch.setattr("engine.interchange.files._LIMITS", Limits(member_bytes=2000))
    with tarfile.open(tmp_path / "0.tar", "w") as shard:
        for name, data in {"a.png": png("teal"), "b.png": b"x" * 3000}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            shard.addfile(info, io.BytesIO(data))
    assert rejected(bench, tmp_path / "0.tar", "webdataset") == {"b.png": "too-large"}


@pytest.mark.parametrize("format", [name for name, kind in formats().items() if kind.needs_pictures])
@pytest.mark.parametrize("content", [b"", b"{", b"\0\xff" * 50, b"[1,2", b"PAR1PAR1", b"null", b"{}"])
def test_damaged_files_are_one_sentence(bench: Workbench, tmp_path: Path, format: str, content: bytes) -> None:
    root = tmp_path / "set"
    for name in (
        "metadata.jsonl",
        "annotations.json",
        "samples.json",
        "table.csv",
        "dataset.parquet",
        "a.json",
        "a.png",
    ):
        (root / "img_emb").mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    (root / "img_emb" / "img_emb_0.npy").write_bytes(content)
    with pytest.raises(BenzerError) as error:
        bench.run("import", source="dataset", format=format, title="Damaged", path=str(root))
    assert str(error.value).count(". ") <= 2
    assert not bench.collections()


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"label": "x" * 300}, "label of a picture must be a text of at most 200"),
        ({"tags": ["a\u0000b"]}, "tag of a picture must be a text"),
        ({"embedding": [1, "x"]}, "vectors of metadata.jsonl must be lists of finite numbers"),
        ({"embedding": [1e400]}, "vectors of metadata.jsonl must be lists of finite numbers"),
        ({"embedding": {"a": 1}}, "vectors of metadata.jsonl must be lists of finite numbers"),
    ],
)
def test_values_that_cannot_be_are_named(bench: Workbench, folder: Path, record: dict[str, Any], sentence: str) -> None:
    (folder / "metadata.jsonl").write_text(json.dumps({"file_name": "images/good.png", **record}))
    with pytest.raises(BenzerError, match=sentence):
        bench.import_dataset(folder, "imagefolder", "Bad")


def test_vectors_of_unequal_length_are_named(bench: Workbench, folder: Path) -> None:
    (folder / "images" / "second.png").write_bytes(png("plum"))
    lines = [
        {"file_name": "images/good.png", "embedding": [1]},
        {"file_name": "images/second.png", "embedding": [1, 2]},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(BenzerError, match="vectors of the data set must be of equal length; got '1 and 2'"):
        bench.import_dataset(folder, "imagefolder", "Bad")
    assert not bench.collections()


def test_of_a_chosen_file_no_other_table_is_read(bench: Workbench, folder: Path) -> None:
    (folder / "chosen.json").write_text(json.dumps(coco("good.png")))
    (folder / "another.json").write_text(json.dumps(coco("other.png")))
    report = bench.run("import", source="dataset", format="coco", title="One", path=str(folder / "chosen.json"))
    assert (report["added"], report["rejects"]) == (1, [])
    (folder / "mine.csv").write_text("image,label\nimages/good.png,x\n")
    (folder / FILE).write_text("image,label\nnone.png,y\n")
    bench.run("import", source="dataset", format="csv", title="Two", path=str(folder / "mine.csv"))
    assert bench.collection("two").images().labels == ["x"]


def test_neighbours_of_a_chosen_file_are_listed_only_where_they_are_looked_up(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "chosen.json").write_text("{}")
    walked: list[Path] = []
    items = Walk.items
    monkeypatch.setattr(Walk, "items", lambda self: walked.append(folder) or items(self))
    files = files_at(folder / "chosen.json", tmp_path / "staging")
    assert files.ending(".json") == ["chosen.json"]
    assert files.json("chosen.json") == {}
    assert walked == []
    assert files.item("images/good.png").failure is None
    assert files.item("images/link.png").failure is not None
    assert "images/good.png" in files.names
    assert len(walked) == 1


def test_a_format_without_pictures_is_refused_before_any_file_is_looked_at(bench: Workbench, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("vectors.npy", b"")
    with pytest.raises(BadParameter, match="format of an import must be one that has the pictures"):
        bench.run("import", source="dataset", format="npy", title="A", path=str(tmp_path / "a.zip"))


def coco(name: str) -> dict[str, Any]:
    return {"images": [{"id": 1, "file_name": f"images/{name}"}], "categories": [], "annotations": []}


def test_an_area_that_is_no_number_of_a_computer_is_named(bench: Workbench, folder: Path) -> None:
    annotation = {"image_id": 1, "category_id": 1, "area": 10**400}
    body = coco("good.png") | {"categories": [{"id": 1, "name": "a"}], "annotations": [annotation]}
    (folder / "annotations.json").write_text(json.dumps(body))
    with pytest.raises(BenzerError, match="is not whole: its pictures, categories and annotations differ"):
        bench.import_dataset(folder, "coco", "Huge")


def test_a_file_that_became_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.json").write_bytes(SECRET)
    (tmp_path / "set" / "samples.json").write_text("{}")
    files: Files = files_at(tmp_path / "set", tmp_path / "staging")
    (tmp_path / "set" / "samples.json").unlink()
    os.symlink(tmp_path / "secret.json", tmp_path / "set" / "samples.json")
    with pytest.raises(Unreadable, match="cannot be read"):
        files.content("samples.json")


@pytest.mark.parametrize("whole", [True, False], ids=["the folder", "its table"])
@pytest.mark.parametrize("asked", ["flag", "environment"])
def test_links_out_of_a_data_set_are_followed_where_the_person_allows_it(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str, whole: bool
) -> None:
    """As downloads from the Hugging Face hub lie: every file is a link to one named by its hash."""
    (tmp_path / "snapshot").mkdir()
    for number, (name, content) in enumerate(
        [("1.png", png("teal")), ("metadata.jsonl", b'{"file_name": "1.png", "text": "a square"}\n')]
    ):
        blob = tmp_path / "blobs" / f"{number}"
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(content)
        os.symlink(f"../blobs/{number}", tmp_path / "snapshot" / name)
    path = tmp_path / "snapshot" if whole else tmp_path / "snapshot" / "metadata.jsonl"
    with pytest.raises(Unreadable, match="--follow-links or BENZER_FOLLOW_LINKS=1"):
        bench.import_dataset(path, "imagefolder", "Not followed")
    if asked == "environment":
        monkeypatch.setenv("BENZER_FOLLOW_LINKS", "1")
    found = bench.import_dataset(path, "imagefolder", "Followed", follow_links=asked == "flag")
    assert found.images().texts == ["a square"]
