"""Weights of Keras' ConvLSTM1D, ConvLSTM2D and ConvLSTM3D.

A layer has a kernel (*kernel, inputs, 4 * filters), a recurrent kernel (*kernel, filters,
4 * filters) and a bias (4 * filters,), gates in the order i, f, c, o, whatever its data format.
``unit_forget_bias`` is in the bias. Stride, dilation and padding are those of the input's
convolution; the recurrent one has stride and dilation 1 and keeps the size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model.recurrent import ConvLSTM
from convlstm_perception.model.weight_import.layers import LayerWeights, build

_NEEDED = ("cell", "return_sequences", "go_backwards", "get_weights")
_OF_CELL = ("rank", "kernel_size", "strides", "dilation_rate", "padding", "recurrent_activation")
_ACTIVATIONS = {"activation": "tanh", "recurrent_activation": "sigmoid"}


def from_keras(*layers: Any) -> ConvLSTM:
    """The ConvLSTM that gives what Keras' layers give, one after the other.

    Args:
        layers: built ``ConvLSTM1D``, ``2D`` or ``3D`` layers of any backend, or ``Bidirectional``
            ones of them with ``merge_mode="concat"``.

    Returns:
        A stack in evaluation mode. It takes channels first, (B, T, C, *space), whatever the data
        format there, and answers the hidden states of all steps: those of a layer with
        ``return_sequences=False`` are ``outputs[:, -1]``. What acts in training only (dropout,
        regularisers, constraints) and ``stateful`` are not carried over.

    Raises:
        WeightImportError: a layer is none of these or not built, or has a setting that ConvLSTM
            has not.
    """
    if not layers:
        raise WeightImportError("no layer given; give a built ConvLSTM2D, or several")
    wrapped = [hasattr(layer, "forward_layer") for layer in layers]
    if len(set(wrapped)) > 1:
        raise WeightImportError(
            "some layers are Bidirectional and some are not; import them one by one"
        )
    for layer in layers:
        if wrapped[0] and layer.merge_mode != "concat":
            raise WeightImportError(
                f"{layer.name}: merge_mode {layer.merge_mode!r}; a bidirectional ConvLSTM has "
                "'concat'"
            )
    single = [
        direction
        for layer in layers
        for direction in ((layer.forward_layer, layer.backward_layer) if wrapped[0] else (layer,))
    ]
    for index, layer in enumerate(single):
        _check(layer, backwards=wrapped[0] and index % 2 == 1)
    directions = 2 if wrapped[0] else 1
    for layer in single[:-directions]:
        if not layer.return_sequences:
            raise WeightImportError(
                f"{layer.name}: return_sequences is False, so that no layer can follow it"
            )
    cells = [layer.cell for layer in single]
    for setting in ("dilation_rate", "padding"):
        values = [getattr(cell, setting) for cell in cells]
        if any(value != values[0] for value in values):
            raise WeightImportError(
                f"{setting} is {', '.join(map(str, values))} from layer to layer; import them one "
                "by one"
            )
    return build(
        [_weights(layer) for layer in single],
        directions=directions,
        stride=[_one(layer, "strides") for layer in single[::directions]],
        dilation=_one(single[0], "dilation_rate"),
        padding=cells[0].padding,
    )


def _check(layer: Any, *, backwards: bool) -> None:
    """Raise what keeps this layer from being imported."""
    name = getattr(layer, "name", type(layer).__name__)
    cell = getattr(layer, "cell", None)
    missing = [part for part in _NEEDED if not hasattr(layer, part)]
    missing += [part for part in _OF_CELL if not hasattr(cell, part)]
    if missing:
        raise WeightImportError(
            f"{name}: a {type(layer).__name__} is no ConvLSTM of Keras; it has no "
            f"{', '.join(missing)}"
        )
    if not layer.built:
        raise WeightImportError(
            f"{name}: not built yet, so without weights; call it or its build() first"
        )
    for setting, wanted in _ACTIVATIONS.items():
        function = getattr(cell, setting)
        have = getattr(function, "__name__", str(function))
        if have != wanted:
            raise WeightImportError(
                f"{name}: {setting} {have!r}; ConvLSTM has {wanted!r}. The same weights would "
                "answer otherwise: train it with that, or keep to Keras"
            )
    if layer.go_backwards != backwards:
        raise WeightImportError(
            f"{name}: go_backwards is {layer.go_backwards}; reverse the frames yourself and import "
            f"the layer with go_backwards={backwards}"
        )
    _check_padding(layer, name)


def _check_padding(layer: Any, name: str) -> None:
    """Keras pads a strided convolution at its end, where the padding is odd; ours is even."""
    stride, kernel = _one(layer, "strides"), max(layer.cell.kernel_size)
    if layer.cell.padding != "same" or stride == 1:
        return
    for size in layer.cell.spatial_dims:
        padded = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        if padded != kernel - 1:
            raise WeightImportError(
                f"{name}: stride {stride} with padding 'same' pads {size} pixels by {padded}, more "
                f"at the end than at the beginning; ConvLSTM pads {kernel // 2} on either side. "
                "Only a size that Keras pads evenly can be imported"
            )


def _one(layer: Any, setting: str) -> int:
    """A setting that is the same along every axis."""
    values = set(getattr(layer.cell, setting))
    if len(values) > 1:
        raise WeightImportError(
            f"{layer.name}: {setting} {getattr(layer.cell, setting)}; ConvLSTM takes one value for "
            "all axes"
        )
    return int(values.pop())


def _weights(layer: Any) -> LayerWeights:
    kernel, recurrent_kernel, *bias = [torch.from_numpy(np.array(w)) for w in layer.get_weights()]
    return LayerWeights(
        layer.name,
        _gates_first(kernel),
        _gates_first(recurrent_kernel),
        bias[0] if bias else kernel.new_zeros(kernel.shape[-1]),
    )


def _gates_first(kernel: Tensor) -> Tensor:
    """(*kernel, inputs, gates) as (gates, inputs, *kernel)."""
    return kernel.movedim((-1, -2), (0, 1))
