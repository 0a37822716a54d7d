"""What encoders see: reconstructions and the way between two pictures, and the channels of a match."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.cli.parser import main
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders.vectors.batches import encode_latent
from engine.encoders.vectors.store import stored
from engine.evidence.channels import Channels
from engine.evidence.class_map import Head, class_map
from engine.evidence.decoded import STEPS, Decoded
from engine.evidence.sheets import class_sheet
from engine.search.answer import Query
from engine.texts.lexicon.lexicon import lexicon
from engine.workbench.workbench import Workbench
from tests.engine.duplicates.scenes import scene

COUNT = 16
LITE, SHIPPED = ("efficientnet-lite0", ""), ("model-4", "default")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("seen")
    (home / "pictures").mkdir()
    for number in range(COUNT):
        scene(number).save(home / "pictures" / f"{number:02d}.png")
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Scenes", path=str(home / "pictures"))
    return bench


def recipe_of(bench: Workbench, encoder: tuple[str, str], embedding: str = "avg", metric: str = "cosine") -> Recipe:
    recipe = Recipe("scenes", *encoder, embedding=embedding, metric=metric)
    bench.run("embed", recipe=recipe.as_dict())
    return recipe


# ── with a decoder ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_autoencoder_gives_both_pictures_back_and_the_way_between_them(bench: Workbench) -> None:
    recipe = recipe_of(bench, SHIPPED, "max")
    found = bench.sights(recipe, 2, 9)
    assert isinstance(found, Decoded)
    assert [step.share for step in found.path] == pytest.approx(np.linspace(0, 1, STEPS))
    assert (found.path[0].nearest, found.path[-1].nearest) == (2, 9)
    assert found.path[0].distance == pytest.approx(0, abs=1e-3)
    assert (found.path[0].drawn == found.first.drawn).all()
    slow = np.abs(found.first.picture.astype(float) - found.first.drawn).mean() / 255
    assert found.first.mean_error == pytest.approx(slow, abs=1e-6)
    assert "mean error of" in found.sentence()


def test_the_decoder_is_that_of_the_run(bench: Workbench) -> None:
    """The reconstruction is that of the whole network with the run's weights."""
    from models.autoencoder import Autoencoder

    recipe = recipe_of(bench, SHIPPED, "max")
    encoder = bench.encoder(recipe)
    network = Autoencoder(4)
    network.load_state_dict(bench.training_run("default").load())
    latent = torch.from_numpy(encode_latent(encoder, scene(3)))[None]
    with torch.inference_mode():
        assert encoder.decode(latent) == pytest.approx(network.decode(latent), abs=1e-5)


@pytest.mark.parametrize("embedding", ["flatten", "gem", "avg-sqrt", "max-white"])
def test_the_ends_of_the_way_are_the_pictures_under_every_embedding(bench: Workbench, embedding: str) -> None:
    found = bench.sights(recipe_of(bench, SHIPPED, embedding), 4, 5)
    assert isinstance(found, Decoded)
    assert (found.path[0].nearest, found.path[-1].nearest) == (4, 5)


def test_the_same_picture_twice_and_one_of_three_pixels_from_outside(bench: Workbench) -> None:
    recipe = recipe_of(bench, SHIPPED, "max")
    same = bench.sights(recipe, 3, 3)
    assert isinstance(same, Decoded)
    assert {step.nearest for step in same.path} == {3}
    tiny = np.zeros((3, 3, 3), np.uint8)
    assert isinstance(bench.sights(recipe, tiny, 3), Decoded)
    assert bench.drawn_sights(recipe, same, 3, 3).startswith(b"\x89PNG")


# ── without ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("embedding", ["avg", "max", "gem", "flatten", "avg-sqrt"])
def test_the_channels_sum_to_the_match_and_name_what_excites_them(
    bench: Workbench, embedding: str, metric: str
) -> None:
    recipe = recipe_of(bench, LITE, embedding, metric)
    found = bench.sights(recipe, 2, 9)
    assert isinstance(found, Channels)
    vectors = stored(bench.collection("scenes"), bench.encoder(recipe).info, embedding)
    assert vectors is not None
    matrix = np.asarray(vectors.matrix, np.float64)
    rows = matrix / np.linalg.norm(matrix, axis=1)[:, None] if metric == "cosine" else matrix
    one, other = (rows[int(np.searchsorted(vectors.ids, id))] for id in (2, 9))
    assert found.total == pytest.approx(one @ other, rel=1e-6)
    amounts = (one * other).reshape(found.count, -1).sum(1)
    assert [channel.number for channel in found.strongest] == np.argsort(-amounts, kind="stable")[:6].tolist()
    first = found.strongest[0]
    assert first.amount == pytest.approx(amounts.max())
    values = matrix.reshape(COUNT, found.count, -1)[:, first.number].max(1)
    assert first.ids.tolist() == vectors.ids[np.argsort(-values, kind="stable")[:6]].tolist()
    assert first.first.shape == (7, 7)


def test_an_encoder_with_neither_says_so(bench: Workbench) -> None:
    for encoder in ("colour-histogram", "raw-pixels"):
        with pytest.raises(BenzerError, match="neither a decoder nor channels"):
            bench.sights(recipe_of(bench, (encoder, ""), "flatten"), 1, 2)
    with pytest.raises(BenzerError, match="a mixture of all channels"):
        bench.sights(recipe_of(bench, LITE, "avg-white"), 1, 2)
    with pytest.raises(BenzerError, match="has no decoder"):
        bench.encoder(recipe_of(bench, LITE)).decode(torch.zeros(1, 1, 1, 1))


def test_words_and_unknown_pictures_are_refused(bench: Workbench) -> None:
    recipe = recipe_of(bench, LITE)
    with pytest.raises(BadParameter, match="one picture"):
        bench.sights(recipe, Query(text="dog", name="dog"), 1)
    with pytest.raises(NotFound):
        bench.sights(recipe, 1, 999)


# ── a class ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_places_of_a_class_sum_to_its_score(bench: Workbench) -> None:
    recipe = recipe_of(bench, LITE)
    found = bench.explain_words(recipe, "dog", 3)
    assert found.places.shape == (7, 7)
    assert found.places.sum() + found.offset == pytest.approx(found.score, abs=1e-6)
    probabilities = bench.class_probabilities("scenes")
    row = int(np.searchsorted(probabilities.ids, 3))
    stored_ones = dict(zip(probabilities.classes[row].tolist(), probabilities.values[row].tolist(), strict=True))
    number = lexicon().classes.index(found.name)
    if number in stored_ones:
        assert found.probability == pytest.approx(stored_ones[number], rel=0.1)
    assert bench.drawn_class(recipe, found, 3).startswith(b"\x89PNG")
    assert json.loads(json.dumps(found.as_dict()))["name"] == found.name


def test_a_class_is_seen_where_its_weights_meet_the_features() -> None:
    latent = np.zeros((2, 2, 2), np.float32)
    latent[0, 0, 1], latent[1, 1, 0] = 4, 8
    head = Head(np.array([[1, 0], [0, -1]], np.float32), np.array([0.5, 0], np.float32), ("one", "other"))
    found = class_map("Net", latent, head, np.array([1, 0], np.float32))
    assert found.places.tolist() == [[0, 1], [0, 0]]
    assert (found.name, found.score) == ("one", 1.5)
    against = class_map("Net", latent, head, np.array([0, 1], np.float32))
    assert against.places.tolist() == [[0, 0], [-2, 0]]
    assert class_sheet(against, Image.new("RGB", (3, 3))).size == (968, 480)


def test_unknown_words_and_encoders_that_read_texts_say_so(bench: Workbench) -> None:
    recipe = recipe_of(bench, LITE)
    with pytest.raises(BenzerError, match="None of these words"):
        bench.explain_words(recipe, "xqzzy", 3)
    with pytest.raises(BenzerError, match="as a whole"):
        bench.explain_words(recipe.but(encoder="clip-mine"), "dog", 3)
    with pytest.raises(NotFound):
        bench.explain_words(recipe, "dog", 999)


def test_the_command_shows_where_words_are_seen(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["explain", "--collection", "scenes", "#1", "--words", "dog"]
    assert main([*words, "--png", str(tmp_path / "dog.png")]) == 0
    assert "Of the classes that the words mean, “" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    assert np.array(json.loads(capsys.readouterr().out)["places"]).shape == (7, 7)
    assert main([*words[:4], "#2", *words[4:]]) == 1
    assert main(words[:-2]) == 1
    assert "two, or one with --words" in capsys.readouterr().err


@pytest.mark.parametrize(("encoder", "said"), [("efficientnet-lite0", "no decoder"), ("model-4", "mean error of")])
def test_the_command_prints_and_draws_what_is_seen(
    bench: Workbench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    encoder: str,
    said: str,
) -> None:
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["explain", "--seen", "--collection", "scenes", "--encoder", encoder, "#1", "#2"]
    assert main([*words, "--png", str(tmp_path / "seen.png")]) == 0
    assert said in capsys.readouterr().out
    assert Image.open(tmp_path / "seen.png").width > 500
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "path" in told or len(told["strongest"]) == 6
