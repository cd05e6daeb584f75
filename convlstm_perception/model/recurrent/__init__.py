"""Recurrent layers whose products are convolutions: ConvLSTM and ConvGRU.

From the inside out: convolutions (``kernels``), one step from an input-to-state tensor
(``recurrence``), one layer's step (``cell``), layers over a sequence (``stack``); the gates of the
two kinds are in ``lstm`` and ``gru``.
"""

from convlstm_perception.model.recurrent.gru import ConvGRU, ConvGRUCell
from convlstm_perception.model.recurrent.lstm import ConvLSTM, ConvLSTMCell, ConvLSTMRecurrence
from convlstm_perception.model.recurrent.signals import mask_of_lengths
from convlstm_perception.model.recurrent.state import ConvGRUState, ConvLSTMState
from convlstm_perception.model.recurrent.stateful import Stateful

__all__ = [
    "ConvLSTM",
    "ConvLSTMCell",
    "ConvLSTMRecurrence",
    "ConvLSTMState",
    "ConvGRU",
    "ConvGRUCell",
    "ConvGRUState",
    "Stateful",
    "mask_of_lengths",
]
