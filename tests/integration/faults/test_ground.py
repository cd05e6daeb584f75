"""What the ground needs is missing, late or wrong: pixels are answered, metres are not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from builtin_interfaces.msg import Time
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticStatus

from convlstm_perception.geometry import RigidTransform
from tests.integration.test_node_ground import answer
from tests.integration.test_node_input import Health
from tests.support.ground_node import FRAME, MOUNT, Surroundings
from tests.support.node import NODE, image_message, running_node


def since_then() -> int:
    """Seconds by which images are to be stamped later than image_message does, to be of now: else
    health would speak of the clocks."""
    return int(time.time()) - image_message(0).header.stamp.sec


FAULTS: dict[str, tuple[Callable[[Surroundings], None], str]] = {
    "no CameraInfo": (lambda around: around.mount(), "no calibration"),
    "K all zeros": (
        lambda around: (around.mount(), around.calibrate(k=[0.0] * 9))[0],
        "the camera is not calibrated",
    ),
    "wrong resolution": (
        lambda around: (around.mount(), around.calibrate(width=320))[0],
        "the image is 160x96, but the calibration is for 320x96",
    ),
    "no TF": (lambda around: around.calibrate(), "no transform from 'camera_optical'"),
    "late TF": (
        lambda around: (
            around.move("base_link", FRAME, Time(sec=since_then()), MOUNT),
            around.calibrate(),
        )[0],
        "s older than the image",
    ),
    "a plane behind the camera": (
        lambda around: (
            around.mount(RigidTransform(MOUNT.quaternion, MOUNT.translation - [0, 0, 3])),
            around.calibrate(),
        )[0],
        "lies behind it",
    ),
    "a transform that is none": (
        lambda around: (
            around.mount(RigidTransform(0 * MOUNT.quaternion, MOUNT.translation)),
            around.calibrate(),
        )[0],
        "no transform from 'camera_optical'",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_ground_is_missing(fault: str, bundle: Path, tmp_path: Path) -> None:
    """Pixels are answered as ever; the ground is invalid with the reason; WARN, logged once."""
    give, words = FAULTS[fault]
    with running_node(
        tmp_path, bundle=bundle, target_frame="base_link", image_timeout=60.0
    ) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        health, around = Health(node), Surroundings(node)
        node.reach("active")
        around.await_node()
        give(around)
        later = since_then()
        for step in range(6):
            last = answer(node, answers, step, later)
            assert words in last.ground_reason and last.ground_frame_id == ""
        (person,) = last.trajectories
        assert person.bbox.size_y > 0 and len(person.modes[0].points) > 0
        assert not person.ground.valid and words in person.ground.reason
        assert math.isnan(person.ground.position.x)
        health.await_words(words, DiagnosticStatus.WARN)
        assert node.log.count("pixels only, or less in metres than asked") == 1
        # What was missing comes: from then on metres are answered, without a restart.
        around.mount()
        around.calibrate()
        for step in range(6, 9):
            last = answer(node, answers, step, later)
        assert last.ground_reason == "" and last.trajectories[0].ground.valid
        node.wait_until(lambda: health.status.level == DiagnosticStatus.OK, "health")
        assert "Traceback" not in node.log


def test_odometry_is_missing(bundle: Path, tmp_path: Path) -> None:
    """Metres are answered as they look from the vehicle, and it is said that they are."""
    with running_node(
        tmp_path,
        bundle=bundle,
        target_frame="base_link",
        odometry_topic="/odom",
        image_timeout=60.0,
    ) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        health, around = Health(node), Surroundings(node)
        node.reach("active")
        around.await_node(odometry=True)
        around.calibrate()
        around.mount()
        later = since_then()
        for step in range(6):
            last = answer(node, answers, step, later)
        assert last.trajectories[0].ground.valid and not last.ego_motion_compensated
        health.await_words("no odometry has come on /odom", DiagnosticStatus.WARN)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("ground_plane", "[0.0,0.0,-1.0,0.0]", "does not point upwards"),
        ("fixed_frame", "odom", "needs target_frame"),
    ],
)
def test_a_ground_that_is_none(
    parameter: str, value: str, words: str, bundle: Path, tmp_path: Path
) -> None:
    """Configure refuses, and says which parameter and why."""
    with running_node(tmp_path, bundle=bundle, **{parameter: value}) as node:
        assert not node.change_state("configure")
        assert f"parameter '{parameter}'" in node.log and words in node.log
        assert "Traceback" not in node.log
