"""A black box that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("convlstm_perception.ros.black_box", reason="the node has no black box yet")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from std_srvs.srv import Trigger

from tests.support.graphs import write_tiny_bundle
from tests.support.load import ProcessView, streaming
from tests.support.node import NODE, STATES, running_node

_LEAST = 4096  # bytes that fit


def test_a_full_disk_is_told_and_the_node_goes_on(tmp_path: Path) -> None:
    """A black box for which the disk has no room is told, and the node answers on.

    While a file is there, no file of the process may grow beyond a page: the system itself then
    refuses to write, as it does when the disk is full.
    """
    full, folder = tmp_path / "full", tmp_path / "bags"
    program = tmp_path / "node_on_a_full_disk.py"
    program.write_text(
        "import os, resource, sys\n"
        "from convlstm_perception.ros.black_box import BlackBox\n"
        "from convlstm_perception.ros.node import main\n"
        "save = BlackBox.save\n"
        "def save_on_a_full_disk(self, reason):\n"
        "    limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        f"    if os.path.exists({str(full)!r}):\n"
        f"        resource.setrlimit(resource.RLIMIT_FSIZE, ({_LEAST}, limits[1]))\n"
        "    try:\n"
        "        return save(self, reason)\n"
        "    finally:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
        "BlackBox.save = save_on_a_full_disk\n"
        "sys.exit(main())\n"
    )
    bundle = write_tiny_bundle(tmp_path / "tiny")
    parameters = {"bundle": bundle, "black_box_folder": folder, "black_box_on_error": False}
    with running_node(tmp_path, program=[str(program)], **parameters) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        client = node.node.create_client(Trigger, f"{NODE}/save_buffer")
        node.reach("active")
        node.settle()
        if not client.service_is_ready():
            pytest.skip("the node does not offer ~/save_buffer yet")

        def save() -> Trigger.Response:
            future = client.call_async(Trigger.Request())
            node.wait_until(future.done, "the answer of save_buffer")
            return future.result()

        def bags() -> list[Path]:
            return sorted(folder.iterdir()) if folder.is_dir() else []

        with streaming([node.images], 20.0):
            node.wait_until(lambda: len(answers) > 20, "answers")
            process = ProcessView(node.child.pid)
            full.touch()
            threads, handles = process.threads, process.handles
            for _ in range(3):
                response, count = save(), len(answers)
                assert not response.success
                assert str(folder) in response.message, "it says where, and why"
                assert not bags(), "nothing is left behind"
                node.wait_until(lambda count=count: len(answers) > count + 5, "answers")
            full.unlink()
            assert save().success, "it can be written again"
            assert len(bags()) == 1
            node.wait_until(
                lambda: (process.threads, process.handles) <= (threads, handles), "no leak"
            )
        assert node.state() == STATES["active"]
        assert "Traceback" not in node.log
