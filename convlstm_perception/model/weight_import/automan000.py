"""Weights of https://github.com/automan000/Convolutional_LSTM_PyTorch.

Each gate has convolutions of its own, ``Wx?`` (with the bias) and ``Wh?``, for i, f, c (the
candidate) and o, and the peepholes ``Wci``, ``Wcf`` and ``Wco``. As published, the peepholes are
made at the first call as ``nn.Parameter(zeros).cuda()``: not parameters, but copies of them, which
no optimizer sees and no ``state_dict`` holds. They stay 0, so that a layer without peepholes is the
same. Where the ``.cuda()`` was taken out they are parameters, and are read.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from convlstm_perception.errors import WeightImportError
from convlstm_perception.model.recurrent import ConvLSTM
from convlstm_perception.model.weight_import.layers import LayerWeights, build
from convlstm_perception.model.weight_import.state_dicts import StateDictReader

_ORDER = "ifco"  # ours, with c for the candidate
_FIRST = "cell{}.Wxi.weight"
_PEEPHOLES = ("Wci", "Wcf", "Wco")


def from_automan000(state_dict: Mapping[str, object], *, prefix: str | None = None) -> ConvLSTM:
    """The ConvLSTM that gives what theirs gives, from zero states.

    Args:
        state_dict: of their ``ConvLSTM`` or of a network that holds one; sizes and the number of
            layers are read off it. Peepholes may be (1, hidden, H, W), as there, or one per
            channel, (1, hidden, 1, 1).
        prefix: what stands before ``cell0`` in the keys; None finds it.

    Returns:
        A stack in evaluation mode. It takes a sequence (B, T, C, H, W); theirs takes one frame and
        shows it to every step.

    Raises:
        WeightImportError: the weights are not those of their ConvLSTM, or its kernel is none of
            ours.
    """
    reader = StateDictReader(
        state_dict, "automan000/Convolutional_LSTM_PyTorch", _FIRST.format(0), prefix
    )
    layers = []
    for number in reader.layers(_FIRST):
        cell = f"cell{number}."
        layers.append(
            LayerWeights(
                f"{reader.prefix}cell{number}",
                torch.cat([reader.take(f"{cell}Wx{gate}.weight") for gate in _ORDER]),
                torch.cat([reader.take(f"{cell}Wh{gate}.weight") for gate in _ORDER]),
                torch.cat([reader.take(f"{cell}Wx{gate}.bias") for gate in _ORDER]),
                _peepholes(reader, cell),
            )
        )
        reader.finish(cell)
    return build(layers)


def _peepholes(reader: StateDictReader, cell: str) -> Tensor | None:
    """(3, hidden, H, W) or (3, hidden, 1, 1), or None where there are none."""
    if not any(cell + name in reader for name in _PEEPHOLES):
        return None
    weights = [reader.take(cell + name) for name in _PEEPHOLES]
    shapes = [tuple(weight.shape) for weight in weights]
    if any(len(shape) != 4 or shape[0] != 1 or shape != shapes[0] for shape in shapes):
        raise WeightImportError(
            f"{reader.prefix}{cell}: {', '.join(_PEEPHOLES)} have the shapes {shapes}; all three "
            "should be (1, hidden, height, width)"
        )
    return torch.cat(weights)
