"""precision@8 of a search among products that no model has learned from: picture, text, both side by side, and trained.

In each fold a fusion learns from the other folds, and the held-out products look for each other by the vector that it
tells classes from. All vectors are asked about the same held-out products, so figures below each other can be compared;
with fewer products to find than in the whole collection they are lower than those over all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.classification.folds import folds
from engine.classification.plan import FUSIONS, ClassificationPlan
from engine.classification.task import Task, config_of
from engine.core.errors import Corrupt
from engine.core.progress import Reporter
from engine.core.storage import read_json, write_json
from engine.workbench.workbench import Workbench

K = 8
LEARNED = ("early", "intermediate", "late")
SIDES = {"picture": 0, "25 % text": 25, "text": 100}
_BEST = "the best possible"
ASKED_BY = ("both", "picture", "text")  # of a query; what is found always has both

Rows = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]


def out_of_fold(
    bench: Workbench, plan: ClassificationPlan, kept: Path, listen: Any, measure: bool = True
) -> list[list[str]]:
    """The table of a classification's plan: a line each for the vectors as they are and for every trained fusion.

    What was measured is kept in a file; none of it is measured again while pictures, texts, labels and settings stay.
    """
    subject = Task.of(bench.home, bench.collection(plan.collection), plan)
    made_of = [subject.made_of, plan.folds, plan.seed, dict(plan.settings)]
    found = _kept(kept, made_of)
    if found is None and measure:
        found = _measured(subject, plan, listen)
        write_json(kept, {"made_of": made_of, "found": found})
    return _table(found) if found else []


def precision(queries: Floats, things: Floats, codes: Rows, k: int = K) -> float:
    """Mean precision@k by cosine: each of the (n, d) things looks for the others with its query, never for itself."""
    right = 0
    for start in range(0, len(things), 256):
        alike = unit(queries[start : start + 256]) @ unit(things).T
        alike[np.arange(len(alike)), start + np.arange(len(alike))] = -np.inf
        nearest = np.argpartition(-alike, k, axis=1)[:, :k]
        right += int((codes[nearest] == codes[start : start + 256, None]).sum())
    return right / (k * len(things))


def side_by_side(things: Any, share: int) -> Floats:
    """(n, p + d) vectors of pictures and texts, each at length 1 times the root of its share in percent."""
    sides = [(things.picture, (1 - share / 100) ** 0.5), (things.text, (share / 100) ** 0.5)]
    return np.concatenate([weight * unit(side) for side, weight in sides], axis=1)


def best_possible(codes: Rows, k: int = K) -> float:
    """The precision@k of a search that finds all there is to find: of a rare class there are fewer than k others."""
    others = np.unique(codes, return_counts=True)[1] - 1
    return float(np.sum((others + 1) * np.minimum(others, k)) / (k * len(codes)))


def unit(vectors: Floats) -> Floats:
    """Vectors at length 1; zeros stay."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


# ── inside ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _measured(subject: Task, plan: ClassificationPlan, listen: Any) -> dict[str, dict[str, list[float]]]:
    """precision@8 fold by fold, by the name of the vectors and what is asked by."""
    reporter = Reporter(listen=listen)
    things = subject.items(reporter)
    parts = folds(things.codes, plan.folds, plan.seed)
    found: dict[str, dict[str, list[float]]] = {}
    for fold in range(plan.folds):
        others, own = np.flatnonzero(parts != fold), np.flatnonzero(parts == fold)
        held = things.of(own)
        _note(found, _BEST, "both", best_possible(held.codes))
        for name, share in SIDES.items():
            vectors = side_by_side(held, share)
            _note(found, name, "both", precision(vectors, vectors, held.codes))
        for fusion in LEARNED:
            reporter.update(f"{FUSIONS[fusion]}, fold {fold + 1} of {plan.folds}", fold, plan.folds, "folds")
            network = _trained(things, plan, fusion, others)
            stored = _hidden(network, held)
            for asked_by, queries in _queries(held).items():
                _note(found, fusion, asked_by, precision(_hidden(network, queries), stored, held.codes))
    return found


def _trained(things: Any, plan: ClassificationPlan, fusion: str, others: Rows) -> Any:
    """A network that has learned from those rows, as in the classification."""
    from engine.classification.folds import held_out
    from engine.classification.training.train import train_classifier
    from engine.core.device import device
    from engine.core.home import Home
    from engine.runs import listing as runs

    config = config_of(plan, fusion)
    learning, apart = held_out(things.codes, others, config.validation, config.seed)
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        run = runs.create(home, fusion, config.as_dict(), {}, home.classifiers)
        return train_classifier(config, things, learning, apart, run, Reporter(), device())


def _queries(held: Any) -> dict[str, Any]:
    """The held-out things as they are, and with one side gone."""
    gone = np.zeros(len(held), bool)
    sides = (held, replace(held, has_text=gone), replace(held, has_picture=gone))
    return dict(zip(ASKED_BY, sides, strict=True))


def _hidden(network: Any, things: Any) -> Floats:
    import torch

    from engine.encoders.examples.examples import Features

    source = Features(things, str(next(network.parameters()).device))
    with torch.inference_mode():
        parts = [
            network.hidden(source.take(np.arange(start, min(start + 256, len(things))))).cpu().numpy()
            for start in range(0, len(things), 256)
        ]
    return np.concatenate(parts)


def _note(found: dict[str, dict[str, list[float]]], name: str, asked_by: str, value: float) -> None:
    found.setdefault(name, {}).setdefault(asked_by, []).append(value)


def _kept(path: Path, made_of: Sequence[Any]) -> dict[str, dict[str, list[float]]] | None:
    try:
        values = read_json(path)
    except (FileNotFoundError, Corrupt):
        return None
    found: dict[str, dict[str, list[float]]] = values["found"]
    return found if values["made_of"] == list(made_of) else None


def _table(found: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    titles = {"picture": "picture", "text": "text", "25 % text": "both side by side, 25 % text"}
    titles |= {fusion: f"{FUSIONS[fusion]}, trained" for fusion in LEARNED} | {_BEST: _BEST}
    lines = [["vectors", *(f"asked by {side}" for side in ASKED_BY)]]
    for name, title in titles.items():
        lines.append([title, *(_said(found.get(name, {}).get(side, [])) for side in ASKED_BY)])
    return lines


def _said(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=min(1, len(values) - 1)):.3f}" if values else ""
