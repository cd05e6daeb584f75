"""No frame is in two parts, no window holds a gap, and windows are what they say."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convlstm_perception.errors import ParameterError, SourceError
from convlstm_perception.forecasting import (
    Labels,
    MemorySeries,
    Split,
    WindowShape,
    read_window,
    split_windows,
)
from convlstm_perception.forecasting.windows import PARTS


def _series(frames: int, times: np.ndarray | None = None) -> MemorySeries:
    values = np.arange(frames, dtype=np.float32)[:, None, None, None] * np.ones((1, 2, 3))
    return MemorySeries(values, labels=Labels(times=times))


def _frames(split: Split, shape: WindowShape) -> list[set[tuple[int, int]]]:
    """Of each part, the frames that its windows hold."""
    return [
        {
            (window.series, frame)
            for window in split.part(name)
            for frame in range(window.start, window.start + shape.frames)
        }
        for name in PARTS
    ]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(20, 60), min_size=1, max_size=4),
    inputs=st.integers(1, 3),
    targets=st.integers(1, 3),
    stride=st.integers(1, 4),
    shares=st.sampled_from([(0.4, 0.3, 0.3), (0.6, 0.4, 0.0), (0.0, 0.5, 0.5)]),
)
def test_no_frame_is_in_two_parts(
    lengths: list[int],
    inputs: int,
    targets: int,
    stride: int,
    shares: tuple[float, float, float],
) -> None:
    shape = WindowShape(inputs, targets, stride)
    split = split_windows([_series(length) for length in lengths], shape, shares)
    parts = _frames(split, shape)
    for one, other in itertools.combinations(parts, 2):
        assert not one & other
    for frames, share in zip(parts, shares, strict=True):
        assert bool(frames) == (share > 0)
        assert all(0 <= frame < lengths[series] for series, frame in frames)


def test_parts_follow_each_other_in_time() -> None:
    shape = WindowShape(2, 1)
    split = split_windows([_series(30)], shape, (0.5, 0.2, 0.3))
    train, validation, test = _frames(split, shape)
    assert train == {(0, frame) for frame in range(15)}
    assert validation == {(0, frame) for frame in range(15, 21)}
    assert test == {(0, frame) for frame in range(21, 30)}
    assert [window.start for window in split.validation] == [15, 16, 17, 18]


def test_whole_sequences_are_shared_out() -> None:
    shape = WindowShape(2, 1)
    split = split_windows([_series(5) for _ in range(10)], shape, (0.6, 0.2, 0.2), "sequences")
    assert [len({window.series for window in split.part(name)}) for name in PARTS] == [6, 2, 2]
    train, validation, test = _frames(split, shape)
    assert not train & validation and not validation & test and not train & test


def test_windows_with_a_gap_of_time_are_left_out() -> None:
    minutes = np.array([0, 5, 10, 15, 30, 35, 40, 45])
    times = np.datetime64("2020-01-01", "ns") + minutes * np.timedelta64(60, "s")
    split = split_windows([_series(8, times)], WindowShape(2, 1), (1.0, 0.0, 0.0))
    assert [window.start for window in split.train] == [0, 1, 4, 5]


def test_a_window_is_inputs_and_then_targets() -> None:
    series = [_series(9)]
    shape = WindowShape(3, 2, 4)
    split = split_windows(series, shape, (1.0, 0.0, 0.0))
    inputs, targets = read_window(series, split.train[1], shape, columns=slice(1, 3))
    assert inputs.shape == (3, 1, 2, 2) and targets.shape == (2, 1, 2, 2)
    np.testing.assert_array_equal(inputs[:, 0, 0, 0], [4, 5, 6])
    np.testing.assert_array_equal(targets[:, 0, 0, 0], [7, 8])


@pytest.mark.parametrize(
    ("by", "part", "frames"), [("time", "validation", 2), ("sequences", "train", 0)]
)
def test_too_short_a_part_is_refused_with_the_numbers(
    by: Literal["time", "sequences"], part: str, frames: int
) -> None:
    message = rf"no window for {part}.*at most {frames} frames.*a window takes 4 \+ 4"
    with pytest.raises(SourceError, match=message):
        split_windows([_series(20)], WindowShape(4, 4), (0.5, 0.1, 0.4), by)


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (1.2, -0.2, 0.0)])
def test_shares_that_are_none_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ParameterError, match="three shares"):
        split_windows([_series(20)], WindowShape(1, 1), shares)
