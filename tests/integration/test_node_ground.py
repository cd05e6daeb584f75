"""The node in metres, over DDS: by TF, by the mount's height, with odometry, and replayed."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectory, PredictedTrajectoryArray

from convlstm_perception.bags import BagReader
from convlstm_perception.cli.main import main
from convlstm_perception.geometry import RigidTransform
from tests.integration.test_black_box import saved_bag
from tests.support.graphs import write_tiny_bundle
from tests.support.ground_node import FRAME, Surroundings, camera
from tests.support.node import NODE, NodeUnderTest, image_message, running_node

pytestmark = pytest.mark.ros


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def answer(
    node: NodeUnderTest, answers: list[PredictedTrajectoryArray], step: int, later: int = 0
) -> PredictedTrajectoryArray:
    """Send an image, stamped so many seconds later, and wait for its answer."""
    message = image_message(step)
    message.header.stamp.sec += later
    node.send(message)
    node.wait_until(
        lambda: answers and answers[-1].header.stamp == message.header.stamp, f"answer {step}"
    )
    return answers[-1]


def foot_on_ground(person: PredictedTrajectory) -> np.ndarray:
    box = person.bbox
    foot = [box.center.position.x, box.center.position.y + box.size_y / 2]
    return camera().locate_pixels(np.array([foot]), np.ones((1, 2))).positions[0]


def test_by_tf_and_camera_info(bundle: Path, tmp_path: Path) -> None:
    with running_node(
        tmp_path, bundle=bundle, target_frame="base_link", person_height_stddev=0.9
    ) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        around = Surroundings(node)
        node.reach("active")
        around.await_node()
        around.calibrate()
        around.mount()
        for step in range(8):
            last = answer(node, answers, step)
    assert (last.ground_frame_id, last.ground_reason) == ("base_link", "")
    assert not last.ego_motion_compensated
    assert last.header.frame_id == FRAME, "the pixels stay the camera's"
    (person,) = last.trajectories
    ground = person.ground
    assert ground.valid and ground.reason == ""
    place = np.array([ground.position.x, ground.position.y])
    # People of any height tell nothing: it is the feet's place, smoothed over the past.
    np.testing.assert_allclose(place, foot_on_ground(person)[:2], atol=0.35)
    assert ground.velocity.y < -0.5, "it walks to the image's right, which is the camera's -y"
    assert ground.speed == pytest.approx(math.hypot(ground.velocity.x, ground.velocity.y))
    assert ground.heading == pytest.approx(math.atan2(ground.velocity.y, ground.velocity.x))
    assert ground.closest_approach_distance <= np.hypot(*place) + 1e-9
    covariance = ground.covariance.reshape(4, 4)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    path = np.array([[p.ground_position.x, p.ground_position.y] for p in person.modes[0].points])
    assert (np.hypot(*(path - place).T) < 5.0).all()
    assert all(point.ground_covariance[0] > 0 for point in person.modes[0].points)


def test_by_the_mounts_height_without_any_tf(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle, camera_height=2.5, camera_pitch=0.1) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        around = Surroundings(node)
        node.reach("active")
        around.await_node(transforms=False)
        around.calibrate()
        for step in range(4):
            last = answer(node, answers, step)
        topics = dict(node.node.get_subscriber_names_and_types_by_node("convlstm_perception", "/"))
        assert "/tf" not in topics, "who needs no transforms listens to none"
    assert last.ground_frame_id == f"{FRAME}_ground"
    (person,) = last.trajectories
    assert person.ground.valid and 3.0 < person.ground.position.x < 20.0


def test_without_either_nothing_is_said_in_metres(bundle: Path, tmp_path: Path) -> None:
    with running_node(tmp_path, bundle=bundle) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        for step in range(3):
            last = answer(node, answers, step)
        topics = dict(node.node.get_subscriber_names_and_types_by_node("convlstm_perception", "/"))
        assert not {"/tf", "/tf_static", "/camera_info"} & topics.keys()
    assert last.ground_frame_id == ""
    assert "no target_frame and no camera_height" in last.ground_reason
    (person,) = last.trajectories
    assert not person.ground.valid and math.isnan(person.ground.position.x)
    assert math.isnan(person.modes[0].points[0].ground_position.x)


def driven(step: int) -> RigidTransform:
    """Ahead at 3 m/s, turning left."""
    return RigidTransform.from_euler(0.0, 0.0, 0.02 * step, (100.0 + 0.3 * step, -20.0, 0.0))


@pytest.mark.parametrize("by", ["odometry", "tf"])
def test_the_vehicles_motion_is_taken_out_and_a_replay_answers_bit_for_bit(
    by: str, bundle: Path, tmp_path: Path
) -> None:
    parameters = {"odometry_topic": "/odom"} if by == "odometry" else {"fixed_frame": "odom"}
    with running_node(
        tmp_path,
        bundle=bundle,
        target_frame="base_link",
        black_box_folder=tmp_path / "boxes",
        threads=1,
        **parameters,
    ) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        around = Surroundings(node)
        node.reach("active")
        around.await_node(odometry=by == "odometry")
        around.calibrate()
        around.mount()
        for step in range(12):
            stamp = image_message(step).header.stamp
            if by == "odometry":
                around.drive(stamp, driven(step))
            else:
                around.move("odom", "base_link", stamp, driven(step))
            node.spin(0.1)
            last = answer(node, answers, step)
        bag = saved_bag(node)
    assert last.ego_motion_compensated and last.ground_frame_id == "base_link"
    (person,) = last.trajectories
    assert person.ground.valid and abs(person.ground.position.x) < 50
    with BagReader(bag) as opened:
        assert opened.topics("sensor_msgs/msg/CameraInfo") == ["/camera_info"]
        assert opened.topics("tf2_msgs/msg/TFMessage") == ["/tf"]
    words = ["--bundle", str(bundle), "--output", str(tmp_path / "again"), "--threads", "1"]
    assert main(["replay", str(bag), "--no-overlay", *words]) == 0
    summary = json.loads((tmp_path / "again" / "summary.json").read_text())
    (replayed,) = summary["cameras"]
    assert (replayed["identical"], replayed["different"]) == (12, 0)
