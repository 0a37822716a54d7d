"""A data set that is replaced while it is imported: no picture, vector or record of what took its place is read."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from itertools import count as numbers
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow.parquet import write_table

from engine.core.errors import BadParameter, BenzerError
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders.vectors.files import Part, array_in
from engine.encoders.vectors.layouts import parts_of, read_parts
from engine.interchange.importing import import_dataset
from engine.workbench.workbench import Workbench
from tests.counts import FULL
from tests.engine.collections.swaps import SWAPS, Moment, removed

STRIDE = 1 if FULL else 7
OWN, OTHER = 1, 2


def png(number: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (90 * number, 40, 200)).save(out, "PNG")
    return out.getvalue()


def vector(number: int) -> np.ndarray:
    return np.full((1, 4), number, np.float32)


def clip_retrieval(root: Path, number: int) -> Path:
    for name in ("images", "img_emb", "metadata"):
        (root / name).mkdir(parents=True)
    (root / "images" / "1.png").write_bytes(png(number))
    np.save(root / "img_emb" / "img_emb_0.npy", vector(number))
    table = pyarrow.table({"image_path": ["images/1.png"], "caption": [f"record {number}"]})
    write_table(table, root / "metadata" / "metadata_0.parquet")
    return root


def web_dataset(root: Path, number: int) -> Path:
    root.mkdir(parents=True)
    array = io.BytesIO()
    np.save(array, vector(number)[0])
    record = json.dumps({"text": f"record {number}"}).encode()
    with tarfile.open(root / "0.tar", "w") as shard:
        for name, content in (("1.png", png(number)), ("1.npy", array.getvalue()), ("1.json", record)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    return root


def imagefolder(root: Path, number: int) -> Path:
    root.mkdir(parents=True)
    (root / "1.png").write_bytes(png(number))
    (root / "metadata.jsonl").write_text(json.dumps({"file_name": "1.png", "text": f"record {number}"}) + "\n")
    return root / "metadata.jsonl"


SETS: dict[str, tuple[Callable[[Path, int], Path], str]] = {
    "clip-retrieval": (clip_retrieval, "img_emb/img_emb_0.npy"),
    "webdataset": (web_dataset, "0.tar"),
    "imagefolder": (imagefolder, "metadata.jsonl"),
}


def imported(home: Path, place: Path, format: str) -> dict[str, Any]:
    given = {"home": str(home), "title": "New", "format": format, "path": str(place), "unlinked": True}
    return import_dataset(given, Reporter())


def of_another(home: Path) -> list[str]:
    """What a home knows of the other data set."""
    bench, found = Workbench(Home(home)), []
    for card in bench.collections():
        collection = bench.collection(card.name)
        images = collection.images()
        found += ["picture" for id in images.ids if collection.picture(int(id)) == png(OTHER)]
        found += ["record" for text in images.texts if str(OTHER) in text]
    found += ["vector" for path in home.glob("datasets/*/own_vectors/*/*/matrix.npy") if (np.load(path) == OTHER).any()]
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("whole", [True, False], ids=["the folder", "a file in it"])
@pytest.mark.parametrize("format", SETS)
def test_a_data_set_that_becomes_a_link_at_any_step(tmp_path, format, whole) -> None:
    write, file = SETS[format]
    imported(tmp_path / "warm", write(tmp_path / "set", OWN), format)  # what is imported late opens files, too
    assert of_another(tmp_path / "warm") == []
    refused = 0
    for number in numbers():
        home = tmp_path / f"home{number}"
        for name, value in (("set", OWN), ("other", OTHER)):
            given = write(removed(tmp_path / name), value)
        given = tmp_path / "set" / given.relative_to(tmp_path / "other")
        swapped, into = (tmp_path / name / ("" if whole else file) for name in ("set", "other"))
        with Moment(lambda: True, STRIDE * number, lambda: SWAPS["a link"](swapped, into)) as moment:  # noqa: B023
            try:
                imported(home, given, format)
            except BenzerError as error:
                assert "\n" not in str(error)
                refused += 1
        assert of_another(home) == []
        removed(home)
        if moment.left >= 0:
            break
    assert number > 2
    assert refused


# ── vectors of one's own, beside a collection ────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["v.npy", "v.parquet", "v.csv", "samples.json"])
def test_a_pipe_in_the_place_of_vectors_is_not_waited_on(tmp_path, name) -> None:
    SWAPS["a pipe"](tmp_path / name, tmp_path)
    for given in (tmp_path / name, tmp_path):
        if given.is_dir() and name == "v.csv":
            continue  # no layout of a folder
        with pytest.raises(BadParameter, match="pipe, a device or a socket"):
            read_parts(parts_of(given))


def test_links_to_vectors_mean_what_they_lead_to(tmp_path) -> None:
    np.save(tmp_path / "blob.npy", vector(OWN))
    (tmp_path / "v.npy").symlink_to(tmp_path / "blob.npy")
    assert (array_in(Part("v.npy", tmp_path / "v.npy")) == OWN).all()
    removed(tmp_path / "v.npy").symlink_to(tmp_path / "v.npy")
    with pytest.raises(BadParameter, match="link"):
        array_in(Part("v.npy", tmp_path / "v.npy"))


def test_an_array_is_that_whose_header_was_read(tmp_path) -> None:
    """One that is put in its place between header and values would be read with another's shape."""
    np.save(tmp_path / "v.npy", np.arange(12, dtype=np.float32).reshape(3, 4))
    for number in numbers():
        np.save(tmp_path / "w.npy", np.full((3, 4), np.nan, np.float64))
        swap = lambda: (tmp_path / "w.npy").replace(removed(tmp_path / "v.npy"))  # noqa: E731
        np.save(removed(tmp_path / "v.npy"), np.arange(12, dtype=np.float32).reshape(3, 4))
        with Moment(lambda: True, number, swap) as moment:
            found = array_in(Part("v.npy", tmp_path / "v.npy"))
        assert isinstance(found, np.memmap)
        assert found.dtype == np.float32 or number == 0
        assert (found == np.arange(12).reshape(3, 4)).all() or number == 0
        if moment.left >= 0:
            break
    assert number
