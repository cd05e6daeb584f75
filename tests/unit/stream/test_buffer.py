"""The window is chosen by time, whatever the camera's rate."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.engine import Window
from convlstm_perception.errors import FrameOrderError
from convlstm_perception.stream import RollingBuffer, select_slots
from convlstm_perception.types import NANOSECONDS_PER_SECOND

SLOTS, STEP, TOLERANCE = 8, 0.1, 0.05
STEP_NS = 100_000_000


def nanoseconds(seconds: np.ndarray) -> np.ndarray:
    return np.round(seconds * NANOSECONDS_PER_SECOND).astype(np.int64)


def make_buffer(max_rate: float = 60.0) -> RollingBuffer:
    return RollingBuffer(slots=SLOTS, step=STEP, tolerance=TOLERANCE, max_rate=max_rate)


def fill(buffer: RollingBuffer, stamps: np.ndarray) -> tuple[Window, dict[int, int]]:
    """Admit frames; the last one's window, and the stamp that each place then holds."""
    held = {}
    for stamp in stamps:
        window = buffer.admit(int(stamp))
        held[window.places[0]] = int(stamp)
    return window, held


def brute_force(stamps: np.ndarray, now: int) -> list[int | None]:
    """For each slot the nearest frame within tolerance, each frame in its nearest slot only."""
    chosen: list[int | None] = []
    for slot in range(SLOTS):
        wanted = now - slot * STEP_NS
        candidates = [
            (abs(stamp - wanted), -stamp, index)
            for index, stamp in enumerate(stamps)
            if abs(stamp - wanted) <= STEP_NS // 2
        ]
        chosen.append(min(candidates)[2] if candidates else None)
    for index in {value for value in chosen if value is not None}:
        rivals = [slot for slot, value in enumerate(chosen) if value == index]
        best = min(rivals, key=lambda s: abs(stamps[index] - (now - s * STEP_NS)))
        for slot in rivals:
            if slot != best:
                chosen[slot] = None
    return chosen


@pytest.mark.parametrize("rate", [5.0, 7.0, 10.0, 12.5, 30.0, 50.0])
@pytest.mark.parametrize("jitter", [0.0, 0.3])
@pytest.mark.parametrize("drops", [0.0, 0.3])
def test_selection_is_the_nearest_frame_in_tolerance(
    rate: float, jitter: float, drops: float
) -> None:
    random = np.random.default_rng(int(rate * 10 + jitter * 100 + drops * 1000))
    for _ in range(20):
        times = np.arange(60) / rate + random.uniform(-jitter, jitter, 60) / rate / 2
        stamps = nanoseconds(np.sort(times)[random.random(60) >= drops])
        picked = select_slots(stamps, int(stamps[-1]), SLOTS, STEP, TOLERANCE)
        assert list(picked) == brute_force(stamps, int(stamps[-1]))


def test_30_hz_is_answered_with_a_memory_in_steps_of_a_tenth() -> None:
    buffer = make_buffer()
    stamps = nanoseconds(np.arange(60) / 30.0)
    window, held = fill(buffer, stamps)
    assert window.valid.all()
    assert [held[place] for place in window.places] == stamps[-1 : -3 * SLOTS : -3].tolist()
    np.testing.assert_allclose(window.dt[0, :-1], 0.1, atol=1e-6)
    assert window.dt[0, -1] == 0.0


def test_7_hz_leaves_slots_empty_and_tells_the_true_times() -> None:
    buffer = make_buffer()
    window, _ = fill(buffer, nanoseconds(np.arange(20) / 7.0))
    # Frames are 1/7 s apart: 0, 0.143 (slot 1), 0.286 (3), 0.429 (4), 0.571 (6), 0.714 (7).
    assert window.valid[0].tolist() == [1, 1, 0, 1, 1, 0, 1, 1]
    held = window.dt[0][window.valid[0] > 0]
    np.testing.assert_allclose(held[:-1], 1 / 7, atol=1e-6)


def test_a_gap_is_missing_and_the_time_across_it_is_told() -> None:
    buffer = make_buffer()
    times = np.array([0.0, 0.1, 0.2, 0.6, 0.7])
    window, _ = fill(buffer, nanoseconds(times))
    assert window.valid[0].tolist() == [1, 1, 0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(window.dt[0], [0.1, 0.4, 0, 0, 0, 0.1, 0.1, 0.0], atol=1e-6)


def test_one_frame_alone() -> None:
    buffer = make_buffer()
    window, _ = fill(buffer, np.array([5]))
    assert window.valid[0].tolist() == [1] + [0] * (SLOTS - 1)
    assert not window.dt.any()


@pytest.mark.parametrize("rate", [7.0, 30.0, 60.0, 120.0, 500.0])
def test_memory_is_bounded_and_the_window_whole_at_any_rate(rate: float) -> None:
    buffer = make_buffer()
    window, held = fill(buffer, nanoseconds(np.arange(int(3 * rate)) / rate))
    assert len(buffer) == len(held) <= buffer.capacity and set(held) <= set(range(buffer.capacity))
    wanted = min(SLOTS, int(rate * (SLOTS - 1) * STEP) + 1)
    assert window.valid.sum() >= wanted


def test_a_revoked_frame_leaves_no_trace() -> None:
    buffer, other = make_buffer(), make_buffer()
    times = nanoseconds(np.arange(12) / 10.0)
    for stamp in times:
        expected = other.admit(int(stamp))
        buffer.admit(int(stamp) - 1_000_000)
        buffer.revoke()
        window = buffer.admit(int(stamp))
        assert window.places == expected.places
        np.testing.assert_array_equal(window.dt, expected.dt)
    buffer.clear()
    buffer.admit(5)
    buffer.revoke()
    assert buffer.newest_ns is None and len(buffer) == 0


@pytest.mark.parametrize("stamp", [100, 99])
def test_a_frame_that_is_not_newer_is_refused(stamp: int) -> None:
    buffer = make_buffer()
    fill(buffer, np.array([100]))
    with pytest.raises(FrameOrderError, match="not newer"):
        buffer.admit(stamp)
