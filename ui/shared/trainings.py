"""Display names of the trainable networks and of training objectives."""

from __future__ import annotations

MODELS = {
    1: "Model 1 · five blocks",
    2: "Model 2 · six blocks",
    3: "Model 3 · strided convolutions",
    4: "Model 4 · overlapping pooling",
}
RECOGNISE, PLAIN, GROUP = "recognise", "plain", "group"
LEARNS = {
    RECOGNISE: "Contrastive + reconstruction (recommended)",
    PLAIN: "Reconstruction only",
    GROUP: "Cluster pseudo-labels (DeepCluster)",
}
