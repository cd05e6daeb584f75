"""Weights of Keras' ConvLSTM layers, held against the real layers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model.weight_import import from_keras

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")

TOLERANCE = 1e-5
BATCH, STEPS, INPUTS, FILTERS = 2, 4, 3, 4
SIZE = 9  # odd: a stride of 2 pads it evenly


def layer(dimensions: int = 2, **options: Any) -> Any:
    """A layer with random weights, biases too, that answers all hidden states."""
    options = {"filters": FILTERS, "kernel_size": 3, "return_sequences": True, **options}
    return getattr(keras.layers, f"ConvLSTM{dimensions}D")(**options)


def frames(dimensions: int = 2, inputs: int = INPUTS) -> torch.Tensor:
    return torch.randn(BATCH, STEPS, inputs, *[SIZE] * dimensions)


def run(network: Any, inputs: torch.Tensor, *, channels_last: bool = True) -> list[torch.Tensor]:
    """What a Keras layer answers, channels first; built and given random weights on the way."""
    given = inputs.movedim(2, -1) if channels_last else inputs
    network.build(tuple(given.shape))
    random = np.random.default_rng(1)
    shapes = [weight.shape for weight in network.get_weights()]
    network.set_weights([0.3 * random.standard_normal(shape, np.float32) for shape in shapes])
    with torch.no_grad():
        answers = network(given)
    if not isinstance(answers, (list, tuple)):
        answers = [answers]
    if not channels_last:
        return list(answers)
    space = inputs.dim() - 3
    return [answer.movedim(-1, -1 - space) for answer in answers]


SAME, VALID = {"padding": "same"}, {"padding": "valid"}


@pytest.mark.parametrize(
    ("dimensions", "options"),
    [
        (2, SAME),
        (2, VALID),
        (2, {**SAME, "dilation_rate": 2}),
        (2, {**VALID, "dilation_rate": 2, "use_bias": False}),
        (2, {**SAME, "strides": 2, "kernel_size": 5}),
        (2, {**VALID, "strides": 2}),
        (1, {**SAME, "dilation_rate": 2}),
        (1, {**VALID, "strides": 2}),
        (3, SAME),
        (3, {**VALID, "strides": 2, "use_bias": False}),
    ],
    ids=str,
)
def test_layer(dimensions: int, options: dict[str, Any]) -> None:
    torch.manual_seed(dimensions)
    inputs = frames(dimensions)
    theirs = layer(dimensions, return_state=True, **options)
    expected = run(theirs, inputs)
    ours = from_keras(theirs)
    with torch.no_grad():
        outputs, states = ours(inputs)
    for have, want in zip((outputs, *states), expected, strict=True):
        torch.testing.assert_close(have, want, atol=TOLERANCE, rtol=0)


def test_channels_first_and_last_steps_only() -> None:
    inputs = frames()
    theirs = layer(padding="same", data_format="channels_first", return_sequences=False)
    (expected,) = run(theirs, inputs, channels_last=False)
    with torch.no_grad():
        outputs, _ = from_keras(theirs)(inputs)
    torch.testing.assert_close(outputs[:, -1], expected, atol=TOLERANCE, rtol=0)


def test_stack_with_kernels_and_strides_of_its_own() -> None:
    inputs = frames()
    first = layer(padding="same", kernel_size=5, strides=2)
    second = layer(padding="same", filters=5)
    (hidden,) = run(first, inputs)
    (expected,) = run(second, hidden)
    with torch.no_grad():
        outputs, _ = from_keras(first, second)(inputs)
    torch.testing.assert_close(outputs, expected, atol=TOLERANCE, rtol=0)


def test_bidirectional() -> None:
    inputs = frames()
    first = keras.layers.Bidirectional(layer(padding="same"))
    second = keras.layers.Bidirectional(layer(padding="same", filters=2))
    (hidden,) = run(first, inputs)
    (expected,) = run(second, hidden)
    with torch.no_grad():
        outputs, _ = from_keras(first, second)(inputs)
    torch.testing.assert_close(outputs, expected, atol=TOLERANCE, rtol=0)


def test_the_forget_bias_is_in_the_bias() -> None:
    theirs = layer(unit_forget_bias=True)
    theirs.build((BATCH, STEPS, SIZE, SIZE, INPUTS))
    bias = from_keras(theirs).cells[0].input_to_state.bias
    assert bias.tolist() == [0.0] * FILTERS + [1.0] * FILTERS + [0.0] * 2 * FILTERS


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"activation": "relu"}, "activation 'relu'; ConvLSTM has 'tanh'"),
        (
            {"recurrent_activation": "hard_sigmoid"},
            "recurrent_activation 'hard_sigmoid'; ConvLSTM has 'sigmoid'",
        ),
        ({"go_backwards": True}, "go_backwards is True; reverse the frames"),
        ({"kernel_size": (3, 5)}, r"kernel \(3, 5\); ConvLSTM takes odd kernels with equal sides"),
        ({"kernel_size": 2}, r"kernel \(2, 2\); ConvLSTM takes odd kernels with equal sides"),
        ({"dilation_rate": (1, 2)}, r"dilation_rate \(1, 2\); ConvLSTM takes one value"),
    ],
)
def test_settings_that_ours_has_not_are_named(options: dict[str, Any], error: str) -> None:
    theirs = layer(**options)
    theirs.build((BATCH, STEPS, SIZE, SIZE, INPUTS))
    with pytest.raises(WeightImportError, match=error):
        from_keras(theirs)


def test_a_stride_that_keras_pads_unevenly_is_named() -> None:
    theirs = layer(strides=2, padding="same")
    theirs.build((BATCH, STEPS, 8, 8, INPUTS))
    with pytest.raises(WeightImportError, match="pads 8 pixels by 1, more at the end"):
        from_keras(theirs)


def test_layers_that_do_not_go_together_are_named() -> None:
    first, second = layer(padding="same"), layer(padding="valid")
    for each, channels in ((first, INPUTS), (second, FILTERS)):
        each.build((BATCH, STEPS, SIZE, SIZE, channels))
    with pytest.raises(WeightImportError, match="padding is same, valid from layer to layer"):
        from_keras(first, second)
    last = layer(padding="same", return_sequences=False)
    last.build((BATCH, STEPS, SIZE, SIZE, INPUTS))
    with pytest.raises(WeightImportError, match="return_sequences is False"):
        from_keras(last, first)
    with pytest.raises(WeightImportError, match="some layers are Bidirectional"):
        from_keras(first, keras.layers.Bidirectional(layer(padding="same")))
    summed = keras.layers.Bidirectional(layer(padding="same"), merge_mode="sum")
    with pytest.raises(WeightImportError, match="merge_mode 'sum'"):
        from_keras(summed)


def test_what_is_no_built_convlstm_is_named() -> None:
    with pytest.raises(WeightImportError, match="not built yet"):
        from_keras(layer())
    with pytest.raises(WeightImportError, match="a Conv2D is no ConvLSTM of Keras; it has no cell"):
        from_keras(keras.layers.Conv2D(2, 3))
    with pytest.raises(WeightImportError, match="a LSTM is no ConvLSTM of Keras; it has no rank"):
        from_keras(keras.layers.LSTM(2))
    with pytest.raises(WeightImportError, match="no layer given"):
        from_keras()
