"""Text-image encoders from files: towers that see one colour each, found by its name, and every kind of bad file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from engine.cli.parser import main
from engine.core.errors import BadParameter, BenzerError, Corrupt, MissingPackage, NotFound, Unreadable
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders import choices, open_encoder
from engine.encoders.choosing import default_choice
from engine.encoders.onnx_session import opened
from engine.encoders.text_image import TextImageEncoder, add
from engine.encoders.towers import onnx_towers
from engine.encoders.towers.card import FILE, card_of
from engine.encoders.towers.safetensors_towers import spec_of
from engine.search.examples import Example
from engine.texts.tokenizer import tokenizer_of
from engine.workbench import Answer, Query, Workbench
from models.clip import Clip
from models.specs import ClipSpec, TowerSpec

PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "a", "box"]
COLOURS = {"red": (230, 20, 20), "green": (20, 230, 20), "blue": (20, 20, 230)}
CARD = {"title": "Colours", "tokenizer": "vocab.txt", "size": 16, "mean": [0, 0, 0], "std": [1, 1, 1], "length": 8}
TOWER = TowerSpec(width=8, layers=1, heads=1, inner=8, quick=True)
SPEC = ClipSpec(TOWER, TOWER, width=3, size=16, patch=8, pieces=len(PIECES), places=8)


def described(folder: Path, **more: Any) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(PIECES))
    (folder / FILE).write_text(json.dumps({**CARD, **more}))
    return folder


def colour_weights() -> dict[str, torch.Tensor]:
    """Of a CLIP whose attention is the plain mean, whose patches are their mean colour, and whose words name one."""
    network = Clip(SPEC)
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    for name, part in network.named_modules():
        if isinstance(part, torch.nn.LayerNorm):
            torch.nn.init.ones_(part.weight)
        if name.endswith(("v_proj", "out_proj", "projection")):
            torch.nn.init.eye_(part.weight)
    with torch.no_grad():
        for colour in range(3):
            network.vision_model.embeddings.patch_embedding.weight[colour, colour] = 1 / 64
            network.text_model.embeddings.token_embedding.weight[4 + colour, colour] = 1
    return dict(network.state_dict())


def as_safetensors(folder: Path) -> Path:
    save_file(colour_weights(), described(folder, weights="model.safetensors", heads=[1, 1]) / "model.safetensors")
    return folder


def as_onnx(folder: Path) -> Path:
    """The same in ONNX: the mean colour of a picture, and the sum of the colours that a text names."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    def written(name: str, nodes: list[Any], inputs: list[Any], constants: list[Any]) -> None:
        output = helper.make_tensor_value_info(f"{name}_embeds", TensorProto.FLOAT, ["n", 3])
        graph = helper.make_graph(nodes, name, inputs, [output], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())

    assert onnx.__name__ == "onnx"
    described(folder, picture="image.onnx", text="text.onnx")
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 16, 16])
    written(
        "image", [helper.make_node("ReduceMean", ["pixels"], ["image_embeds"], axes=[2, 3], keepdims=0)], [pixels], []
    )
    table = np.zeros((len(PIECES), 3), np.float32)
    table[4:7] = np.eye(3)
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["each"]),
        helper.make_node("Cast", ["mask"], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["there", "two"], ["wide"]),
        helper.make_node("Mul", ["each", "wide"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "one"], ["text_embeds"], keepdims=0),
    ]
    given = [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", 8]) for name in ("ids", "mask")]
    constants = [numpy_helper.from_array(table, "table")]
    constants += [numpy_helper.from_array(np.array([at]), name) for name, at in (("one", 1), ("two", 2))]
    written("text", nodes, given, constants)
    return folder


MAKERS: dict[str, Callable[[Path], Path]] = {"safetensors": as_safetensors, "onnx": as_onnx}


@pytest.fixture(params=list(MAKERS))
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return MAKERS[request.param](tmp_path / "files")


@pytest.fixture
def bench(files: Path, home: Home, tmp_path: Path) -> Workbench:
    """Two pictures of each colour, and the colours as an encoder."""
    (tmp_path / "pictures").mkdir()
    for letter, colour in zip("xyz", COLOURS.values(), strict=True):
        for number in range(2):
            shade = tuple(value - 9 * number for value in colour)
            Image.new("RGB", (24, 18), shade).save(tmp_path / "pictures" / f"{letter}{number}.png")
    add(home, "clip-colours", files)
    bench = Workbench(home)
    bench.run("import", source="folder", title="Mixed", path=str(tmp_path / "pictures"))
    bench.run("embed", recipe=RECIPE.as_dict())
    return bench


RECIPE = Recipe("mixed", "clip-colours", "", embedding="max", k=2)


def named(answer: Answer) -> list[str]:
    return sorted(hit.name for hit in answer.hits)


def test_words_find_the_pictures_that_they_describe(bench: Workbench) -> None:
    for text, letter in (("a red box", "x"), ("green", "y"), ("blue", "z")):
        answer = bench.search(RECIPE, Query(name=text, text=text))
        assert named(answer) == [f"{letter}0.png", f"{letter}1.png"]
        assert "not by the dictionary" in answer.sentence()
        assert answer.words is None, "the dictionary was not asked"
        assert answer.provenance is not None
        assert answer.provenance.precision == "float32"
    assert bench.reads_words("clip-colours", "")


def test_the_vector_of_a_text_is_nearer_to_its_pictures_by_cosine(bench: Workbench) -> None:
    answer = bench.search(RECIPE.but(k=6), Query(name="red", text="red"))
    encoder, vectors = bench.encoder(RECIPE), bench._open(RECIPE).searcher.vectors
    assert isinstance(encoder, TextImageEncoder)
    slow = 1 - np.asarray(vectors.matrix, np.float64) @ encoder.described(["red"])[0].astype(np.float64)
    by_id = dict(zip(vectors.ids.tolist(), slow, strict=True))
    assert [hit.distance for hit in answer.hits] == pytest.approx([by_id[hit.id] for hit in answer.hits], abs=1e-5)
    assert [hit.distance for hit in answer.hits] == sorted(hit.distance for hit in answer.hits)


def test_a_picture_and_words_are_weighed_by_the_share(bench: Workbench) -> None:
    green = next(int(id) for id, name in zip(*_ids_and_names(bench), strict=True) if name == "y0.png")
    asked = {share: Query(image_id=green, name="y0.png", text="blue", share=share) for share in (0, 100, None)}
    assert named(bench.search(RECIPE.but(k=1), asked[0])) == ["y1.png"]
    assert named(bench.search(RECIPE, asked[100])) == ["z0.png", "z1.png"]
    vector = bench._query_vector(bench._open(RECIPE), RECIPE, asked[None])[0]
    assert vector[1] > 0.3
    assert vector[2] > 0.3
    with pytest.raises(BadParameter, match="share"):
        bench.search(RECIPE, Query(image_id=green, name="", text="blue", share=101))


def test_words_are_one_of_several_examples(bench: Workbench) -> None:
    plus, minus = Example(text="red"), Example(text="blue", weight=-1)
    answer = bench.search(RECIPE, Query.of(plus, minus))
    assert named(answer) == ["x0.png", "x1.png"]


@pytest.mark.parametrize("text", ["red " * 10_000, "x" * 10_000, "красный", "<b>red</b>"])
def test_words_of_any_length_and_script_give_an_answer(bench: Workbench, text: str) -> None:
    assert len(bench.search(RECIPE, Query(name="words", text=text)).hits) == 2


def test_from_the_command_line(
    files: Path, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(home.root))
    assert main(["weights", "add", "clip-colours", str(files)]) == 0
    assert "search with --encoder clip-colours" in capsys.readouterr().out
    assert main(["weights", "list"]) == 0
    assert "clip-colours" in capsys.readouterr().out
    assert main(["weights", "add", "clip-Bad_Name", str(files)]) != 0
    assert main(["weights", "delete", "clip-colours", "--yes"]) == 0
    assert not [choice for choice in choices(home) if choice.name == "clip-colours"]


def test_it_is_offered_but_never_the_default(bench: Workbench) -> None:
    [choice] = [choice for choice in bench.choices("mixed") if choice.name == "clip-colours"]
    assert (choice.title, choice.words, choice.ready) == ("Colours", True, True)
    assert default_choice(bench.home, "mixed").name != "clip-colours"


def test_other_files_under_the_same_name_give_other_vectors(bench: Workbench, files: Path) -> None:
    before = bench.encoder(RECIPE).info.fingerprint
    described(files, **{**json.loads((files / FILE).read_text()), "mean": [0.1, 0.1, 0.1]})
    add(bench.home, "clip-colours", files)
    assert bench.encoder(RECIPE).info.fingerprint != before


def test_a_changed_file_is_not_read(bench: Workbench) -> None:
    [path] = (bench.home.pretrained / "text_image" / "clip-colours").glob("0*/vocab.txt")
    path.write_text(path.read_text().replace("red", "rad"))
    with pytest.raises(Corrupt, match="weights add clip-colours"):
        open_encoder("clip-colours", "", bench.home)
    assert [choice.name for choice in choices(bench.home) if choice.words] == ["clip-colours"]


def test_without_the_library_its_name(tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = described(tmp_path / "files", picture="a.onnx", text="b.onnx")
    for name in ("a.onnx", "b.onnx"):
        (folder / name).write_bytes(b"")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingPackage, match="pip install onnxruntime"):
        add(home, "clip-x", folder)
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(MissingPackage, match="pip install tokenizers"):
        tokenizer_of(folder / "tokenizer.json", 8)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": 0}, "The size of a text-image encoder must be a whole number"),
        ({"size": True}, "size"),
        ({"mean": [0, 0]}, "mean"),
        ({"std": [1, 0, 1]}, "3 numbers above 0"),
        ({"std": [1, float("nan"), 1]}, "std"),
        ({"length": "77"}, "length"),
        ({"tokenizer": "../vocab.txt"}, "the name of a file beside"),
        ({"tokenizer": ""}, "tokenizer"),
        ({"weights": ""}, "either weights"),
        ({"picture": "a.onnx", "text": "b.onnx"}, "either weights"),
        ({"activation": "relu"}, "quick_gelu or gelu"),
        ({"heads": [1]}, "heads"),
        ({"title": " "}, "title"),
        ({"title": 7}, "title"),
    ],
)
def test_descriptions_that_cannot_be(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadParameter, match=sentence):
        card_of({**CARD, "weights": "model.safetensors", **change})


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_description_that_is_no_object(data: bytes, tmp_path: Path, home: Home) -> None:
    (described(tmp_path / "files") / FILE).write_bytes(data)
    with pytest.raises(BadParameter, match="a JSON object"):
        add(home, "clip-x", tmp_path / "files")


def test_files_that_are_missing(tmp_path: Path, home: Home) -> None:
    with pytest.raises(NotFound, match=FILE):
        add(home, "clip-x", tmp_path)
    with pytest.raises(NotFound, match=r"model\.safetensors"):
        add(home, "clip-x", described(tmp_path / "files", weights="model.safetensors"))
    with pytest.raises(NotFound):
        open_encoder("clip-x", "", home)


def other_network(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {"features.0.weight": torch.zeros(3, 3)}


def without_a_block(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in weights.items() if "text_model.encoder" not in name}


def without_one(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in weights.items() if name != "text_projection.weight"}


def no_numbers(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {**weights, "visual_projection.weight": torch.full((3, 8), torch.nan)}


@pytest.mark.parametrize("changed", [other_network, without_a_block, without_one, no_numbers])
def test_weights_of_another_network(changed: Callable[[Any], Any], tmp_path: Path, home: Home) -> None:
    folder = as_safetensors(tmp_path / "files")
    save_file(changed(colour_weights()), folder / "model.safetensors")
    with pytest.raises(BadParameter) as caught:
        add(home, "clip-x", folder)
    assert len(str(caught.value)) < 400
    assert not choices_of(home)


def choices_of(home: Home) -> list[str]:
    return [choice.name for choice in choices(home) if choice.words]


def test_the_size_must_be_that_of_the_weights() -> None:
    with pytest.raises(BadParameter, match="16, as its weights say"):
        spec_of(colour_weights(), card_of({**CARD, "weights": "w.safetensors", "size": 32}), "w.safetensors")
    with pytest.raises(BadParameter, match="a divisor of the width 8"):
        spec_of(colour_weights(), card_of({**CARD, "weights": "w.safetensors", "heads": [3, 1]}), "w.safetensors")


@pytest.mark.parametrize("kept", [0, 0.1, 0.6])
def test_damaged_files(kept: float, files: Path, home: Home) -> None:
    for path in [*files.glob("*.onnx"), *files.glob("*.safetensors")]:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(kept * len(whole))])
        with pytest.raises(BenzerError) as caught:
            add(home, "clip-x", files)
        assert isinstance(caught.value, (Unreadable, BadParameter))
        assert path.name in str(caught.value)
        path.write_bytes(whole)


def test_two_pictures_towers_are_no_pair(tmp_path: Path, home: Home) -> None:
    folder = as_onnx(tmp_path / "files")
    described(folder, picture="image.onnx", text="image.onnx")
    with pytest.raises(BadParameter, match="ids, and at most a mask"):
        add(home, "clip-x", folder)
    described(folder, picture="image.onnx", text="text.onnx", size=32)
    with pytest.raises(BadParameter, match="networks that take its pictures and texts"):
        add(home, "clip-x", folder)
    assert "pixels" in onnx_towers._named(opened(folder / "image.onnx", "").get_inputs())


@pytest.mark.parametrize("data", [b"red\ngreen", b"\xff\xff"])
def test_a_vocabulary_that_is_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_bytes(data)
    with pytest.raises(Unreadable, match="no vocabulary"):
        tokenizer_of(tmp_path / "vocab.txt", 8)
    with pytest.raises(BadParameter, match="tokenizer"):
        tokenizer_of(tmp_path / "vocab.bin", 8)


def test_a_tokenizer_of_the_library(tmp_path: Path) -> None:
    library = pytest.importorskip("tokenizers")
    path = tmp_path / "tokenizer.json"
    words = library.Tokenizer(library.models.WordLevel({"[UNK]": 0, "red": 1, "box": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = library.pre_tokenizers.Whitespace()
    path.write_text(words.to_str())
    assert tokenizer_of(path, 8)("red box xqz") == [1, 2, 0]
    assert len(tokenizer_of(path, 8)("red " * 100)) == 8
    for damaged in ("{}", path.read_text()[:-20], "\0"):
        path.write_text(damaged)
        with pytest.raises(Unreadable, match="no tokenizer"):
            tokenizer_of(path, 8)


@pytest.mark.parametrize("quick", [True, False])
def test_vectors_are_those_of_transformers(quick: bool, tmp_path: Path) -> None:
    """The same random weights in Hugging Face's own implementation."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    act = "quick_gelu" if quick else "gelu"
    sizes = {
        "hidden_size": 128,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "hidden_act": act,
    }
    text = transformers.CLIPTextConfig(
        **sizes, vocab_size=30, max_position_embeddings=9, eos_token_id=29, bos_token_id=1
    )
    vision = transformers.CLIPVisionConfig(**sizes, image_size=32, patch_size=8)
    network = transformers.CLIPModel(
        transformers.CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24)
    ).eval()
    path = tmp_path / "model.safetensors"
    save_file({name: tensor.clone() for name, tensor in network.state_dict().items()}, path)
    card = card_of({**CARD, "weights": path.name, "size": 32, "activation": act})
    from engine.encoders.towers.safetensors_towers import SafetensorsTowers

    towers, images = SafetensorsTowers(path, card), torch.randn(3, 3, 32, 32)
    ids = torch.tensor([[1, 5, 6, 29, 29], [1, 7, 8, 9, 29]])
    with torch.no_grad():
        truth = network(input_ids=ids, pixel_values=images, attention_mask=(torch.tensor([[1, 1, 1, 1, 0], [1] * 5])))
        seen = torch.nn.functional.normalize(towers.pictures(images))
        read = torch.nn.functional.normalize(torch.from_numpy(towers.texts([[1, 5, 6, 29], [1, 7, 8, 9, 29]])))
    assert torch.allclose(seen, truth.image_embeds, atol=1e-5)
    assert torch.allclose(read, truth.text_embeds, atol=1e-5)


def _ids_and_names(bench: Workbench) -> tuple[list[int], list[str]]:
    images = bench.collection("mixed").images()
    return images.ids.tolist(), list(images.names)
