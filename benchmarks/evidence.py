"""Whether the maps of *Why is it near?* say what they claim.

    python -m benchmarks.evidence [--home FOLDER] [--collection animals]

Three checks: the places sum to the score; with random weights the map is another one; and hiding the places that a map
calls strongest moves the match farther away than hiding as many places at random.
"""

from __future__ import annotations

import argparse
import copy
import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import _machine
from benchmarks._page import markdown
from benchmarks.finishing import collections
from engine.collections.collection import Collection
from engine.core.distances import METRICS
from engine.core.home import PROJECT, Home
from engine.core.humanize import percent
from engine.core.recipe import Recipe
from engine.encoders.choosing import with_weights
from engine.encoders.encoder import Encoder
from engine.encoders.pooling import POOLINGS
from engine.encoders.vectors.batches import embed_pictures, encode_latent, squared
from engine.evaluation.metrics import bootstrap_interval
from engine.evaluation.statistics.correlation import spearman
from engine.evaluation.statistics.paired import paired_difference
from engine.workbench.workbench import Workbench

ENCODERS = ("efficientnet-lite0", "mobilenet-v2", "model-4")
SUMS, MAPS, HIDDEN = 1000, 100, 200  # pairs of each check
SHARE = 0.1  # of the places that are hidden

Pixels = NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "evidence")
    parser.add_argument("--collection", default="animals")
    wanted = parser.parse_args()
    bench = Workbench(Home(wanted.home.resolve()))
    [collection] = collections(bench.home, [wanted.collection])
    page = [
        sums(bench, collection),
        random_weights(bench, collection),
        hidden(bench, collection),
        seconds(bench, collection),
    ]
    page.append(f"Measured {time.strftime('%Y-%m-%d')} on {_machine.facts()}.")
    text = "\n\n".join(page) + "\n"
    print(text)
    (PROJECT / "benchmarks" / "results" / "evidence.md").write_text(text, encoding="utf-8")


def pairs(collection: Collection, count: int) -> NDArray[np.int64]:
    """(count, 2) ids of random pictures."""
    rng = np.random.default_rng(0)
    return np.array([rng.choice(collection.images().ids, 2, replace=False) for _ in range(count)])


def sums(bench: Workbench, collection: Collection) -> str:
    """The largest difference of a sum over places from the score of the search."""
    lines = [["encoder", "pairs", "largest difference, cosine", "largest difference, Euclidean, of the square"]]
    ready = {choice.name for choice in bench.choices(collection.name) if choice.ready}
    for name in (name for name in ENCODERS if name in ready):
        encoder, _, weights = with_weights(bench.home, name, "a benchmark").partition("@")
        worst = dict.fromkeys(METRICS, 0.0)
        asked = np.array_split(pairs(collection, SUMS), len(METRICS) * len(POOLINGS))
        ways = [(metric, pooling) for metric in METRICS for pooling in POOLINGS]
        for (metric, pooling), some in zip(ways, asked, strict=True):
            recipe = Recipe(collection.name, encoder, weights, embedding=pooling, metric=metric)
            bench.run("embed", recipe=recipe.as_dict())
            for one, other in some.tolist():
                found = bench.explain(recipe, one, other)
                score = 1 - found.distance if metric == "cosine" else found.distance**2
                scale = 1.0 if metric == "cosine" else max(score, 1.0)
                worst[metric] = max(worst[metric], abs(found.total - score) / scale)
        lines.append([name, str(SUMS), f"{worst['cosine']:.1e}", f"{worst['euclidean']:.1e}"])
    return markdown(lines)


def random_weights(bench: Workbench, collection: Collection) -> str:
    """How much of a map is left when the network is not a trained one, and what it is that is left.

    Under average pooling a map is Σ over channels of a place's value times the other picture's mean. Values after a
    ReLU are 0 or more, so that it follows how strong a place is at all; less the mean vector of the collection, it
    follows in what a place differs.
    """
    encoder = bench.encoder(Recipe(collection.name, ENCODERS[0], embedding="avg"))
    drawn, asked = _redrawn(encoder), pairs(collection, MAPS).tolist()
    ids = sorted({id for pair in asked for id in pair})
    rows = [{id: _rows(by, _pixels(collection, encoder, id)) for id in ids} for by in (encoder, drawn)]
    means = [np.mean([own.mean(0) for own in of.values()], 0) for of in rows]
    none = [np.zeros_like(mean) for mean in means]
    lines = [["what the maps of two pictures show", "rank correlation with the map under random weights"]]
    lines.append(["the similarity of average-pooled vectors", _correlation(rows, none, asked)])
    lines.append(["the same, less the mean vector of the pictures", _correlation(rows, means, asked)])
    strong = [_ranks(_shares(rows[0], none[0], pair), np.linalg.norm(rows[0][pair[0]], axis=1)) for pair in asked]
    told = (
        f"With trained weights the map of the similarity has a rank correlation of {np.mean(strong):+.2f} with the "
        "mere length of the features at each place."
    )
    return f"{markdown(lines)}\n\n{told} Means of {MAPS} pairs, {ENCODERS[0]}."


Rows = dict[int, NDArray[np.float64]]  # (p, c) features of the places, by picture


def _rows(encoder: Encoder, picture: Pixels) -> NDArray[np.float64]:
    latent = encode_latent(encoder, picture)
    return latent.reshape(len(latent), -1).T.astype(np.float64)


def _correlation(rows: list[Rows], means: list[NDArray[np.float64]], asked: list[list[int]]) -> str:
    ranks = [_ranks(*(_shares(of, mean, pair) for of, mean in zip(rows, means, strict=True))) for pair in asked]
    low, high = bootstrap_interval(np.array(ranks))
    return f"{np.mean(ranks):+.2f} [{low:+.2f}, {high:+.2f}]"


def _shares(rows: Rows, mean: NDArray[np.float64], pair: list[int]) -> NDArray[np.float64]:
    """(p,) what each place of the first picture adds to the similarity, up to a positive factor."""
    return (rows[pair[0]] - mean) @ (rows[pair[1]].mean(0) - mean)


def _ranks(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    found = spearman(one, other)
    return found.effect if found else 0.0


def _redrawn(encoder: Encoder) -> Encoder:
    """The encoder with random weights, of each layer's own spread."""
    import torch

    found = copy.deepcopy(encoder)
    torch.manual_seed(0)
    networks = [part for part in vars(found).values() if isinstance(part, torch.nn.Module)]
    for weights in (weights for network in networks for weights in network.parameters()):
        weights.data = (torch.randn(weights.shape) * weights.float().std(correction=0)).to(weights.dtype)
    return found


def hidden(bench: Workbench, collection: Collection) -> str:
    """What hiding a tenth of the query does to the distance of its nearest picture."""
    recipe = Recipe(collection.name, ENCODERS[0], embedding="avg")
    bench.run("embed", recipe=recipe.as_dict())
    encoder, rng = bench.encoder(recipe), np.random.default_rng(1)
    moved: dict[str, list[float]] = {"strongest": [], "random": []}
    for id in rng.choice(collection.images().ids, HIDDEN, replace=False).tolist():
        nearest = bench.search(recipe.but(k=1), id).hits[0].id
        shown = bench.explain(recipe, id, nearest).parts[0].first
        count = max(1, round(SHARE * shown.size))
        pixels, target = _pixels(collection, encoder, id), _pixels(collection, encoder, nearest)
        away = _distance(encoder, target)
        before = away(pixels)
        chosen = {
            "strongest": np.argsort(shown.ravel())[-count:],
            "random": rng.choice(shown.size, count, replace=False),
        }
        for way, places in chosen.items():
            moved[way].append(away(_without(pixels, places, shown.shape)) - before)
    told = paired_difference(moved["strongest"], moved["random"])
    means = {way: float(np.mean(distances)) for way, distances in moved.items()}
    return (
        f"Hiding {percent(SHARE)} of the places moves the nearest picture away by {means['strongest']:.4f} where they "
        f"are the strongest, by {means['random']:.4f} at random: {told.effect:+.4f} "
        f"[{told.interval[0]:+.4f}, {told.interval[1]:+.4f}], p = {told.p:.1e}, {HIDDEN} pairs, {ENCODERS[0]}."
    )


def _distance(encoder: Encoder, target: Pixels) -> Callable[[Pixels], float]:
    aim = embed_pictures(encoder, [target], "avg")
    return lambda pixels: float(METRICS["cosine"].between(embed_pictures(encoder, [pixels], "avg"), aim)[0, 0])


def _without(pixels: Pixels, places: NDArray[np.int64], grid: tuple[int, ...]) -> Pixels:
    """The picture with these places in its mean colour."""
    found, side = pixels.copy(), len(pixels)
    for row, column in (divmod(int(place), grid[1]) for place in places):
        rows = slice(row * side // grid[0], (row + 1) * side // grid[0])
        columns = slice(column * side // grid[1], (column + 1) * side // grid[1])
        found[rows, columns] = pixels.reshape(-1, 3).mean(0).astype(np.uint8)
    return found


def _pixels(collection: Collection, encoder: Encoder, id: int) -> Pixels:
    picture = Image.open(io.BytesIO(collection.picture(id)))
    return squared(picture, encoder.info.input_size)


def seconds(bench: Workbench, collection: Collection) -> str:
    """How long an explanation takes for a photograph of twelve megapixels from outside."""
    recipe, drawn = Recipe(collection.name, ENCODERS[0], embedding="avg"), io.BytesIO()
    large = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    Image.fromarray(large).resize((4000, 3000)).save(drawn, "JPEG", quality=90)
    other = int(collection.images().ids[0])
    bench.explain(recipe, other, other)
    taken = []
    for _ in range(5):
        bench._pictures.clear()  # decoded once for all searches with it
        began = time.perf_counter()
        bench.explain(recipe, drawn.getvalue(), other)
        taken.append(time.perf_counter() - began)
    return f"The maps of a photograph of 12 megapixels take {np.median(taken):.2f} s."


if __name__ == "__main__":
    main()
