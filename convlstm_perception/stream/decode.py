"""From the motion graph's raw outputs to detections in the camera image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.errors import EngineError
from convlstm_perception.stream.letterbox import Letterbox
from convlstm_perception.types import BoolArray, Detections, Float32Array, Trajectories


def decode(
    outputs: Mapping[str, Float32Array],
    letterbox: Letterbox,
    times: Float32Array,
    *,
    low_threshold: float,
    overlap_threshold: float,
    calibration: float = 1.0,
) -> Detections:
    """Detections from the motion graph's outputs (batch 1, in input pixels).

    Args:
        outputs: ``boxes`` (1, K, 4), ``scores`` (1, K) falling, ``future_boxes`` and
            ``future_scales`` (1, K, H, 4).
        letterbox: how the image was fitted into the input.
        times: (H,) seconds of the horizons.
        low_threshold: scores below it are dropped.
        overlap_threshold: of two boxes that overlap more, the weaker is dropped.
        calibration: factor of the scales.

    Raises:
        EngineError: when an output that counts is not finite.
    """
    scores = outputs["scores"][0]
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise EngineError(
                f"output {name!r} of the motion graph is not finite; the frame is not answered"
            )
    kept = scores >= low_threshold
    boxes = letterbox.boxes_to_image(outputs["boxes"][0][kept])
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    seen = (high > 0).all(axis=1) & (
        low < np.array([letterbox.image_width, letterbox.image_height], np.float32)
    ).all(axis=1)
    seen &= strongest(boxes, overlap_threshold)
    future = letterbox.boxes_to_image(outputs["future_boxes"][0][kept][seen])
    # Laplace scale b: the variance is 2 b^2. That of a size is its square times that of its log.
    scales = calibration * outputs["future_scales"][0][kept][seen]
    unit = np.concatenate([np.full_like(future[..., 2:], 1 / letterbox.scale), future[..., 2:]], -1)
    variances = (2.0 * np.square(scales * unit)).astype(np.float32)
    return Detections(boxes[seen], scores[kept][seen], Trajectories(times, future, variances))


def strongest(boxes: Float32Array, overlap_threshold: float) -> BoolArray:
    """Greedy suppression of boxes sorted by falling score: True where a box stays."""
    clash = np.triu(pairwise_iou(boxes, boxes) > overlap_threshold, k=1)
    stays = np.ones(len(boxes), bool)
    for row in np.flatnonzero(clash.any(axis=1)):
        if stays[row]:
            stays &= ~clash[row]
    return stays
