"""Weights of OpenSTL's ConvLSTM (https://github.com/chengtan9907/OpenSTL).

A layer has the convolutions ``conv_x`` and ``conv_h`` to the gates i, f, g, o, without biases (a
forget bias of 1 stands in its constructor, but nothing reads it). ``conv_o`` and the cell's
``conv_last`` are those of a sibling with two memories (PredRNN) and take no part in ``forward``:
they are left out, which changes no answer. In the published Moving MNIST network (four layers of
128 channels, 5x5) they are 3.4 of 15.1 million weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model.recurrent import ConvLSTM
from convlstm_perception.model.weight_import.layers import LayerWeights, build
from convlstm_perception.model.weight_import.state_dicts import StateDictReader

_LIBRARY = "OpenSTL"
_FIRST = "cell_list.{}.conv_x.0.weight"
_UNUSED = ("conv_o.0.weight", "conv_last.weight")


def from_openstl(state_dict: Mapping[str, object], *, prefix: str | None = None) -> ConvLSTM:
    """The ConvLSTM that gives the hidden states of theirs, from zero states.

    Their network reads patches, (B, T, patch_size**2 * C, H / patch_size, W / patch_size), and
    makes the next frame of the last hidden state by :func:`openstl_readout`.

    Args:
        state_dict: of their ``ConvLSTM_Model``, or a checkpoint of theirs.
        prefix: what stands before ``cell_list`` in the keys; None finds it.

    Returns:
        A stack in evaluation mode.

    Raises:
        WeightImportError: the weights are not those of their ConvLSTM; or it was trained with
            ``layer_norm``, which has a gain for every position and no norm of the cell state, and
            so no counterpart here.
    """
    reader = StateDictReader(state_dict, _LIBRARY, _FIRST.format(0), prefix)
    layers = []
    for number in reader.layers(_FIRST):
        cell = f"cell_list.{number}."
        if f"{cell}conv_x.1.weight" in reader:
            raise WeightImportError(
                f"{reader.prefix}{cell}conv_x.1: a ConvLSTM of OpenSTL with layer_norm has a gain "
                "for every position, and does not normalise the cell state; normalization='layer' "
                "is not the same. Only layer_norm = 0 can be imported"
            )
        weight = reader.take(_FIRST.format(number))
        for unused in _UNUSED:
            if cell + unused in reader:
                reader.take(cell + unused)
        layers.append(
            LayerWeights(
                f"{reader.prefix}cell_list.{number}",
                weight,
                reader.take(f"{cell}conv_h.0.weight"),
                weight.new_zeros(weight.shape[0]),
            )
        )
    reader.finish("cell_list.")
    return build(layers)


def openstl_readout(state_dict: Mapping[str, object], *, prefix: str | None = None) -> nn.Conv2d:
    """The 1x1 convolution, without bias, from the last hidden state to the patches of a frame.

    Arguments as for :func:`from_openstl`.

    Raises:
        WeightImportError: there is none.
    """
    reader = StateDictReader(state_dict, _LIBRARY, _FIRST.format(0), prefix)
    weight = reader.take("conv_last.weight")
    readout = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=False).to(weight)
    with torch.no_grad():
        readout.weight.copy_(weight)
    return readout.eval()
