"""How well are altered copies found by their looks, beside imagededup, and how long does it take?

    python -m benchmarks.duplicates_by_looks [--seeds 4]

The set is that of `benchmarks.altered_photographs`, drawn with several seeds: 200 photographs, 59 altered copies and
ten screenshots with different text. A pair counts as right when both files show the same photograph. imagededup is
compared where it is installed; its CNN gets the weights of MobileNet-v2 from $BENZER_TEST_DATA/weights, as the
download of its own needs a network. Writes benchmarks/results/duplicates-by-looks.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks._machine import facts
from benchmarks.altered_photographs import ALTERATIONS, DATA, draw, kind_of, origin_of
from engine.core.home import Home
from engine.duplicates.pairs import same_pictures
from engine.duplicates.rules import STRENGTHS
from engine.workbench.workbench import Workbench

RESULT = Path(__file__).resolve().parent / "results" / "duplicates-by-looks.md"
Pairs = set[tuple[str, str]]
Found = tuple[Pairs, float]  # pairs of file names in order, and the seconds that took


def ours(folder: Path, home: Path) -> dict[str, Found]:
    """The pairs at each strength; the seconds are those of the first search, of imported pictures."""
    bench = Workbench(Home(home))
    bench.run("import", source="folder", title="Altered", path=str(folder))
    began = time.perf_counter()
    bench.run("perceptual", collection="altered")
    took = time.perf_counter() - began
    collection = bench.collection("altered")
    same, names = same_pictures(collection), {row.hash: row.name for row in collection.rows("image")}
    named = [in_order(*(names[same.contents[row]] for row in pair)) for pair in same.rows.tolist()]
    likeness = same.likeness.tolist()
    return {
        f"Benzer, {name} ({least:g})": ({p for p, one in zip(named, likeness, strict=True) if one >= least}, took)
        for name, least in STRENGTHS.items()
    }


def in_order(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)


def imagededup(folder: Path) -> dict[str, Found]:
    """PHash and CNN at the thresholds they come with."""
    from imagededup.methods import CNN, PHash
    from imagededup.utils import CustomModel

    finders: dict[str, Callable[[], dict[str, Any]]] = {
        "imagededup PHash (10 bits)": lambda: PHash(verbose=False).find_duplicates(
            image_dir=str(folder), max_distance_threshold=10, num_enc_workers=0
        ),
        "imagededup CNN, MobileNet-v2 (0.9)": lambda: CNN(
            verbose=False, model_config=CustomModel(name="mobilenet_v2", model=_network(), transform=_transform())
        ).find_duplicates(image_dir=str(folder), min_similarity_threshold=0.9),
    }
    found: dict[str, Found] = {}
    for name, find in finders.items():
        began = time.perf_counter()
        pairs = {in_order(one, other) for one, others in find().items() for other in others}
        found[name] = pairs, time.perf_counter() - began
    return found


def _network() -> Any:
    import torch
    from safetensors.torch import load_file
    from torchvision.models import mobilenet_v2

    network = mobilenet_v2()
    network.load_state_dict(load_file(DATA / "weights" / "mobilenet_v2.imagenet.safetensors"), strict=False)
    pool = torch.nn.Sequential(network.features, torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    return pool.eval()


def _transform() -> Any:
    from torchvision.transforms import transforms

    return transforms.Compose(
        [
            transforms.Resize((256, 256)),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )


def tally(pairs: Iterable[tuple[str, str]], counts: Counter[str]) -> None:
    """Count right pairs by the alteration, wrong ones, and those of two screenshots."""
    for one, other in pairs:
        if origin_of(one) == origin_of(other):
            counts[kind_of(one) or kind_of(other)] += 1
        else:
            counts["wrong"] += 1
            counts["screenshots"] += one.startswith("screen") and other.startswith("screen")


def row(name: str, counts: Counter[str], seconds: float, seeds: int) -> str:
    right = sum(counts[kind] for kind in ALTERATIONS)
    copies = seeds * sum(count for count, _ in ALTERATIONS.values())
    precision = f"{right / (right + counts['wrong']):.3f}" if right + counts["wrong"] else "–"
    kinds = [f"{counts[kind]} of {seeds * count}" for kind, (count, _) in ALTERATIONS.items()]
    cells = [name, precision, f"{right / copies:.3f}", *kinds, str(counts["screenshots"]), f"{seconds / seeds:.1f}"]
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    seeds: int = parser.parse_args().seeds
    machine, beside = facts(), importlib.util.find_spec("imagededup") is not None
    counts: dict[str, Counter[str]] = {}
    seconds: defaultdict[str, float] = defaultdict(float)
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as place:
            draw(Path(place) / "set", seed)
            found = ours(Path(place) / "set", Path(place) / "home")
            found |= imagededup(Path(place) / "set") if beside else {}
        for name, (pairs, took) in found.items():
            tally(pairs, counts.setdefault(name, Counter()))
            seconds[name] += took
    header = ["method", "precision", "recall", *ALTERATIONS, "screenshots taken for another", "seconds"]
    lines = [row(name, counted, seconds[name], seeds) for name, counted in counts.items()]
    RESULT.write_text(
        "\n".join(
            [
                "# Duplicates by looks\n",
                f"Measured with `python -m benchmarks.duplicates_by_looks --seeds {seeds}` on {machine}.\n",
                f"{seeds} sets of 200 photographs, 59 altered copies and 10 screenshots with different text. Counted "
                "are pairs; seconds are those of a set, from imported pictures (Benzer) and from files (imagededup).\n",
                "| " + " | ".join(header) + " |",
                "|---" * len(header) + "|",
                *lines,
                "" if beside else "\nimagededup was not installed.",
            ]
        ),
        encoding="utf-8",
    )
    print(RESULT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
