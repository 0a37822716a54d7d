"""Every ready-made network on this machine: how long a forward pass takes, and how well it finds its kind.

    python -m benchmarks.networks [--repeats 5]

The time is that up to the features, as the app takes them (bfloat16 where the hardware has it, batch normalisation
folded), beside the plain float32 network; weights do not matter to it and are random where there are none.
precision@8 is measured on the photographs of $BENZER_TEST_DATA/animals with the weights at hand.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks._machine import facts
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.backbone import BackboneEncoder
from engine.encoders.encoder import EncoderInfo
from engine.encoders.networks.table import BACKBONES, Backbone
from engine.encoders.networks.weights import ready
from engine.encoders.pooling import embed
from engine.encoders.vectors.pipeline import embed_collection
from engine.encoders.vectors.store import stored
from engine.evaluation.retrieval import evaluate

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
BATCH = 16
# milliseconds a forward pass in the survey whose table this repeats, on its machine
REPORTED = {
    "vgg-16": 128.62,
    "vgg-19": 147.32,
    "resnet-18": 31.54,
    "resnet-34": 51.59,
    "resnet-50": 103.58,
    "resnet-101": 156.44,
    "resnet-152": 217.91,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    wanted = parser.parse_args()
    os.environ.setdefault("BENZER_WEIGHTS", str(DATA / "weights"))
    with tempfile.TemporaryDirectory() as temporary:
        home = Home(Path(temporary))
        found = precisions(home)
        lines = [
            f"# Ready-made networks\n\n{facts()}\n",
            "| network | features | ms, one picture | ms a picture, batches of 16 | plain float32 | survey's ms "
            "| precision@8 on photographs (average pool, cosine) |",
            "|---|---|---|---|---|---|---|",
        ]
        for network in BACKBONES.values():
            lines.append(line(network, wanted.repeats, found.get(network.name)))
            print(lines[-1], flush=True)
    (PROJECT / "benchmarks" / "results" / "networks.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def line(network: Backbone, repeats: int, precision: float | None) -> str:
    """A row of the table."""
    plain = network.stock().eval()
    weights = plain.state_dict()
    encoder = BackboneEncoder(network, _info(network), {name: weights[name].clone() for name in network.shapes()})
    one, many = (torch.rand(count, 3, network.size, network.size) for count in (1, BATCH))
    width = embed(encoder.encode(one), "avg").shape[1]

    def own(pictures: torch.Tensor) -> float:
        return median_ms(lambda: encoder.encode(pictures), repeats)

    with torch.inference_mode():
        theirs = median_ms(lambda: plain(one), repeats)
    reported = f"{REPORTED[network.name]:.0f}" if network.name in REPORTED else ""
    shown = "weights not at hand" if precision is None else f"{precision:.3f}"
    single, batch = own(one), own(many) / BATCH
    return f"| {network.title} | {width:,} | {single:.0f} | {batch:.0f} | {theirs:.0f} | {reported} | {shown} |"


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """The median milliseconds of some repeats after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def precisions(home: Home) -> dict[str, float]:
    """precision@8 of the networks whose weights are at hand, by name."""
    if not (DATA / "animals").is_dir():
        print("No precision: there are no photographs of animals at $BENZER_TEST_DATA.")
        return {}
    importing.import_folder(home, "Animals", DATA / "animals", Reporter())
    collection, found = Collection.open(home, "animals"), {}
    for name in (name for name, network in BACKBONES.items() if ready(home, network)):
        encoder = open_encoder(name, "", home)
        embed_collection(collection, encoder, ["avg"], Reporter())
        vectors = stored(collection, encoder.info, "avg")
        assert vectors is not None
        found[name] = evaluate(vectors.matrix, collection.images().labels, "cosine").precision
    return found


def _info(network: Backbone) -> EncoderInfo:
    return EncoderInfo(network.name, "", network.title, network.size, network.spatial, "random", "random", "none")


if __name__ == "__main__":
    main()
