"""By what else than the nearest distances it could be told that nothing similar is there, where pictures have labels.

    python -m benchmarks.absent_labels [--home FOLDER] [--collections animals,products] [--encoder efficientnet-lite0]

A fifth of the pictures at a time is asked for among the others. Each is asked twice, without the pictures of its own
label and without those of another, so that both times as many labels are left. Everything that is learned is learned
from what is left; the limit of a score, and the weights of all scores together, from queries with other labels. Two
ceilings know what no search does: the limit of the query's own label, and its pictures. Writes
benchmarks/results/absent-labels.md, which docs/confidence.md shows.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
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
HARDLY, FARTHER = 0.25, 1.1
FALSE = 0.05  # of the queries with similar pictures may be told that there are none
TITLES = {
    "mean": "mean distance of the five nearest (in use)",
    "nearest": "distance of the nearest",
    "scaled": "mean distance of the five nearest, relative to that of theirs (local scaling)",
    "factor": "local outlier factor, ten neighbours",
    "standard": "mean distance of the five nearest, by mean and deviation of pictures near the same label",
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
    home, lines, alike = Home(wanted.home.resolve()), [HEAD], []
    for collection in collections(home, wanted.collections.split(",")):
        name, _, weights = with_weights(home, wanted.encoder, "a benchmark").partition("@")
        embedding = default_embedding(home, name, weights)
        opened = open_encoder(name, weights, home, collection)
        vectors = vectors_of(collection, opened, embedding, Reporter(listen=said))
        labels = np.array(labels_of(vectors, collection.images()))
        kept = np.isin(labels, shared(labels))
        unit_vectors = normalised(np.asarray(vectors.matrix)[kept]).astype(np.float64)
        found = told(unit_vectors, labels[kept])
        alike.append(looking_alike(collection.name, unit_vectors, labels[kept]))
        lines += [[f"{collection.name}, {name} {embedding}", *line] for line in found]
    RESULT.write_text("\n\n".join([markdown(lines), *alike]) + "\n", encoding="utf-8")
    print(RESULT.read_text(encoding="utf-8"))


def told(vectors: NDArray[np.float64], labels: Labels) -> Iterator[list[str]]:
    """A line for each score of (n, d) unit vectors, and one for all of them together."""
    there, out = asked_twice(vectors, labels)
    for name, title in TITLES.items():
        yield line(title, labels, {name: there[name]}, {name: out[name]})
    yield line("all together (logistic regression)", labels, there, out)
    yield own_limits(labels, there["mean"], out["mean"])
    yield seen(principal(vectors), labels)


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


def looking_alike(name: str, vectors: NDArray[np.float64], labels: Labels) -> str:
    """How many labels, and pictures, have results that hardly change when the label is taken out."""
    apart = 1 - vectors @ vectors.T
    np.fill_diagonal(apart, np.inf)
    same = labels[:, None] == labels
    order, near = nearest(apart)
    there = near[:, :NEAREST].mean(1)
    out = nearest(np.where(same, np.inf, apart))[1][:, :NEAREST].mean(1)
    names = np.unique(labels)
    beyond = out > np.quantile(there, 1 - FALSE)
    hardly = [label for label in names if beyond[labels == label].mean() < HARDLY]
    none = np.mean((labels[order[:, :NEAREST]] != labels[:, None]).all(1))
    farther = np.mean(out <= FARTHER * there)
    share = f"{100 * np.isin(labels, hardly).mean():.0f} %"
    text = (
        f"Of the {len(names)} labels of {name}, {len(hardly)} with {share} of the pictures are told so for fewer than "
        f"one in four of their pictures. {100 * none:.1f} % of the pictures have none of their label among their five "
        "nearest, so that their results are the same without it; those of "
        f"{100 * farther:.0f} % are then at most a tenth farther."
    )
    return textwrap.fill(text.replace(" %", "\u00a0%"), 120).replace("\u00a0", " ")


def own_limits(labels: Labels, there: NDArray[np.float64], out: NDArray[np.float64]) -> list[str]:
    """How many exceed the limit that is right for their own label."""
    beyond, areas = np.zeros((2, len(labels)), dtype=bool), []
    for label in np.unique(labels):
        own = labels == label
        limit = np.quantile(there[own], 1 - FALSE)
        beyond[:, own] = out[own] > limit, there[own] > limit
        areas += own.sum() * [roc_auc_score(np.repeat([True, False], own.sum()), np.append(out[own], there[own]))]
    title = "ceiling: mean distance of the five nearest, limit of the query's own label"
    return [title, f"{np.mean(areas):.2f}", *map(_share, beyond)]


def seen(leading: NDArray[np.float64], labels: Labels) -> list[str]:
    """How many of each label a linear classifier tells from all others, if it has seen the label."""
    names, codes = np.unique(labels, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    beyond, other, areas = np.zeros(len(labels), dtype=bool), 0.0, 0.0
    for code in range(len(names)):
        own, margin = codes == code, np.zeros(len(labels))
        for number in range(FOLDS):
            known = fold != number
            fitted = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(leading[known], own[known])
            margin[~known] = fitted.decision_function(leading[~known])
        limit = np.quantile(margin[~own], 1 - FALSE)
        beyond[own] = margin[own] > limit
        other += own.mean() * (margin[~own] > limit).mean()
        areas += own.mean() * roc_auc_score(own, margin)
    title = "ceiling: linear classifier that has seen pictures of the label"
    return [title, f"{areas:.2f}", _share(beyond), f"{100 * other:.1f} %"]


def _share(beyond: NDArray[np.bool_]) -> str:
    low, high = clopper_pearson(int(beyond.sum()), len(beyond))
    return f"{100 * beyond.mean():.1f} % [{100 * low:.0f}–{100 * high:.0f}]"


def asked_twice(vectors: NDArray[np.float64], labels: Labels) -> tuple[Scores, Scores]:
    """(n,) of each score without another label, and without the own one."""
    leading, apart = principal(vectors), 1 - vectors @ vectors.T
    names = np.unique(labels)
    fold = np.random.default_rng(0).permutation(len(labels)) % FOLDS
    there, out = ({name: np.zeros(len(labels)) for name in TITLES} for _ in range(2))
    for number in range(FOLDS):
        for place, label in enumerate(names):
            rest = np.flatnonzero((fold != number) & (labels != label))
            other = names[(place + 1 + number % (len(names) - 1)) % len(names)]
            for kind, of in ((out, label), (there, other)):
                rows = np.flatnonzero((fold == number) & (labels == of))
                for name, values in scores(apart, leading, labels, rows, rest).items():
                    kind[name][rows] = values
    return there, out


def principal(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, LEADING) coordinates along the leading principal directions, which know no labels."""
    centred = vectors - vectors.mean(0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][:LEADING].T)


def scores(
    distances: NDArray[np.float64], leading: NDArray[np.float64], labels: Labels, rows: Rows, rest: Rows
) -> Mapping[str, NDArray[np.float64]]:
    """(q,) of each score of the queries in these rows among the rest; larger where nothing is similar.

    Sources: Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018
    (Mahalanobis); Sun et al., "Out-of-distribution detection with deep nearest neighbors", ICML 2022; Breunig et al.,
    "LOF: identifying density-based local outliers", SIGMOD 2000.

    Args:
        distances: (n, n) between all pictures.
    """
    kinds, codes = np.unique(labels[rest], return_inverse=True)
    means = np.stack([leading[rest][codes == code].mean(0) for code in range(len(kinds))])
    spread, _ = ledoit_wolf(leading[rest] - means[codes], assume_centered=True)
    whitening = np.linalg.cholesky(np.linalg.inv(spread))
    asked, others, centres = (one @ whitening for one in (leading[rows], leading[rest], means))
    to_means = np.sort(((asked[:, None] - centres[None]) ** 2).sum(2), axis=1)
    order, near = nearest(distances[np.ix_(rows, rest)])
    beside, theirs = nearest(distances[np.ix_(rest, rest)] + np.diag(np.full(len(rest), np.inf)))
    whitened = np.sort(1 - unit(asked) @ unit(others).T, axis=1)
    return {
        "mean": near[:, :NEAREST].mean(1),
        "nearest": near[:, 0],
        "scaled": near[:, :NEAREST].mean(1) / theirs[order[:, :NEAREST], :NEAREST].mean((1, 2)),
        "factor": outlier_factor(order, near, beside, theirs),
        "standard": standard(codes[order], near, codes[beside], theirs),
        "entropy": np.array([entropy(row) for row in codes[order]]),
        "whitened": whitened[:, :NEAREST].mean(1),
        "mahalanobis": to_means[:, 0],
        "gap": to_means[:, 0] - to_means[:, 1],
    }


def nearest(apart: NDArray[np.float64]) -> tuple[Rows, NDArray[np.float64]]:
    """The VOTERS nearest of each row, and how far they are."""
    order = np.argpartition(apart, VOTERS, axis=1)[:, :VOTERS]
    order = np.take_along_axis(order, np.argsort(np.take_along_axis(apart, order, 1), axis=1), 1)
    return order, np.take_along_axis(apart, order, 1)


def outlier_factor(
    order: Rows, near: NDArray[np.float64], beside: Rows, theirs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How much farther than usual among its VOTERS neighbours a query lies from them."""
    radius = theirs[:, -1]
    reach, others = (np.maximum(radius[rows], apart).mean(1) for rows, apart in ((order, near), (beside, theirs)))
    return np.asarray(reach * (1 / others)[order].mean(1))


def standard(labels: Rows, near: NDArray[np.float64], others: Rows, theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean distance in deviations from that of pictures whose nearest have mostly the same label.

    Args:
        labels, others: of the nearest of queries, and of the nearest of the others. near, theirs: their distances.
    """
    own, kinds = (np.array([np.bincount(row[:NEAREST]).argmax() for row in rows]) for rows in (labels, others))
    asked, known = near[:, :NEAREST].mean(1), theirs[:, :NEAREST].mean(1)
    places = [known[kinds == kind] if np.count_nonzero(kinds == kind) > 1 else known for kind in own]
    return np.array([(one - place.mean()) / place.std() for one, place in zip(asked, places, strict=True)])


def entropy(codes: Rows) -> float:
    """In nats, of how often each code occurs."""
    shares = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(shares * np.log(shares)).sum())


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


if __name__ == "__main__":
    main()
