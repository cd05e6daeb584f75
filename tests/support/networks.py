"""A small network with weights of chance, which answers everything it is asked differently."""

from __future__ import annotations

import torch

from convlstm_perception.model import NetworkConfig, PedestrianMotionNet

HEIGHT, WIDTH, SLOTS = 96, 160, 8
CONFIG = NetworkConfig(
    width=0.5, hidden_channels=8, memory_in_detection=True, candidates=6, horizons=(0.5, 1.0, 2.0)
)


def make_small_network() -> PedestrianMotionNet:
    """Always the same."""
    torch.manual_seed(27)
    network = PedestrianMotionNet(CONFIG).eval()
    # Untrained heat is almost flat, and peaks that tie may come in any order: sharpen it.
    with torch.no_grad():
        network.motion.heatmap.logits.weight.mul_(30)
        torch.nn.init.normal_(network.motion.hidden_to_skip.weight)
        torch.nn.init.normal_(network.motion.motion.perceptron[-1].weight, std=0.1)
        torch.nn.init.normal_(network.motion.dt_to_gates)
    return network
