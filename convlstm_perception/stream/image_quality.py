"""Images that show nothing: black, saturated, or the same as the one before for too long.

An empty answer to such an image would be taken for an all-clear, so it is told apart before the
networks see it.
"""

from __future__ import annotations

import numpy as np

from convlstm_perception.stream.settings import QualitySettings
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Image

_STRIDE = 4  # every fourth pixel of every fourth row is enough to know dark from light
_GREEN = 1  # the channel that weighs most in brightness
_LEAST_SHARE = 0.01  # of the pixels must differ from black, or from white


class ImageQuality:
    """Judges one camera's images in the order in which they come.

    Args:
        settings: from where on an image is unusable.
    """

    def __init__(self, settings: QualitySettings) -> None:
        self.settings = settings
        self._last: Image | None = None
        self._changed_ns: int | None = None

    def reset(self) -> None:
        """Forget the images so far."""
        self._last = self._changed_ns = None

    def judge(self, image: Image, stamp_ns: int) -> str:
        """Why an image shows nothing, in words; "" for one that can be answered.

        Args:
            image: (height, width, 3) uint8, BGR, as fitted for the network; not kept.
            stamp_ns: of the image.
        """
        settings = self.settings
        unchanged = self._unchanged_seconds(image, stamp_ns)
        sample = image[::_STRIDE, ::_STRIDE, _GREEN]
        least = _LEAST_SHARE * sample.size
        if np.count_nonzero(sample > settings.black_level) < least:
            return f"the image is black (99 % of it at grey level {settings.black_level} or below)"
        if np.count_nonzero(sample < settings.saturated_level) < least:
            return (
                f"the image is saturated (99 % of it at grey level {settings.saturated_level} or "
                "above)"
            )
        if settings.frozen_after and unchanged >= settings.frozen_after:
            return f"the image is frozen: to the last bit the same for {unchanged:.1f} s"
        return ""

    def _unchanged_seconds(self, image: Image, stamp_ns: int) -> float:
        if not self.settings.frozen_after:
            return 0.0
        last = self._last
        if last is not None and last.shape == image.shape and np.array_equal(last, image):
            assert self._changed_ns is not None
            # After a jump of time back the image is the same for as long as since the jump.
            self._changed_ns = min(self._changed_ns, stamp_ns)
            return (stamp_ns - self._changed_ns) / NANOSECONDS_PER_SECOND
        if last is not None and last.shape == image.shape:
            np.copyto(last, image)
        else:
            self._last = image.copy()
        self._changed_ns = stamp_ns
        return 0.0
