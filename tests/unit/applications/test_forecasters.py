"""FC-LSTM, the networks of the paper, the fitted baselines, the moving frame, cross-entropy."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from convlstm_perception import forecasting as fc
from convlstm_perception.applications import video
from convlstm_perception.applications.fc_lstm import FullyConnectedForecaster
from convlstm_perception.applications.moving_frame import MovingFrameForecaster, in_moving_frame
from convlstm_perception.applications.odds import LastFrameOdds, cross_entropy
from convlstm_perception.applications.regression import Autoregression, TrainingMean
from convlstm_perception.applications.request import ApplicationRequest, DataUsed
from convlstm_perception.forecasting.data import ForecastData
from convlstm_perception.model import EncoderForecaster
from convlstm_perception.types import Float32Array

SHAPE = fc.WindowShape(inputs=4, targets=3)

# Shi et al. 2015, table 1: numbers learnt. Our forecaster's first layer sees one more plane.
PUBLISHED_SIZES = {(256,): 13_524_496, (128, 128): 10_042_896, (128, 64, 64): 7_585_296}


class Fixed:
    """Answers the same everywhere."""

    name = "fixed"

    def __init__(self, value: float) -> None:
        self._value = value

    def forecast(self, inputs: Float32Array, steps: int) -> Float32Array:
        batch, _, *frame = inputs.shape
        return np.full((batch, steps, *frame), self._value, np.float32)


def windows_of(values: np.ndarray) -> tuple[list[fc.MemorySeries], list[fc.Window]]:
    """All windows of one (T, H, W) series."""
    series = [fc.MemorySeries(values[:, None].astype(np.float32))]
    return series, [fc.Window(0, start) for start in range(len(values) - SHAPE.frames + 1)]


@pytest.mark.parametrize(("layers", "size"), PUBLISHED_SIZES.items())
def test_the_full_setting_has_the_networks_of_the_paper(layers: tuple[int, ...], size: int) -> None:
    assert layers in video.FULL.layers
    with torch.device("meta"):
        network = EncoderForecaster(
            1, layers, video.FULL.kernel, patch_size=video.FULL.patch, peepholes=True
        )
    learnt = sum(values.numel() for values in network.parameters())
    assert learnt - video.FULL.kernel**2 * 4 * layers[0] == size


def test_the_fc_lstm_has_the_size_of_the_paper() -> None:
    with torch.device("meta"):
        network = FullyConnectedForecaster((1, 64, 64), *video.FULL.units)
    learnt = sum(values.numel() for values in network.parameters())
    # Published: 142,667,776, with peepholes, without PyTorch's second vector of biases.
    assert abs(learnt / 142_667_776 - 1.0) < 1e-3


def test_the_fc_lstm_learns_and_resumes_from_its_inputs() -> None:
    torch.manual_seed(1)
    network = FullyConnectedForecaster((1, 4, 4), hidden=16, layers=1)
    # The brightness of the whole frame goes on as it is: different inputs, different answers.
    frames = torch.rand(8, 1, 1, 1, 1).expand(8, 3, 1, 4, 4)
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(150):
        loss = (network(frames, 2) - frames[:, :2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert network(frames, 2).shape == (8, 2, 1, 4, 4)
    assert float(loss.detach()) < 0.1 * float(frames.var())


def test_the_mean_is_that_of_the_training_frames() -> None:
    random = np.random.default_rng(1)
    series, windows = windows_of(random.normal(size=(7, 5, 6)))
    mean = TrainingMean(series, windows, SHAPE)
    answer = mean.forecast(random.normal(size=(2, 4, 1, 5, 6)).astype(np.float32), 3)
    assert answer.shape == (2, 3, 1, 5, 6)
    assert np.allclose(answer[1, 2], series[0].values.mean(axis=0), atol=1e-6)


def test_an_autoregression_finds_the_one_that_made_the_data() -> None:
    """Sines of one frequency follow y(t+1) = 2 cos(w) y(t) - y(t-1) exactly."""
    random = np.random.default_rng(1)
    phases = random.uniform(0.0, 2.0 * math.pi, (6, 6))
    time = np.arange(90)[:, None, None]
    values = 5.0 + np.sin(0.4 * time + phases)
    series, windows = windows_of(values)
    fitted = Autoregression(series, windows, SHAPE, order=3)
    inputs, truth = fc.read_window(series, windows[-1], SHAPE)
    error = np.abs(fitted.forecast(inputs[None], 3)[0] - truth).max()
    still = np.abs(inputs[-1] - truth).max()
    assert error < 0.2 * still
    with pytest.raises(ValueError, match="fitted for 3"):
        fitted.forecast(inputs[None], 4)


def test_odds_are_what_followed_on_average() -> None:
    """A pixel that is lit stays so in half of the cases; a dark one stays dark."""
    series = []
    for lit in (0.0, 1.0):
        frames = np.zeros((7, 1, 4, 4), np.float32)
        frames[:4, 0, 0] = 1.0
        frames[4:, 0, 0] = lit
        series.append(fc.MemorySeries(frames))
    windows = [fc.Window(0, 0), fc.Window(1, 0)]
    odds = LastFrameOdds(series, windows, SHAPE)
    answer = odds.forecast(series[0].read(0, 4)[None], 5)[0]
    assert answer.shape == (5, 1, 4, 4)
    assert np.allclose(answer[:, 0, 0], 0.5) and np.allclose(answer[:, 0, 1:], 0.0)
    # Four lit pixels at three lead times, a bit each; the rest is certain.
    entropy = cross_entropy(series, windows, SHAPE, odds)
    assert entropy == pytest.approx(12.0 * math.log(2.0), rel=1e-3)


def test_cross_entropy_is_summed_over_a_sequence() -> None:
    series, windows = windows_of(np.random.default_rng(1).uniform(size=(9, 4, 5)))
    entropy = cross_entropy(series, windows, SHAPE, Fixed(0.5), batch_size=2)
    assert entropy == pytest.approx(3 * 20 * math.log(2.0))
    certain, only = windows_of(np.ones((7, 4, 5)))
    assert cross_entropy(certain, only, SHAPE, Fixed(1.0)) < 1e-4
    assert math.isfinite(cross_entropy(certain, only, SHAPE, Fixed(0.0)))


def moving_blob(frames: int, grow: float = 0.0) -> np.ndarray:
    """(T, 48, 48) a blob that goes 1.5 pixels a frame to the right, and may grow."""
    rows, columns = np.mgrid[0:48, 0:48]
    time = np.arange(frames)[:, None, None]
    square = (rows - 24.0) ** 2 + (columns - 12.0 - 1.5 * time) ** 2
    return (10.0 + grow * time) * np.exp(-square / 50.0)


def test_what_only_moves_stands_still_in_the_moving_frame() -> None:
    series, windows = windows_of(moving_blob(9))
    split = fc.Split(train=tuple(windows), validation=(windows[0],), test=())
    moved = in_moving_frame(ForecastData(series, split), SHAPE)
    assert len(moved.series) == len(windows) + 1 and not moved.split.test
    for window in moved.split.train:
        frames = np.concatenate(fc.read_window(moved.series, window, SHAPE))
        before = series[0].values[: SHAPE.frames]
        assert np.abs(frames - frames[3]).mean() < 0.15 * np.abs(before - before[3]).mean()


def test_persistence_in_the_moving_frame_is_advection() -> None:
    series, windows = windows_of(moving_blob(9, grow=0.5))
    inputs, _ = fc.read_window(series, windows[0], SHAPE)
    moving = MovingFrameForecaster("moving", fc.LastFrame()).forecast(inputs[None], 3)
    plain = fc.Advection(3).forecast(inputs[None], 3)
    assert np.allclose(moving, plain, atol=1e-4)


def test_learners_of_one_run_share_all_but_their_network() -> None:
    request = ApplicationRequest(Path("out"), minutes=6.0)
    used = DataUsed("digits", True, "", "a file")
    learners = video.make_learners(video.SCALED, request, used)
    names = ["ConvLSTM 64", "ConvLSTM 48-48", "FC-LSTM 512-512", "FC-LSTM 72-72"]
    assert [one.name for one in learners] == names
    configs = [one.module.config for one in learners]
    for name in ("steps", "minutes", "batch_size", "learning_rate", "loss", "seed"):
        assert len({getattr(config, name) for config in configs}) == 1, name
    assert configs[0].minutes == 1.5
    assert not any(isinstance(one.module, video.PaperTraining) for one in learners)


def test_the_paper_is_trained_by_rmsprop() -> None:
    request = ApplicationRequest(Path("out"))
    setting = dataclasses.replace(
        video.SMOKE, constant_rate=True, peepholes=True, learning_rate=video.FULL.learning_rate
    )
    used = DataUsed("digits", True, "", "a file")
    for learner in video.make_learners(setting, request, used):
        optimizer = learner.module.configure_optimizers()
        assert isinstance(optimizer, torch.optim.RMSprop)
        assert optimizer.defaults["lr"] == 1e-3 and optimizer.defaults["alpha"] == 0.9


def test_no_digits_and_no_sequence_are_in_two_parts() -> None:
    digits = np.zeros((3, 28, 28), np.uint8)
    training, test = digits + 1, digits + 2
    data = video.make_data(video.SMOKE, training, test, seed=1)
    for part, count in zip(("train", "validation", "test"), video.SMOKE.sequences, strict=True):
        windows = data.split.part(part)
        assert len(windows) == count
        brightest = {float(data.series[one.series].read(0, 1).max()) for one in windows}
        assert brightest == {np.float32(2 if part == "test" else 1) / np.float32(255)}
    seeds = {(one.seed, one.number) for one in data.series}
    assert len(seeds) == sum(video.SMOKE.sequences)
