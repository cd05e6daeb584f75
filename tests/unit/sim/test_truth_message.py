"""The published truth comes back out of the message as it was."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("rclpy")

from std_msgs.msg import Header

from convlstm_perception.ros.conversions import trajectories_to_message
from convlstm_perception.ros.recorder import ground_from_message, tracks_from_message
from convlstm_perception_sim.snapshot import Person, Pose, Snapshot
from convlstm_perception_sim.truth_message import as_result

SNAPSHOT = Snapshot(
    stamp_ns=5,
    # A quarter turn to the left, at (10, 5).
    ego=Pose((10.0, 5.0, 0.0), (0.0, 0.0, 0.5**0.5, 0.5**0.5)),
    people=[
        Person(1, (10.5, 20.25, 3.0, 9.0), (9.0, 8.0, 0.2), (0.0, 1.0), 1.75),
        Person(2, None, (10.0, 1.0, 0.0), (0.0, 0.0), 1.6),
    ],
)


def test_boxes_places_and_velocities_are_told_of_everybody() -> None:
    result = as_result(SNAPSHOT, "camera_optical", "base_link")
    message = trajectories_to_message(result, Header(frame_id="camera_optical"), "truth")
    tracks, ground = tracks_from_message(message), ground_from_message(message)
    assert tracks.ids.tolist() == [1, 2]
    np.testing.assert_allclose(tracks.boxes[0], [10.5, 20.25, 3.0, 9.0])
    assert np.isnan(tracks.boxes[1]).all()
    assert ground.frame_id == "base_link" and ground.valid.all()
    np.testing.assert_allclose(ground.positions, [[3.0, 1.0, 0.2], [-4.0, 0.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(ground.velocities, [[1.0, 0.0], [0.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(ground.heights, [1.75, 1.6])
