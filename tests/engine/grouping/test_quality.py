"""How well groups agree with labels, against what chance alone gives."""

from __future__ import annotations

import numpy as np
import pytest

from engine.grouping.quality import ami, nmi, quality


def test_random_groups_reach_a_high_nmi_and_no_ami() -> None:
    rng = np.random.default_rng(0)
    truth = [str(kind) for kind in rng.integers(0, 20, 200)]
    groups = rng.integers(0, 40, 200)
    assert nmi(groups, truth) > 0.4
    assert ami(groups, truth) == pytest.approx(0, abs=0.05)
    assert ami(np.unique(truth, return_inverse=True)[1], truth) == pytest.approx(1)
    found = quality(groups, truth, rng.standard_normal((200, 3)).astype(np.float32), "euclidean")
    assert set(found) == {"purity", "nmi", "ami", "ari", "silhouette"}
