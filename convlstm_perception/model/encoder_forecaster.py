"""Encoder-forecaster (Shi et al. 2015, "Convolutional LSTM Network", section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from convlstm_perception.model.recurrent import ConvLSTM

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from convlstm_perception.model.recurrent.lstm import ConvLSTMOptions


class EncoderForecaster(nn.Module):
    """Frames to the frames that follow them.

    An encoding stack of ConvLSTMs reads the frames; its final states begin a forecasting stack of
    the same shape, which is given no frames: its first layer sees a plane of ones, whose
    convolution tells it no more than where the border is. The hidden states of all its layers,
    joined, become frames by a 1x1 convolution. As in the paper a frame is first cut into patches,
    ``patch_size`` squared values folded into channels: a coarser grid, on which the same kernels
    see further.

    Args:
        channels: of a frame.
        hidden_channels: of each layer of either stack.
        kernel_size: of every layer.
        patch_size: side of a patch.
        recompute: see :class:`~convlstm_perception.model.recurrent.stack.RecurrentStack`.
        options: of every layer; see :class:`~convlstm_perception.model.recurrent.ConvLSTMCell`.

    Raises:
        ValueError: an option is unknown, or does not go with the others.
    """

    def __init__(
        self,
        channels: int,
        hidden_channels: Sequence[int] = (64, 64),
        kernel_size: int = 5,
        *,
        patch_size: int = 4,
        recompute: bool = False,
        **options: Unpack[ConvLSTMOptions],
    ) -> None:
        super().__init__()
        if patch_size < 1:
            raise ValueError(f"patch_size: {patch_size} is not positive")
        if options.get("dimensions", 2) != 2:
            raise ValueError("dimensions: frames have two")
        self.patch_size = patch_size
        patch_channels = channels * patch_size**2
        self.encoder = ConvLSTM(
            patch_channels, hidden_channels, kernel_size, recompute=recompute, **options
        )
        self.forecaster = nn.ModuleList(
            ConvLSTM(before, [after], kernel_size, recompute=recompute, **options)
            for before, after in pairwise([1, *hidden_channels])
        )
        self.to_patches = nn.Conv2d(sum(hidden_channels), patch_channels, 1)

    def forward(self, frames: Tensor, steps: int) -> Tensor:
        """Forecast.

        Args:
            frames: (B, T, channels, H, W) of any H and W: what is missing to whole patches is
                filled with the values at the edge.
            steps: frames wanted.

        Returns:
            (B, steps, channels, H, W), in the frames' own units; logits where the network is
            trained so.

        Raises:
            ValueError: ``frames`` has not five axes, or ``steps`` is not positive.
        """
        if frames.dim() != 5:
            raise ValueError(f"frames: expected (B, T, C, H, W), got shape {tuple(frames.shape)}")
        if steps < 1:
            raise ValueError(f"steps: {steps} is not positive")
        batch, _, _, height, width = frames.shape
        patches = self._patches(frames)
        _, state = self.encoder.run(patches)
        sequence = patches.new_ones(batch, steps, 1, *patches.shape[-2:])
        hidden_states = []
        for index, layer in enumerate(self.forecaster):
            assert isinstance(layer, ConvLSTM)
            sequence, _ = layer.run(sequence, state[2 * index : 2 * index + 2])
            hidden_states.append(sequence)
        joined = torch.cat(hidden_states, dim=2).flatten(0, 1)
        whole = functional.pixel_shuffle(self.to_patches(joined), self.patch_size)
        return whole[..., :height, :width].unflatten(0, (batch, steps))

    def _patches(self, frames: Tensor) -> Tensor:
        """(B, T, channels * patch_size ** 2, rows, columns), the last ones filled at the edge."""
        height, width = frames.shape[-2:]
        missing = (0, -width % self.patch_size, 0, -height % self.patch_size)
        images = frames.flatten(0, 1)
        if any(missing):
            images = functional.pad(images, missing, mode="replicate")
        folded = functional.pixel_unshuffle(images, self.patch_size)
        return folded.unflatten(0, tuple(frames.shape[:2]))
