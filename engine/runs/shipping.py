"""Ships a trained run with the code, in half precision: python -m engine.runs.shipping RUN."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.storage import write_bytes, write_json
from engine.runs import listing as runs
from engine.runs.run import Run

if TYPE_CHECKING:
    from torch import Tensor

MOST_BYTES = 35_000_000


def ship(run: Run, folder: Path, **card: Any) -> Run:
    """Copy a run to `folder` as float16, with additional facts on its card.

    Raises:
        BadParameter: the weights are too large to ship, or do not fit into float16.
    """
    from safetensors.torch import save

    data = save({name: _half(name, tensor) for name, tensor in run.load().items()})
    if len(data) > MOST_BYTES:
        raise BadParameter("size", "weights that ship", f"at most {MOST_BYTES:,} bytes", f"{len(data):,}")
    write_bytes(folder / "weights.safetensors", data)
    weights = {"file": "weights.safetensors", "sha256": hashlib.sha256(data).hexdigest()}
    facts = run.facts | {"weights": weights, "card": run.card | card}
    facts["config"] = facts["config"] | {"name": folder.name}
    if (run.folder / "events.jsonl").exists():
        shutil.copyfile(run.folder / "events.jsonl", folder / "events.jsonl")
    write_json(folder / "run.json", facts)
    return Run(folder)


def _half(name: str, tensor: Tensor) -> Tensor:
    half = tensor.half()
    if not half.isfinite().all():
        raise BadParameter("values", f"the weights {name}", "small enough for float16", float(tensor.abs().max()))
    return half


if __name__ == "__main__":
    home = Home.default()
    ship(runs.run(home, sys.argv[1]), home.shipped_weights / "default", licence="the project's own")
