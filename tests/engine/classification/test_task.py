"""What a classification is about is checked before any work starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from engine.classification.task import _check_labels
from engine.core.errors import BadParameter


def test_a_class_of_one_picture_is_named_with_the_labels_that_can_take_part() -> None:
    plan: Any = SimpleNamespace(folds=4, each=None)
    labels = dict(enumerate(["cat", "cat", "dog", "dog", "rare"]))
    with pytest.raises(BadParameter, match=r"^The label 'rare' of .*; got 1\. Leave it out: --labels cat,dog$"):
        _check_labels(labels, plan)
    with pytest.raises(BadParameter, match="at most 2"):
        _check_labels({id: label for id, label in labels.items() if label != "rare"}, plan)
