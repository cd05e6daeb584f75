"""The size of image that is accepted at all, raw or compressed."""

from __future__ import annotations

from convlstm_perception.errors import ImageError

MOST_PIXELS = 1 << 26
"""8192 x 8192: beyond every camera that one would look for pedestrians with, and within the
memory of a small computer (0.2 GB as blue, green, red). A damaged or hostile header that asks
for more is refused before memory is taken."""

_LONGEST_NAME = 40


def check_size(width: int, height: int) -> None:
    """Refuse an image of no pixels or of more than ``MOST_PIXELS``.

    Raises:
        ImageError: with the size and the mend.
    """
    if width <= 0 or height <= 0:
        raise ImageError(f"the image is {width}x{height} pixels; check the camera driver")
    if width * height > MOST_PIXELS:
        raise ImageError(
            f"the image is {width}x{height} pixels, more than the {MOST_PIXELS} (8192x8192) that "
            "are accepted; lower the camera's resolution or check its driver"
        )


def shortened(text: str) -> str:
    """A name out of a message, cut so that a damaged one does not fill the log."""
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "..."
