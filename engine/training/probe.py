"""Retrieval quality during training: a fixed set of query pictures, evaluated after every epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from engine.training.augment import cut, half_colour_view, mirrored, recoloured
from engine.training.config import TrainingConfig
from engine.training.objective import Objective
from engine.training.pictures import PROBE, Data, Pictures, Rows, batches, stream
from engine.training.split import rows_of

BY_LABELS, BY_COPIES = "precision@8", "own copy found"
NEIGHBOURS = 8
_BATCH = 32


@dataclass(frozen=True)
class Probe:
    """The query pictures, and how their results are judged.

    Attributes:
        rows: (p,) of the training's pictures. codes: (p,) their labels as numbers. measure: BY_LABELS, or BY_COPIES.
        chance: what random results would score.
        strong: whether altered copies are looked for beside labels as well, altered as strongly as the views of
            contrastive learning: slighter changes are soon all seen through.
        names: (p,) the labels, empty if altered copies alone are looked for.
    """

    rows: Rows
    codes: NDArray[np.int64]
    measure: str
    chance: float
    strong: bool = False
    names: tuple[str, ...] = ()

    @torch.no_grad()
    def ask(self, objective: Objective, pictures: Pictures, seed: int) -> tuple[float, NDArray[np.int64]]:
        """(retrieval, neighbours): a share from 0 to 1, and the (p, 8) nearest of each, −1 if there are fewer."""
        alike = _unit(objective, (pictures.take(rows) for rows in batches(self.rows, _BATCH)))
        nearness = alike @ alike.T
        nearness.fill_diagonal_(-torch.inf)
        found = nearness.topk(min(NEIGHBOURS, len(self.rows) - 1)).indices.cpu().numpy()
        neighbours = np.full((len(self.rows), NEIGHBOURS), -1, dtype=np.int64)
        neighbours[:, : found.shape[1]] = found
        if self.measure == BY_LABELS:
            return float((self.codes[found] == self.codes[:, None]).sum(1).mean() / NEIGHBOURS), neighbours
        return self.copies_found(objective, pictures, seed), neighbours

    @torch.no_grad()
    def copies_found(self, objective: Objective, pictures: Pictures, seed: int) -> float:
        """The share of pictures that are the nearest neighbour of their own altered copy."""
        originals = _unit(objective, (pictures.take(rows) for rows in batches(self.rows, _BATCH)))
        nearest = (_unit(objective, self._copies(pictures, seed)) @ originals.T).argmax(1)
        own = torch.arange(len(nearest), device=nearest.device)
        return float((nearest == own).float().mean())

    def _copies(self, pictures: Pictures, seed: int) -> Iterator[Tensor]:
        for number, rows in enumerate(batches(self.rows, _BATCH)):
            generator = stream(seed, PROBE, number)
            images = pictures.take(rows)
            if self.strong:
                yield half_colour_view(images, images.shape[-1], generator)
            else:
                altered = recoloured(mirrored(cut(images, generator), generator), generator)
                yield altered.contiguous(memory_format=torch.channels_last)


def probe(data: Data, config: TrainingConfig) -> Probe | None:
    """`config.probe` pictures drawn with the seed, labelled ones if enough share a label; None for 0.

    Where labels are learned, held-out pictures alone if there are enough.
    """
    if not config.probe:
        return None
    order = np.random.default_rng([config.seed, PROBE]).permutation(len(data.ids))
    labels = np.asarray(data.labels, dtype=str)
    held_out = rows_of(data.labels, config)[1] if config.learns_labels else np.empty(0, np.int64)
    if len(held_out) > 2 * NEIGHBOURS and len(np.unique(labels[held_out])) > 1:
        order = order[np.isin(order, held_out)]
    rows = _with_company(np.sort(_labelled(order, labels, config.probe)).astype(np.int64), labels)
    kinds, codes, sizes = np.unique(labels[rows], return_inverse=True, return_counts=True)
    if len(rows) > NEIGHBOURS and len(kinds) > 1:
        chance = float(((sizes[codes] - 1) / (len(rows) - 1)).mean())
        names = tuple(labels[rows].tolist())
        return Probe(rows, codes, BY_LABELS, chance, config.finds_copies, names)
    rows = np.sort(order[: config.probe])
    return Probe(rows, np.zeros(len(rows), np.int64), BY_COPIES, 1 / len(rows), config.finds_copies)


def _labelled(order: Rows, labels: NDArray[np.str_], most: int) -> list[int]:
    """The first `most` rows that share a label; of many labels only some, or few rows could have eight matches."""
    sizes = Counter(labels.tolist())
    rows = [int(row) for row in order if labels[row] and sizes[labels[row]] > 1]
    kinds, many = list(dict.fromkeys(labels[row] for row in rows)), max(2, most // (NEIGHBOURS + 1))
    if len(kinds) <= many:
        return rows[:most]
    alike = ([row for row in rows if labels[row] == kind] for kind in kinds[:many])
    return [row for group in alike for row in group[: most // many]]


def _with_company(rows: Rows, labels: NDArray[np.str_]) -> Rows:
    """The rows that share their label with another row: the others have nothing to find."""
    _, codes, sizes = np.unique(labels[rows], return_inverse=True, return_counts=True)
    return rows[sizes[codes] > 1]


def _unit(objective: Objective, inputs: Iterable[Tensor]) -> Tensor:
    return functional.normalize(torch.cat([objective.vectors(batch) for batch in inputs]), dim=1)
