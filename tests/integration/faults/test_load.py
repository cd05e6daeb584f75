"""More than the machine can answer, and more nodes than there should be."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image

from convlstm_perception.demo.processes import Child, isolated_environment
from convlstm_perception.engine import write_manifest
from convlstm_perception.toml import tomllib
from tests.support.graphs import write_tiny_bundle
from tests.support.load import (
    ProcessView,
    age_of,
    counts_add_up,
    streaming,
    write_slowed_node,
)
from tests.support.node import NODE, NODE_PROGRAM, PROFILE, end_by, running_node

CAMERAS = [f"camera{index}" for index in range(8)]
RATE = 30.0
SERVICE = 0.033  # seconds a frame: one camera's worth of eight
OLDEST = 1.0  # seconds; a queue of an eighth answered would be as old as the test is long


def test_eight_cameras_on_a_machine_for_one_have_their_shares_and_no_queue(tmp_path: Path) -> None:
    """Under eightfold load each camera has its share, the newest frames win, nothing queues up."""
    bundle = write_tiny_bundle(tmp_path / "tiny")
    program = write_slowed_node(tmp_path, service=SERVICE)
    parameters = {"bundle": bundle, "cameras": f"[{', '.join(CAMERAS)}]"}
    # What the black box keeps is bounded by itself, and would fill up while memory is watched.
    parameters["black_box_seconds"] = 0.0
    with running_node(tmp_path, program=program, **parameters) as node:
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        ages: dict[str, list[float]] = {name: [] for name in CAMERAS}
        for name in CAMERAS:
            node.node.create_subscription(
                PredictedTrajectoryArray,
                f"{NODE}/{name}/trajectories",
                lambda message, name=name: ages[name].append(age_of(message)),
                QoSProfile(depth=50),
            )
        assert node.change_state("configure") and node.change_state("activate"), node.log
        publishers = [
            node.node.create_publisher(Image, f"/{name}/image", QoSProfile(depth=1))
            for name in CAMERAS
        ]
        for publisher in publishers:
            node.wait_until(lambda p=publisher: p.get_subscription_count(), "a subscription")
        node.settle()
        process = ProcessView(node.child.pid)
        with streaming(publishers, RATE):
            node.spin(4.0)
            before, threads = process.rss_mb, process.threads
            first = [camera.answered for camera in statuses[-1].cameras]
            node.spin(12.0)
            last = [camera.answered for camera in statuses[-1].cameras]
            grown = process.rss_mb / before - 1.0
        answered = {name: len(got) for name, got in ages.items()}
        node.spin(1.0)
        late = [len(got) - answered[name] for name, got in ages.items()]

        shares = np.array(last) - np.array(first)
        assert shares.min() >= 0.8 * shares.mean(), shares
        assert shares.sum() > 40, "it answers all the while"
        received = np.array([camera.received for camera in statuses[-1].cameras])
        assert received.sum() > 2 * sum(last), "it was overloaded"
        assert grown < 0.02 and process.threads == threads, f"memory grew by {grown:.1%}"
        assert max(late) <= 2, "what waits is the newest frame, and the one in work"
        assert max(np.median(got) for got in ages.values()) < OLDEST
        node.wait_until(lambda: all(map(counts_add_up, statuses[-1].cameras)), "counts that add up")
        warned = {
            status.name.split()[-1]
            for message in diagnostics
            for status in message.status
            if status.level == DiagnosticStatus.WARN and "answering" in status.message
        }
        assert warned == set(CAMERAS), "each says that it is answered too seldom"
        assert "Traceback" not in node.log
        assert end_by(node, 2) == 0


def test_two_nodes_of_one_name_go_on_and_both_tell(tmp_path: Path) -> None:
    """Two nodes of one name go on, and both warn of it until one of them ends."""
    bundles = [write_tiny_bundle(tmp_path / name) for name in ("tiny", "other")]
    manifest = tomllib.loads((bundles[1] / "model.toml").read_text())
    del manifest["format"], manifest["files"]
    write_manifest(bundles[1], {**manifest, "name": "other"})
    models = {"tiny-1.0.0", "other-1.0.0"}
    with running_node(tmp_path, bundle=bundles[0], autostart=True) as node:
        domain = node.node.context.get_domain_id()
        environment = {**os.environ, **isolated_environment(domain, PROFILE)}
        command = [sys.executable, *NODE_PROGRAM, "--ros-args", "-p", f"bundle:={bundles[1]}"]
        command += ["-p", "autostart:=true"]
        diagnostics = node.collect(DiagnosticArray, "/diagnostics")
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        told: dict[str, DiagnosticStatus] = {}

        def read() -> dict[str, DiagnosticStatus]:
            """Of each model the newest status of its node."""
            for message in diagnostics:
                for status in message.status:
                    values = {entry.key: entry.value for entry in status.values}
                    if status.name == f"{NODE}: engine":
                        told[values["model"]] = status
            diagnostics.clear()
            return told

        with streaming([node.images], 10.0):
            node.wait_until(lambda: answers, "an answer of the first")
            with Child("second node", command, tmp_path / "second.log", environment) as second:
                node.wait_until(lambda: set(read()) == models, "the diagnostics of both")
                node.wait_until(
                    lambda: all(
                        status.level == DiagnosticStatus.WARN
                        and f"2 nodes bear the name {NODE}; start each in a namesp"
                        in status.message
                        for status in read().values()
                    ),
                    "the warning of both",
                )
                answers.clear()
                node.wait_until(
                    lambda: min(sum(m.model_id == model for m in answers) for model in models) > 10,
                    "answers of both",
                )
                assert second.stop() == 0
            answers.clear()
            node.wait_until(lambda: len(answers) > 10, "answers of the one that is left")
            assert {m.model_id for m in answers[-5:]} == {"tiny-1.0.0"}
            node.wait_until(
                lambda: read()["tiny-1.0.0"].level == DiagnosticStatus.OK, "the end of the warning"
            )
        for log in (node.log, second.log.read_text()):
            assert "Traceback" not in log
