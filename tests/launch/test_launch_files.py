"""Every other launch file: what it starts and, where the other side is ours, that it works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch has no PyPI wheels: needs a ROS 2 installation")
launch_pytest = pytest.importorskip(
    "launch_pytest", reason="launch_pytest has no PyPI wheels: needs a ROS 2 installation"
)

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from ament_index_python.packages import (  # noqa: E402
    PackageNotFoundError,
    get_package_share_directory,
)
from convlstm_perception_msgs.msg import PredictedTrajectoryArray  # noqa: E402
from launch import LaunchDescription  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402
from rclpy.qos import QoSProfile  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402

from convlstm_perception.demo.processes import free_domain  # noqa: E402
from tests.support.graphs import write_tiny_bundle  # noqa: E402
from tests.support.launched import (  # noqa: E402
    described,
    in_domain,
    launch_file,
    launched,
    run_to_its_end,
    watching,
    write_foreign_launch_file,
)
from tests.support.node import NODE, image_message  # noqa: E402

try:
    get_package_share_directory("convlstm_perception")
except PackageNotFoundError:
    pytest.skip("convlstm_perception is not installed: colcon build", allow_module_level=True)

PERCEPTION = "convlstm_perception convlstm_perception_node"
SIMULATORS = {  # launch file and arguments: the file of parameters that it chooses
    ("carla", "ros_bridge"): "carla_ros_bridge",
    ("carla", "native"): "carla_native",
    ("isaac_sim", ""): "isaac_sim",
    ("awsim", ""): "awsim",
}


@pytest.fixture(scope="module")
def domain() -> int:
    return free_domain()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A prefix for packages that stand in for those that are not installed."""
    prefixes = [os.environ["AMENT_PREFIX_PATH"], str(tmp_path)]
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(reversed(prefixes)))
    return tmp_path


@launch_pytest.fixture
def cameras(domain: int, bundle: Path) -> LaunchDescription:
    return in_domain(domain, launch_file("multi_camera", bundle=str(bundle)))


@pytest.mark.launch(fixture=cameras)
def test_multi_camera_answers_every_camera_of_the_file(domain: int) -> None:
    with watching(domain, NODE) as node:
        node.wait_until(lambda: node.state() == State.PRIMARY_STATE_ACTIVE, "active")
        for topic in ("/front/image_raw", "/rear/image_raw/compressed"):
            node.wait_until(lambda name=topic: node.node.count_subscribers(name) == 1, topic)
        assert node.get_parameters("cameras", "max_age") == [["front", "rear"], 0.5]


@launch_pytest.fixture
def vehicle(domain: int, bundle: Path) -> LaunchDescription:
    return in_domain(domain, launch_file("vehicle", bundle=str(bundle), aggregator="false"))


@pytest.mark.launch(fixture=vehicle)
def test_vehicle_brings_the_cameras_of_its_file_up(domain: int) -> None:
    with watching(domain, NODE) as node:
        node.wait_until(lambda: node.state() == State.PRIMARY_STATE_ACTIVE, "active")
        node.wait_until(lambda: node.node.count_subscribers("/front/image_raw") == 1, "its images")


def test_vehicle_respawns_retries_and_gathers_diagnostics() -> None:
    found = described("vehicle")
    assert found.configurations["respawn"] == "true"
    assert float(found.configurations["retry"]) > 0.0
    assert Path(found.configurations["dds_profile"]).name == "fastdds.xml"
    (file,) = found.parameters["diagnostic_aggregator aggregator_node"]
    analyzers = yaml.safe_load(Path(file).read_text())["analyzers"]["ros__parameters"]
    assert {"engine", "state", "cameras"} < analyzers.keys()


def test_the_demo_plays_the_generated_scene_and_is_answered(bundle: Path, tmp_path: Path) -> None:
    with launched(tmp_path, "demo", bundle=str(bundle)) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.wait_until(lambda: len(answers) >= 5, "answers")
        assert node.child.stop() == 0


def test_the_demo_ends_with_its_video(bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "images"
    source.mkdir()
    for number in range(3):
        cv2.imwrite(str(source / f"{number}.png"), np.full((96, 160, 3), 40 + number, np.uint8))
    arguments = {"video": str(source), "loop": "false", "bundle": str(bundle)}
    exit_code, log = run_to_its_end(tmp_path, "demo", **arguments)
    assert "published 3 images" in log
    assert exit_code == 0


def test_the_demo_passes_its_arguments_to_the_player(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(Exception, match=r"a\.png"):
        described("demo", video=str(tmp_path))
    found = described("demo", image="/cam/image", rate="5", calibration="/c.yaml", loop="false")
    (player,) = (words for words in found.programs.values() if "play" in words)
    joined = " ".join(player)
    assert "--topic /cam/image --rate 5" in joined and "--camera-info /c.yaml" in joined
    assert "--loop" not in player


def write_bag(folder: Path, *topics: str) -> Path:
    """The part of a bag that tells its topics."""
    named = [{"topic_metadata": {"name": name}, "message_count": 1} for name in topics]
    metadata = {"rosbag2_bagfile_information": {"topics_with_message_count": named}}
    folder.mkdir()
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return folder


def test_replay_records_the_answers_and_plays_the_bag_when_the_node_is_active(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    found = described("replay", bag="/bags/walk.mcap", namespace="front", rate="0.5")
    record, play = found.programs["ros2"], found.later["ros2"]
    assert record[:2] == ["bag", "record"]
    assert record[record.index("--output") + 1] == "/bags/walk_answers"
    assert play[:3] == ["bag", "play", "/bags/walk.mcap"] and "--clock" in play
    assert play[play.index("--rate") + 1] == "0.5"
    excluded = play[play.index("--exclude-regex") + 1]
    assert excluded.startswith("/front/convlstm_perception/")
    assert found.parameters[PERCEPTION][1]["use_sim_time"] is True


def test_replay_on_humble_names_the_topics_that_are_no_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DISTRO", "humble")
    answers = ("/diagnostics", f"{NODE}/trajectories", f"{NODE}/front/markers")
    bag = write_bag(tmp_path / "walk", "/camera/image_raw", *answers, "/tf", "/diagnostics_agg")
    for given in (bag, bag / "walk_0.db3"):
        play = described("replay", bag=str(given)).later["ros2"]
        assert "--exclude-regex" not in play
        listed = play[play.index("--topics") + 1 :]
        assert listed == ["/camera/image_raw", "/tf", "/diagnostics_agg"]


def test_replay_ends_cleanly_with_its_bag(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where ros2 bag is not installed, a program stands in for it that only waits."""
    stand_in = tmp_path / "bin" / "ros2"
    stand_in.parent.mkdir()
    # exec, so that SIGINT reaches what waits
    stand_in.write_text('#!/bin/sh\n[ "$2" = play ] && exec sleep 0.5\nexec sleep 60\n')
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}")
    bag = write_bag(tmp_path / "walk", "/camera/image_raw")
    exit_code, log = run_to_its_end(tmp_path, "replay", bag=str(bag), bundle=str(bundle))
    started = log.index("[bag_player-3]: process started")
    assert log.index("answering /camera/image_raw") < started
    assert "[bag_player-3]: process has finished cleanly" in log
    assert "process has finished cleanly" in log.split("sending signal 'SIGINT'")[-1]
    assert exit_code == 0


def test_replay_needs_a_bag() -> None:
    with pytest.raises(RuntimeError, match="bag"):
        described("replay")


@pytest.mark.parametrize(("viewer", "package"), [("rviz", "rviz2"), ("foxglove", "foxglove_")])
def test_a_viewer_is_started_where_it_is_asked_for(viewer: str, package: str) -> None:
    for name in ("demo", "isaac_sim"):
        seen = {program.split()[0] for program in described(name, viewer=viewer).programs}
        assert any(program.startswith(package) for program in seen)
        assert not any("rviz" in program for program in described(name).programs)
    simulated = described("isaac_sim", viewer="rviz")
    assert simulated.parameters["rviz2 rviz2"][0] == {"use_sim_time": True}


@pytest.mark.parametrize("chosen", SIMULATORS)
def test_a_simulators_parameters_reach_the_node(chosen: tuple[str, str]) -> None:
    name, interface = chosen
    found = described(name, **({"interface": interface} if interface else {}))
    file, given = found.parameters[PERCEPTION]
    assert Path(file).name == f"{SIMULATORS[chosen]}.params.yaml"
    assert Path(file).is_file() and given == {"use_sim_time": True}


def test_carla_starts_its_bridge_where_it_is_asked_for(foreign: Path) -> None:
    file = "carla_ros_bridge_with_example_ego_vehicle.launch.py"
    write_foreign_launch_file(foreign, "carla_ros_bridge", file, "host", "port", "town")
    assert "carla_ros_bridge" not in described("carla").programs
    found = described("carla", bridge="true", host="10.0.0.2", town="Town03")
    assert found.programs["carla_ros_bridge"] == ["10.0.0.2", "2000", "Town03"]


def test_gazebo_opens_the_world_and_bridges_its_camera(foreign: Path) -> None:
    write_foreign_launch_file(foreign, "ros_gz_sim", "launch/gz_sim.launch.py", "gz_args")
    found = described("gazebo")
    (arguments,) = found.programs["ros_gz_sim"]
    assert arguments.startswith("-r ") and Path(arguments.split()[1]).is_file()
    assert found.programs["ros_gz_image image_bridge"][0] == "/camera"
    file = found.parameters["ros_gz_bridge parameter_bridge"][0]["config_file"]
    carried = {entry["ros_topic_name"] for entry in yaml.safe_load(Path(file).read_text())}
    assert carried == {"/clock", "/camera_info"}
    assert "ros_gz_sim" not in described("gazebo", gazebo="false").programs


def test_the_node_takes_images_as_a_simulator_sends_them(bundle: Path, tmp_path: Path) -> None:
    """CARLA's bgra8 on its topic; the answers come on the simulator's time, which stands at 0."""
    with launched(tmp_path, "carla", bundle=str(bundle)) as node:
        camera = node.node.create_publisher(
            Image, "/carla/ego_vehicle/rgb_front/image", QoSProfile(depth=10)
        )
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.wait_until(lambda: camera.get_subscription_count() == 1, "the node's subscription")
        node.settle()
        message = image_message(0)
        pixels = np.frombuffer(message.data, np.uint8).reshape(96, 160, 3)
        message.encoding, message.step = "bgra8", 4 * 160
        message.data = np.pad(pixels, ((0, 0), (0, 0), (0, 1))).tobytes()
        camera.publish(message)
        node.wait_until(lambda: answers, "an answer")
        assert node.get_parameters("target_frame", "frozen_after") == ["ego_vehicle", 0.0]
