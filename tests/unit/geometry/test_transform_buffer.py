"""Our buffer of transforms: tf2's semantics, as far as they are needed."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.errors import TransformError
from convlstm_perception.geometry import RigidTransform, TransformBuffer

SECOND = 1_000_000_000


def at(x: float, yaw: float = 0.0) -> RigidTransform:
    return RigidTransform.from_euler(0.0, 0.0, yaw, (x, 0.0, 0.0))


@pytest.fixture
def buffer() -> TransformBuffer:
    """odom <- base_link (drives ahead at 1 m/s, turns left at 0.1 rad/s) <- camera, and imu."""
    buffer = TransformBuffer()
    for tenth in range(11):
        seconds = tenth / 10
        buffer.set("odom", "base_link", tenth * SECOND // 10, at(seconds, 0.1 * seconds))
    buffer.set_static("base_link", "camera", at(2.0))
    buffer.set_static("base_link", "imu", at(-1.0))
    return buffer


def test_up_and_down_the_tree(buffer: TransformBuffer) -> None:
    origin = np.zeros(3)
    up = buffer.lookup("odom", "camera", SECOND)
    np.testing.assert_allclose(up.apply(origin), at(1.0, 0.1).apply(np.array([2.0, 0, 0])))
    down = buffer.lookup("camera", "odom", SECOND)
    np.testing.assert_allclose((up @ down).apply(origin), origin, atol=1e-12)
    across = buffer.lookup("imu", "camera", SECOND)
    np.testing.assert_allclose(across.apply(origin), [3.0, 0, 0])
    np.testing.assert_allclose(buffer.lookup("imu", "imu", 0).apply(origin), origin)


def test_between_two_stamps_it_is_interpolated(buffer: TransformBuffer) -> None:
    half = buffer.lookup("odom", "base_link", SECOND * 55 // 100)
    np.testing.assert_allclose(half.translation, [0.55, 0, 0])
    assert half.yaw == pytest.approx(0.055)


def test_a_single_step_is_handed_on_to_the_bit(buffer: TransformBuffer) -> None:
    turn = RigidTransform.from_euler(0.1, 0.2, 0.3, (1.1, 2.2, 3.3))
    buffer.set("odom", "base_link", SECOND, turn)
    found = buffer.lookup("odom", "base_link", SECOND)
    assert (found.quaternion == turn.quaternion).all()
    assert (found.translation == turn.translation).all()


def test_nothing_is_extrapolated_but_within_the_tolerance(buffer: TransformBuffer) -> None:
    late = SECOND + SECOND // 5
    with pytest.raises(TransformError, match=r"'base_link' to 'odom' is 0\.200 s older"):
        buffer.lookup("odom", "camera", late, tolerance=0.1)
    np.testing.assert_allclose(buffer.lookup("odom", "base_link", late, 0.2).translation[0], 1.0)
    with pytest.raises(TransformError, match=r"0\.500 s newer"):
        buffer.lookup("odom", "camera", -SECOND // 2, tolerance=9.0)


def test_what_is_missing_is_named(buffer: TransformBuffer) -> None:
    with pytest.raises(TransformError, match="nobody publishes frame 'lidar'"):
        buffer.lookup("base_link", "lidar", SECOND)
    buffer.set_static("world", "robot2", at(0.0))
    with pytest.raises(TransformError, match="nothing links them"):
        buffer.lookup("odom", "robot2", SECOND)
    with pytest.raises(TransformError, match="frame_id"):
        buffer.lookup("odom", "", SECOND)


def test_a_loop_is_no_endless_one() -> None:
    buffer = TransformBuffer()
    buffer.set_static("a", "b", at(1.0))
    buffer.set_static("b", "a", at(1.0))
    with pytest.raises(TransformError, match="its own ancestor"):
        buffer.lookup("c", "a", 0)


def test_memory_is_bounded_and_a_clock_set_back_begins_anew() -> None:
    buffer = TransformBuffer()
    for tenth in range(1000):
        buffer.set("odom", "base_link", tenth * SECOND // 10, at(float(tenth)))
    assert len(buffer._links["base_link"].stamps) <= 102
    buffer.set("odom", "base_link", SECOND, at(-7.0))
    assert buffer.lookup("odom", "base_link", SECOND).translation[0] == -7.0
    with pytest.raises(TransformError, match="older"):
        buffer.lookup("odom", "base_link", 99 * SECOND)


def test_late_arrivals_are_put_in_order() -> None:
    buffer = TransformBuffer()
    for tenth in (0, 2, 1, 3):
        buffer.set("odom", "base_link", tenth * SECOND // 10, at(float(tenth)))
    assert buffer.lookup("odom", "base_link", SECOND * 15 // 100).translation[0] == pytest.approx(
        1.5
    )


def test_leading_slashes_are_tf1s() -> None:
    buffer = TransformBuffer()
    buffer.set_static("/base_link", "/camera", at(1.0))
    assert buffer.lookup("base_link", "/camera", 0).translation[0] == 1.0
