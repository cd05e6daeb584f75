"""The truth about a composed clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convlstm_perception.data.compositor.clip import ClipLabels
from convlstm_perception.data.compositor.people import PastedPerson
from convlstm_perception.types import BoolArray, Float32Array

LEAST_VISIBLE = 0.3  # share of a person that must show for it to be asked of the network


def make_labels(
    people: Sequence[PastedPerson],
    visible: Float32Array,
    still_boxes: Float32Array,
    hidden_stills: BoolArray,
    camera: Float32Array,
    valid: Float32Array,
    dt: Float32Array,
    *,
    horizons: int,
    height: int,
    width: int,
) -> ClipLabels:
    """Labels of a clip.

    Args:
        people: pasted ones; ``visible`` is the share of each that shows.
        still_boxes: (M, 4) corners of people in the photograph; ``hidden_stills`` tells of each
            whether it is covered.
        camera: (T, 2) shifts of the camera.
        valid, dt: as in :class:`ClipLabels`.
        horizons: how many.
        height, width: of the clip in pixels.
    """
    slots = len(valid)
    moving = bool(camera.any())
    boxes, motions, velocities, shown = [], [], [], []
    for person, share in zip(people, visible, strict=True):
        boxes.append(person.box)
        path = person.motion[slots:]
        growth = path[:, 2:].repeat(2, axis=1)
        steps = np.concatenate([path[:, :2], growth], axis=1)
        # The camera's own future is not known: only its present motion is in the labels.
        motions.append(np.full((horizons, 4), np.nan) if moving else steps[:horizons])
        velocity = (steps[-1] - steps[-2]) / 0.4
        velocities.append(np.full(4, np.nan) if moving else velocity)
        shown.append(share > LEAST_VISIBLE)
    size = still_boxes[:, 2:] - still_boxes[:, :2]
    for corners, extent, hidden in zip(still_boxes, size, hidden_stills, strict=True):
        boxes.append(np.concatenate([corners[:2] + extent / 2, extent]))
        still = np.full((horizons, 4), np.nan if moving else 0.0)
        motions.append(still)
        velocities.append(np.full(4, np.nan if moving else 0.0))
        shown.append(not hidden)
    table = np.array(boxes, np.float32).reshape(-1, 4)
    clipped, inside = _clip(table, width, height)
    keep = np.array(shown, bool).reshape(-1) & (inside > LEAST_VISIBLE)
    keep &= (clipped[:, 3] >= 12) & (clipped[:, 2] >= 4)
    partly = (~keep) & (inside > 0.02)
    motion = np.array(motions, np.float32).reshape(-1, horizons, 4)
    velocity_table = np.array(velocities, np.float32).reshape(-1, 4)
    # A box cut by the frame is not where its person is: its motion is not asked for.
    cut = inside < 0.95
    motion[cut], velocity_table[cut] = np.nan, np.nan
    return ClipLabels(
        valid,
        dt,
        clipped[keep],
        clipped[partly],
        motion[keep],
        velocity_table[keep],
    )


def covered_share(owner: np.ndarray, corners: Float32Array) -> Float32Array:
    """Share of each box (x1, y1, x2, y2) that pasted people cover."""
    shares = []
    for x1, y1, x2, y2 in np.maximum(corners, 0).astype(int):
        region = owner[y1:y2, x1:x2]
        shares.append(float((region > 0).mean()) if region.size else 1.0)
    return np.array(shares, np.float32)


def _clip(boxes: Float32Array, width: int, height: int) -> tuple[Float32Array, Float32Array]:
    """Boxes clipped to the image, and the share of each that was inside."""
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, np.array([width, height]))
    size = np.maximum(high - low, 0)
    inside = size.prod(1) / np.maximum(boxes[:, 2:].prod(1), 1e-6)
    return np.concatenate([low + size / 2, size], 1).astype(np.float32), inside
