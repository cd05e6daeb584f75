"""Whatever a topic carries, the decoder answers with an image or an ImageError."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

from convlstm_perception.data.image_message import decode_compressed, decode_image
from convlstm_perception.errors import ImageError
from tests.support.image_messages import (
    CompressedFields,
    ImageFields,
    compressed_images,
    raw_images,
    shape_of,
)

FUZZ = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(FUZZ, max_examples=12_000)
@given(fields=raw_images())
def test_raw(fields: ImageFields) -> None:
    try:
        image = decode_image(fields)
    except ImageError as error:
        assert 20 < len(str(error)) < 600
        return
    assert image.shape == shape_of(fields)
    assert image.dtype == np.uint8


@settings(FUZZ, max_examples=8_000)
@given(fields=compressed_images())
def test_compressed(fields: CompressedFields) -> None:
    try:
        image = decode_compressed(fields)
    except ImageError as error:
        assert 20 < len(str(error)) < 600
        return
    assert image.ndim == 3 and image.shape[2] == 3 and image.size
    assert image.dtype == np.uint8
