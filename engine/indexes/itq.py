"""Iterative quantization: principal directions, rotated so that the vectors are near the corners of a cube.

Gong, Lazebnik, "Iterative quantization: a procrustean approach to learning binary codes" (CVPR 2011).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.indexes.pcah import PCAH

_ITERATIONS = 50


class ITQ(PCAH):
    """PCA hashing with the rotation of least quantization error; further tables start from other random rotations."""

    name = "itq"
    title = "ITQ"
    rank = 40
    summary = "Rotated PCA codes with the least quantisation error; re-ranks the pictures with the nearest codes."

    def _normals(self, points: NDArray[np.float64], starts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([learned_rotation(points, start).T for start in starts])


def learned_rotation(points: NDArray[np.float64], rotation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The (b, b) rotation R from which signs of (s, b) points · R differ least, found from the one to start with.

    In turns: the nearest corners for the rotation, then the best rotation for the corners, which is orthogonal
    Procrustes.
    """
    narrow = points.astype(np.float32)
    for _ in range(_ITERATIONS if len(points) else 0):
        corners = np.where(narrow @ rotation.astype(np.float32) > 0, np.float32(1), np.float32(-1))
        left, _, right = np.linalg.svd((narrow.T @ corners).astype(np.float64))
        rotation = left @ right
    return rotation
