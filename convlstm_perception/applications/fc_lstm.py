"""The network that ConvLSTM was made to be better than: an LSTM over whole frames.

The unconditional future predictor of Srivastava et al. 2015, "Unsupervised Learning of Video
Representations using LSTMs", section 2.4, which Shi et al. 2015 compare with as FC-LSTM-2048-2048.
"""

from __future__ import annotations

import math

from torch import Tensor, nn


class FullyConnectedForecaster(nn.Module):
    """Two LSTMs: one reads the frames as vectors, the other goes on from its state without input.

    Args:
        frame: (channels, height, width); one set of weights serves one size alone.
        hidden: units of a layer.
        layers: of each of the two.
    """

    def __init__(self, frame: tuple[int, int, int], hidden: int = 2048, layers: int = 2) -> None:
        super().__init__()
        self.frame = frame
        pixels = math.prod(frame)
        self.encoder = nn.LSTM(pixels, hidden, layers, batch_first=True)
        # PyTorch's LSTM must have an input: one unit, always 0.
        self.forecaster = nn.LSTM(1, hidden, layers, batch_first=True)
        self.read_out = nn.Linear(hidden, pixels)

    def forward(self, frames: Tensor, steps: int) -> Tensor:
        """Frames (B, T, C, H, W) to raw values of those that follow, (B, steps, C, H, W)."""
        _, state = self.encoder(frames.flatten(2))
        nothing = frames.new_zeros(len(frames), steps, 1)
        hidden, _ = self.forecaster(nothing, state)
        answer: Tensor = self.read_out(hidden)
        return answer.unflatten(2, self.frame)
