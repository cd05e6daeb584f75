"""Every output of the node at once, over DDS; and which there are when."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("autoware_perception_msgs", reason="built by make test from tests/underlay")
pytest.importorskip("foxglove_msgs", reason="built by make test from tests/underlay")

from autoware_perception_msgs.msg import PredictedObjects
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from foxglove_msgs.msg import ImageAnnotations, PointsAnnotation
from geometry_msgs.msg import PoseArray
from sensor_msgs.msg import CameraInfo, Image
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from tests.support.graphs import write_tiny_bundle
from tests.support.node import NODE, STATES, NodeUnderTest, image_message, running_node

pytestmark = pytest.mark.ros

KINDS = {
    "trajectories": PredictedTrajectoryArray,
    "detections_3d": Detection3DArray,
    "poses": PoseArray,
    "predicted_objects": PredictedObjects,
    "markers": MarkerArray,
    "image_annotations": ImageAnnotations,
    "overlay": Image,
}
IN_METRES = ("detections_3d", "poses", "predicted_objects", "markers")
OPTIONAL = {"publish_predicted_objects": True, "publish_image_annotations": True}
MOUNTED = {"camera_height": 2.5, "camera_pitch": 0.1, "person_height_stddev": 0.9}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def calibration() -> CameraInfo:
    """Of the images of image_message."""
    info = CameraInfo(width=160, height=96, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [120.0, 0.0, 80.0, 0.0, 120.0, 30.0, 0.0, 0.0, 1.0]
    info.r = np.eye(3).ravel().tolist()
    info.p = [120.0, 0.0, 80.0, 0.0, 0.0, 120.0, 30.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def stream(node: NodeUnderTest, received: dict[str, list[Any]], steps: int) -> None:
    """Answer a few images."""
    for step in range(steps):
        message = image_message(step)
        node.send(message)
        stamp = message.header.stamp
        node.wait_until(
            lambda stamp=stamp: any(m.header.stamp == stamp for m in received["trajectories"]),
            f"answer {step}",
        )


def test_every_output_tells_of_the_same_person(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle, **MOUNTED, **OPTIONAL) as node:
        received = {name: node.collect(kind, f"{NODE}/{name}") for name, kind in KINDS.items()}
        infos = node.node.create_publisher(CameraInfo, "/camera_info", 5)
        node.reach("active")
        node.wait_until(lambda: infos.get_subscription_count() == 1, "the node's ear")
        node.settle()
        infos.publish(calibration())
        node.spin(0.3)
        stream(node, received, 8)
        last = image_message(7).header.stamp
        for name in ("detections_3d", "poses", "predicted_objects"):
            node.wait_until(
                lambda name=name: received[name] and received[name][-1].header.stamp == last, name
            )
        node.wait_until(
            lambda: (
                all(received[name] for name in ("markers", "image_annotations", "overlay"))
                and received["markers"][-1].markers[0].header.stamp == last
                and received["image_annotations"][-1].texts[0].timestamp == last
            ),
            "pictures",
        )
    answer = received["trajectories"][-1]
    assert answer.ground_reason == "" and answer.ground_frame_id
    (person,) = answer.trajectories
    ground = person.ground
    assert ground.valid and ground.speed > 0.2

    boxes = received["detections_3d"][-1]
    assert boxes.header.frame_id == answer.ground_frame_id
    (box,) = boxes.detections
    assert box.id == person.track_id
    centre = box.bbox.center.position
    assert (centre.x, centre.y) == (ground.position.x, ground.position.y)
    assert centre.z == pytest.approx(ground.position.z + ground.height / 2)
    covariance = np.array(box.results[0].pose.covariance).reshape(6, 6)
    assert covariance[:2, :2] == pytest.approx(np.reshape(ground.covariance, (4, 4))[:2, :2])

    (pose,) = received["poses"][-1].poses
    assert pose.position == ground.position
    turn = 2 * math.atan2(pose.orientation.z, pose.orientation.w)
    assert math.cos(turn - ground.heading) == pytest.approx(1.0)

    (target,) = received["predicted_objects"][-1].objects
    twist = target.kinematics.initial_twist_with_covariance.twist.linear
    assert (twist.x, twist.y) == pytest.approx((ground.speed, 0.0))
    (path,) = target.kinematics.predicted_paths
    assert path.path[0] == target.kinematics.initial_pose_with_covariance.pose
    (mode,) = person.modes
    end = mode.points[-1].ground_position
    assert (path.path[-1].position.x, path.path[-1].position.y) == pytest.approx((end.x, end.y))
    ids = {
        bytes(one.object_id.uuid)
        for array in received["predicted_objects"]
        for one in array.objects
    }
    assert len(ids) == len({p.track_id for a in received["trajectories"] for p in a.trajectories})

    markers = received["markers"][-1].markers
    assert markers[0].action == Marker.DELETEALL
    assert {marker.id for marker in markers[1:]} == {int(person.track_id)}
    assert {"person", "path", "velocity", "label"} <= {marker.ns for marker in markers[1:]}

    annotations = received["image_annotations"][-1]
    outline, feet = annotations.points
    assert outline.type == PointsAnnotation.LINE_LOOP and feet.type == PointsAnnotation.LINE_STRIP
    middle = np.mean([(point.x, point.y) for point in outline.points], axis=0)
    place = person.bbox.center.position
    assert middle == pytest.approx((place.x + 0.5, place.y + 0.5))


def test_without_metres_only_pixels_are_published(bundle: Path, tmp_path: Path) -> None:
    """A ground that is asked for and not to be had: nobody in metres would be an all-clear."""
    with running_node(tmp_path, bundle=bundle, **MOUNTED, **OPTIONAL) as node:
        received = {name: node.collect(kind, f"{NODE}/{name}") for name, kind in KINDS.items()}
        node.reach("active")
        node.settle()
        stream(node, received, 3)  # no calibration has come
        node.wait_until(lambda: len(received["image_annotations"]) == 3, "annotations")
        node.spin(0.5)
    assert all(answer.ground_reason for answer in received["trajectories"])
    assert not any(received[name] for name in IN_METRES)
    assert received["image_annotations"][-1].texts[0].text.endswith("%")


def test_topics_are_there_where_they_are_switched_on(bundle: Path, tmp_path: Path) -> None:
    def topics(**parameters: object) -> set[str]:
        with running_node(tmp_path, bundle=bundle, **parameters) as node:
            assert node.change_state("configure"), node.log
            node.wait_until(
                lambda: node.node.count_publishers(f"{NODE}/trajectories") == 1, "the outputs"
            )
            node.settle()
            return {name for name in KINDS if node.node.count_publishers(f"{NODE}/{name}")}

    assert topics() == set(KINDS) - {*IN_METRES, "image_annotations"}
    usual = set(KINDS) - {"predicted_objects", "image_annotations"}
    assert topics(**MOUNTED) == usual
    assert topics(publish_markers=False, **MOUNTED, **OPTIONAL) == set(KINDS) - {"markers"}


def test_objects_in_metres_without_metres_refuse_configure(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle, publish_predicted_objects=True) as node:
        assert not node.change_state("configure")
        assert "'publish_predicted_objects': they are in metres; set target_frame" in node.log


def test_a_missing_package_refuses_configure(bundle: Path, tmp_path: Path) -> None:
    """As where Autoware's messages are not installed."""
    program = ("-c", WITHOUT_AUTOWARE)
    parameters = {"bundle": bundle, "publish_predicted_objects": True, **MOUNTED}
    with running_node(tmp_path, program=program, **parameters) as node:
        assert not node.change_state("configure")
        assert node.state() == STATES["unconfigured"]
        assert "parameter 'publish_predicted_objects'" in node.log
        assert "ros-$ROS_DISTRO-autoware-perception-msgs" in node.log
        assert node.set_parameter("publish_predicted_objects", False) == ""
        assert node.change_state("configure"), node.log


WITHOUT_AUTOWARE = """
import sys
sys.modules["autoware_perception_msgs.msg"] = None  # an import of it fails
from convlstm_perception.ros.node import main
sys.exit(main())
"""
