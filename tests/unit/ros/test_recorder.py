"""What the demo's recorder makes of the node's messages."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from convlstm_perception.types import (
    Detections,
    GroundTracks,
    PerceptionResult,
    Tracks,
    Trajectories,
)

pytest.importorskip("rclpy", reason="needs ROS 2's rclpy")

from std_msgs.msg import Header

from convlstm_perception.ros.conversions import trajectories_to_message
from convlstm_perception.ros.recorder import ground_from_message, tracks_from_message

TIMES = np.array([0.5, 1.0, 1.5], np.float32)


def tracks(count: int) -> Tracks:
    random = np.random.default_rng(count)
    shape = (count, len(TIMES), 4)
    return Tracks(
        ids=np.arange(7, 7 + count),
        boxes=random.uniform(1.0, 500.0, (count, 4)).astype(np.float32),
        scores=random.uniform(0.0, 1.0, count).astype(np.float32),
        coasting=random.uniform(0.0, 1.0, count) > 0.5,
        trajectories=Trajectories(
            TIMES,
            random.uniform(1.0, 500.0, shape).astype(np.float32),
            random.uniform(0.1, 99.0, shape).astype(np.float32),
        ),
    )


def there_and_back(sent: Tracks) -> Tracks:
    nothing = Detections(sent.boxes, sent.scores, sent.trajectories)
    result = PerceptionResult(0, "camera", nothing, sent, valid_slots=8)
    return tracks_from_message(trajectories_to_message(result, Header(), "model-1"))


@pytest.mark.parametrize("count", [1, 3])
def test_tracks_survive_the_messages(count: int) -> None:
    sent = tracks(count)
    received = there_and_back(sent)
    np.testing.assert_array_equal(received.ids, sent.ids)
    np.testing.assert_array_equal(received.boxes, sent.boxes)
    np.testing.assert_array_equal(received.scores, sent.scores)
    np.testing.assert_array_equal(received.coasting, sent.coasting)
    np.testing.assert_allclose(received.trajectories.times, TIMES)
    np.testing.assert_array_equal(received.trajectories.boxes, sent.trajectories.boxes)
    np.testing.assert_array_equal(received.trajectories.variances, sent.trajectories.variances)


def test_places_and_paths_on_the_ground_survive_the_messages() -> None:
    random, sent, horizons = np.random.default_rng(3), tracks(2), len(TIMES)
    ground = replace(
        GroundTracks.unknown(2, horizons, "hidden", "base_link"),
        compensated=True,
        reason="",
        reasons=("", "hidden"),
    )
    for entry in fields(ground):
        values = getattr(ground, entry.name)
        if isinstance(values, np.ndarray):
            values[0] = random.uniform(0.1, 9.0, values[0].shape)
    nothing = Detections(sent.boxes, sent.scores, sent.trajectories)
    result = PerceptionResult(0, "camera", nothing, sent, valid_slots=8, ground=ground)
    received = ground_from_message(trajectories_to_message(result, Header(), "model-1"))
    for entry in fields(ground):
        np.testing.assert_array_equal(
            getattr(received, entry.name), getattr(ground, entry.name), entry.name
        )


def test_nobody_is_no_error() -> None:
    received = there_and_back(tracks(0))
    assert len(received) == 0
    assert received.boxes.shape == (0, 4)
