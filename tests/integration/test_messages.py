"""The message packages are what they say, wherever they come from."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

import convlstm_perception_msgs.msg as ours
import vision_msgs.msg as vision
from rclpy.serialization import deserialize_message, serialize_message

# Names, types and order of vision_msgs 4.1: what the wire and the type hashes are made of.
HEADER = ("header", "std_msgs/Header")
VISION = {
    "Point2D": [("x", "double"), ("y", "double")],
    "Pose2D": [("position", "vision_msgs/Point2D"), ("theta", "double")],
    "BoundingBox2D": [
        ("center", "vision_msgs/Pose2D"),
        ("size_x", "double"),
        ("size_y", "double"),
    ],
    "BoundingBox2DArray": [HEADER, ("boxes", "sequence<vision_msgs/BoundingBox2D>")],
    "BoundingBox3D": [("center", "geometry_msgs/Pose"), ("size", "geometry_msgs/Vector3")],
    "BoundingBox3DArray": [HEADER, ("boxes", "sequence<vision_msgs/BoundingBox3D>")],
    "Classification": [HEADER, ("results", "sequence<vision_msgs/ObjectHypothesis>")],
    "Detection2D": [
        HEADER,
        ("results", "sequence<vision_msgs/ObjectHypothesisWithPose>"),
        ("bbox", "vision_msgs/BoundingBox2D"),
        ("id", "string"),
    ],
    "Detection2DArray": [HEADER, ("detections", "sequence<vision_msgs/Detection2D>")],
    "Detection3D": [
        HEADER,
        ("results", "sequence<vision_msgs/ObjectHypothesisWithPose>"),
        ("bbox", "vision_msgs/BoundingBox3D"),
        ("id", "string"),
    ],
    "Detection3DArray": [HEADER, ("detections", "sequence<vision_msgs/Detection3D>")],
    "LabelInfo": [
        HEADER,
        ("class_map", "sequence<vision_msgs/VisionClass>"),
        ("threshold", "float"),
    ],
    "ObjectHypothesis": [("class_id", "string"), ("score", "double")],
    "ObjectHypothesisWithPose": [
        ("hypothesis", "vision_msgs/ObjectHypothesis"),
        ("pose", "geometry_msgs/PoseWithCovariance"),
    ],
    "VisionClass": [("class_id", "uint16"), ("class_name", "string")],
    "VisionInfo": [
        HEADER,
        ("method", "string"),
        ("database_location", "string"),
        ("database_version", "int32"),
    ],
}


@pytest.mark.parametrize("name", VISION)
def test_vision_msgs_are_those_of_4_1(name: str) -> None:
    fields = getattr(vision, name).get_fields_and_field_types()
    assert list(fields.items()) == VISION[name]


def test_a_trajectory_survives_the_wire() -> None:
    point = ours.TrajectoryPoint(covariance=[float(i) for i in range(16)])
    point.time_from_start.nanosec = 500_000_000
    point.bbox.center.position.x, point.bbox.size_y = 12.5, 80.0
    person = ours.PredictedTrajectory(track_id="7", score=0.9, coasting=True)
    person.modes = [ours.TrajectoryMode(probability=1.0, points=[point])]
    message = ours.PredictedTrajectoryArray(model_id="m", trajectories=[person])
    message.header.frame_id = "camera"
    again = deserialize_message(serialize_message(message), ours.PredictedTrajectoryArray)
    assert again == message
