"""The workbench as programs and notebooks use it: folders, arrays, tensors, modules; and wrong calls."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from engine import indexes
from engine.core.errors import BadParameter, BenzerError, NotFound, NotReady, UnreadableImage
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders import own_modules
from engine.workbench import Query, Workbench

HISTOGRAM = "pile/colour-histogram/flatten/euclidean/exact/3"


def pixels(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (40, 50, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("notebook") / "Pile"
    for number in range(8):
        (place / f"{number % 2}").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels(number)).save(place / f"{number % 2}" / f"{number}.png")
    return place


@pytest.fixture(scope="module")
def bench(folder: Path) -> Workbench:
    bench = Workbench(Home(folder.parent / "home"))
    bench.import_folder(folder)
    bench.prepare(HISTOGRAM)
    return bench


class Means(nn.Module):
    """The mean of each channel, scaled: a vector of three, or a map of four places."""

    def __init__(self, scale: float = 1.0, *, spatial: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))
        self.pool = nn.AdaptiveAvgPool2d(2 if spatial else 1)
        self.spatial = spatial

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.scale * self.pool(images)
        return found if self.spatial else found.flatten(1)


# ── collections and answers ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_folder_becomes_a_collection_once(bench: Workbench, folder: Path) -> None:
    again = bench.import_folder(str(folder))
    assert (again.name, len(again), len(bench.collections())) == ("pile", 8, 1)
    assert repr(again) == "<Collection pile: 8 pictures>"


def test_a_collection_as_a_table(bench: Workbench, folder: Path) -> None:
    table = bench.collection("pile").to_frame()
    assert list(table.columns) == ["id", "name", "path", "label", "text", "width", "height", "bytes", "sha256"]
    assert set(table.path) == {str(path) for path in folder.rglob("*.png")}
    assert set(zip(table.width, table.height, strict=True)) == {(50, 40)}
    assert table.label.tolist().count("1") == 4


@pytest.mark.parametrize(
    "form",
    [
        lambda place: place,
        str,
        lambda place: place.read_bytes(),
        Image.open,
        lambda place: np.asarray(Image.open(place)),
        lambda place: np.asarray(Image.open(place)) / 255,
        lambda place: torch.from_numpy(np.array(Image.open(place))).permute(2, 0, 1),
        lambda place: torch.from_numpy(np.array(Image.open(place))).permute(2, 0, 1).float() / 255,
    ],
    ids=["path", "text", "bytes", "pil", "array", "floats", "tensor", "tensor of floats"],
)
def test_a_picture_in_any_form_finds_itself(bench: Workbench, folder: Path, form: Callable[[Path], Any]) -> None:
    answer = bench.search(HISTOGRAM, form(folder / "1" / "3.png"))
    assert (answer.hits[0].name, answer.hits[0].distance) == ("1/3.png", pytest.approx(0, abs=1e-6))


def test_an_answer_as_a_table_and_as_pictures(bench: Workbench) -> None:
    answer = bench.search(Recipe.parse(HISTOGRAM), 1)
    table = answer.to_frame()
    assert list(table.columns) == ["rank", "id", "name", "label", "text", "distance", "sha256"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["name"].tolist() == [hit.name for hit in answer.hits]
    page = answer._repr_html_()
    assert page.count("data:image/webp;base64,") == 3
    assert all(hit.name in page for hit in answer.hits)
    assert repr(answer) == f"<Answer: {answer.sentence()}>"


def test_names_are_escaped_and_pictures_that_have_gone_are_left_out(bench: Workbench) -> None:
    from dataclasses import replace

    answer = bench.search(HISTOGRAM, 1)
    hostile = replace(answer, hits=(replace(answer.hits[0], name="<script>", id=999),))
    assert "<script>" not in hostile._repr_html_()
    assert "&lt;script&gt;" in hostile._repr_html_()
    assert "data:image" not in hostile._repr_html_()


def test_an_answer_opens_in_the_browser(bench: Workbench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("webbrowser.open", opened.append)
    bench.search(HISTOGRAM, 1).show()
    [page] = tmp_path.iterdir()
    assert opened == [page.as_uri()]
    assert "data:image/webp" in page.read_text(encoding="utf-8")


def test_reprs_are_short(bench: Workbench) -> None:
    assert repr(bench) == f"<Workbench at {bench.home.root}>"
    html = bench.collection("pile")._repr_html_()
    assert html.startswith("<p>&lt;Collection pile: 8 pictures&gt;</p>")
    assert html.count("<tr") == 9
    assert len(repr(Query.picture(bytes(100_000)))) < 300
    assert repr(indexes.LSH("cosine")) == "<LSH, cosine>"


# ── encoding ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_vectors_of_pictures_are_those_of_the_collection(bench: Workbench, folder: Path) -> None:
    files = sorted(folder.rglob("*.png"))
    vectors = bench.encode(files, "colour-histogram")
    opened = bench._open(Recipe.parse(HISTOGRAM)).searcher
    ids = {row.name: row.id for row in bench.collection("pile").rows("image")}
    for file, vector in zip(files, vectors, strict=True):
        np.testing.assert_allclose(vector, opened.vector(ids[f"{file.parent.name}/{file.name}"])[0], atol=1e-6)


def test_one_picture_gives_one_row_and_a_stack_gives_several(bench: Workbench) -> None:
    one = bench.encode(pixels(0), "colour-histogram")
    several = bench.encode(np.stack([pixels(0), pixels(1)]), "colour-histogram")
    assert one.dtype == np.float32
    assert one.shape == (1, several.shape[1])
    np.testing.assert_array_equal(one[0], several[0])


# ── modules ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def no_module_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Added modules live in their process: those of a test must not be seen by the next one."""
    monkeypatch.setattr(own_modules, "_added", {})


@pytest.mark.parametrize("spatial", [False, True])
def test_a_module_is_an_encoder(bench: Workbench, folder: Path, spatial: bool) -> None:
    info = bench.add_encoder("mine", Means(2.0, spatial=spatial), size=40, mean=(0, 0, 0), std=(1, 1, 1))
    assert (info.name, info.spatial, info.input_size) == ("mine", spatial, 40)
    picture = np.full((40, 40, 3), (255, 51, 0), np.uint8)
    np.testing.assert_allclose(bench.encode(picture, "mine"), [[2.0, 0.4, 0.0]], atol=1e-6)
    recipe = bench.prepare(f"pile/mine/{'avg' if spatial else 'flatten'}/euclidean/exact/3")
    assert bench.search(recipe, folder / "1" / "3.png").hits[0].name == "1/3.png"
    assert "mine" in {choice.name for choice in bench.choices()}


def test_other_weights_are_another_encoder(bench: Workbench) -> None:
    recipe = "pile/changing/flatten/euclidean/exact/3"
    first = bench.add_encoder("changing", Means(1.0), size=32)
    assert bench.add_encoder("changing", Means(1.0), size=32).fingerprint == first.fingerprint
    bench.prepare(recipe)
    assert bench.add_encoder("changing", Means(3.0), size=32).fingerprint != first.fingerprint
    assert bench.add_encoder("changing", Means(1.0), size=32, mean=(0, 0, 0)).fingerprint != first.fingerprint
    with pytest.raises(NotReady):
        bench.search(recipe, 1)
    bench.add_encoder("changing", Means(1.0), size=32)
    assert len(bench.search(recipe, 1).hits) == 3


def test_the_module_is_copied(bench: Workbench) -> None:
    module = Means(1.0)
    bench.add_encoder("copied", module, size=32, mean=(0, 0, 0), std=(1, 1, 1))
    with torch.no_grad():
        module.scale.fill_(5.0)
    assert module.training
    assert bench.encode(np.full((8, 8, 3), 255, np.uint8), "copied").tolist() == [[1.0, 1.0, 1.0]]


# ── indexes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_index_of_arrays() -> None:
    vectors = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    ids = np.arange(100, 150)
    found = indexes.LSH("euclidean").build(ids, vectors).search(vectors[:5], 3)
    truth = indexes.Exact("euclidean").build(ids, vectors).search(vectors[:5], 3)
    assert found.ids[:, 0].tolist() == truth.ids[:, 0].tolist() == [100, 101, 102, 103, 104]
    with pytest.raises(AttributeError):
        indexes.Nothing  # noqa: B018


def test_every_method_takes_the_text_of_a_recipe(bench: Workbench) -> None:
    recipe = Recipe.parse(HISTOGRAM)
    assert bench.readiness(HISTOGRAM).ready
    assert bench.encoder(HISTOGRAM).info == bench.encoder(recipe).info
    assert bench.calibration(HISTOGRAM) == bench.calibration(recipe)
    assert bench.left_out(HISTOGRAM) == ()
    assert bench.cluster_help(HISTOGRAM) == bench.cluster_help(recipe)
    bench.run("duplicates", recipe=recipe)
    assert bench.duplicates(HISTOGRAM) == bench.duplicates(recipe)
    assert bench.outliers(HISTOGRAM) == bench.outliers(recipe)
    assert bench.hubs(HISTOGRAM).recipe == bench.hubs(recipe).recipe
    assert bench.picture_vector(HISTOGRAM, 1).tolist() == bench.picture_vector(recipe, 1).tolist()
    assert next(bench.breaking(HISTOGRAM, 1, 2)) == next(bench.breaking(recipe, 1, 2))


# ── wrong calls ──────────────────────────────────────────────────────────────────────────────────────────────────────


def closed() -> Image.Image:
    picture = Image.new("RGB", (5, 5))
    picture.close()
    return picture


WRONG: list[tuple[str, Callable[[Workbench], object]]] = [
    ("home", lambda _: Workbench("somewhere")),  # type: ignore[arg-type]
    ("folder", lambda bench: bench.import_folder(3)),
    ("folder", lambda bench: bench.import_folder(None)),
    ("title", lambda bench: bench.import_folder(".", 3)),
    ("recipe", lambda bench: bench.search(3, 1)),
    ("recipe", lambda bench: bench.search(None, 1)),
    ("recipe", lambda bench: bench.prepare([])),
    ("text of a recipe", lambda bench: bench.search("a/b", 1)),
    ("form of a picture", lambda bench: bench.search(HISTOGRAM, None)),
    ("form of a picture", lambda bench: bench.search(HISTOGRAM, {"picture": 1})),
    ("form of a picture", lambda bench: bench.search(HISTOGRAM, 1.5)),
    ("form of a picture", lambda bench: bench.search(HISTOGRAM, True)),
    ("shape of a picture", lambda bench: bench.search(HISTOGRAM, np.zeros(3))),
    ("shape of a picture", lambda bench: bench.search(HISTOGRAM, np.zeros((3, 40, 40), np.uint8))),
    ("shape of a picture", lambda bench: bench.search(HISTOGRAM, torch.zeros(40, 40, 3))),
    ("shape of a picture", lambda bench: bench.search(HISTOGRAM, np.zeros((0, 4, 3), np.uint8))),
    ("type of the values", lambda bench: bench.search(HISTOGRAM, np.zeros((4, 4, 3), np.int64))),
    ("type of the values", lambda bench: bench.search(HISTOGRAM, np.zeros((4, 4), bool))),
    ("values of a picture", lambda bench: bench.search(HISTOGRAM, np.full((4, 4, 3), 7.0))),
    ("values of a picture", lambda bench: bench.search(HISTOGRAM, np.full((4, 4, 3), np.nan))),
    ("values of a picture", lambda bench: bench.search(HISTOGRAM, -np.ones((4, 4)))),
    ("number of pictures", lambda bench: bench.encode([])),
    ("form of a picture", lambda bench: bench.encode(3)),
    ("form of a picture", lambda bench: bench.encode([None], "colour-histogram")),
    ("folder of an import", lambda bench: bench.import_dataset(3, "coco")),
    ("format of a data set", lambda bench: bench.import_dataset(".", "excel")),
    ("format of a data set", lambda bench: bench.import_dataset(".", None)),
    ("title of an import", lambda bench: bench.import_dataset(".", "coco", 3)),
    ("columns of the format coco", lambda bench: bench.import_dataset(".", "coco", columns={"label": "x"})),
    ("columns of a data set", lambda bench: bench.import_dataset(".", "csv", columns=["label"])),
    ("columns of a data set", lambda bench: bench.import_dataset(".", "csv", columns={"label": 3})),
    ("recipe", lambda bench: bench.export(3, "coco", ".")),
    ("folder of an export", lambda bench: bench.export("pile", "coco", None)),
    ("format of a data set", lambda bench: bench.export("pile", "excel", ".")),
    ("vectors of the format npy", lambda bench: bench.export("pile", "npy", ".")),
    ("grouping of an export", lambda bench: bench.export("pile", "coco", ".", grouping=3)),
    ("filter of an export", lambda bench: bench.export("pile", "coco", ".", where=3)),
    ("recipe", lambda bench: bench.export("pile", "coco", ".", vectors=3)),
    ("encoder of encoding", lambda bench: bench.encode(pixels(0), 3)),
    ("pooling of encoding", lambda bench: bench.encode(pixels(0), pooling=3)),
    ("pooling of encoding", lambda bench: bench.encode(pixels(0), pooling="avg-white")),
    ("encoder of a recipe", lambda bench: bench.add_encoder("../mine", Means())),
    ("encoder of a recipe", lambda bench: bench.add_encoder(3, Means())),
    ("name of an encoder", lambda bench: bench.add_encoder("colour-histogram", Means())),
    ("module of an encoder", lambda bench: bench.add_encoder("wrong", "resnet")),
    ("module of an encoder", lambda bench: bench.add_encoder("wrong", nn.Linear(5, 2), size=32)),
    ("output of the module", lambda bench: bench.add_encoder("wrong", nn.Flatten(0), size=32)),
    ("output of the module", lambda bench: bench.add_encoder("wrong", nn.Flatten(2), size=32)),
    ("size of an encoder", lambda bench: bench.add_encoder("wrong", Means(), size=0)),
    ("size of an encoder", lambda bench: bench.add_encoder("wrong", Means(), size=22.5)),
    ("size of an encoder", lambda bench: bench.add_encoder("wrong", Means(), size=True)),
    ("mean of an encoder", lambda bench: bench.add_encoder("wrong", Means(), mean=(1, 2))),
    ("mean of an encoder", lambda bench: bench.add_encoder("wrong", Means(), mean=0.5)),
    ("mean of an encoder", lambda bench: bench.add_encoder("wrong", Means(), mean="abc")),
    ("mean of an encoder", lambda bench: bench.add_encoder("wrong", Means(), mean=(10**400, 0, 0))),
    ("std of an encoder", lambda bench: bench.add_encoder("wrong", Means(), std=(1, 0, 1))),
    ("std of an encoder", lambda bench: bench.add_encoder("wrong", Means(), std=(1, np.inf, 1))),
    ("folder of a home", lambda _: Home(None)),  # type: ignore[arg-type]
    ("folder of a home", lambda _: Home(3)),  # type: ignore[arg-type]
    ("folder of a home", lambda _: Home("a\0b")),  # type: ignore[arg-type]
    ("name of a collection", lambda bench: bench.collection(3)),
    ("name of a collection", lambda bench: bench.default_recipe(None)),
    ("name of a collection", lambda bench: bench.remove(["pile"])),
    ("name of a collection", lambda bench: bench.run("rescan", collection=3)),
    ("kind of a job", lambda bench: bench.run(["embed"])),
    ("kind of a job", lambda bench: bench.start(None)),
    ("recipe of the job embed", lambda bench: bench.run("embed")),
    ("recipe of the job embed", lambda bench: bench.start("embed")),
    ("collection of the job train", lambda bench: bench.run("train")),
    ("plan of the job group", lambda bench: bench.run("group", recipe=Recipe.parse(HISTOGRAM))),
    ("choices of a recipe", lambda bench: bench.run("embed", recipe=3)),
    ("folder of an import", lambda bench: bench.import_folder("")),
    ("folder of an import", lambda bench: bench.import_folder("a\0b")),
    ("folder of an import", lambda bench: bench.import_dataset("", "coco")),
    ("folder of an export", lambda bench: bench.export("pile", "coco", "a\0b")),
    ("shape of a picture", lambda bench: bench.search(HISTOGRAM, Image.new("RGB", (0, 5)))),
    ("form of a picture", lambda bench: bench.search(HISTOGRAM, closed())),
    ("form of a picture", lambda bench: bench.encode(np.array(3), "colour-histogram")),
    ("name of a job", lambda bench: bench.job(None)),
    ("name of the comparison", lambda bench: bench.experiment(3)),
    ("name of the", lambda bench: bench.study(None)),
    ("name of the", lambda bench: bench.invariance_table(b"one")),
    ("name of the", lambda bench: bench.classification(["one"])),
    ("name of a run", lambda bench: bench.training_run(3)),
    ("name of a classifier", lambda bench: bench.classifier(None)),
    ("name of a grouping", lambda bench: bench.grouping("pile", None)),
    ("recipe of the search", lambda bench: bench.readiness(3)),
    ("text of a recipe", lambda bench: bench.hubs("pile/colour-histogram")),
    ("filter of the search", lambda bench: bench.meeting("pile", 3)),
    ("label of the search", lambda bench: bench.search(HISTOGRAM, 1, label=["0"])),
    ("filter of the search", lambda bench: bench.search(HISTOGRAM, 1, where={"label": "0"})),
    ("include_query of the search", lambda bench: bench.search(HISTOGRAM, 1, include_query="no")),
    ("local_scaling of the search", lambda bench: bench.search(HISTOGRAM, 1, local_scaling="yes")),
]


@pytest.mark.parametrize(("named", "call"), WRONG)
def test_a_wrong_call_gets_one_sentence_that_names_the_argument(
    bench: Workbench, named: str, call: Callable[[Workbench], object]
) -> None:
    with pytest.raises(BadParameter) as caught:
        call(bench)
    assert re.match(rf"The {named}.* must be .+; got .+\.$", str(caught.value), re.DOTALL), str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_what_is_not_there_is_named(bench: Workbench, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(NotFound, match="picture file"):
        bench.search(HISTOGRAM, "nowhere.png")
    with pytest.raises(NotFound, match="no collection"):
        bench.search("elsewhere", 1)
    with pytest.raises(NotFound):
        bench.import_folder(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="no encoder"):
        bench.encode(pixels(0), "unheard-of", pooling="max")
    with pytest.raises(UnreadableImage):
        bench.encode(tmp_path / "text.png", "colour-histogram")


def test_unknown_arguments_are_refused(bench: Workbench) -> None:
    for call in (
        bench.import_folder,
        bench.import_dataset,
        bench.export,
        bench.prepare,
        bench.encode,
        bench.search,
        bench.add_encoder,
        indexes.LSH,
    ):
        with pytest.raises(TypeError, match="unexpected keyword argument 'unheard'"):
            call("x", unheard=1)  # type: ignore[operator]


@settings(max_examples=40, deadline=None)
@given(st.one_of(st.none(), st.booleans(), st.floats(), st.lists(st.integers()), st.dictionaries(st.text(), st.text())))
def test_nothing_but_a_sentence_comes_of_any_other_value(bench: Workbench, value: Any) -> None:
    with pytest.raises(BenzerError, match=r"^The \w+"):
        bench.search(HISTOGRAM, value)


def test_a_picture_of_pil_keeps_its_colours(bench: Workbench) -> None:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), (10, 200, 30)).save(out, "PNG")
    expected = bench.encode(out.getvalue(), "colour-histogram")
    for mode in ("RGB", "RGBA", "RGBX"):
        converted = Image.new("RGB", (20, 20), (10, 200, 30)).convert(mode)
        np.testing.assert_array_equal(bench.encode(converted, "colour-histogram"), expected)
