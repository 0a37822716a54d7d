"""Grouping plans known to work well: the first choice on the page."""

from __future__ import annotations

from dataclasses import dataclass

from engine.grouping.plan import GroupingPlan, Step


@dataclass(frozen=True)
class Preset:
    """A named plan; `encoders`: those it was designed for, best first."""

    name: str
    title: str
    help: str
    encoders: tuple[str, ...]
    embedding: str
    metric: str
    plan: GroupingPlan


_NETWORKS = (
    "efficientnet-lite0",
    "resnet-50",
    "inception-v3",
    "convnext-tiny",
    "resnet-18",
    "mobilenet-v2",
    "squeezenet-1-0",
)

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "photo",
            "Tree (manual cut)",
            "A tree of groups within groups, to cut anywhere; for up to a few thousand pictures. "
            "Hierarchical clustering, average linkage, cosine distance.",
            _NETWORKS,
            "avg-sqrt",
            "cosine",
            GroupingPlan(Step.parse("hierarchical(linkage=average)")),
        ),
        Preset(
            "recommended",
            "Automatic (recommended)",
            "Finds the groups and how many there are. A network's vectors, UMAP to 10 dimensions, then HDBSCAN.",
            _NETWORKS,
            "avg-sqrt",
            "cosine",
            GroupingPlan(Step("hdbscan"), Step.parse("umap(dimensions=10)")),
        ),
        Preset(
            "model",
            "k-means labels",
            "Compact groups of similar size, as labels for training a model. PCA by share of variance, then k-means.",
            _NETWORKS,
            "avg-sqrt",
            "cosine",
            GroupingPlan(Step("kmeans"), Step.parse("pca(share=0.9)")),
        ),
    )
}
