"""The running node does what its policy allows and its documentation promises, and no more."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from convlstm_perception.demo.processes import free_domain, isolated_environment
from tests.support.graphs import write_tiny_bundle
from tests.support.node import (
    NODE,
    NODE_PROGRAM,
    PROFILE,
    NodeUnderTest,
    image_message,
    running_node,
)
from tests.support.policy import FOLDER, allowed_names

pytestmark = pytest.mark.ros

PARAMETERS = Path(__file__).resolve().parents[2] / "config"
ENCLAVE_FILES = ("identity_ca.cert.pem", "cert.pem", "key.pem")
ENCLAVE_FILES += ("permissions_ca.cert.pem", "governance.p7s", "permissions.p7s")
AUDITED = Path(__file__).resolve().parents[1] / "support" / "audited_node.py"
KINDS = ("publisher", "subscriber", "service", "client")
SWITCHED_OUTPUTS = ("predicted_objects", "image_annotations")
OPTIONAL_OUTPUTS = (*SWITCHED_OUTPUTS, "detections_3d", "poses", "markers")
Endpoint = tuple[str, str]  # kind, name


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("bundle") / "tiny")


def allowed(policy: str) -> set[Endpoint]:
    names = allowed_names(FOLDER / policy)
    return {(kind, name) for kind in names for name in names[kind]}


def used(node: NodeUnderTest, *needed: Endpoint) -> set[Endpoint]:
    """What the active node has, as every other node sees it."""

    def seen() -> set[Endpoint]:
        return {
            (kind, name)
            for kind in KINDS
            for name, _ in getattr(node.node, f"get_{kind}_names_and_types_by_node")(NODE[1:], "/")
        }

    assert node.change_state("configure") and node.change_state("activate"), node.log
    node.wait_until(lambda: set(needed) <= seen(), f"{needed}")
    node.settle()
    return seen()


def test_the_policy_of_one_camera_allows_what_the_node_uses_and_nothing_else(
    bundle: Path, tmp_path: Path
) -> None:
    rights = allowed("perception.policy.xml")
    with running_node(tmp_path, bundle=bundle) as node:
        plainly = used(node, ("subscriber", "/image"))
    assert plainly <= rights, plainly - rights
    options: dict[str, object] = {"transport": "compressed", "rectify": True, "use_sim_time": True}
    options |= {"target_frame": "base_link", "odometry_topic": "/odom"}
    options |= {f"publish_{output}": True for output in SWITCHED_OUTPUTS}
    with running_node(tmp_path, bundle=bundle, **options) as node:
        with_options = used(node, ("subscriber", "/image/compressed"), ("subscriber", "/clock"))
    assert with_options <= rights, with_options - rights
    assert rights == plainly | with_options
    names = ("/image/compressed", "/camera_info", "/clock", "/tf", "/tf_static", "/odom")
    optional = {("subscriber", name) for name in names}
    optional |= {("publisher", f"{NODE}/{output}") for output in OPTIONAL_OUTPUTS}
    assert rights - plainly == optional


def test_the_policy_of_two_cameras_is_that_of_their_parameter_file(
    bundle: Path, tmp_path: Path
) -> None:
    rights = allowed("two_cameras.policy.xml")
    example = ["--params-file", str(PARAMETERS / "two_cameras.params.yaml")]
    program = ("-m", "convlstm_perception.ros.node", "--ros-args", *example)
    with running_node(tmp_path, program=program, bundle=bundle) as node:
        seen = used(node, ("subscriber", "/front/image_raw"))
    assert seen <= rights, seen - rights
    names = ("/front/camera_info", "/rear/camera_info", "/clock", "/tf", "/tf_static")
    optional = {("subscriber", name) for name in names}
    for camera in ("front", "rear"):
        optional |= {("publisher", f"{NODE}/{camera}/{output}") for output in OPTIONAL_OUTPUTS}
    assert rights - seen == optional


@pytest.mark.parametrize("named", [True, False])
def test_where_security_is_enforced_the_node_does_not_start_without_it(
    named: bool, tmp_path: Path
) -> None:
    """Its keys are no keys here, or, as from PyPI, Fast DDS has no security at all."""
    enclave = tmp_path / "enclaves" / NODE[1:]
    enclave.mkdir(parents=True)
    if named:
        for name in ENCLAVE_FILES:
            (enclave / name).write_text("no key")
    environment = {**os.environ, **isolated_environment(free_domain(), PROFILE)}
    environment |= {"ROS_SECURITY_KEYSTORE": str(tmp_path), "ROS_SECURITY_ENABLE": "true"}
    environment["ROS_SECURITY_STRATEGY"] = "Enforce"
    command = [sys.executable, *NODE_PROGRAM, "--ros-args", "--enclave", NODE]
    run = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode not in (0, None)
    assert re.search("security|enclave", run.stderr, re.IGNORECASE), run.stderr


@pytest.mark.parametrize(
    ("deed", "event"),
    [
        ("import subprocess; subprocess.run(['true'])", "AUDIT subprocess.Popen"),
        ("import os; os.system('true')", "AUDIT os.system"),
        ("import pickle; pickle.loads(pickle.dumps(print))", "AUDIT pickle.find_class"),
        ("import socket; socket.socket().connect_ex(('127.0.0.1', 9))", "AUDIT socket.connect"),
        ("open('written', 'w')", "AUDIT write 'written'"),
    ],
)
def test_the_audit_notices(deed: str, event: str, tmp_path: Path) -> None:
    program = f"import runpy; runpy.run_path({str(AUDITED)!r})['audit'](); {deed}"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert event in run.stderr


def test_the_node_starts_no_process_opens_no_connection_and_writes_no_file(
    bundle: Path, tmp_path: Path
) -> None:
    with running_node(tmp_path, program=(str(AUDITED),), bundle=bundle) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        overlays = node.collect(Image, f"{NODE}/overlay")
        node.reach("active")
        node.settle()
        assert "AUDIT" not in node.log, node.log
        for step in range(4):
            node.send(image_message(step))
            node.wait_until(lambda step=step: len(answers) > step, "an answer")
        node.wait_until(lambda: overlays, "an overlay")
        assert node.change_state("deactivate") and node.change_state("cleanup")
        events = [line for line in node.log.splitlines() if line.startswith("AUDIT ")]
    assert events == []


def test_the_black_box_is_written_to_its_folder_only(bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "black box"
    parameters = {"bundle": bundle, "black_box_folder": f'"{folder}"'}
    with running_node(tmp_path, program=(str(AUDITED),), **parameters) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        save = node.node.create_client(Trigger, f"{NODE}/save_buffer")
        node.reach("active")
        node.settle()
        node.send(image_message(0))
        node.wait_until(lambda: answers, "an answer")
        node.wait_until(save.service_is_ready, "the service")
        asked = save.call_async(Trigger.Request())
        node.wait_until(asked.done, "the answer of the service")
        assert asked.result().success, asked.result().message
        assert node.change_state("deactivate") and node.change_state("cleanup")
        events = [line for line in node.log.splitlines() if line.startswith("AUDIT ")]
    assert any(event.startswith("AUDIT write") for event in events)
    assert [event for event in events if str(folder) not in event] == []
