"""Messages to frames; the decoding itself is tested with the data."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import cv2
from sensor_msgs.msg import CompressedImage, Image

from convlstm_perception.ros.conversions import frame_from_message, ns_to_stamp, stamp_to_ns

HEIGHT, WIDTH = 8, 12
STAMP_NS = 3_500_000_000


@pytest.fixture
def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def test_a_raw_image_is_a_view_of_its_message(colour: np.ndarray) -> None:
    message = Image(height=HEIGHT, width=WIDTH, encoding="bgr8", step=3 * WIDTH)
    message.data = colour.tobytes()
    message.header.stamp, message.header.frame_id = ns_to_stamp(STAMP_NS), "camera"
    frame = frame_from_message(message)
    assert np.array_equal(frame.image, colour)
    assert np.shares_memory(frame.image, np.frombuffer(message.data, np.uint8))
    assert (frame.stamp_ns, frame.frame_id) == (STAMP_NS, "camera")


def test_a_compressed_image_is_decoded(colour: np.ndarray) -> None:
    message = CompressedImage(format="png", data=cv2.imencode(".png", colour)[1].tobytes())
    message.header.stamp = ns_to_stamp(STAMP_NS)
    frame = frame_from_message(message)
    assert np.array_equal(frame.image, colour)
    assert frame.stamp_ns == stamp_to_ns(message.header.stamp) == STAMP_NS
