"""OpenCV's people detector: histograms of oriented gradients and a linear support vector machine.

Dalal and Triggs 2005, "Histograms of Oriented Gradients for Human Detection"; the weights are those
that OpenCV ships.
"""

from __future__ import annotations

import cv2
import numpy as np

from convlstm_perception.evaluation.contenders.base import without_doubles
from convlstm_perception.types import Float32Array, Image

_UPSCALING = 1.5  # the detector's window is 128 pixels high: it misses people below about 90
# OpenCV's own stride, 8, is four times as fast and finds less: AP50 0.795 instead of 0.820 on
# every 15th frame of PETS2009 S2.L1.
_STRIDE = (4, 4)
_PYRAMID_STEP = 1.05
# A window has a margin around the person: 64x128 pixels for a figure of about 38x102.
_PERSON_IN_WINDOW = (0.6, 0.8)


class HogDetector:
    """OpenCV's default people detector on the image enlarged 1.5 times.

    The score is ``1 - exp(-weight)`` of the machine's weight, which keeps the order.
    """

    name = "hog"
    description = f"OpenCV HOG people detector, image at {_UPSCALING}x"
    # The best F1 score on the photographs of Penn-Fudan; and half of it.
    detection_threshold = 0.88
    low_threshold = 0.44

    def __init__(self) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def detect(self, image: Image) -> tuple[Float32Array, Float32Array]:
        """As :class:`~convlstm_perception.evaluation.contenders.base.Detector`."""
        large = cv2.resize(image, None, fx=_UPSCALING, fy=_UPSCALING)
        windows, weights = self._hog.detectMultiScale(large, winStride=_STRIDE, scale=_PYRAMID_STEP)
        if len(windows) == 0:
            return np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        corners = np.asarray(windows, np.float32) / _UPSCALING
        size = corners[:, 2:]
        boxes = np.concatenate(
            [corners[:, :2] + size / 2, size * np.array(_PERSON_IN_WINDOW, np.float32)], axis=1
        )
        weight = np.asarray(weights, np.float32).reshape(-1)
        return without_doubles(boxes, -np.expm1(-np.maximum(weight, 0.0)))
