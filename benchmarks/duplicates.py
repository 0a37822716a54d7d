"""Do the suggested threshold and the score of odd ones find what they should, and how long does it take?

    python -m benchmarks.duplicates [--home FOLDER] [--large 100000]

Of the photographs in $BENZER_TEST_DATA/animals 150 get an altered copy: smaller, saved as JPEG of quality 60, cut by
5 %, brighter, or mirrored, 30 of each kind; five rounds, so that each of the 150 is altered in each way. Then 30
paintings and products are hidden among the photographs. At last drawn vectors for time and memory. Writes
benchmarks/results/duplicates.md.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from benchmarks._machine import facts
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.encoders.vectors.store import stored
from engine.grouping.neighbourhoods.near_duplicates import near_duplicate_groups, suggest
from engine.grouping.neighbourhoods.nearest_lists import NearestLists, measure
from engine.grouping.neighbourhoods.outliers import NEIGHBOURS, local_outlier_factor, mean_distance
from engine.indexes import make_index
from engine.workbench.workbench import Workbench

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
RESULT = Path(__file__).resolve().parent / "results" / "duplicates.md"
ALTERED, HIDDEN = 150, 30
ENCODERS = (
    ("colour-histogram", "", "flatten"),
    ("hog", "", "flatten"),
    ("model-4", "default", "max"),
    ("squeezenet-1-0", "", "avg"),
    ("mobilenet-v2", "", "avg"),
)
Alteration = Callable[[Image.Image], tuple[Image.Image, int]]  # the picture, and the quality it is saved with
ALTERATIONS: dict[str, Alteration] = {
    "half size": lambda p: (p.resize((max(1, p.width // 2), max(1, p.height // 2)), Image.Resampling.LANCZOS), 92),
    "JPEG 60": lambda p: (p, 60),
    "cut by 5 %": lambda p: (ImageOps.crop(p, round(0.025 * min(p.size))), 92),
    "brighter": lambda p: (ImageEnhance.Brightness(p).enhance(1.2), 92),
    "mirrored": lambda p: (ImageOps.mirror(p), 92),
}


def draw(folder: Path) -> None:
    """The photographs, every alteration of 150 of them (named number--alteration), and the hidden ones."""
    photographs = sorted((DATA / "animals").rglob("*.jpg"))
    altered = set(random.Random(0).sample(range(len(photographs)), ALTERED))
    for name in ("photographs", "altered", "hidden"):
        (folder / name).mkdir(parents=True)
    for number, path in enumerate(photographs):
        (folder / "photographs" / f"{number}.jpg").write_bytes(path.read_bytes())
        for place, alter in enumerate(ALTERATIONS.values() if number in altered else ()):
            picture, quality = alter(Image.open(path).convert("RGB"))
            picture.save(folder / "altered" / f"{number}--{place}.jpg", quality=quality)
    for kind in ("paintings", "products"):
        for number, path in enumerate(random.Random(1).sample(sorted((DATA / kind).rglob("*.jpg")), HIDDEN // 2)):
            (folder / "hidden" / f"{kind}-{number}.jpg").write_bytes(path.read_bytes())


def vectors_of(bench: Workbench, recipe: Recipe) -> tuple[np.ndarray, list[str]]:
    """The (n, d) vectors and the file name of each, as folder/name without its ending."""
    bench.run("embed", recipe=recipe.as_dict())
    collection = bench.collection(recipe.collection)
    found, images = stored(collection, bench.encoder(recipe).info, recipe.embedding), collection.images()
    assert found is not None
    names = dict(zip(images.ids.tolist(), images.names, strict=True))
    return np.array(found.matrix), [names[id].removesuffix(".jpg") for id in found.ids.tolist()]


def nearness(vectors: np.ndarray, metric: str) -> NearestLists:
    ids = np.arange(len(vectors))
    return measure(ids, vectors, metric, make_index("exact", metric).build(ids, vectors).search, Reporter())


def copies_found(vectors: np.ndarray, names: list[str], metric: str) -> list[float]:
    """Threshold, precision, recall, and the recall of each alteration, over five rounds."""
    altered = sorted({name.split("/")[1].split("--")[0] for name in names if "--" in name})
    thresholds, right, called = [], np.zeros(len(ALTERATIONS)), 0
    for turn in range(len(ALTERATIONS)):
        chosen = {f"altered/{one}--{(place + turn) % len(ALTERATIONS)}" for place, one in enumerate(altered)}
        rows = [row for row, name in enumerate(names) if name.startswith("photographs/") or name in chosen]
        found = nearness(vectors[rows], metric)
        thresholds.append(suggest(found).threshold)
        origin = [names[row].split("/")[1].split("--")[0] for row in rows]
        for group in near_duplicate_groups(found, vectors[rows], metric, thresholds[-1], np.arange(len(rows))):
            called += len(group.copies)
            for copy in group.copies:
                pair = sorted((names[rows[group.keeper]], names[rows[copy]]))
                if origin[copy] == origin[group.keeper]:
                    right[int(pair[0].split("--")[1])] += 1
    return [
        float(np.mean(thresholds)),
        right.sum() / max(called, 1),
        right.sum() / right.size / ALTERED,
        *right / ALTERED,
    ]


def odd_found(vectors: np.ndarray, names: list[str], metric: str) -> list[float]:
    """Of the 30 oddest those that were hidden, and the area under the curve, by distance and by LOF."""
    from sklearn.metrics import roc_auc_score

    rows = [row for row, name in enumerate(names) if not name.startswith("altered/")]
    hidden = np.array([names[row].startswith("hidden/") for row in rows])
    found, figures = nearness(vectors[rows], metric), []
    for score in (mean_distance(found), local_outlier_factor(found)):
        figures += [float(hidden[np.argsort(-score)[:HIDDEN]].sum()), float(roc_auc_score(hidden, score))]
    return figures


def quality(home: Path) -> list[str]:
    bench = Workbench(Home(home))
    if not (home / "datasets").exists():
        draw(home / "pictures")
        bench.run("import", source="folder", title="Altered", path=str(home / "pictures"))
    copies = [
        "| encoder | metric | threshold | precision | recall | " + " | ".join(ALTERATIONS) + " |",
        "|---" * 10 + "|",
    ]
    odd = [f"| encoder | metric | distance: of {HIDDEN} | AUC | LOF: of {HIDDEN} | AUC |", "|---" * 6 + "|"]
    for encoder, weights, embedding in ENCODERS:
        vectors, names = vectors_of(bench, Recipe("altered", encoder, weights, embedding))
        for metric in ("cosine", "euclidean"):
            threshold, *shares = copies_found(vectors, names, metric)
            copies.append(
                f"| {encoder} | {metric} | {threshold:.3g} | " + " | ".join(f"{s:.2f}" for s in shares) + " |"
            )
            one, auc, two, auc2 = odd_found(vectors, names, metric)
            odd.append(f"| {encoder} | {metric} | {one:.0f} | {auc:.3f} | {two:.0f} | {auc2:.3f} |")
            print(copies[-1], odd[-1], sep="\n", flush=True)
    about = f"150 of 1,500 photographs with one altered copy each, five rounds. Odd ones: by the {NEIGHBOURS} nearest."
    return ["## Copies found by the suggested threshold", "", about, "", *copies, "", "## Odd ones", "", *odd, ""]


def drawn(count: int, each: int) -> np.ndarray:
    """(count, 512): points of 20 dimensions laid into 512, in bursts of `each`; of bursts of one, a tenth twice."""
    rng = np.random.default_rng(0)
    apart = rng.standard_normal((count // each, 20), dtype=np.float32)
    if each == 1:
        apart[1::10] = apart[::10]
    noise = 0.1 * rng.standard_normal((len(apart) * each, 512), dtype=np.float32)
    return np.repeat(apart @ rng.standard_normal((20, 512), dtype=np.float32), each, axis=0) + noise


def speed(count: int) -> list[str]:
    """Seconds of processor time over drawn vectors: pairs of copies, and bursts of a hundred."""
    lines = ["| vectors | nearest lists | suggestion | groups | how many groups | peak GB |", "|---" * 6 + "|"]
    for title, each in (("a tenth of them twice", 1), ("bursts of a hundred", 100)):
        vectors = drawn(count, each)
        began = time.process_time()
        found = nearness(vectors, "cosine")
        listed = time.process_time()
        threshold = suggest(found).threshold
        suggested = time.process_time()
        groups = near_duplicate_groups(found, vectors, "cosine", threshold, np.arange(len(vectors)))
        took = (listed - began, suggested - listed, time.process_time() - suggested)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        seconds = " | ".join(f"{s:.1f}" for s in took)
        lines.append(f"| {len(vectors):,} × 512, {title} | {seconds} | {len(groups):,} | {peak:.1f} |")
        print(lines[-1], flush=True)
    about = "Seconds of processor time, all threads together: what else runs on the machine does not count."
    return ["## Time and memory", "", about, "", *lines, ""]


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--home", help="where pictures and vectors are kept for another time (default: nowhere)")
    words.add_argument("--large", type=int, default=100_000, help="how many drawn vectors (default: 100000)")
    arguments = words.parse_args()
    parts = [f"Measured with `python -m benchmarks.duplicates` on {facts()}.", ""]
    with tempfile.TemporaryDirectory() as folder:
        if (DATA / "animals").is_dir():
            parts += quality(Path(arguments.home or folder))
        else:
            print("No photographs here: only time and memory are measured.")
    parts += speed(arguments.large)
    RESULT.write_text("\n".join(["# Duplicates and odd ones", "", *parts]), encoding="utf-8")


if __name__ == "__main__":
    main()
