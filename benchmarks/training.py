"""Training an autoencoder: Benzer against the loop a student writes, and against the machine's own limit.

    python -m benchmarks.training [--images 160] [--epochs 2] [--repeats 2] [--model 2] [--size 224] [--batch 32]

Both start from the same weights and go over the same JPEG files with MSE and Adam at 0.001. The student's loop: a
Dataset that opens each file with Pillow, a DataLoader without workers, float32, ReLU before the pooling. Repeats
alternate, each in a process of its own; medians of the epochs count. The limit is what the measured matrix
products of the machine alone would allow. Writes benchmarks/results/training.md.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from benchmarks import _machine
from benchmarks.embedding import gigaflops, peak, pictures
from engine.core.device import device
from engine.core.home import PROJECT, Home
from engine.core.humanize import percent
from engine.core.progress import Reporter
from engine.runs import listing as runs
from engine.training import TrainingConfig
from engine.training.loop import train
from engine.training.pictures import Data
from models.autoencoder import Autoencoder
from models.specs import CHANNELS, SPECS

Measured = tuple[list[float], list[float]]  # seconds and mean loss of each epoch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for word, default in (("images", 160), ("epochs", 2), ("repeats", 2), ("model", 2), ("size", 224), ("batch", 32)):
        parser.add_argument(f"--{word}", type=int, default=default)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = pictures(Path(folder) / "pictures", wanted.images)
        text = report(files, wanted)
    print(text)
    results = PROJECT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    (results / "training.md").write_text(text, encoding="utf-8")


class Files(torch.utils.data.Dataset[torch.Tensor]):
    """The student's data set: a file is opened and made small every time it is asked for."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files, self.size = files, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, row: int) -> torch.Tensor:
        image = Image.open(self.files[row]).convert("RGB").resize((self.size, self.size))
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255


def students_network(model: int) -> nn.Sequential:
    """The same function and first weights as `Autoencoder`, written as a student would: ReLU, then pooling."""
    spec, layers, inputs = SPECS[model], list[nn.Module](), CHANNELS
    for outputs in spec.blocks:
        layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
        if spec.down.learned:
            layers += [nn.Conv2d(outputs, outputs, spec.down.kernel, spec.down.stride), nn.ReLU()]
        else:
            layers.append(nn.MaxPool2d(spec.down.kernel, spec.down.stride))
        inputs = outputs
    for up in spec.ups:
        layers += [nn.ConvTranspose2d(inputs, up.channels, up.kernel, 2, output_padding=up.output_padding), nn.ReLU()]
        inputs = up.channels
    network = nn.Sequential(*layers)
    with torch.no_grad():
        for ours, theirs in zip(Autoencoder(model).initialise(0).parameters(), network.parameters(), strict=True):
            theirs.copy_(ours)
    return network


def student(files: list[Path], wanted: argparse.Namespace) -> Measured:
    """The loop a student writes."""
    where = device().name
    network = students_network(wanted.model).to(where)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    torch.manual_seed(0)
    loader = torch.utils.data.DataLoader(Files(files, wanted.size), batch_size=wanted.batch, shuffle=True)
    seconds, losses = [], []
    for _ in range(wanted.epochs):
        began, total = time.perf_counter(), 0.0
        for images in loader:
            images = images.to(where)
            loss = functional.mse_loss(network(images), images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        seconds.append(time.perf_counter() - began)
        losses.append(total / len(files))
    return seconds, losses


def ours(files: list[Path], wanted: argparse.Namespace) -> Measured:
    """Benzer's loop, from decoded pictures as the app has them."""
    size = wanted.size
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB").resize((size, size))) for file in files])
    data = Data(pixels, np.arange(len(files)), ("",) * len(files))
    config = TrainingConfig(
        model=wanted.model, size=size, batch=wanted.batch, epochs=wanted.epochs, validation=0.0, probe=0
    )
    with tempfile.TemporaryDirectory() as folder:
        run = runs.create(Home(Path(folder)), "run", config.as_dict(), {})
        train(config, data, run, Reporter(), device())
        events = run.events()[1:]
    return [event["seconds"] for event in events], [event["train"] for event in events]


def in_its_own_process(work: Callable[..., Measured], files: list[Path], wanted: argparse.Namespace) -> Measured:
    """What `work` returns, from a fresh process: the settings of one must not help the other."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, files, wanted).result()


def report(files: list[Path], wanted: argparse.Namespace) -> str:
    """The table: images/s of both, the limit, and the losses of both."""
    ways = {"student's loop (fp32, PIL, DataLoader without workers)": student, "Benzer": ours}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, float] = {}
    for _ in range(wanted.repeats):
        for name, way in ways.items():
            seconds, course = in_its_own_process(way, files, wanted)
            rates[name] += [len(files) / took for took in seconds]
            losses[name] = course[-1]
    limit = peak() / (3 * (gigaflops(wanted.model, wanted.size) + decoder_gigaflops(wanted.model, wanted.size)))
    out = [f"# Training Model {wanted.model} at {wanted.size} pixels, batch {wanted.batch}, {len(files)} images", ""]
    out += [f"| | images/s (median) | slowest … fastest | loss of epoch {wanted.epochs} |", "|---|---:|---:|---:|"]
    for name, found in rates.items():
        spread = f"{min(found):.1f} … {max(found):.1f}"
        out.append(f"| {name} | {statistics.median(found):.1f} | {spread} | {losses[name]:.5f} |")
    out.append(f"| limit: matrix products alone | {limit:.1f} | | |")
    theirs, own = (statistics.median(found) for found in rates.values())
    out += ["", f"Benzer ÷ student: {own / theirs:.1f}; share of the limit: {percent(own / limit)}."]
    return "\n".join([*out, "", f"{time.strftime('%Y-%m-%d')}, {_machine.facts()}", ""])


def decoder_gigaflops(model: int, size: int) -> float:
    """What drawing one image costs a decoder, in 10⁹ multiplications and additions."""
    spec, total = SPECS[model], 0
    inputs, side = spec.blocks[-1], SPECS[model].latent_size(size)
    for up in spec.ups:
        total += 2 * up.kernel**2 * inputs * up.channels * side * side
        side = (side - 1) * 2 + up.kernel + up.output_padding
        inputs = up.channels
    return total / 1e9


if __name__ == "__main__":
    main()
