"""Every encoding that is supported, without a needless copy; whatever else comes is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from convlstm_perception.data.compressed_image import decode_compressed
from convlstm_perception.data.image_message import decode_image
from convlstm_perception.errors import ImageError
from tests.support.image_messages import CompressedImage, RawImage, compressed_images, raw_images

HEIGHT, WIDTH = 8, 12


def message(pixels: np.ndarray, encoding: str, padding: int = 0, bigendian: int = 0) -> RawImage:
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return RawImage(HEIGHT, WIDTH, encoding, bigendian, rows.shape[1], rows.tobytes())


def compressed(data: bytes, kind: str = "jpeg") -> Any:
    return SimpleNamespace(format=kind, data=data)


@pytest.fixture
def colour() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize("encoding", ["bgr8", "8UC3"])
def test_bgr_is_a_view_of_the_message(colour: np.ndarray, encoding: str, padding: int) -> None:
    image = message(colour, encoding, padding)
    decoded = decode_image(image)
    assert np.array_equal(decoded, colour)
    assert np.shares_memory(decoded, np.frombuffer(image.data, np.uint8))


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize(
    ("encoding", "conversion"),
    [
        ("rgb8", cv2.COLOR_BGR2RGB),
        ("bgra8", cv2.COLOR_BGR2BGRA),
        ("8UC4", cv2.COLOR_BGR2BGRA),
        ("rgba8", cv2.COLOR_BGR2RGBA),
    ],
)
def test_colour_orders(colour: np.ndarray, encoding: str, conversion: int, padding: int) -> None:
    image = message(cv2.cvtColor(colour, conversion), encoding, padding)
    assert np.array_equal(decode_image(image), colour)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey(encoding: str) -> None:
    grey = np.arange(HEIGHT * WIDTH, dtype=np.uint8).reshape(HEIGHT, WIDTH)
    assert np.array_equal(decode_image(message(grey, encoding)), np.repeat(grey[..., None], 3, 2))


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize(("order", "bigendian"), [("<u2", 0), (">u2", 1)])
@pytest.mark.parametrize("encoding", ["mono16", "16UC1", "rgb16", "bgr16"])
def test_sixteen_bits_are_scaled_to_the_whole_range_in_both_orders_of_bytes(
    encoding: str, order: str, bigendian: int, padding: int
) -> None:
    channels = 3 if encoding.endswith("16") and "mono" not in encoding else 1
    wide = np.linspace(0, 65535, HEIGHT * WIDTH * channels).reshape(HEIGHT, WIDTH, channels)
    decoded = decode_image(message(wide.astype(order), encoding, padding, bigendian))
    expected = np.broadcast_to(wide * 255 / 65535, (HEIGHT, WIDTH, 3))
    if encoding == "rgb16":
        expected = expected[..., ::-1]
    assert np.abs(decoded - expected).max() <= 0.51
    assert decoded.min() == 0 and decoded.max() == 255


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("pattern", "red", "blue"),
    [
        ("rggb", (0, 0), (1, 1)),
        ("bggr", (1, 1), (0, 0)),
        ("grbg", (0, 1), (1, 0)),
        ("gbrg", (1, 0), (0, 1)),
    ],
)
def test_every_bayer_order_finds_its_red_and_its_blue(
    pattern: str, red: tuple[int, int], blue: tuple[int, int], wide: bool
) -> None:
    mosaic = np.zeros((HEIGHT, WIDTH), np.uint16 if wide else np.uint8)
    unit = 257 if wide else 1
    mosaic[red[0] :: 2, red[1] :: 2] = 200 * unit
    mosaic[blue[0] :: 2, blue[1] :: 2] = 50 * unit
    decoded = decode_image(message(mosaic, f"bayer_{pattern}{16 if wide else 8}"))
    assert decoded[3:5, 3:5].reshape(-1, 3).tolist() == [[50, 0, 200]] * 4


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_a_camera_of_fewer_bits_is_as_bright_as_one_of_sixteen(bits: int) -> None:
    most = (1 << bits) - 1
    numbers = np.linspace(0, most, HEIGHT * WIDTH).astype(np.uint16).reshape(HEIGHT, WIDTH)
    raw = decode_image(message(numbers, "mono16"))
    assert np.abs(raw[..., 0] - numbers * (255 / most)).max() <= 0.5
    png = cv2.imencode(".png", numbers)[1].tobytes()
    assert np.array_equal(decode_compressed(compressed(png, "mono16; png compressed ")), raw)


def test_a_mosaic_that_image_transport_compressed_has_its_colours() -> None:
    mosaic = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    png = cv2.imencode(".png", mosaic)[1].tobytes()
    raw = decode_image(message(mosaic, "bayer_gbrg8"))
    assert np.array_equal(decode_compressed(compressed(png, "bayer_gbrg8; png compressed ")), raw)
    grey = decode_compressed(compressed(png, "mono8; png compressed "))
    assert np.array_equal(grey[..., 0], mosaic) and not np.array_equal(grey, raw)


def test_a_bayer_mosaic_agrees_with_cv_bridge() -> None:
    """With those orders that cv_bridge from PyPI knows."""
    bridge = pytest.importorskip("cv_bridge", reason="no cv_bridge here").CvBridge()
    images = pytest.importorskip("sensor_msgs.msg", reason="no ROS 2 here")
    mosaic = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    for order in ("rggb", "bggr", "gbrg"):
        ours = message(mosaic, f"bayer_{order}8")
        theirs = images.Image(**{name: getattr(ours, name) for name in ours.__slots__})
        assert np.array_equal(decode_image(ours), bridge.imgmsg_to_cv2(theirs, "bgr8")), order


def test_the_padding_of_nv24_is_twice_as_wide_behind_its_colours() -> None:
    random = np.random.default_rng(4)
    luma = random.integers(16, 236, (HEIGHT, WIDTH), np.uint8)
    chroma = random.integers(16, 241, (HEIGHT, 2 * WIDTH), np.uint8)
    plain = RawImage(HEIGHT, WIDTH, "nv24", 0, WIDTH, luma.tobytes() + chroma.tobytes())
    wide = [np.pad(rows, ((0, 0), (0, n))).tobytes() for rows, n in ((luma, 6), (chroma, 12))]
    padded = RawImage(HEIGHT, WIDTH, "nv24", 0, WIDTH + 6, b"".join(wide))
    assert np.array_equal(decode_image(padded), decode_image(plain))


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".webp"])
def test_only_jpeg_and_png_reach_a_decoder(suffix: str, colour: np.ndarray) -> None:
    with pytest.raises(ImageError, match="JPEG and PNG can"):
        decode_compressed(compressed(cv2.imencode(suffix, colour)[1].tobytes()))


def yuv444(bgr: np.ndarray) -> np.ndarray:
    """BT.601, limited range, in floating point."""
    blue, green, red = (bgr[..., channel] / 255 for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = (blue - luma) / 1.772, (red - luma) / 1.402
    return np.stack([16 + 219 * luma, 128 + 224 * u, 128 + 224 * v], -1).round().astype(np.uint8)


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", ["yuyv", "yuv422_yuy2", "uyvy", "yuv422", "nv21", "nv24"])
def test_every_yuv_layout_gives_the_same_colours(encoding: str, padding: int) -> None:
    blocks = np.random.default_rng(1).integers(40, 216, (HEIGHT // 2, WIDTH // 2, 3), np.uint8)
    colour = blocks.repeat(2, 0).repeat(2, 1)  # so that halved colours lose nothing
    yuv = yuv444(colour)
    if encoding == "nv21":
        chroma = yuv[::2, ::2, :0:-1].reshape(HEIGHT // 2, WIDTH)
        rows = np.vstack([yuv[..., 0], chroma])
    elif encoding == "nv24":
        chroma = np.pad(yuv[..., 1:].reshape(HEIGHT, 2 * WIDTH), ((0, 0), (0, 2 * padding)))
        luma = np.pad(yuv[..., 0], ((0, 0), (0, padding)))
        rows, padding = np.vstack([luma, chroma.reshape(2 * HEIGHT, -1)]), 0
    else:
        packed = np.empty((HEIGHT, WIDTH, 2), np.uint8)
        luma = 0 if encoding.startswith("y") and "yu" in encoding and encoding != "yuv422" else 1
        packed[..., luma] = yuv[..., 0]
        packed[:, ::2, 1 - luma], packed[:, 1::2, 1 - luma] = yuv[:, ::2, 1], yuv[:, ::2, 2]
        rows = packed.reshape(HEIGHT, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)))
    image = RawImage(HEIGHT, WIDTH, encoding, 0, rows.shape[1], rows.tobytes())
    assert np.abs(decode_image(image).astype(int) - colour).max() <= 4


def test_a_step_that_counts_both_planes_is_understood() -> None:
    """Some drivers give nv21's step as bytes a pixel times width."""
    rows = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    plain = RawImage(HEIGHT, WIDTH, "nv21", 0, WIDTH, rows.tobytes())
    other = RawImage(HEIGHT, WIDTH, "nv21", 0, 2 * WIDTH, rows.tobytes())
    assert np.array_equal(decode_image(plain), decode_image(other))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"height": 0}, "the image is 12x0 pixels"),
        ({"encoding": "16UC7"}, "'16UC7' is not supported; let the camera send one of bgr8, rgb8"),
        ({"step": 35}, "step 35 is less than a row of 12 pixels"),
        ({"data": b"abc"}, "holds 3 bytes, fewer than height x step = 8 x 36 = 288"),
        ({"encoding": "yuyv", "width": 11}, "packs pixels in pairs, but the image is 11 pixels"),
        ({"encoding": "nv21", "height": 7}, "even sides, not 12x7"),
        ({"encoding": "nv24", "data": b"abc"}, "fewer than 24 rows of 12"),
        ({"encoding": "bayer_rggb8", "height": 2, "width": 2}, "2x2 image is too small"),
        ({"height": 2**32 - 1, "width": 2**32 - 1}, "more than any camera has"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    colour: np.ndarray, fields: dict[str, Any], words: str
) -> None:
    sound = message(colour, "bgr8")
    broken = RawImage(**{name: getattr(sound, name) for name in sound.__slots__} | fields)
    with pytest.raises(ImageError, match=words):
        decode_image(broken)


def test_compressed_images(colour: np.ndarray) -> None:
    png = cv2.imencode(".png", colour)[1].tobytes()
    assert np.array_equal(decode_compressed(compressed(png, "png")), colour)
    smooth = cv2.resize(colour, (96, 64), interpolation=cv2.INTER_CUBIC)
    jpeg = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    assert np.abs(decode_compressed(compressed(jpeg)).astype(int) - smooth).mean() < 3
    with pytest.raises(ImageError, match="3 bytes, format 'jpeg', cannot be decoded"):
        decode_compressed(compressed(b"abc"))
    with pytest.raises(ImageError, match="0 bytes"):
        decode_compressed(compressed(b""))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_header_that_promises_a_giant_is_refused_before_it_takes_memory(suffix: str) -> None:
    data = bytearray(cv2.imencode(suffix, np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    side = (60_000).to_bytes(2, "big")
    if suffix == ".png":
        data[16:24] = b"\0\0" + side + b"\0\0" + side
    else:
        place = data.index(b"\xff\xc0")
        data[place + 5 : place + 9] = side + side
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_compressed(compressed(bytes(data)))


def test_a_png_chunk_longer_than_the_data_is_refused_before_it_takes_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OpenCV 4.11 would take two gigabytes and several seconds for it."""
    data = bytearray(cv2.imencode(".png", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    place = data.index(b"IDAT")
    data[place - 4 : place] = (2**31 - 1).to_bytes(4, "big")
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("the decoder was asked"))
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode_compressed(compressed(bytes(data)))


@settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(raw_images())
def test_any_image_is_decoded_or_refused(image: RawImage) -> None:
    try:
        decoded = decode_image(image)
    except ImageError:
        return
    assert decoded.shape == (image.height, image.width, 3) and decoded.dtype == np.uint8


@settings(max_examples=4_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(compressed_images())
def test_any_compressed_image_is_decoded_or_refused(image: CompressedImage) -> None:
    try:
        decoded = decode_compressed(image)
    except ImageError:
        return
    assert decoded.shape[2:] == (3,) and decoded.dtype == np.uint8 and decoded.size
