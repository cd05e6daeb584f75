"""Bags answered in metres: by their own calibrations, transforms and odometry, as somebody asks."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convlstm_perception.bags import PARAMETERS_KEY, BagReader, BagWriter
from convlstm_perception.geometry import RigidTransform, pose_above_ground
from convlstm_perception.messages import TRAJECTORIES
from tests.support.graphs import write_tiny_bundle
from tests.unit.replay.test_replay import HEIGHT, PERIOD_NS, TYPES, WIDTH, header, raw, run

STEPS = 10
MOUNT = pose_above_ground(2.5, 0.1, 0.0)
K = [120.0, 0.0, WIDTH / 2, 0.0, 120.0, 30.0, 0.0, 0.0, 1.0]
LATE_NS = 30_000_000  # transforms are recorded so long after their images


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def camera_info(**facts: Any) -> Any:
    known = {"header": header(0), "width": WIDTH, "height": HEIGHT, "binning_x": 0, "binning_y": 0}
    known |= {"distortion_model": "plumb_bob", "d": np.zeros(5), "k": np.array(K)}
    known |= {"r": np.eye(3).ravel(), "p": np.hstack([np.reshape(K, (3, 3)), np.zeros((3, 1))])}
    known["p"] = known["p"].ravel()
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    known["roi"] = TYPES["sensor_msgs/msg/RegionOfInterest"](**roi)
    return TYPES["sensor_msgs/msg/CameraInfo"](**known | facts)


def turned(transform: RigidTransform) -> tuple[Any, dict[str, float]]:
    x, y, z, w = transform.quaternion.tolist()
    place = dict(zip("xyz", transform.translation.tolist(), strict=True))
    return TYPES["geometry_msgs/msg/Quaternion"](x=x, y=y, z=z, w=w), place


def transforms(step: int, parent: str, child: str, transform: RigidTransform) -> Any:
    turn, place = turned(transform)
    head = TYPES["std_msgs/msg/Header"](stamp=header(step).stamp, frame_id=parent)
    one = TYPES["geometry_msgs/msg/TransformStamped"](
        header=head,
        child_frame_id=child,
        transform=TYPES["geometry_msgs/msg/Transform"](
            translation=TYPES["geometry_msgs/msg/Vector3"](**place), rotation=turn
        ),
    )
    return TYPES["tf2_msgs/msg/TFMessage"](transforms=[one])


def odometry(step: int, transform: RigidTransform) -> Any:
    turn, place = turned(transform)
    zero = TYPES["geometry_msgs/msg/Vector3"](x=0.0, y=0.0, z=0.0)
    pose = TYPES["geometry_msgs/msg/Pose"](
        position=TYPES["geometry_msgs/msg/Point"](**place), orientation=turn
    )
    return TYPES["nav_msgs/msg/Odometry"](
        header=TYPES["std_msgs/msg/Header"](stamp=header(step).stamp, frame_id="odom"),
        child_frame_id="base_link",
        pose=TYPES["geometry_msgs/msg/PoseWithCovariance"](pose=pose, covariance=np.zeros(36)),
        twist=TYPES["geometry_msgs/msg/TwistWithCovariance"](
            twist=TYPES["geometry_msgs/msg/Twist"](linear=zero, angular=zero),
            covariance=np.zeros(36),
        ),
    )


def driven(step: int) -> RigidTransform:
    return RigidTransform.from_euler(0.0, 0.0, 0.01 * step, (0.2 * step, 0.0, 0.0))


def write_bag(
    path: Path,
    extra: Callable[[BagWriter, int], None] = lambda bag, step: None,
    *,
    images: tuple[str, ...] = ("/image",),
    info: Any = None,
    parameters: dict[str, Any] | None = None,
) -> Path:
    told = {PARAMETERS_KEY: json.dumps(parameters)} if parameters else {}
    with BagWriter(path, told) as bag:
        tf_static = transforms(0, "base_link", "camera", MOUNT)
        bag.write("/tf_static", "tf2_msgs/msg/TFMessage", 0, tf_static)
        for step in range(STEPS):
            for topic in images:
                beside = topic.rsplit("/", 1)[0] + "/camera_info"
                message = info or camera_info()
                bag.write(beside, "sensor_msgs/msg/CameraInfo", step * PERIOD_NS, message)
                bag.write(topic, raw(step)[0], step * PERIOD_NS, raw(step)[1])
            extra(bag, step)
    return path


def answers(output: Path, camera: str = "") -> list[Any]:
    with BagReader(output / "results") as bag:
        topics = [topic for topic in bag.topics(TRAJECTORIES) if camera in topic]
        return [entry.message for entry in bag.messages(topics)]


def test_by_the_transforms_of_the_bag(bundle: Path, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    run(bag, bundle, tmp_path / "out", "--no-overlay", "--target-frame", "base_link")
    last = answers(tmp_path / "out")[-1]
    assert (last.ground_frame_id, last.ground_reason) == ("base_link", "")
    assert not last.ego_motion_compensated
    (person,) = last.trajectories
    assert person.ground.valid and 3.0 < person.ground.position.x < 20.0


def test_the_mounts_height_says_the_same(bundle: Path, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    run(bag, bundle, tmp_path / "tf", "--no-overlay", "--target-frame", "base_link")
    words = ("--camera-height", "2.5", "--camera-pitch", "0.1")
    run(bag, bundle, tmp_path / "mount", "--no-overlay", *words)
    one, other = (answers(tmp_path / name)[-1].trajectories[0] for name in ("tf", "mount"))
    assert one.ground.position.x == pytest.approx(other.ground.position.x, abs=1e-9)


@pytest.mark.parametrize("by", ["odometry", "tf"])
def test_the_motion_is_taken_out(by: str, bundle: Path, tmp_path: Path) -> None:
    """Also of transforms that were recorded a little later than their images."""

    def move(bag: BagWriter, step: int) -> None:
        time = step * PERIOD_NS + LATE_NS
        if by == "odometry":
            bag.write("/odom", "nav_msgs/msg/Odometry", time, odometry(step, driven(step)))
        else:
            moved = transforms(step, "odom", "base_link", driven(step))
            bag.write("/tf", "tf2_msgs/msg/TFMessage", time, moved)

    bag = write_bag(tmp_path / "bag", move)
    option = ("--odometry", "/odom") if by == "odometry" else ("--fixed-frame", "odom")
    run(bag, bundle, tmp_path / "moved", "--no-overlay", "--target-frame", "base_link", *option)
    run(bag, bundle, tmp_path / "still", "--no-overlay", "--target-frame", "base_link")
    told, untold = (answers(tmp_path / name)[-1] for name in ("moved", "still"))
    assert told.ego_motion_compensated and not untold.ego_motion_compensated
    ahead = [each.trajectories[0].ground.velocity.x for each in (told, untold)]
    # The vehicle goes ahead at 2 m/s: over the ground the person goes that much faster ahead.
    assert ahead[0] - ahead[1] == pytest.approx(2.0, abs=0.6)


def test_a_bag_without_what_is_needed_says_so(bundle: Path, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", info=camera_info(width=640))
    run(bag, bundle, tmp_path / "out", "--no-overlay", "--target-frame", "base_link")
    last = answers(tmp_path / "out")[-1]
    assert "the calibration is for 640x96" in last.ground_reason
    assert math.isnan(last.trajectories[0].ground.position.x)
    run(bag, bundle, tmp_path / "map", "--no-overlay", "--target-frame", "map")
    assert "calibration" in answers(tmp_path / "map")[-1].ground_reason


def test_each_camera_has_the_mount_that_the_parameters_give_it(
    bundle: Path, tmp_path: Path
) -> None:
    parameters = {
        "cameras": ["front", "rear"],
        "front.camera_height": 2.5,
        "front.camera_pitch": 0.1,
        "rear.camera_height": 1.25,
        "rear.camera_pitch": 0.1,
        "camera_height": 0.0,
    }
    bag = write_bag(tmp_path / "bag", images=("/front/image", "/rear/image"), parameters=parameters)
    run(bag, bundle, tmp_path / "out", "--no-overlay")
    front, rear = (answers(tmp_path / "out", f"/{name}/")[-1] for name in ("front", "rear"))
    places = [each.trajectories[0].ground for each in (front, rear)]
    assert all(place.valid for place in places)
    assert places[1].position.x < 0.8 * places[0].position.x, "half as high, nearer"


def test_a_report_shows_what_is_said_in_metres(bundle: Path, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag")
    run(bag, bundle, tmp_path / "out", "--report", "--target-frame", "base_link")
    page = (tmp_path / "out" / "report.html").read_text()
    data = json.loads(page.split("id=data>")[1].split("</script>")[0])
    (camera,) = data["cameras"]
    assert camera["frames"][-1]["g"] == 1 and camera["frames"][-1]["who"][0]["w"][0][0] > 3.0
