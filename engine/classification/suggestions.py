"""Suggested labels without training: the most probable classes of an ImageNet network, or of words to choose among.

They are stored and reviewed like the predictions of a classifier; see `engine.classification.review`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from engine.classification.predictions import SUGGESTED, StoredPrediction, StoredPredictions
from engine.classification.results import likeliest
from engine.collections.collection import Collection, Images
from engine.collections.labelling import checked_label
from engine.core.errors import BadParameter
from engine.core.home import Home
from engine.core.progress import Reporter
from engine.encoders import open_encoder
from engine.encoders.vectors.pipeline import embed_collection
from engine.search.classes import NETWORK, POOLING, ClassProbabilities, class_probabilities
from engine.search.provenance import provenance_of
from engine.search.words import CLEARLY
from engine.texts.lexicon.lexicon import CLASSES, lexicon


def suggest_labels(
    home: Home, collection: str, reporter: Reporter, every: bool = False, among: Sequence[str] = ()
) -> StoredPredictions:
    """Suggest labels for the unlabelled pictures (`every`: for all) and store the suggestions.

    A picture whose most probable label has a probability below 0.1 gets no suggestion.

    Args:
        among: the labels to choose from; none: the names of the 1,000 classes.

    Raises:
        BadParameter: a label that names nothing recognisable; no picture without a label. MissingPackage: no network.
    """
    names, owners = _owners(among)
    place = Collection.open(home, collection)
    encoder = open_encoder(NETWORK, "", home, place)
    embed_collection(place, encoder, [POOLING], reporter)
    images = place.images()
    wanted = images.ids if every else images.ids[np.array([not label for label in images.labels], bool)]
    if not len(wanted):
        raise BadParameter("pictures", "suggested labels", "without a label yet, or all of them (--all)", "none")
    found = _suggestions(class_probabilities(place, encoder.info), images, wanted, names, owners)
    made_with = asdict(provenance_of(encoder.info, images))
    return StoredPredictions(SUGGESTED, place.name, time.time(), found, made_with).keep(home)


def chances(probabilities: ClassProbabilities, owners: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """(n, count) probability of each label for each picture; `owners`: (1000,) the label of each class, or −1."""
    found = np.zeros((len(probabilities.ids), count))
    labels = owners[probabilities.classes]
    rows, places = np.nonzero(labels >= 0)
    np.add.at(found, (rows, labels[rows, places]), probabilities.values[rows, places].astype(np.float64))
    return np.minimum(found, 1.0)


def _owners(among: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The labels, and for each class the label it counts for; of several the one with the fewest classes."""
    if not among:
        return lexicon().classes, np.arange(CLASSES)
    names = tuple(dict.fromkeys(filter(None, map(checked_label, among))))
    meanings = [lexicon().meaning(name) for name in names]
    strange = next((name for name, meaning in zip(names, meanings, strict=True) if not meaning.known), None)
    if strange is not None or not names:
        raise BadParameter("label", "a choice of suggested labels", "words for what can be recognised", strange or "")
    covered = [np.flatnonzero(meaning.weights) for meaning in meanings]
    owners = np.full(CLASSES, -1)
    for label in sorted(range(len(names)), key=lambda label: -len(covered[label])):  # the narrowest last
        owners[covered[label]] = label
    return names, owners


def _suggestions(
    probabilities: ClassProbabilities,
    images: Images,
    wanted: NDArray[np.int64],
    names: Sequence[str],
    owners: NDArray[np.int64],
) -> tuple[StoredPrediction, ...]:
    rows = {int(id): row for row, id in enumerate(images.ids)}
    kept = np.flatnonzero(np.isin(probabilities.ids, wanted))
    shares = chances(probabilities, owners, len(names))[kept]
    found = []
    for id, share in zip(probabilities.ids[kept].tolist(), shares, strict=True):
        if share.max() >= CLEARLY:
            said = tuple((label, value) for label, value in likeliest(share, names) if value > 0)
            found.append(StoredPrediction(id, images.names[rows[id]], images.labels[rows[id]], said, None, said))
    return tuple(sorted(found, key=lambda one: one.confidence))
