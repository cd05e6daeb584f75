"""The encoder-forecaster: shapes, patches, what it can learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from convlstm_perception.model import EncoderForecaster


@pytest.mark.parametrize("size", [(16, 16), (17, 14), (5, 3)])
def test_a_frame_of_any_size_is_forecast_in_its_size(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = EncoderForecaster(2, (4, 4), 3)
    frames = torch.rand(3, 4, 2, *size)
    forecast = network(frames, 5)
    assert forecast.shape == (3, 5, 2, *size)
    forecast.sum().backward()
    unused = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not unused


def test_values_beyond_the_edge_are_those_at_it() -> None:
    torch.manual_seed(0)
    network = EncoderForecaster(1, (4,), 3)
    frames = torch.rand(1, 3, 1, 6, 7)
    whole = functional.pad(frames.flatten(0, 1), (0, 1, 0, 2), mode="replicate").unflatten(
        0, (1, 3)
    )
    torch.testing.assert_close(network(frames, 2), network(whole, 2)[..., :6, :7])


def test_more_steps_begin_with_the_same_ones() -> None:
    torch.manual_seed(0)
    network = EncoderForecaster(1, (4, 4), 3)
    frames = torch.rand(1, 3, 1, 8, 8)
    torch.testing.assert_close(network(frames, 6)[:, :2], network(frames, 2))


def moving_bars(count: int) -> Tensor:
    """(count, 8, 1, 8, 32): a bar that moves by two pixels a step, right or left."""
    start = torch.randint(14, 18, (count, 1))
    direction = torch.randint(0, 2, (count, 1)) * 4 - 2
    rows = functional.one_hot(start + direction * torch.arange(8), 32).float()
    return rows[:, :, None, None, :].expand(-1, -1, 1, 8, -1)


def test_motion_is_learned_and_goes_on() -> None:
    """A copy of the last frame is beaten tenfold: which way, cannot be seen in one frame."""
    torch.manual_seed(0)
    network = EncoderForecaster(1, (16,), 5, normalization="layer")
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(200):
        frames = moving_bars(16)
        loss = functional.binary_cross_entropy_with_logits(network(frames[:, :4], 4), frames[:, 4:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    frames = moving_bars(64)
    with torch.no_grad():
        forecast = network(frames[:, :4], 4).sigmoid()
    error = (forecast - frames[:, 4:]).square().mean()
    copied = (frames[:, 3:4] - frames[:, 4:]).square().mean()
    assert error < 0.1 * copied


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"patch_size": 0}, "not positive"), ({"dimensions": 3}, "frames have two")],
)
def test_bad_options_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncoderForecaster(1, **arguments)


def test_bad_inputs_are_named() -> None:
    network = EncoderForecaster(1, (2,), 3)
    with pytest.raises(ValueError, match=r"expected \(B, T, C, H, W\)"):
        network(torch.zeros(1, 3, 8, 8), 1)
    with pytest.raises(ValueError, match="steps: 0"):
        network(torch.zeros(1, 3, 1, 8, 8), 0)
