"""By what else than the nearest distances it could be told that nothing similar is there, where pictures have labels.

    python -m benchmarks.absent_labels [--home FOLDER] [--collections animals,products] [--encoder efficientnet-lite0]

A fifth of the pictures at a time is asked for among the others. Each is asked twice, without the pictures of its own
label and without those of another, so that both times as many labels are left. Everything that is learned is learned
from what is left; the limit of a score, and the weights of all scores together, from queries with other labels. Writes
benchmarks/results/absent-labels.md, which docs/confidence.md shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks._page import markdown, said
from benchmarks.calibration import FOLDS, RESULT, shared
from benchmarks.finishing import collections
from engine.core.distances import normalised
from engine.core.home import PROJECT, Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.choosing import default_embedding, with_weights
from engine.encoders.vectors.pipeline import vectors_of
from engine.evaluation.statistics.proportion import clopper_pearson
from engine.search.calibration.calibration import NEAREST
from engine.search.calibration.stored import labels_of

LEADING, VOTERS = 160, 10  # principal components; results whose labels are looked at
FALSE = 0.05  # of the queries with similar pictures may be told that there are none
TITLES = {
    "mean": "mean distance of the five nearest (in use)",
    "nearest": "distance of the nearest",
    "entropy": "entropy of the labels of the ten nearest",
    "whitened": "mean distance of the five nearest, whitened within labels",
    "mahalanobis": "Mahalanobis distance to the nearest mean of a label",
    "gap": "how much nearer it is than to the second",
}
HEAD = ["collection, encoder", "score", "AUC", "taken out: nothing", "there: nothing"]

Labels = NDArray[np.str_]
Rows = NDArray[np.int64]
Scores = dict[str, NDArray[np.float64]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=PROJECT / "test-output" / "calibration")
    parser.add_argument("--collections", default="animals,products", help="with commas")
    parser.add_argument("--encoder", default="efficientnet-lite0")
    wanted = parser.parse_args()
    home, lines = Home(wanted.home.resolve()), [HEAD]
    for collection in collections(home, wanted.collections.split(",")):
        name, _, weights = with_weights(home, wanted.encoder, "a benchmark").partition("@")
        embedding = default_embedding(home, name, weights)
        opened = open_encoder(name, weights, home, collection)
        vectors = vectors_of(collection, opened, embedding, Reporter(listen=said))
        labels = np.array(labels_of(vectors, collection.images()))
        kept = np.isin(labels, shared(labels))
        found = told(normalised(np.asarray(vectors.matrix)[kept]).astype(np.float64), labels[kept])
        lines += [[f"{collection.name}, {name} {embedding}", *line] for line in found]
    RESULT.write_text(markdown(lines) + "\n", encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


def told(vectors: NDArray[np.float64], labels: Labels) -> Iterator[list[str]]:
    """A line for each score of (n, d) unit vectors, and one for all of them together."""
    there, out = asked_twice(vectors, labels)
    for name, title in TITLES.items():
        yield line(title, labels, {name: there[name]}, {name: out[name]})
    yield line("all together (logistic regression)", labels, there, out)


def line(title: str, labels: Labels, there: Scores, out: Scores) -> list[str]:
    """How many of each kind exceed the limit that the other labels set, and the area under the ROC curve."""
    values = np.concatenate([np.stack(list(kind.values()), 1) for kind in (there, out)])
    values = (values - values.mean(0)) / values.std(0)
    absent, both, count = np.repeat([False, True], len(labels)), np.concatenate([labels, labels]), len(labels)
    scores, beyond = np.zeros(2 * count), np.zeros(2 * count, dtype=bool)
    for label in np.unique(labels):
        others, own = both != label, both == label
        weighed = LogisticRegression(C=0.1, max_iter=300).fit(values[others], absent[others])
        found = weighed.decision_function(values)
        scores[own] = found[own]
        beyond[own] = found[own] > np.quantile(found[others & ~absent], 1 - FALSE)
    shares = [_share(beyond[kind]) for kind in (slice(count, None), slice(count))]
    return [title, f"{roc_auc_score(absent, scores):.2f}", *shares]


def _share(beyond: NDArray[np.bool_]) -> str:
    low, high = clopper_pearson(int(beyond.sum()), len(beyond))
    return f"{100 * beyond.mean():.1f} % [{100 * low:.0f}–{100 * high:.0f}]"


def asked_twice(vectors: NDArray[np.float64], labels: Labels) -> tuple[Scores, Scores]:
    """(n,) of each score without another label, and without the own one."""
    leading = principal(vectors)
    names = np.unique(labels)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    there, out = ({name: np.zeros(len(labels)) for name in TITLES} for _ in range(2))
    for number in range(FOLDS):
        for place, label in enumerate(names):
            rest = np.flatnonzero((fold != number) & (labels != label))
            other = names[(place + 1 + number % (len(names) - 1)) % len(names)]
            for kind, of in ((out, label), (there, other)):
                rows = np.flatnonzero((fold == number) & (labels == of))
                for name, values in scores(vectors, leading, labels, rows, rest).items():
                    kind[name][rows] = values
    return there, out


def principal(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, LEADING) coordinates along the leading principal directions, which know no labels."""
    centred = vectors - vectors.mean(0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][:LEADING].T)


def scores(
    vectors: NDArray[np.float64], leading: NDArray[np.float64], labels: Labels, rows: Rows, rest: Rows
) -> Mapping[str, NDArray[np.float64]]:
    """(q,) of each score of the queries in these rows among the rest; larger where nothing is similar.

    Sources: Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018
    (Mahalanobis); Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022.
    """
    kinds, codes = np.unique(labels[rest], return_inverse=True)
    means = np.stack([leading[rest][codes == code].mean(0) for code in range(len(kinds))])
    spread, _ = ledoit_wolf(leading[rest] - means[codes], assume_centered=True)
    whitening = np.linalg.cholesky(np.linalg.inv(spread))
    asked, others, centres = (one @ whitening for one in (leading[rows], leading[rest], means))
    to_means = np.sort(((asked[:, None] - centres[None]) ** 2).sum(2), axis=1)
    apart = 1 - vectors[rows] @ vectors[rest].T
    order = np.argsort(apart, axis=1)[:, :VOTERS]
    near = np.take_along_axis(apart, order, 1)
    whitened = np.sort(1 - unit(asked) @ unit(others).T, axis=1)
    return {
        "mean": near[:, :NEAREST].mean(1),
        "nearest": near[:, 0],
        "entropy": np.array([entropy(row) for row in codes[order]]),
        "whitened": whitened[:, :NEAREST].mean(1),
        "mahalanobis": to_means[:, 0],
        "gap": to_means[:, 0] - to_means[:, 1],
    }


def entropy(codes: Rows) -> float:
    """In nats, of how often each code occurs."""
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log(shares)).sum())


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


if __name__ == "__main__":
    main()
