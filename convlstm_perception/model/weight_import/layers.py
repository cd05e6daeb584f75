"""From the weights of layers, in our order of gates, to a ConvLSTM that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model.recurrent import ConvLSTM
from convlstm_perception.model.recurrent.kernels import Dimensions, Padding

GATES = "ifgo"
"""Our order of gates: input, forget, candidate, output."""


@dataclass(frozen=True)
class LayerWeights:
    """What one layer of any library comes to.

    Attributes:
        name: of the layer there, for errors.
        input_kernel: (4 * hidden, inputs, *kernel), gates in the order of :data:`GATES`.
        recurrent_kernel: (4 * hidden, hidden, *kernel).
        bias: (4 * hidden,); zeros where the library has none.
        peepholes: (3, hidden, *space) of i, f and o, each axis of space 1 or the state's size; or
            None.

    Raises:
        WeightImportError: the shapes do not fit each other, or the kernel is none of ours.
    """

    name: str
    input_kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor
    peepholes: Tensor | None = None

    def __post_init__(self) -> None:
        shape = tuple(self.input_kernel.shape)
        if len(shape) not in (3, 4, 5) or shape[0] % 4:
            raise WeightImportError(
                f"{self.name}: an input kernel of shape {shape} is not (4 * hidden, inputs, kernel)"
            )
        expected = {
            "recurrent kernel": (self.recurrent_kernel, (shape[0], shape[0] // 4, *shape[2:])),
            "bias": (self.bias, shape[:1]),
        }
        for part, (tensor, wanted) in expected.items():
            if tuple(tensor.shape) != wanted:
                raise WeightImportError(
                    f"{self.name}: {part} of shape {tuple(tensor.shape)}, but an input kernel of "
                    f"shape {shape} goes with {wanted}"
                )
        looks = self.peepholes
        if looks is not None and tuple(looks.shape[:2]) != (3, self.hidden):
            raise WeightImportError(
                f"{self.name}: peepholes of {looks.shape[1]} channels for a state of {self.hidden}"
            )
        side, *others = shape[2:]
        if side % 2 == 0 or any(other != side for other in others):
            raise WeightImportError(
                f"{self.name}: kernel {shape[2:]}; ConvLSTM takes odd kernels with equal sides only"
            )

    @property
    def inputs(self) -> int:
        """Channels of the input."""
        return self.input_kernel.shape[1]

    @property
    def hidden(self) -> int:
        """Channels of the state."""
        return self.recurrent_kernel.shape[1]

    @property
    def kernel_size(self) -> int:
        """Side of both kernels."""
        return self.input_kernel.shape[2]

    @property
    def dimensions(self) -> Dimensions:
        """Axes of space."""
        return cast("Dimensions", self.input_kernel.dim() - 2)

    @property
    def peephole_space(self) -> bool | tuple[int, ...]:
        """As the option ``peepholes`` of a ConvLSTM has it."""
        if self.peepholes is None:
            return False
        space = tuple(self.peepholes.shape[2:])
        return True if set(space) == {1} else space


def in_our_order(tensor: Tensor, order: str) -> Tensor:
    """Gates along the first axis, from the order of another library to ours.

    Args:
        tensor: (4 * hidden, ...).
        order: the letters of :data:`GATES` as they stand there, as ``"ifog"``.
    """
    parts = dict(zip(order, tensor.chunk(4), strict=True))
    return torch.cat([parts[gate] for gate in GATES])


def build(
    layers: Sequence[LayerWeights],
    *,
    directions: int = 1,
    stride: Sequence[int] | int = 1,
    dilation: int = 1,
    padding: Padding = "same",
) -> ConvLSTM:
    """A ConvLSTM of these layers, in evaluation mode, on the device and of the dtype of theirs.

    Args:
        layers: from the first to the last; of two directions the forward one of a layer before the
            backward one.
        directions: 2 makes the stack bidirectional.
        stride, dilation, padding: of the input's convolutions.

    Raises:
        WeightImportError: a layer does not take what the one before it gives, or layers differ in
            what is one setting for all of a stack.
    """
    if not layers:
        raise WeightImportError("no layer given; give at least one")
    first = layers[0]
    for before, after in pairwise(layers[::directions]):
        if after.inputs != directions * before.hidden:
            raise WeightImportError(
                f"{after.name} takes {after.inputs} channels, but {before.name} before it gives "
                f"{directions * before.hidden}"
            )
    for layer in layers[1:]:
        for what in ("dimensions", "peephole_space"):
            if getattr(layer, what) != getattr(first, what):
                raise WeightImportError(
                    f"{layer.name} has {what} {getattr(layer, what)}, {first.name} has "
                    f"{getattr(first, what)}; import them one by one"
                )
    stack = ConvLSTM(
        first.inputs,
        [layer.hidden for layer in layers[::directions]],
        [layer.kernel_size for layer in layers[::directions]],
        dimensions=first.dimensions,
        stride=stride,
        dilation=dilation,
        padding=padding,
        peepholes=first.peephole_space,
        bidirectional=directions == 2,
    ).to(first.input_kernel)
    weights: dict[str, Tensor] = {}
    for index, layer in enumerate(layers):
        cell = f"cells.{index}."
        weights[cell + "input_to_state.weight"] = layer.input_kernel
        weights[cell + "input_to_state.bias"] = layer.bias
        weights[cell + "recurrence.state_to_state.weight"] = layer.recurrent_kernel
        if layer.peepholes is not None:
            weights[cell + "recurrence.peephole_weights"] = layer.peepholes
    stack.load_state_dict(weights)
    return stack.eval()
