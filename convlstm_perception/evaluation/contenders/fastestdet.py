"""FastestDet (github.com/dog-qiuqiu/FastestDet): 0.24 M parameters, the classes of COCO."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from convlstm_perception.engine import OnnxRuntimeEngine
from convlstm_perception.errors import EngineError
from convlstm_perception.evaluation.contenders.base import without_doubles
from convlstm_perception.evaluation.contenders.model import LOWEST_SCORE
from convlstm_perception.types import Float32Array, Image

FILES = ("FastestDet.onnx",)

_PERSON = 5  # channel: objectness, x, y, width, height, then the classes, person first


class FastestDetDetector:
    """Runs the published graph with ONNX Runtime; decoding as in the repository's ``test.py``.

    Args:
        folder: holds ``FILES``.
        threads: of inference; 0 for all.

    Raises:
        EngineError: when the graph cannot be loaded, or is another one.
    """

    name = "fastestdet"
    # That of the repository's test.py, also the best F1 score on people of 128 images of COCO
    # train2017; and half of it.
    detection_threshold = 0.65
    low_threshold = 0.325

    def __init__(self, folder: Path, threads: int = 0) -> None:
        path = folder / FILES[0]
        self._engine = OnnxRuntimeEngine(path, threads=threads)
        if len(self._engine.inputs) != 1 or len(self._engine.outputs) != 1:
            raise EngineError(f"{path}: not FastestDet, which has one input and one output")
        (self._input,), (self._output,) = self._engine.inputs, self._engine.outputs
        self._tensor = self._engine.inputs[self._input].allocate()
        self._answer = self._engine.outputs[self._output].allocate()
        channels, rows, columns = self._answer.shape[1:]
        if channels <= _PERSON:
            raise EngineError(f"{path}: not FastestDet: {channels} channels come out")
        self._cells = np.meshgrid(np.arange(columns), np.arange(rows))
        self._size = self._tensor.shape[3], self._tensor.shape[2]
        self.description = f"FastestDet, {self._size[0]}x{self._size[1]}, ONNX Runtime"

    def detect(self, image: Image) -> tuple[Float32Array, Float32Array]:
        """As :class:`~convlstm_perception.evaluation.contenders.base.Detector`."""
        height, width = image.shape[:2]
        resized = cv2.resize(image, self._size)
        np.multiply(resized.transpose(2, 0, 1), np.float32(1 / 255), out=self._tensor[0])
        self._engine.run({self._input: self._tensor}, {self._output: self._answer})
        raw = self._answer[0]
        scores = raw[0] ** 0.6 * raw[_PERSON] ** 0.4
        kept = scores >= LOWEST_SCORE
        rows, columns = scores.shape
        boxes = np.stack(
            [
                (np.tanh(raw[1]) + self._cells[0]) / columns * width,
                (np.tanh(raw[2]) + self._cells[1]) / rows * height,
                width / (1.0 + np.exp(-raw[3])),
                height / (1.0 + np.exp(-raw[4])),
            ],
            axis=-1,
        )
        return without_doubles(boxes[kept], scores[kept])
