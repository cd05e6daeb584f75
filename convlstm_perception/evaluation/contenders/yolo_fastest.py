"""Yolo-Fastest 1.1 "body" (github.com/dog-qiuqiu/Yolo-Fastest): 0.29 M parameters, people only."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.errors import EngineError
from convlstm_perception.evaluation.contenders.base import without_doubles
from convlstm_perception.evaluation.contenders.model import LOWEST_SCORE
from convlstm_perception.types import Float32Array, Image

FILES = ("yolo-fastest-1.1_body.cfg", "yolo-fastest-1.1_body.weights")

_SIDE = 320  # width and height of its cfg
# Column of the objectness. With a single class the score of the class equals it to 1 %, but OpenCV
# cuts that one off below 0.2, which would cut the precision-recall curve too.
_SCORE = 4


class YoloFastestDetector:
    """Runs the darknet files with OpenCV's dnn module.

    Args:
        folder: holds ``FILES``.

    Raises:
        EngineError: when OpenCV cannot load them.
    """

    name = "yolo-fastest"
    description = f"Yolo-Fastest 1.1 body, {_SIDE}x{_SIDE}, OpenCV dnn"
    # The best F1 score on people of 128 images of COCO train2017; and half of it.
    detection_threshold = 0.45
    low_threshold = 0.225

    def __init__(self, folder: Path) -> None:
        try:
            self._net = cv2.dnn.readNetFromDarknet(*(str(folder / name) for name in FILES))
        except cv2.error as error:
            raise EngineError(f"{folder}: OpenCV cannot load {FILES[0]}: {error}") from error
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def detect(self, image: Image) -> tuple[Float32Array, Float32Array]:
        """As :class:`~convlstm_perception.evaluation.contenders.base.Detector`."""
        height, width = image.shape[:2]
        self._net.setInput(cv2.dnn.blobFromImage(image, 1 / 255, (_SIDE, _SIDE), swapRB=True))
        rows = np.concatenate(self._net.forward(self._outputs))
        rows = rows[rows[:, _SCORE] >= LOWEST_SCORE]
        size = np.array([width, height, width, height], np.float32)
        return without_doubles(rows[:, :4] * size, rows[:, _SCORE])
