"""Photographs of animals grouped by a ready-made network: the tree of sixty of them, and pipelines against each other.

    python -m benchmarks.animal_groups [--home FOLDER]

First the workflow that people know from visual programming tools: twenty photographs of each species, a network's
vectors, cosine distances, average linkage. Which photographs are not in the branch of their species, if any? Writes
docs/figures/animals-tree.svg. Then all photographs: the recommended pipeline (a network, UMAP, HDBSCAN) against k-means
on its plain vectors, on raw pixels and on the shipped autoencoder, with three seeds
each. Needs $BENZER_TEST_DATA; says so where it is absent.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from PIL import Image

from benchmarks._machine import facts
from engine.collections.collection import Collection
from engine.collections.sources import importing
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.core.recipe import Recipe
from engine.grouping.plan import GroupingPlan, Step
from engine.grouping.stored.dendrogram_svg import dendrogram_svg
from engine.grouping.stored.grouping import Grouping
from engine.grouping.stored.palette import COLOURS
from engine.workbench.workbench import Workbench

DATA = Path(os.environ.get("BENZER_TEST_DATA") or PROJECT.parent / "shared" / "data")
EACH = 20
SEEDS = 3  # of each pipeline
SIDE = 46  # pixels of a picture in the drawing
NETWORKS = ("mobilenet-v2", "squeezenet-1-0")
PIPELINES = {
    "UMAP to 10, HDBSCAN": GroupingPlan(Step("hdbscan"), Step.parse("umap(dimensions=10)"), Step("pca")),
    "k-means, 3 groups": GroupingPlan(Step.parse("kmeans(groups=3)"), None, Step("pca")),
    "PCA (90 %), k-means, 3 groups": GroupingPlan(
        Step.parse("kmeans(groups=3)"), Step.parse("pca(share=0.9)"), Step("pca")
    ),
    "average linkage, cut by silhouette": GroupingPlan(Step("hierarchical"), None, Step("pca")),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="keep collections and vectors here")
    wanted = parser.parse_args()
    if not (DATA / "animals").is_dir():
        print("Skipped: there are no photographs of animals at $BENZER_TEST_DATA.")
        return 0
    os.environ.setdefault("BENZER_WEIGHTS", str(DATA / "weights"))
    with tempfile.TemporaryDirectory() as temporary:
        bench = Workbench(Home((wanted.home or Path(temporary)).resolve()))
        lines = [f"# Grouping photographs of animals\n\n{facts()}\n", *trees(bench), "", *pipelines(bench), ""]
    (PROJECT / "benchmarks" / "results" / "animal_groups.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))
    return 0


# ── sixty photographs ────────────────────────────────────────────────────────────────────────────────────────────────


def trees(bench: Workbench) -> list[str]:
    """A line for each network: whether every photograph is in the branch of its species."""
    collection = collection_of(bench, "Sixty animals", EACH)
    lines = [
        f"## {EACH} photographs of each species, cosine, average linkage",
        "",
        "| network | groups at the cut | in the branch of their species | exceptions |",
        "|---|---|---|---|",
    ]
    for network in NETWORKS:
        grouping = grouped(bench, Recipe(collection.name, network, "", "avg"), GroupingPlan(Step("hierarchical"), None))
        lines.append(f"| {network} | {_branches(collection, grouping)} |")
        if network == NETWORKS[0]:
            _draw(collection, grouping)
    return lines


def _branches(collection: Collection, grouping: Grouping) -> str:
    """How many groups the tree is cut into until each species has its branch, and what is not in it."""
    images, tree = collection.images(), grouping.tree
    assert tree is not None
    species = np.array(images.labels)
    groups, away = exceptions(grouping, species)
    labels = tree.cut(groups=groups)
    named = ", ".join(f"{images.names[row]} (with {_company(species, labels, row)})" for row in away) or "none"
    return f"{groups} | {len(species) - len(away)} of {len(species)} | {named}"


def exceptions(grouping: Grouping, species: np.ndarray) -> tuple[int, list[int]]:
    """The number of groups of the cut, and the rows that are not in the branch with most of their species."""
    assert grouping.tree is not None
    groups = _smallest_cut(grouping, species)
    labels = grouping.tree.cut(groups=groups)
    home = {name: Counter(labels[species == name].tolist()).most_common(1)[0][0] for name in set(species)}
    return groups, [row for row, name in enumerate(species) if labels[row] != home[name]]


def _smallest_cut(grouping: Grouping, species: np.ndarray) -> int:
    """The smallest number of groups at which the species have different main branches with the most images in them."""
    tree = grouping.tree
    assert tree is not None

    def inside(groups: int) -> int:
        labels = tree.cut(groups=groups)
        mains = {name: Counter(labels[species == name].tolist()).most_common(1)[0] for name in set(species)}
        apart = len({group for group, _ in mains.values()}) == len(mains)
        return sum(count for _, count in mains.values()) if apart else 0

    return max(range(2, len(species) // 2), key=lambda groups: (inside(groups), -groups))


def _company(species: np.ndarray, labels: np.ndarray, row: int) -> str:
    others = Counter(species[(labels == labels[row]) & (np.arange(len(labels)) != row)].tolist())
    return others.most_common(1)[0][0] if others else "none"


def _draw(collection: Collection, grouping: Grouping) -> None:
    """Write the drawing for the documents; the colours are those of the species."""
    images, tree = collection.images(), grouping.tree
    assert tree is not None
    kinds = sorted(set(images.labels))
    truth = np.array([kinds.index(label) for label in images.labels])
    drawing = tree.drawing(60, truth)
    ids = images.ids.tolist()
    leaves = [{**vars(leaf), "id": ids[leaf.row], "name": images.names[leaf.row]} for leaf in drawing.leaves]
    nodes = [
        {**node, "colour": -1 if node["group"] is None else node["group"]}
        for node in (*leaves, *map(vars, drawing.joins))
    ]
    pictures = {id: _small(collection.thumbnail(id)) for id in ids}
    title = f"{len(ids)} photographs: " + ", ".join(kinds)
    svg = dendrogram_svg(
        nodes[: len(leaves)], nodes[len(leaves) :], COLOURS, pictures, title=title, measure="cosine distance"
    )
    (PROJECT / "docs" / "figures").mkdir(exist_ok=True)
    (PROJECT / "docs" / "figures" / "animals-tree.svg").write_text(svg, encoding="utf-8")


def _small(webp: bytes) -> bytes:
    picture = Image.open(io.BytesIO(webp), formats=["WEBP"]).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    out = io.BytesIO()
    picture.crop((left, top, left + side, top + side)).resize((2 * SIDE, 2 * SIDE)).save(out, "WEBP", quality=70)
    return out.getvalue()


# ── all photographs ──────────────────────────────────────────────────────────────────────────────────────────────────


def pipelines(bench: Workbench) -> list[str]:
    """A line for each encoder and pipeline over all photographs: what it found, against the species."""
    collection = collection_of(bench, "Animals", None)
    encoders = {
        **{network: Recipe(collection.name, network, "", "avg") for network in NETWORKS},
        "Model 4 as shipped": Recipe(collection.name, "model-4", "default", "max"),
        "raw pixels": Recipe(collection.name, "raw-pixels", "", "flatten"),
    }
    lines = [
        f"## All {len(collection):,} photographs, mean ± deviation over {SEEDS} seeds",
        "",
        "| encoder | pipeline | groups | on their own | purity | NMI | NMI by chance | AMI | ARI "
        "| silhouette, as clustered | silhouette, encoder's vectors | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for title, recipe in encoders.items():
        for pipeline, plan in PIPELINES.items():
            made = [grouped(bench, recipe, replace(plan, seed=seed)) for seed in range(SEEDS)]
            lines.append(f"| {title} | {pipeline} | {_figures(collection, made)} |")
    return lines


def _figures(collection: Collection, made: Sequence[Grouping]) -> str:
    """The cells of one pipeline; without a reduction both silhouettes are the same."""
    truth = collection.images().labels
    found = [grouping.quality(truth) for grouping in made]
    groups = [grouping.groups().groups for grouping in made]
    alone = [float(sum(len(group) for group in one if group.number < 0)) for one in groups]
    real = [float(sum(group.number >= 0 for group in one)) for one in groups]
    chance = [grouping.chance(truth)["nmi"] for grouping in made]
    seconds = [sum(taken for stage, taken in one.seconds.items() if "map" not in stage) for one in made]
    cells = [
        _spread(real, ".0f"),
        _spread(alone, ".0f"),
        *(_spread([one[n] for one in found]) for n in ("purity", "nmi")),
    ]
    cells += [f"{mean(chance):.3f}", *(_spread([one[name] for one in found]) for name in ("ami", "ari"))]
    own = [one.get("silhouette", float("nan")) for one in found]
    cells += [
        _spread(own),
        _spread([one.get("encoder_silhouette", same) for one, same in zip(found, own, strict=True)]),
    ]
    return " | ".join([*cells, f"{mean(seconds):.1f}"])


def _spread(values: Sequence[float], shown: str = ".3f") -> str:
    """The mean with its standard deviation, without it where every seed gave the same."""
    if len(set(values)) == 1:
        return f"{values[0]:{shown}}"
    return f"{mean(values):{shown}} ± {stdev(values):{shown}}"


def grouped(bench: Workbench, recipe: Recipe, plan: GroupingPlan) -> Grouping:
    """The collection of a recipe, grouped."""
    done = bench.run("group", recipe=recipe.as_dict(), plan=plan.as_dict())
    return bench.grouping(recipe.collection, done["grouping"])


def collection_of(bench: Workbench, title: str, each: int | None) -> Collection:
    """The first `each` photographs of every species (all: None), referenced through links in a folder of its own."""
    name = title.lower().replace(" ", "-")
    if any(card.name == name for card in bench.collections()):
        return bench.collection(name)
    folder = bench.home.root / "pictures" / name
    for kind in sorted(path for path in (DATA / "animals").iterdir() if path.is_dir()):
        (folder / kind.name).mkdir(parents=True, exist_ok=True)
        for path in sorted(kind.iterdir())[:each]:
            (folder / kind.name / path.name).write_bytes(path.read_bytes())
    importing.import_folder(bench.home, title, folder, Reporter())
    return bench.collection(name)


if __name__ == "__main__":
    sys.exit(main())
