"""Search among the members of the query's nearest k-means clusters.

An inverted file: Sivic and Zisserman, "Video Google" (2003); Jégou, Douze, Schmid, "Product quantization for nearest
neighbor search" (2011), section IV.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.core.distances import euclidean
from engine.core.settings import Setting
from engine.core.storage import load_array, read_json, write_json
from engine.indexes.index import BuildCost, Ids, Neighbours, Vectors
from engine.indexes.sample_truth import true_neighbours
from engine.indexes.table.ranking import nearest_in_lists
from engine.indexes.table.rows import RowIndex, RowTable, checked_k
from engine.indexes.table.sampling import NEIGHBOURS, WANTED_RECALL, prepared

_BATCHED_ABOVE = 20_000  # vectors: above this, scikit-learn's mini-batch k-means
_TRAINED_ON = 200_000  # maximum number of vectors to fit the clusters to
_CHUNK = 1024  # queries per block
_SEED = 0


class KMeansIndex(RowIndex):
    """Fixed clusters; a query is only compared with the members of its nearest clusters.

    Without `probes`, as many clusters are searched as contain `recall` of that many `neighbours` on a sample.
    """

    name = "kmeans"
    title = "k-means"
    family = "clusters"
    rank = 60
    summary = "Clusters the pictures once and searches only the clusters nearest to the query (inverted file, IVF)."
    settings = (
        Setting("clusters", "Clusters", "Number of clusters.", 1, 65_536),
        Setting("probes", "Clusters searched", "Nearest clusters that are searched (nprobe).", 1, 65_536),
    )

    def __init__(
        self,
        metric: str,
        clusters: int | None = None,
        probes: int | None = None,
        neighbours: int = NEIGHBOURS,
        recall: float = WANTED_RECALL,
    ) -> None:
        super().__init__(metric)
        self.neighbours = checked_k(neighbours)
        self.recall = recall
        self.clusters = clusters
        self.probes = probes
        self._centres: Vectors = np.empty((0, 0), dtype=np.float32)
        self._labels: Ids = np.empty(0, dtype=np.int64)
        self._members: tuple[Ids, Ids] | None = None
        self._probes = 1

    def foreseen(self, count: int, dimensions: int) -> BuildCost:
        clusters = min(self.clusters or round(np.sqrt(count)), count)
        return BuildCost(4 * clusters * dimensions + 24 * count, 20 * clusters * count * dimensions)

    def build(self, ids: Ids, vectors: Vectors) -> Self:
        table = RowTable(ids, vectors)
        points = prepared(table.vectors, self.metric)
        wanted = self.clusters or max(1, round(np.sqrt(table.size)))
        self._centres = _cluster_centres(points, min(wanted, table.size))
        self._labels = _nearest_centres(points, self._centres)
        self._table, self._members = table, None
        self._probes = min(self.probes or self._measured_probes(), max(1, len(self._centres)))
        return self

    def tuned(self, vectors: Vectors) -> dict[str, int]:
        """The effective settings of an index over (n, d) vectors."""
        return self.build(np.arange(len(vectors)), vectors).chosen

    def add(self, ids: Ids, vectors: Vectors) -> None:
        rows = self._rows.add(ids, vectors)
        points = prepared(self._rows.vectors[rows], self.metric)
        if len(rows) and not len(self._centres):
            self._centres = points.mean(axis=0, keepdims=True)
        self._labels = np.concatenate([self._labels, _nearest_centres(points, self._centres)])
        self._members = None

    def remove(self, ids: Ids) -> None:
        self._labels[self._rows.remove(ids)] = -1
        self._members = None

    def search(self, queries: Vectors, k: int) -> Neighbours:
        k, queries = checked_k(k), self._rows.checked_queries(queries)
        parts = [self._search(queries[i : i + _CHUNK], k) for i in range(0, max(len(queries), 1), _CHUNK)]
        return Neighbours(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.distances for part in parts]),
            np.concatenate([part.examined for part in parts]),
        )

    def _search(self, queries: Vectors, k: int) -> Neighbours:
        members, starts = self._lists()
        sizes = np.diff(starts)
        points = prepared(queries, self.metric)
        nearest = np.argsort(euclidean(points, self._centres), axis=1, kind="stable") if len(sizes) else None
        lists = []
        for i in range(len(queries)):
            order = nearest[i] if nearest is not None else np.empty(0, dtype=np.int64)
            visited = order[: self._clusters_needed(sizes[order], k)]
            lists.append(np.concatenate([members[starts[c] : starts[c + 1]] for c in visited] or [members[:0]]))
        ends = np.zeros(len(queries) + 1, dtype=np.int64)
        np.cumsum([len(rows) for rows in lists], out=ends[1:])
        return nearest_in_lists(self._rows, queries, np.concatenate([*lists, members[:0]]), ends, self.metric, k)

    def _clusters_needed(self, sizes: Ids, k: int) -> int:
        """The nearest `probes` clusters, or more if needed for k members."""
        enough = int(np.searchsorted(np.cumsum(sizes), min(k, int(sizes.sum())))) + 1
        return max(self._probes, enough)

    def _lists(self) -> tuple[Ids, Ids]:
        """The rows sorted by cluster, and where each cluster starts."""
        if self._members is None:
            gone = int(np.count_nonzero(self._labels < 0))
            order = np.argsort(self._labels, kind="stable")[gone:]
            counts = np.bincount(self._labels[order], minlength=len(self._centres))
            self._members = order.astype(np.int64), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return self._members

    def _measured_probes(self) -> int:
        """The smallest number of clusters that reaches the target recall on a sample."""
        sample, neighbours = true_neighbours(self._rows, self.metric, _SEED, self.neighbours)
        there = neighbours >= 0
        if not there.any():
            return 1
        distances = euclidean(prepared(self._rows.vectors[sample], self.metric), self._centres)
        place = np.argsort(np.argsort(distances, axis=1, kind="stable"), axis=1)
        places = np.take_along_axis(place, self._labels[np.maximum(neighbours, 0)], axis=1)[there]
        return int(np.quantile(places, self.recall, method="higher")) + 1

    def save(self, folder: Path) -> None:
        kept = self._rows.save(folder)
        np.save(folder / "centres.npy", self._centres, allow_pickle=False)
        np.save(folder / "labels.npy", self._labels[kept], allow_pickle=False)
        write_json(folder / "kmeans.json", {"probes": self._probes})

    def load(self, folder: Path) -> Self:
        self._table, self._members = RowTable.load(folder), None
        self._centres = load_array(folder / "centres.npy")
        self._labels = load_array(folder / "labels.npy")
        self._probes = read_json(folder / "kmeans.json")["probes"]
        return self

    @property
    def chosen(self) -> dict[str, int]:
        return {"clusters": len(self._centres), "probes": self._probes}


def _cluster_centres(points: Vectors, clusters: int) -> Vectors:
    """The (c, d) final means of k-means; fewer if there are fewer distinct points."""
    if clusters == 0:
        return np.empty((0, points.shape[1]), dtype=np.float32)
    rng = np.random.default_rng(_SEED)
    if len(points) > _TRAINED_ON:
        points = points[np.sort(rng.choice(len(points), _TRAINED_ON, replace=False))]
    model = _model(clusters, len(points))
    return np.unique(_fitted(model, points).cluster_centers_.astype(np.float32), axis=0)


def _fitted(model: Any, points: Vectors) -> Any:
    import warnings

    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():  # fewer distinct points than clusters is no fault: there are then fewer clusters
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(points)


def _model(clusters: int, count: int) -> Any:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    if count > _BATCHED_ABOVE:
        return MiniBatchKMeans(clusters, batch_size=max(4096, 4 * clusters), n_init=1, random_state=_SEED, max_iter=20)
    return KMeans(clusters, n_init=1, random_state=_SEED, max_iter=50)


def _nearest_centres(points: Vectors, centres: Vectors) -> Ids:
    chunks = [points[i : i + 8192] for i in range(0, len(points), 8192)]
    found = [np.argmin(euclidean(chunk, centres), axis=1) for chunk in chunks]
    return np.concatenate([*found, np.empty(0, dtype=np.int64)]).astype(np.int64)


def choose_clusters(vectors: Vectors, counts: list[int], metric: str = "euclidean") -> list[dict[str, float]]:
    """Help for choosing a number of clusters: for each count the inertia (look for the elbow) and the silhouette.

    Args:
        vectors: (n, d); at most 2,000 of them are used.
        counts: numbers of clusters to try, each from 2 to the number of vectors looked at − 1; others are left out.

    Returns:
        One entry per count: clusters, inertia (mean squared distance to the own centre), silhouette (−1…1, larger is
        better; Rousseeuw 1987), and elbow: 1 for the count whose inertia lies farthest below the line from the first
        to the last, in logarithms.
    """
    from sklearn.metrics import silhouette_score

    rng = np.random.default_rng(_SEED)
    chosen = np.sort(rng.choice(len(vectors), min(2000, len(vectors)), replace=False))
    points = prepared(np.ascontiguousarray(vectors[chosen], dtype=np.float32), metric)
    table = []
    for count in sorted({c for c in counts if 2 <= c < len(points)}):
        model = _fitted(_model(count, len(points)), points)
        several = len(np.unique(model.labels_)) > 1
        silhouette = float(silhouette_score(points, model.labels_)) if several else 0.0
        table.append({"clusters": count, "inertia": float(model.inertia_) / len(points), "silhouette": silhouette})
    return _with_elbow(table)


def _with_elbow(table: list[dict[str, float]]) -> list[dict[str, float]]:
    counts = np.array([row["clusters"] for row in table])
    # By ratios: the step to the right number divides the inertia, whatever the first, coarse steps took off it.
    heights = np.log(np.maximum([row["inertia"] for row in table], 1e-12))
    line = np.interp(counts, counts[[0, -1]], heights[[0, -1]]) if len(table) else heights
    below: NDArray[np.float64] = line - heights
    return [row | {"elbow": float(i == int(np.argmax(below)))} for i, row in enumerate(table)]
