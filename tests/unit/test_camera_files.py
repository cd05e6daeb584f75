"""The parameter files of cameras and simulators name parameters that the node has, and fit."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
FILES = sorted([*(CONFIG / "cameras").glob("*"), *(CONFIG / "simulators").glob("*")])


def parameters(path: Path) -> dict[str, object]:
    """What a parameter file says."""
    content: dict[str, object] = yaml.safe_load(path.read_text())["/**"]["ros__parameters"]
    return content


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_names_known_parameters_and_says_what_was_run(path: Path) -> None:
    known = parameters(CONFIG / "perception.params.yaml")
    given = parameters(path)
    given.pop("use_sim_time", None)
    for name, value in given.items():
        assert type(value) is type(known[name]), name
    assert str(given["image_topic"]).startswith("/")
    assert "ot run with" in path.read_text()


@pytest.mark.parametrize("name", ["carla", "gazebo", "isaac_sim", "awsim"])
def test_every_simulator_has_a_page_and_a_launch_file(name: str) -> None:
    assert f"{name}.launch.py" in (ROOT / "docs" / "simulators" / f"{name}.md").read_text()
    assert (ROOT / "launch" / f"{name}.launch.py").is_file()


def test_gazebos_camera_is_where_its_parameters_say() -> None:
    world = ElementTree.parse(CONFIG / "gazebo" / "pedestrians.sdf").getroot().find("world")
    assert world is not None
    given = parameters(CONFIG / "simulators" / "gazebo.params.yaml")
    camera = world.find("model[@name='camera']")
    assert camera is not None
    pose = [float(number) for number in camera.findtext("pose", "").split()]
    assert pose[2] == given["camera_height"] and pose[4] == given["camera_pitch"]
    topic = camera.findtext("link/sensor/topic")
    assert f"/{topic}" == given["image_topic"]
    bridged = yaml.safe_load((CONFIG / "gazebo" / "bridge.yaml").read_text())
    assert given["camera_info_topic"] in {entry["ros_topic_name"] for entry in bridged}
    assert len(world.findall("actor")) == 3
