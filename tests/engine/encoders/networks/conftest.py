"""Ready-made networks with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engine.encoders.networks import weights as pretrained
from engine.encoders.networks.table import Backbone, backbone

SMALL = backbone("squeezenet-1-1")


@pytest.fixture(autouse=True)
def no_folder_of_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(pretrained.FOLDER, raising=False)


def random_weights(network: Backbone, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights that keep the size of what flows through; of a batch normalisation neither mean nor scale are plain."""
    made, random = {}, torch.Generator().manual_seed(seed)
    for name, shape in network.shapes().items():
        if name.endswith("relative_position_index"):
            made[name] = torch.zeros(shape, dtype=torch.int64)
        elif name.endswith("running_mean"):
            made[name] = torch.rand(shape, generator=random) * 0.2 - 0.1  # larger ones would silence what comes after
        elif len(shape) < 2:
            made[name] = torch.rand(shape, generator=random) * 0.5 + (0.1 if name.endswith("bias") else 0.75)
        else:
            fan_in = max(1, int(np.prod(shape[1:])))
            made[name] = torch.randn(shape, generator=random) * (2 / fan_in) ** 0.5
    return made


@pytest.fixture
def weights_file(tmp_path: Path) -> Path:
    save_file(random_weights(SMALL), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"
