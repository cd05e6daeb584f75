"""The networks: ConvLSTM layers, what is built of them, and PedestrianMotionNet."""

from convlstm_perception.model.encoder_forecaster import EncoderForecaster
from convlstm_perception.model.network import MotionOutput, NetworkConfig, PedestrianMotionNet
from convlstm_perception.model.recurrent import (
    ConvGRU,
    ConvGRUCell,
    ConvGRUState,
    ConvLSTM,
    ConvLSTMCell,
    ConvLSTMState,
    Stateful,
    mask_of_lengths,
)

__all__ = [
    "ConvLSTM",
    "ConvLSTMCell",
    "ConvLSTMState",
    "ConvGRU",
    "ConvGRUCell",
    "ConvGRUState",
    "Stateful",
    "mask_of_lengths",
    "EncoderForecaster",
    "MotionOutput",
    "NetworkConfig",
    "PedestrianMotionNet",
]
