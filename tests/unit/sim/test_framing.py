"""Messages survive a pipe, and a broken stream is told."""

from __future__ import annotations

import io

import numpy as np
import pytest

from convlstm_perception_sim.framing import FramingError, read_message, write_message
from convlstm_perception_sim.snapshot import Person, Pose, Snapshot

SNAPSHOT = Snapshot(
    stamp_ns=1_700_000_000_123_456_789,
    ego=Pose((1.0, -2.5, 0.01), (0.0, 0.1, 0.0, 0.995)),
    people=[
        Person(1, (10.5, 20.25, 3.0, 9.0), (4.0, 1.0, 0.2), (0.5, -1.0), 1.75),
        Person(2, None, (-4.0, 1.0, 0.0), (0.0, 0.0), 1.6),
    ],
)
IMAGE = np.random.default_rng(0).integers(0, 256, (7, 11, 3), dtype=np.uint8)


def stream_of(count: int) -> io.BytesIO:
    stream = io.BytesIO()
    for _ in range(count):
        # Upside down in memory, as the renderer gives images.
        write_message(stream, SNAPSHOT.to_values(), IMAGE[::-1])
    stream.seek(0)
    return stream


def test_messages_come_out_as_they_went_in() -> None:
    stream = stream_of(2)
    for _ in range(2):
        message = read_message(stream)
        assert message is not None
        values, image = message
        assert Snapshot.from_values(values) == SNAPSHOT
        np.testing.assert_array_equal(image, IMAGE[::-1])
    assert read_message(stream) is None


@pytest.mark.parametrize("kept", [3, 30, -1])
def test_a_stream_that_breaks_off_is_told(kept: int) -> None:
    data = stream_of(1).getvalue()[:kept]
    with pytest.raises(FramingError, match="ended after"):
        read_message(io.BytesIO(data))


def test_what_is_no_message_is_told() -> None:
    with pytest.raises(FramingError, match="out of step"):
        read_message(io.BytesIO(b"Known pipe types: glxGraphicsPipe"))
