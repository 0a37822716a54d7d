"""Why two pictures are near, from a collection to the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.cli.parser import main
from engine.core.distances import METRICS
from engine.core.errors import BadParameter, BenzerError, NotFound
from engine.core.home import Home
from engine.core.recipe import Recipe
from engine.encoders.pooling import FINISHES, POOLINGS
from engine.encoders.vectors.store import stored
from engine.runs import listing as runs
from engine.search.answer import Query
from engine.workbench.workbench import Workbench
from models.autoencoder import Autoencoder
from tests.engine.duplicates.scenes import scene
from tests.engine.rounding import of_long_sums

COUNT = 24
LITE, SHIPPED = ("efficientnet-lite0", ""), ("model-4", "default")
PAIR = "efficientnet-lite0+model-4__default+30"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    home = tmp_path_factory.mktemp("evidence")
    (home / "pictures").mkdir()
    for number in range(COUNT):
        scene(number).save(home / "pictures" / f"{number:02d}.png")
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Scenes", path=str(home / "pictures"))
    return bench


def recipe_of(
    bench: Workbench, encoder: tuple[str, str] = LITE, embedding: str = "avg", metric: str = "cosine"
) -> Recipe:
    recipe = Recipe("scenes", *encoder, embedding=embedding, metric=metric)
    bench.run("embed", recipe=recipe.as_dict())
    return recipe


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("embedding", [f"{plain}{finish}" for plain in POOLINGS for finish in FINISHES])
@pytest.mark.parametrize("encoder", [LITE, SHIPPED])
def test_the_places_sum_to_what_the_search_shows(
    bench: Workbench, encoder: tuple[str, str], embedding: str, metric: str
) -> None:
    recipe = recipe_of(bench, encoder, embedding, metric)
    shown = {hit.id: hit.distance for hit in bench.search(recipe, Query.image(1)).hits}
    for id in list(shown)[:3]:
        found = bench.explain(recipe, 1, id)
        assert_the_sum_of(found.total, found.distance, bench, recipe)
        if found.note:
            assert "Averaged with neighbours" in found.note
        else:
            bound = of_long_sums(bench._open(recipe).searcher.vectors.matrix.shape[1])
            assert found.distance == pytest.approx(shown[id], abs=bound, rel=bound)


def assert_the_sum_of(total: float, distance: float, bench: Workbench, recipe: Recipe) -> None:
    """That the sum is what the distance was made of, but for the rounding of products as large as the vectors are.

    What is explained are the vectors before they were averaged with their neighbours.
    """
    matrix = bench._open(recipe.but(embedding=recipe.embedding.removesuffix("-dba"))).searcher.vectors.matrix
    if recipe.metric == "cosine":
        assert total == pytest.approx(1 - distance, abs=of_long_sums(matrix.shape[1]))
    else:
        longest = float(np.square(matrix, dtype=np.float64).sum(1).max())
        assert total == pytest.approx(distance**2, abs=of_long_sums(matrix.shape[1], 4 * longest))


@pytest.mark.parametrize("metric", list(METRICS))
def test_two_encoders_have_a_map_each_and_sum_together(bench: Workbench, metric: str) -> None:
    recipe = recipe_of(bench, (PAIR, ""), "avg", metric)
    shown = bench.search(recipe, Query.image(1)).hits[0]
    found = bench.explain(recipe, 1, shown.id)
    assert [part.weight for part in found.parts] == [0.7, 0.3]
    assert [part.first.shape for part in found.parts] == [(7, 7), (2, 2)]
    assert_the_sum_of(found.total, shown.distance, bench, recipe)


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("embedding", ["avg-sqrt", "max-white", "flatten-white", "gem-sqrt-dba", "avg-white-dba"])
@pytest.mark.parametrize(
    "pair",
    [PAIR, "efficientnet-lite0+hog", "raw-pixels+colour-histogram+30", "efficientnet-lite0+side-by-side"],
)
def test_after_post_processing_combined_encoders_sum_together(
    bench: Workbench, pair: str, embedding: str, metric: str
) -> None:
    recipe = recipe_of(bench, (pair, ""), embedding, metric)
    shown = {hit.id: hit.distance for hit in bench.search(recipe, Query.image(1)).hits}
    for id in list(shown)[:3]:
        found = bench.explain(recipe, 1, id)
        assert_the_sum_of(found.total, found.distance, bench, recipe)
        if "averaged" not in found.note.lower():
            assert found.distance == pytest.approx(shown[id], abs=1e-5, rel=1e-5)
        second = sum(part.second.sum() for part in found.parts)
        assert metric == "euclidean" or second == pytest.approx(found.total, abs=1e-9)  # seen from either picture
        assert ("lines do not show" in found.note) == ("white" in embedding)
        assert all(np.abs(part.first).sum() > 0 for part in found.parts)


def test_after_whitening_the_whole_picture_of_a_descriptor_is_no_place(bench: Workbench) -> None:
    """What a part adds is its part of the vector times the whole other vector, also where another part made that."""
    recipe = recipe_of(bench, ("efficientnet-lite0+colour-histogram", ""), "avg-white")
    found = bench.explain(recipe, 1, 2)
    [network, colours] = found.parts
    assert (network.whole, colours.whole) == (False, True)
    assert network.total + colours.total == pytest.approx(1 - found.distance, abs=1e-6)
    assert "Colour histogram, which describes a picture as a whole, adds" in found.sentence()
    assert network.pairs.sum() != pytest.approx(network.total, abs=1e-6), "the maps hold the colours of the other, too"


@pytest.mark.parametrize("embedding", ["avg-sqrt", "avg-white"])
def test_a_picture_from_outside_is_explained_after_post_processing_too(
    bench: Workbench, tmp_path: Path, embedding: str
) -> None:
    recipe = recipe_of(bench, (PAIR, ""), embedding)
    scene(3).save(tmp_path / "outside.png")
    inside = bench.explain(recipe, 4, 1)
    outside = bench.explain(recipe, tmp_path / "outside.png", 1)
    assert outside.total == pytest.approx(inside.total, abs=0.05)  # bf16 batches
    for one, other in zip(inside.parts, outside.parts, strict=True):
        assert np.corrcoef(one.first.ravel(), other.first.ravel())[0, 1] > 0.98


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("pair", ["efficientnet-lite0+hog", "hog+efficientnet-lite0+30"])
def test_a_network_and_a_descriptor_made_of_places_sum_together(bench: Workbench, pair: str, metric: str) -> None:
    recipe = recipe_of(bench, (pair, ""), "avg", metric)
    shown = bench.search(recipe, Query.image(1)).hits[0]
    found = bench.explain(recipe, 1, shown.id)
    assert {part.first.shape for part in found.parts} == {(7, 7)}
    assert all(np.abs(part.first).sum() > 0 for part in found.parts)
    assert_the_sum_of(found.total, shown.distance, bench, recipe)


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize(
    ("network", "whole", "pair"),
    [
        ("efficientnet-lite0", "colour-histogram", "efficientnet-lite0+colour-histogram"),
        ("hog", "local-binary-patterns", "local-binary-patterns+hog+30"),
        ("efficientnet-lite0", "side-by-side", "efficientnet-lite0+side-by-side"),
    ],
)
def test_a_part_without_places_adds_its_share_of_the_score(
    bench: Workbench, network: str, whole: str, pair: str, metric: str
) -> None:
    recipe = recipe_of(bench, (pair, ""), "avg", metric)
    alone = bench.search(recipe_of(bench, (whole, ""), "avg").but(k=COUNT), Query.image(1))
    for hit in bench.search(recipe, Query.image(1)).hits[:3]:
        found = bench.explain(recipe, 1, hit.id)
        assert_the_sum_of(found.total, hit.distance, bench, recipe)
        [shown] = [part for part in found.parts if not part.whole]
        assert shown.title == bench.encoder(recipe.but(encoder=network)).info.title
        assert shown.first.shape == (7, 7)
        weight = sum(part.weight for part in found.wholes)
        away = next(other.distance for other in alone.hits if other.id == hit.id)
        adds = weight * ((1 - away) if metric == "cosine" else 2 * away)
        told = sum(part.total for part in found.wholes)
        assert told == pytest.approx(adds, abs=1e-5)
        assert f"as a whole, add{'s' if len(found.wholes) == 1 else ''} {told:.4f}" in found.sentence()
        assert (2 if metric == "cosine" else 1) == len(found.maps)
        assert sum(bool(part["whole"]) for part in found.as_dict()["encoders"]) == len(found.wholes)


@pytest.mark.parametrize("metric", list(METRICS))
def test_a_network_beside_colours_and_textures_shows_its_places(bench: Workbench, metric: str) -> None:
    run = runs.create(bench.home, metric, {"model": 1, "size": 64, "contrast": 1.0}, {"title": "Learned"})
    run.keep(Autoencoder(1).initialise(0).state_dict())
    run.end("done")
    recipe = recipe_of(bench, ("side-by-side", run.name), "avg-dba", metric)
    found = bench.explain(recipe, 1, 3)
    assert [part.whole for part in found.parts] == [False, True, True, True]
    assert [part.weight for part in found.parts] == [0.25] * 4
    assert found.parts[0].first.size > 1
    assert_the_sum_of(found.total, found.distance, bench, recipe)
    assert "Texture (local binary patterns), which describe a picture as a whole, add" in found.sentence()
    if metric == "cosine":
        vectors = stored(bench.collection("scenes"), bench.encoder(recipe).info, "avg")
        assert vectors is not None
        less = np.asarray(vectors.matrix, np.float64) - np.asarray(vectors.matrix, np.float64).mean(0)
        one, other = (int(np.searchsorted(vectors.ids, id)) for id in (1, 3))
        assert sum(part.total for part in found.beyond) == pytest.approx(less[one] @ less[other], abs=1e-5)
    for embedding in ("avg-sqrt", "avg-white"):
        finished = recipe_of(bench, ("side-by-side", run.name), embedding, metric)
        found = bench.explain(finished, 1, 3)
        assert [part.whole for part in found.parts] == [False, True, True, True]
        assert_the_sum_of(found.total, found.distance, bench, finished)


@pytest.mark.parametrize("encoder", ["colour-histogram+local-binary-patterns", "side-by-side"])
def test_where_no_part_has_places_all_are_refused(bench: Workbench, encoder: str) -> None:
    recipe = recipe_of(bench, (encoder, ""), "avg")
    with pytest.raises(BenzerError, match="describes a picture as a whole: its vectors have no places"):
        bench.explain(recipe, 1, 2)


def test_a_picture_from_outside_and_a_part_of_one(bench: Workbench, tmp_path: Path) -> None:
    recipe = recipe_of(bench)
    scene(3).save(tmp_path / "outside.png")
    inside = bench.explain(recipe, 4, 1).total
    assert bench.explain(recipe, tmp_path / "outside.png", 1).total == pytest.approx(inside, abs=0.02)  # bf16 batches
    cropped = bench.explain(recipe, Query.image(4, (0, 0, 0.5, 0.5)), 1)
    assert cropped.total != pytest.approx(inside, abs=1e-3)


def test_the_same_picture_twice_and_one_of_three_pixels(bench: Workbench) -> None:
    recipe = recipe_of(bench)
    assert bench.explain(recipe, 2, 2).total == pytest.approx(1, abs=1e-6)
    tiny = np.zeros((3, 3, 3), np.uint8)
    found = bench.explain(recipe, tiny, 2)
    assert np.isfinite(found.parts[0].first).all()
    assert bench.drawn_explanation(recipe, found, tiny, 2).startswith(b"\x89PNG")


def test_what_two_pictures_share_does_not_set_them_apart(bench: Workbench) -> None:
    """Two pictures that share one half of their pixels: their distance comes from the other half."""
    recipe = recipe_of(bench, embedding="flatten", metric="euclidean")
    left, right, other = (np.asarray(scene(number).resize((200, 200))) for number in (1, 8, 15))
    found = bench.explain(recipe, np.hstack([left, right]), np.hstack([left, other])).parts[0]
    apart = found.first + found.second
    assert apart[:, :3].sum() < 0.5 * apart[:, 4:].sum()


def test_what_has_no_places_says_so(bench: Workbench) -> None:
    recipe = recipe_of(bench, ("colour-histogram", ""), "flatten")
    with pytest.raises(BenzerError, match="no places to show"):
        bench.explain(recipe, 1, 2)


@pytest.mark.parametrize("metric", list(METRICS))
@pytest.mark.parametrize("embedding", ["flatten", "avg-sqrt", "flatten-white"])
@pytest.mark.parametrize(("encoder", "grid"), [("raw-pixels", (16, 16)), ("hog", (7, 7))])
def test_descriptors_made_of_places_show_them(
    bench: Workbench, encoder: str, grid: tuple[int, int], embedding: str, metric: str
) -> None:
    recipe = recipe_of(bench, (encoder, ""), embedding, metric)
    for hit in bench.search(recipe, Query.image(1)).hits[:3]:
        found = bench.explain(recipe, 1, hit.id)
        assert found.parts[0].first.shape == grid
        shown = 1 - hit.distance if metric == "cosine" else hit.distance**2
        assert found.total == pytest.approx(shown, abs=1e-5, rel=1e-5)


def test_the_edges_that_two_drawings_share_stand_where_they_are(bench: Workbench) -> None:
    left, right, other = (np.asarray(scene(number).resize((200, 200))) for number in (1, 8, 15))
    for encoder in ("raw-pixels", "hog"):
        recipe = recipe_of(bench, (encoder, ""), "flatten", "euclidean")
        found = bench.explain(recipe, np.hstack([left, right]), np.hstack([left, other])).parts[0]
        apart, columns = found.first + found.second, found.first.shape[1] // 2
        assert apart[:, : columns - 1].sum() < 0.2 * apart[:, columns + 1 :].sum()


@pytest.mark.parametrize("embedding", ["avg", "max", "flatten"])
def test_less_the_mean_the_places_sum_to_what_two_pictures_do_not_share_with_all(
    bench: Workbench, embedding: str
) -> None:
    recipe = recipe_of(bench, LITE, embedding)
    vectors = stored(bench.collection("scenes"), bench.encoder(recipe).info, embedding)
    assert vectors is not None
    rows = np.asarray(vectors.matrix, np.float64)
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    less = rows - rows.mean(0)
    found = bench.explain(recipe, 2, 5)
    [left] = found.beyond
    one, other = (int(np.searchsorted(vectors.ids, id)) for id in (2, 5))
    assert left.total == pytest.approx(less[one] @ less[other], abs=1e-5)
    assert left.pairs.sum() == pytest.approx(left.total, abs=1e-9)
    assert f"{left.total:.4f} of it is left" in found.sentence()
    assert not bench.explain(recipe.but(metric="euclidean"), 2, 5).beyond


@pytest.mark.parametrize("embedding", ["avg-sqrt", "flatten-white"])
def test_of_centred_vectors_there_is_no_second_map_like_the_first(bench: Workbench, embedding: str) -> None:
    found = bench.explain(recipe_of(bench, LITE, embedding), 2, 5)
    assert len(found.parts) == 1
    assert not found.beyond
    assert "is left" not in found.sentence()


def test_words_and_several_pictures_and_unknown_ones_are_refused(bench: Workbench) -> None:
    recipe = recipe_of(bench)
    with pytest.raises(BadParameter, match="one picture"):
        bench.explain(recipe, Query(text="dog", name="dog"), 1)
    with pytest.raises(NotFound):
        bench.explain(recipe, 1, 999)


def test_the_command_prints_matches_and_draws(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe_of(bench)
    monkeypatch.setenv("BENZER_HOME", str(bench.home.root))
    words = ["explain", "--collection", "scenes", "--encoder", "efficientnet-lite0", "#1", "#2"]
    assert main([*words, "--png", str(tmp_path / "why.png")]) == 0
    assert "The places sum to a similarity of" in capsys.readouterr().out
    assert Image.open(tmp_path / "why.png").height == 480  # centred vectors have one map
    assert main([*words, "--pooling", "avg", "--png", str(tmp_path / "both.png")]) == 0
    assert Image.open(tmp_path / "both.png").height == 2 * 480 + 24
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert np.sum(told["encoders"][0]["first"]) == pytest.approx(told["sum"], abs=1e-6)
    assert main([*words, "--png", str(tmp_path / "why.png" / "below.png")]) == 1
    assert "--png" in capsys.readouterr().err
    assert main([*words[:-1], "nothing.png"]) == 1
