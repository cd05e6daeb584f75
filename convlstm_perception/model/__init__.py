"""The network: ConvLSTM cell and layer, backbone, heads, PedestrianMotionNet."""

from convlstm_perception.model.convlstm import ConvLSTM, ConvLSTMCell, ConvLSTMState
from convlstm_perception.model.network import MotionOutput, NetworkConfig, PedestrianMotionNet

__all__ = [
    "ConvLSTM",
    "ConvLSTMCell",
    "ConvLSTMState",
    "MotionOutput",
    "NetworkConfig",
    "PedestrianMotionNet",
]
