"""Cross-domain similarity local scaling (CSLS): distances relative to how near everything is to a picture.

A hub is near to everything, so that being near to it says little. Source: Conneau et al., "Word translation without
parallel data", ICLR 2018, with distances in place of similarities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadParameter
from engine.evaluation.ranking import distances_to_all
from engine.evaluation.statistics.decision import Decision
from engine.evaluation.statistics.paired import paired_difference

NEIGHBOURS = 10  # whose mean distance is the reach of a picture
_QUERIES = 1000
_BLOCK = 2**23  # distances in memory at once

Real = NDArray[np.floating]


@dataclass(frozen=True)
class ScalingEffect:
    """precision@k without and with local scaling over the same queries, and what their difference decides."""

    k: int
    plain: float
    scaled: float
    decision: Decision

    def sentence(self) -> str:
        """E.g. "precision@8 0.977 → 0.979 (+0.002 [−0.001, +0.004], p = .12; not decided)."."""
        verdict = f"{self.decision.text()}; {self.decision.outcome}"
        return f"precision@{self.k} {self.plain:.3f} → {self.scaled:.3f} ({verdict})."


def scaled(distances: Real, reach: Real) -> Real:
    """(q, n) or (n,) distances to what they are ranked by: twice the distance minus the (n,) reach of each picture.

    The query's own reach is left out: it changes no order.
    """
    return np.asarray(2 * distances - reach)


def scaling_effect(
    vectors: NDArray[np.float32], labels: Sequence[str], metric: str, reach: Real, k: int = 8
) -> ScalingEffect | None:
    """The effect on precision@k, up to 1,000 labelled pictures being the query; None if no label is shared.

    Args:
        vectors: (n, d). labels: n, "" for none. reach: (n,) mean distances to the NEIGHBOURS nearest.

    Raises:
        BadParameter: another number of labels or reaches, or too few pictures for k.
    """
    names, codes, counts = np.unique(np.asarray(labels, dtype=str), return_inverse=True, return_counts=True)
    if not len(codes) == len(vectors) == len(reach) or len(vectors) <= k:
        wanted = f"as many labels and reaches as vectors, more than {k}"
        raise BadParameter("pictures", "local scaling", wanted, f"{len(codes)}, {len(reach)} and {len(vectors)}")
    asked = np.flatnonzero((names[codes] != "") & (counts[codes] > 1))
    if not len(asked):
        return None
    asked = np.sort(np.random.default_rng(0).choice(asked, min(_QUERIES, len(asked)), replace=False))
    plain, changed = _precisions(vectors, codes, metric, reach, asked, k)
    return ScalingEffect(k, float(plain.mean()), float(changed.mean()), paired_difference(changed, plain))


def _precisions(
    vectors: NDArray[np.float32], codes: NDArray[np.int64], metric: str, reach: Real, asked: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(q,) precision@k of each query, plain and scaled."""
    parts, step = [], max(1, _BLOCK // len(vectors))
    for start in range(0, len(asked), step):
        rows = asked[start : start + step]
        apart = distances_to_all(np.asarray(vectors[rows]), vectors, metric).astype(np.float64)
        ways = []
        for ranked in (apart, scaled(apart, reach)):
            ranked[np.arange(len(rows)), rows] = np.inf
            nearest = np.argsort(ranked, axis=1, kind="stable")[:, :k]
            ways.append((codes[nearest] == codes[rows][:, None]).mean(1))
        parts.append(ways)
    plain, changed = (np.concatenate([part[way] for part in parts]) for way in (0, 1))
    return plain, changed
