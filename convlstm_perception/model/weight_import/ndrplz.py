"""Weights of https://github.com/ndrplz/ConvLSTM_pytorch.

Each layer is one convolution of ``cat[x, h]`` to the gates i, f, o, g. As convolution is linear,
its kernel's first input channels are our input-to-state kernel, the rest our state-to-state one.
"""

from __future__ import annotations

from collections.abc import Mapping

from convlstm_perception.model.recurrent import ConvLSTM
from convlstm_perception.model.weight_import.layers import LayerWeights, build, in_our_order
from convlstm_perception.model.weight_import.state_dicts import StateDictReader

_ORDER = "ifog"
_WEIGHT = "cell_list.{}.conv.weight"


def from_ndrplz(state_dict: Mapping[str, object], *, prefix: str | None = None) -> ConvLSTM:
    """The ConvLSTM that gives what theirs gives, from zero states.

    Args:
        state_dict: of their ``ConvLSTM`` or of a network that holds one; sizes and the number of
            layers are read off it.
        prefix: what stands before ``cell_list`` in the keys; None finds it.

    Returns:
        A stack in evaluation mode. It takes (B, T, C, H, W), as theirs with ``batch_first=True``.

    Raises:
        WeightImportError: the weights are not those of their ConvLSTM, or its kernel is none of
            ours.
    """
    reader = StateDictReader(state_dict, "ndrplz/ConvLSTM_pytorch", _WEIGHT.format(0), prefix)
    layers = []
    for number in reader.layers(_WEIGHT):
        weight = in_our_order(reader.take(_WEIGHT.format(number)), _ORDER)
        bias_key = f"cell_list.{number}.conv.bias"
        bias = reader.take(bias_key) if bias_key in reader else weight.new_zeros(weight.shape[0])
        inputs = weight.shape[1] - weight.shape[0] // 4
        layers.append(
            LayerWeights(
                f"{reader.prefix}cell_list.{number}",
                weight[:, :inputs],
                weight[:, inputs:],
                in_our_order(bias, _ORDER),
            )
        )
    reader.finish("cell_list.")
    return build(layers)
