"""Embedding images from files: Benzer against the loop a student writes, and against the processor's own limit.

    python -m benchmarks.embedding [--images 240] [--repeats 3] [--model 2] [--size 224]

Both read the same JPEG files, use the same network and weights, and take the global max pool. The student's loop:
Pillow in the main thread, float32, batches of 32. Repeats alternate; medians count. The limit is what the measured
matrix products of the processor alone would allow. Writes benchmarks/results/embedding.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks import _machine
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.device import device
from engine.core.home import PROJECT, Home
from engine.core.humanize import percent
from engine.core.progress import Reporter
from engine.encoders import Encoder, open_encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import store, stored
from engine.evaluation.retrieval import evaluate
from engine.runs import listing as runs
from models.autoencoder import Autoencoder
from models.specs import CHANNELS, SPECS

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data") / "animals"
Vectors = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--model", type=int, default=2)
    parser.add_argument("--size", type=int, default=224)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(Path(temporary))
        files = pictures(home.root / "pictures", wanted.images)
        importing.import_folder(home, "Pictures", home.root / "pictures", Reporter())
        collection = Collection.open(home, "pictures")
        encoder = fresh_encoder(home, wanted.model, wanted.size)
        text = report(files, collection, encoder, wanted)
    print(text)
    results = PROJECT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "embedding.md").write_text(text, encoding="utf-8")


def pictures(folder: Path, count: int) -> list[Path]:
    """So many photographs of every kind, copied into sub-folders; drawn faces where there are no photographs."""
    kinds = sorted(path for path in DATA.glob("*") if path.is_dir())
    if not kinds:
        print(f"There are no photographs at {DATA}: measured on drawn faces.")
        return _drawn(folder, count)
    found = []
    for kind in kinds:
        for path in sorted(kind.iterdir())[: count // len(kinds)]:
            found.append(folder / kind.name / path.name)
            found[-1].parent.mkdir(parents=True, exist_ok=True)
            found[-1].write_bytes(path.read_bytes())
    return found


def _drawn(folder: Path, count: int) -> list[Path]:
    from engine.collections.samples import SAMPLES

    found = []
    for drawn in SAMPLES["animal-faces"].draw():
        path = folder / drawn.label / f"{drawn.name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.picture.save(path, quality=90)
        found.append(path)
    return found[:: max(1, len(found) // count)]


def fresh_encoder(home: Home, model: int, size: int) -> Encoder:
    """Benzer's encoder with the weights that the student's network has."""
    run = runs.create(home, "fresh", {"model": model, "size": size}, {})
    run.keep(Autoencoder(model).initialise(0).state_dict())
    run.end("done")
    return open_encoder(f"model-{model}", "fresh", home)


def in_its_own_process(work: Callable[..., tuple[float, Vectors]], *arguments: object) -> tuple[float, Vectors]:
    """What `work` returns, from a fresh process: Benzer's settings of memory and threads must not help the student."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def student(files: list[Path], model: int, size: int) -> tuple[float, Vectors]:
    """The loop a student writes: its seconds and vectors."""
    network = Autoencoder(model).initialise(0).encoder.eval()
    began = time.perf_counter()
    parts = []
    with torch.no_grad():
        for start in range(0, len(files), 32):
            images = [Image.open(path).convert("RGB").resize((size, size)) for path in files[start : start + 32]]
            batch = torch.stack([torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255 for image in images])
            parts.append(network(batch.contiguous()).amax((2, 3)).numpy())
    return time.perf_counter() - began, np.concatenate(parts)


def ours(collection: Collection, encoder: Encoder) -> tuple[float, Vectors]:
    """Benzer, from files to stored vectors: its seconds and vectors."""
    for name in ("max", "flatten", "avg", "gem"):
        store(collection, encoder.info, name).discard()
    began = time.perf_counter()
    embed_collection(collection, encoder, ["max"], Reporter())
    seconds = time.perf_counter() - began
    found = stored(collection, encoder.info, "max")
    assert found is not None
    return seconds, np.asarray(found.matrix)


def report(files: list[Path], collection: Collection, encoder: Encoder, wanted: argparse.Namespace) -> str:
    """The table: images/s of both, the limit, and the precision@8 of both."""
    ways: dict[str, Callable[[], tuple[float, Vectors]]] = {
        "student's loop (fp32, PIL, batch 32)": lambda: in_its_own_process(student, files, wanted.model, wanted.size),
        "Benzer": lambda: ours(collection, encoder),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Vectors] = {}
    for _ in range(wanted.repeats):
        for name, way in ways.items():
            took, vectors[name] = way()
            seconds[name].append(took)
    rates = {name: len(files) / statistics.median(times) for name, times in seconds.items()}
    limit = peak() / gigaflops(wanted.model, wanted.size)
    first, second = rates
    labels = {first: [path.parent.name for path in files], second: collection.images().labels}
    quality = {name: evaluate(vectors[name], labels[name], "cosine").precision for name in ways}
    out = [f"# Embedding {len(files)} images with Model {wanted.model} at {wanted.size} pixels", ""]
    out += ["| | images/s (median) | slowest … fastest | precision@8 |", "|---|---:|---:|---:|"]
    for name, times in seconds.items():
        spread = f"{len(files) / max(times):.1f} … {len(files) / min(times):.1f}"
        out.append(f"| {name} | {rates[name]:.1f} | {spread} | {quality[name]:.4f} |")
    out.append(f"| limit: the processor's matrix products alone | {limit:.1f} | | |")
    out += [
        "",
        f"Benzer ÷ student: {rates[second] / rates[first]:.1f}; share of the limit: {percent(rates[second] / limit)}.",
    ]
    return "\n".join([*out, "", f"{time.strftime('%Y-%m-%d')}, {_machine.facts()}", ""])


def gigaflops(model: int, size: int) -> float:
    """What one image costs an encoder, in 10⁹ multiplications and additions."""
    spec, total, inputs, side = SPECS[model], 0, CHANNELS, size
    for outputs in spec.blocks:
        total += 2 * 9 * inputs * outputs * side * side
        side = (side - spec.down.kernel) // spec.down.stride + 1
        total += 2 * spec.down.kernel**2 * outputs * outputs * side * side if spec.down.learned else 0
        inputs = outputs
    return total / 1e9


def peak() -> float:
    """The fastest matrix product measured here, in 10⁹ operations a second, in the precision in use."""
    here = device()
    a = torch.randn(2048, 2048).to(here.name, here.dtype)
    times = []
    for _ in range(15):
        began = time.perf_counter()
        (a @ a)[0, 0].item()
        times.append(time.perf_counter() - began)
    return 2 * 2048**3 / min(times) / 1e9


if __name__ == "__main__":
    main()
