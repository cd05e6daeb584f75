"""Arithmetic on boxes (centre x, centre y, width, height)."""

from __future__ import annotations

import numpy as np

from convlstm_perception.types import Float32Array


def pairwise_iou(first: Float32Array, second: Float32Array) -> Float32Array:
    """Intersection over union of (N, 4) and (M, 4) boxes: (N, M) float32."""
    low = np.maximum(
        (first[:, :2] - first[:, 2:] / 2)[:, None], (second[:, :2] - second[:, 2:] / 2)[None]
    )
    high = np.minimum(
        (first[:, :2] + first[:, 2:] / 2)[:, None], (second[:, :2] + second[:, 2:] / 2)[None]
    )
    shared = np.clip(high - low, 0, None).prod(-1)
    area = first[:, 2:].prod(-1)[:, None] + second[:, 2:].prod(-1)[None]
    return (shared / np.maximum(area - shared, 1e-9)).astype(np.float32)
