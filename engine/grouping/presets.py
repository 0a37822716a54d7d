"""Ways of grouping that are known to serve: what a person picks first."""

from __future__ import annotations

from dataclasses import dataclass

from engine.grouping.plan import GroupingPlan, Step


@dataclass(frozen=True)
class Preset:
    """A plan under a name; `encoders`: those it was made for, the best first."""

    name: str
    title: str
    help: str
    encoders: tuple[str, ...]
    embedding: str
    metric: str
    plan: GroupingPlan


_NETWORKS = ("resnet-50", "inception-v3", "convnext-tiny", "resnet-18", "mobilenet-v2", "squeezenet-1-0")

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "photo",
            "Photo workflow",
            "Cosine distances and a tree by average linkage: cut it where it pleases. Good for up to some thousands.",
            ("inception-v3", *_NETWORKS),
            "avg",
            "cosine",
            GroupingPlan(Step.parse("hierarchical(linkage=average)")),
        ),
        Preset(
            "recommended",
            "Recommended",
            "A network's vectors, UMAP to ten dimensions, then HDBSCAN: finds the groups and their number by itself.",
            _NETWORKS,
            "avg",
            "cosine",
            GroupingPlan(Step("hdbscan"), Step.parse("umap(dimensions=10)")),
        ),
        Preset(
            "model",
            "For a model",
            "PCA by share of variance, then k-means: round groups of like size, as labels for training a model.",
            _NETWORKS,
            "avg",
            "cosine",
            GroupingPlan(Step("kmeans"), Step.parse("pca(share=0.9)")),
        ),
    )
}
