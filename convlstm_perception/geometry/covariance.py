"""Many 2 x 2 covariances at once, by their three numbers: faster than so many small matrices."""

from __future__ import annotations

import numpy as np

from convlstm_perception.types import Float64Array


def symmetric(xx: Float64Array, xy: Float64Array, yy: Float64Array) -> Float64Array:
    """(..., 2, 2) symmetric matrices of (...) numbers."""
    matrices = np.empty((*xx.shape, 2, 2))
    matrices[..., 0, 0], matrices[..., 1, 1] = xx, yy
    matrices[..., 0, 1] = matrices[..., 1, 0] = xy
    return matrices


def parts(matrices: Float64Array) -> tuple[Float64Array, Float64Array, Float64Array]:
    """The three numbers of (..., 2, 2) symmetric matrices."""
    return matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]


def turned(covariances: Float64Array, rotation: Float64Array) -> Float64Array:
    """R C R^T.

    Args:
        covariances: (..., 2, 2).
        rotation: (2, 2), or (2, 2, H) of one for each of the covariances' last (H, 2, 2).
    """
    (a, b), (c, d) = rotation
    xx, xy, yy = parts(covariances)
    return symmetric(
        a * a * xx + 2 * a * b * xy + b * b * yy,
        a * c * xx + (a * d + b * c) * xy + b * d * yy,
        c * c * xx + 2 * c * d * xy + d * d * yy,
    )


def turned_states(covariances: Float64Array, rotation: Float64Array) -> Float64Array:
    """The same of (N, 4, 4) covariances of (x, y, velocity x, velocity y), for one (2, 2) R."""
    both = np.kron(np.eye(2), rotation)
    return both @ covariances @ both.T
