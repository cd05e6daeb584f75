"""The encoder's convolutions in int8, with ranges measured on images of the camera."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convlstm_perception.errors import ParameterError

if TYPE_CHECKING:
    from onnx import ModelProto

_OPSET = 19  # from here on QuantizeLinear takes float16; TensorRT 10.3 reads up to 20
_COARSE = "input_to_state"


def quantize(
    model: ModelProto, path: Path, calibration: Iterable[NDArray[np.uint8]] | None
) -> ModelProto:
    """Put quantisation to int8 before the encoder's convolutions and behind their weights.

    As TensorRT takes it: zero points 0, weights per output channel, biases in floating point. The
    few convolutions that ``skip`` alone depends on, one in a hundred multiplications, stay as they
    are: positions come of them, and 8 bits there too cost 0.15 of AP50 on the first 100 frames of
    PETS2009 S2.L1, where int8 without them costs less than 0.01.

    Args:
        model: an encoder in float32.
        path: its file, for messages.
        calibration: (1, height, width, 3) uint8 images.

    Returns:
        The model in float32 with QuantizeLinear and DequantizeLinear.

    Raises:
        ParameterError: when there are no images, or one that does not fit.
    """
    import onnx
    from onnx import version_converter
    from onnxruntime.quantization import QuantType, quant_pre_process, quantize_static

    frames = _CalibrationFrames(model, path, calibration)
    model = version_converter.convert_version(model, _OPSET)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"  # the quantizer tells them apart by it
    with tempfile.TemporaryDirectory() as folder:
        written, prepared, quantized = (
            Path(folder) / f"{name}.onnx" for name in ("written", "prepared", "quantized")
        )
        onnx.save(model, written)  # release 1.23 loses a model that is not given as a file
        quant_pre_process(written, prepared, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            quantized,
            frames,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_beside(model, _COARSE),
            per_channel=True,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            extra_options={
                "ActivationSymmetric": True,
                "QuantizeBias": False,
                # TensorRT fuses a convolution with what follows it up to the next quantisation.
                "OpTypesToExcludeOutputQuantization": ["Conv"],
                # The weights stay as they are: the builder rounds them, by the scales it reads.
                "AddQDQPairToWeight": True,
            },
        )
        return onnx.load(quantized)


def _beside(model: ModelProto, output: str) -> list[str]:
    """Names of the nodes that an output does not depend on."""
    needed, beside = {output}, []
    for node in reversed(model.graph.node):
        if needed.isdisjoint(node.output):
            beside.append(node.name)
        else:
            needed.update(node.input)
    return beside


class _CalibrationFrames:
    """Calibration images as onnxruntime's quantizer asks for them.

    Raises:
        ParameterError: when there are none; later, when one does not fit the graph.
    """

    def __init__(
        self, model: ModelProto, path: Path, images: Iterable[NDArray[np.uint8]] | None
    ) -> None:
        (tensor,) = model.graph.input
        self._name, self._path = tensor.name, path
        self._sides = tuple(side.dim_value for side in tensor.type.tensor_type.shape.dim[1:])
        self._images = iter(() if images is None else images)
        self._next = next(self._images, None)
        if self._next is None:
            raise ParameterError(
                f"{path}: int8 needs images of the camera to measure the ranges of the encoder's "
                "features on, and none were given; give a few dozen of its usual scenes"
            )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next image by the input's name, or None after the last."""
        image, self._next = self._next, next(self._images, None)
        if image is None:
            return None
        if image.dtype != np.uint8 or image.shape != (1, *self._sides):
            raise ParameterError(
                f"{self._path}: a calibration image is {image.dtype} {image.shape}; the encoder "
                f"takes uint8 {(1, *self._sides)}"
            )
        return {self._name: image}
