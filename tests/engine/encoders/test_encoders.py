"""The contract of every encoder, and what is particular to each family."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import engine.encoders as encoders
from engine.core.device import device
from engine.core.errors import BadParameter, BenzerError, Corrupt, NotFound, NotTrained
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import EncoderInfo, choices, open_encoder
from engine.encoders.descriptors import hsv
from engine.encoders.encoder import COMPUTED, OWN, PHOTOGRAPHS
from engine.encoders.networks.table import BACKBONES
from engine.encoders.vectors.batches import embed_pictures, squared
from engine.runs.run import Run
from models.autoencoder import Autoencoder

READY = [
    "efficientnet-lite0",
    "model-1",
    "model-2",
    "model-3",
    "model-4",
    "small-resnet",
    "raw-pixels",
    "hog",
    "sift-vlad",
    "orb-words",
    "orb-vlad",
    "brief-vlad",
    "sift-words",
    "brief-words",
    "local-binary-patterns",
    "glcm",
    "colour-histogram",
    "colour-pyramid",
    "opponent-patterns",
]
DERIVED = {"side-by-side"}  # from the vectors of others: see its own tests


@pytest.fixture
def opened(home: Home, pile: Any, make_run: Callable[..., Any], small_run: Run) -> Callable[[str], encoders.Encoder]:
    def open_it(name: str) -> encoders.Encoder:
        if name == "small-resnet":
            return open_encoder(name, small_run.name, home)
        if not name.startswith("model-"):
            pile.pictures = {id: pile.pictures[id] for id in range(3, 9)}  # enough to learn words from
            return open_encoder(name, "", home).prepared(pile, Reporter())
        number = int(name[-1])
        make_run(number, f"run-{number}", 160 if number == 4 else 96)
        return open_encoder(name, f"run-{number}", home)

    return open_it


def test_every_family_is_tested_here(home: Home) -> None:
    assert {choice.name for choice in choices(home)} == set(READY) | set(BACKBONES) | DERIVED


def test_every_choice_says_what_it_is_good_for_and_has_a_heading(home: Home, make_run: Callable[..., Any]) -> None:
    make_run(4, "run-4", 160)
    for choice in choices(home):
        assert choice.good_for.endswith("."), choice.name
        assert choice.shelf in (PHOTOGRAPHS, COMPUTED, OWN)
    shelves = {choice.key: choice.shelf for choice in choices(home)}
    wanted = {"resnet-50": PHOTOGRAPHS, "hog": COMPUTED, "orb-words": COMPUTED, "model-4@run-4": OWN, "model-1": OWN}
    assert {name: shelves[name] for name in wanted} == wanted
    sizes = {choice.name: choice.megabytes for choice in choices(home)}
    assert (sizes["resnet-50"], sizes["hog"]) == (103, 0)


@pytest.mark.parametrize("name", READY)
def test_contract(name: str, opened: Callable[[str], encoders.Encoder]) -> None:
    encoder = opened(name)
    info = encoder.info
    assert isinstance(info, EncoderInfo)
    assert info.name == name
    assert info.fingerprint
    assert info.title
    images = torch.rand(5, 3, info.input_size, info.input_size, generator=torch.Generator().manual_seed(1))
    latents = encoder.encode(images)
    assert latents.ndim == 4
    assert len(latents) == 5
    assert latents.dtype == torch.float32
    assert latents.device == images.device
    assert latents.isfinite().all()
    assert (latents.shape[-1] > 1) == info.spatial
    assert torch.equal(latents, encoder.encode(images)), "the same images give the same latents"
    alone = torch.cat([encoder.encode(image[None]) for image in images])
    assert torch.allclose(latents, alone, rtol=0.02, atol=0.02 * float(latents.abs().max())), "images do not mix"
    assert (latents[0] - latents[1]).abs().max() > 0, "different images differ"


@pytest.mark.parametrize("name", READY)
def test_pictures_of_any_size_and_kind(name: str, opened: Callable[[str], encoders.Encoder]) -> None:
    encoder = opened(name)
    tiny, grey = Image.new("RGB", (3, 3), "red"), Image.new("L", (300, 20), 128)
    array = np.zeros((7, 900, 3), np.uint8)
    vectors = embed_pictures(encoder, [tiny, grey, array], "max")
    assert vectors.shape[0] == 3
    assert np.isfinite(vectors).all()
    with pytest.raises(BadParameter):
        embed_pictures(encoder, [], "max")
    with pytest.raises(BadParameter):
        embed_pictures(encoder, [tiny], "sum")


@pytest.mark.parametrize(
    "wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)]
)
def test_arrays_that_are_no_pictures(wrong: Any, home: Home) -> None:
    with pytest.raises(BadParameter, match=r"\(h, w, 3\) uint8"):
        embed_pictures(open_encoder("raw-pixels", "", home), [wrong], "max")


def test_nothing_is_trained_at_first(home: Home) -> None:
    if (home.shipped_weights / "default").exists():
        pytest.skip("weights ship with this checkout")
    lines = {choice.name: choice for choice in choices(home)}
    assert [lines[name].ready for name in READY] == [True] + [False] * 4 + [True] * 11


def test_runs_appear_as_choices(home: Home, make_run: Callable[..., Any]) -> None:
    make_run(2, "first"), make_run(2, "second")
    titles = [choice.title for choice in choices(home) if choice.name == "model-2" and choice.weights != "default"]
    assert sorted(titles) == ["Model 2 · first", "Model 2 · second"]
    assert not [choice for choice in choices(home) if choice.name == "model-2" and not choice.ready]


def test_a_run_without_weights_is_not_offered(home: Home) -> None:
    from engine.runs import listing as runs

    runs.create(home, "empty", {"model": 3, "size": 96}, {})
    assert not [choice for choice in choices(home) if choice.weights == "empty"]
    with pytest.raises(NotTrained):
        open_encoder("model-3", "empty", home)


def test_the_model_that_ships_comes_before_other_models(
    home: Home, make_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Home, "shipped_weights", property(lambda self: self.weights))
    make_run(1, "other"), make_run(3, "default"), make_run(3, "later")
    assert [(c.name, c.weights) for c in choices(home) if c.name.startswith("model-")][:3] == [
        ("model-3", "default"), ("model-3", "later"), ("model-1", "other"),
    ]  # fmt: skip


def test_wrong_names_and_weights(home: Home, make_run: Callable[..., Any]) -> None:
    make_run(1, "mine")
    with pytest.raises(NotFound, match="no encoder 'model-9'"):
        open_encoder("model-9", "", home)
    with pytest.raises(NotFound, match="no run 'nobody'"):
        open_encoder("model-1", "nobody", home)
    with pytest.raises(NotTrained, match="Model 2 has not been trained yet"):
        open_encoder("model-2", "", home)
    with pytest.raises(BadParameter, match="a run of Model 1"):
        open_encoder("model-2", "mine", home)
    with pytest.raises(BadParameter, match="it has none"):
        open_encoder("raw-pixels", "mine", home)


@pytest.mark.parametrize(("number", "weights_of"), [(3, 2), (2, 1), (2, 3)])
def test_weights_of_another_architecture(
    number: int, weights_of: int, home: Home, make_run: Callable[..., Any]
) -> None:
    make_run(number, "foreign", 96, weights_of=weights_of)
    if (number, weights_of) == (2, 3):
        open_encoder("model-2", "foreign", home)  # the same convolutions: the extra ones are not looked at
        return
    with pytest.raises(BadParameter, match=f"weights of Model {number} must be made for it"):
        open_encoder(f"model-{number}", "foreign", home)


def test_damaged_weights_are_named(home: Home, make_run: Callable[..., Any]) -> None:
    run = make_run(1, "mine")
    path = next(run.folder.glob("*.safetensors"))
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 4
    path.write_bytes(bytes(spoilt))
    with pytest.raises(Corrupt, match=path.name):
        open_encoder("model-1", "mine", home)


def test_weights_that_are_no_numbers(home: Home, make_run: Callable[..., Any]) -> None:
    run = make_run(1, "mine")
    weights = run.load()
    weights["encoder.0.conv.bias"][0] = float("nan")
    run.keep(weights)
    with pytest.raises(Corrupt, match="not numbers"):
        open_encoder("model-1", "mine", home)


def test_the_fingerprint_follows_the_weights(home: Home, make_run: Callable[..., Any]) -> None:
    run = make_run(1, "mine")
    first = open_encoder("model-1", "mine", home).info.fingerprint
    run.keep(Autoencoder(1).initialise(1).state_dict())
    assert open_encoder("model-1", "mine", home).info.fingerprint != first


def test_reduced_precision_stays_close(home: Home, make_run: Callable[..., Any]) -> None:
    run = make_run(1, "mine")
    network = Autoencoder(1)
    network.load_state_dict(run.load())
    images = torch.rand(4, 3, 64, 64)
    exact = network.encoder(images).detach()
    found = open_encoder("model-1", "mine", home).encode(images)
    assert torch.nn.functional.cosine_similarity(exact.flatten(1), found.flatten(1)).min() > 0.999


def test_raw_pixels_are_the_pixels(home: Home) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    vector = embed_pictures(encoder, [picture], "flatten")
    assert np.allclose(vector[0], picture.transpose(2, 0, 1).ravel() / 255)


def test_hsv_is_that_of_colorsys() -> None:
    images = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    images[0, :, 0, 0], images[0, :, 0, 1] = 0.5, 0.0
    found = hsv(images)[0].flatten(1).T.numpy()
    expected = [colorsys.rgb_to_hsv(*pixel) for pixel in images[0].flatten(1).T.tolist()]
    assert found == pytest.approx(np.array(expected), abs=1e-5)


def test_the_histogram_ignores_places_and_counts_all(home: Home) -> None:
    encoder = open_encoder("colour-histogram", "", home)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found, turned = encoder.encode(images), encoder.encode(images.flip(2))
    assert torch.equal(found, turned)
    assert found.shape == (2, 192, 1, 1)
    assert (found**2).sum((1, 2, 3)).tolist() == pytest.approx([1, 1])
    red = encoder.encode(torch.tensor([1.0, 0, 0])[None, :, None, None].expand(1, 3, 64, 64))
    assert float(red.max()) == 1.0
    assert int((red > 0).sum()) == 1


def test_squares_are_those_of_a_collection() -> None:
    from engine.collections.reading.safely import stretched

    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (500, 333, 3), dtype=np.uint8))
    assert np.array_equal(squared(picture, 64), stretched(picture, 64))


def test_an_encoder_that_gives_nan_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = open_encoder("raw-pixels", "", home)
    monkeypatch.setattr(type(encoder), "encode", lambda self, images: images.flatten(1)[:, :, None, None] * np.nan)
    with pytest.raises(BenzerError, match="not numbers"):
        embed_pictures(encoder, [Image.new("RGB", (9, 9))], "max")


def test_the_device_is_chosen_once_and_reported() -> None:
    assert device() is device()
    assert device().title
    assert device().reduced == (device().dtype != torch.float32)
