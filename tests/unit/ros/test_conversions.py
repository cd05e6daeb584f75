"""Images in without a needless copy, in every encoding that is supported."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import cv2
from sensor_msgs.msg import CompressedImage, Image

from convlstm_perception.errors import ImageError
from convlstm_perception.ros.conversions import (
    frame_from_compressed,
    frame_from_image,
)

HEIGHT, WIDTH = 8, 12


def message(pixels: np.ndarray, encoding: str, padding: int = 0) -> Image:
    rows = pixels.reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    result = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=rows.shape[1])
    result.data = rows.tobytes()
    result.header.stamp.sec, result.header.stamp.nanosec = 3, 500_000_000
    result.header.frame_id = "camera"
    return result


@pytest.fixture
def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize("padding", [0, 5])
def test_bgr_is_a_view_of_the_message(colour: np.ndarray, padding: int) -> None:
    image = message(colour, "bgr8", padding)
    frame = frame_from_image(image)
    assert np.array_equal(frame.image, colour)
    assert np.shares_memory(frame.image, np.frombuffer(image.data, np.uint8))
    assert (frame.stamp_ns, frame.frame_id) == (3_500_000_000, "camera")


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize(
    ("encoding", "conversion"),
    [
        ("rgb8", cv2.COLOR_BGR2RGB),
        ("bgra8", cv2.COLOR_BGR2BGRA),
        ("rgba8", cv2.COLOR_BGR2RGBA),
    ],
)
def test_colour_orders(colour: np.ndarray, encoding: str, conversion: int, padding: int) -> None:
    image = message(cv2.cvtColor(colour, conversion), encoding, padding)
    assert np.array_equal(frame_from_image(image).image, colour)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey(encoding: str) -> None:
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    frame = frame_from_image(message(grey, encoding))
    assert np.array_equal(frame.image, np.repeat(grey[..., None], 3, axis=2))


def test_bayer_of_an_even_colour() -> None:
    pattern = np.zeros((HEIGHT, WIDTH), np.uint8)
    pattern[0::2, 0::2], pattern[1::2, 1::2] = 200, 50  # red, blue; green stays 0
    frame = frame_from_image(message(pattern, "bayer_rggb8"))
    assert frame.image[3:5, 3:5].reshape(-1, 3).tolist() == [[50, 0, 200]] * 4


@pytest.mark.parametrize(
    ("encoding", "red_place"),
    [("bayer_rggb8", (0, 0)), ("bayer_grbg8", (0, 1)), ("bayer_gbrg8", (1, 0))],
)
def test_every_bayer_order_finds_its_red(encoding: str, red_place: tuple[int, int]) -> None:
    pattern = np.zeros((HEIGHT, WIDTH), np.uint8)
    pattern[red_place[0] :: 2, red_place[1] :: 2] = 200
    frame = frame_from_image(message(pattern, encoding))
    assert frame.image[3:5, 3:5].reshape(-1, 3).tolist() == [[0, 0, 200]] * 4


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize(
    ("encoding", "luma_first"), [("yuyv", 1), ("yuv422_yuy2", 1), ("uyvy", 0), ("yuv422", 0)]
)
def test_yuv_with_neutral_chroma_is_grey(encoding: str, luma_first: int, padding: int) -> None:
    pairs = np.full((HEIGHT, WIDTH, 2), 128, np.uint8)
    pairs[..., 0 if luma_first else 1] = 16 + 219 // 3  # a third of studio range
    frame = frame_from_image(message(pairs, encoding, padding))
    assert np.abs(frame.image.astype(int) - 85).max() <= 1


@pytest.mark.parametrize(
    ("height", "width", "encoding", "words"),
    [
        (4, 3, "yuyv", "3x4 image cannot be of encoding 'yuyv', which needs an even width"),
        (4, 4, "16UC7", "'16UC7' is not supported; let the camera send one of bgr8, rgb8"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_name(
    height: int, width: int, encoding: str, words: str
) -> None:
    image = Image(height=height, width=width, encoding=encoding, step=2 * width)
    image.data = bytes(height * image.step)
    with pytest.raises(ImageError, match=words):
        frame_from_image(image)


def test_compressed_images(colour: np.ndarray) -> None:
    packed = cv2.imencode(".png", colour)[1].tobytes()
    assert np.array_equal(
        frame_from_compressed(CompressedImage(format="png", data=packed)).image, colour
    )
    with pytest.raises(ImageError, match="3 bytes, format 'jpeg', cannot be decoded"):
        frame_from_compressed(CompressedImage(format="jpeg", data=b"abc"))
    with pytest.raises(ImageError, match="0 bytes"):
        frame_from_compressed(CompressedImage(format="jpeg"))
