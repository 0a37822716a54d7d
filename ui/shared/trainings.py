"""Display names of the trainable networks and of training objectives."""

from __future__ import annotations

from models.specs import RESIDUAL

MODELS = {
    1: "Model 1 · five blocks",
    2: "Model 2 · six blocks",
    3: "Model 3 · strided convolutions",
    4: "Model 4 · overlapping pooling",
}
SMALL = {name: f"{spec.title} · small and fast" for name, spec in RESIDUAL.items()}
LEARN, LABELS, RECOGNISE, PLAIN, GROUP = "learn", "labels", "recognise", "plain", "group"
LEARNS = {
    LEARN: "Learn from my pictures (recommended)",
    LABELS: "Learn from my labels (metric learning)",
    RECOGNISE: "Contrastive + reconstruction",
    PLAIN: "Reconstruction only",
    GROUP: "Cluster pseudo-labels (DeepCluster)",
}
