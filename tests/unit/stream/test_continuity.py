"""Order, gaps and jumps of a camera's stamps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from convlstm_perception.errors import FrameOrderError
from convlstm_perception.stream.continuity import StreamContinuity

MS = 1_000_000


def continuity() -> StreamContinuity:
    """Of a window of 8 slots, 0.1 s apart: 0.7 s from end to end."""
    return StreamContinuity(slots=8, step=0.1, tolerance=0.05)


def feed(stream: StreamContinuity, milliseconds: Iterable[float]) -> list[str]:
    """Enter frames; why the window began anew with each, or what it lacks after it."""
    said = []
    for moment in milliseconds:
        stamp = round(moment * MS)
        stream.check(stamp)
        stream.see(stamp)
        broken = stream.broken(stamp)
        if broken:
            stream.restart()
        stream.enter(stamp)
        said.append(broken or stream.degradation())
    return said


@pytest.mark.parametrize("period", [1000 / 30, 1000 / 15, 100, 1000 / 7])
def test_a_steady_camera_of_any_rate_is_whole_once_the_window_is_filled(period: float) -> None:
    said = feed(continuity(), [period * frame for frame in range(40)])
    filling = [reason for frame, reason in enumerate(said) if period * frame < 650]
    assert set(filling) == {"the window is not filled yet"}
    assert set(said[len(filling) :]) == {""}


@pytest.mark.parametrize("period", [100, 1000 / 7])
def test_one_lost_frame_degrades_until_it_has_left_the_window(period: float) -> None:
    lost = 20
    frames = [frame for frame in range(40) if frame != lost]
    said = dict(zip(frames, feed(continuity(), [period * frame for frame in frames]), strict=True))
    gap = [frame for frame, reason in said.items() if "no usable frame" in reason]
    assert gap[0] == lost + 1
    # The gap's younger end has then left a window of 0.7 s.
    assert gap[-1] == max(frame for frame in frames if period * (frame - lost - 1) <= 700)
    assert f"{2 * period / 1000:.2f} s" in said[lost + 1]


def test_at_30_hz_a_lost_frame_costs_no_slot_and_three_do() -> None:
    for count, degraded in ((1, False), (3, True)):
        frames = [frame for frame in range(60) if not 40 <= frame < 40 + count]
        said = feed(continuity(), [frame * 1000 / 30 for frame in frames])
        assert any("no usable frame" in reason for reason in said) == degraded


def test_a_gap_longer_than_the_window_begins_it_anew() -> None:
    said = feed(continuity(), [*range(0, 2000, 100), 1900 + 801, 1900 + 901])
    assert said[-2] == "no usable frame for 0.801 s"
    assert said[-1] == "the window is not filled yet"
    assert feed(continuity(), [*range(0, 2000, 100), 1900 + 800])[-1].startswith("no usable frame")


def test_an_older_or_double_frame_is_refused_and_changes_nothing() -> None:
    stream = continuity()
    feed(stream, range(0, 1000, 100))
    for wrong in (900, 850, 200):
        with pytest.raises(FrameOrderError, match="older than the last one"):
            stream.check(wrong * MS)
    assert feed(stream, [1000]) == [""]


def test_time_that_jumps_back_begins_anew_also_where_it_did_so_on_unusable_frames() -> None:
    stream = continuity()
    feed(stream, range(10_000, 11_000, 100))
    stream.see(12_000 * MS)  # unusable
    stream.check(11_150 * MS)  # 0.85 s back, and yet later than what is in the window
    stream.see(11_150 * MS)  # unusable as well
    assert "jumped back by 0.850 s" in feed(stream, [11_250])[0]
    assert feed(stream, [11_350]) == ["the window is not filled yet"]


def test_a_slower_camera_is_its_new_self_after_a_while() -> None:
    fast = [100.0 * frame for frame in range(20)]
    slow = [fast[-1] + 200.0 * frame for frame in range(1, 40)]
    said = feed(continuity(), fast + slow)
    assert "no usable frame for 0.20 s" in said[len(fast)]
    assert said[-1] == ""
