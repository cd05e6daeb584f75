"""A black box that cannot be written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from std_srvs.srv import Trigger

from tests.support.graphs import write_tiny_bundle
from tests.support.load import ProcessView, streaming
from tests.support.node import NODE, STATES, running_node

_LEAST = 4096  # bytes that fit


def test_a_full_disk_is_told_and_the_node_goes_on(tmp_path: Path) -> None:
    """That the disk is full under the black box is told, and the node answers on.

    While a file is there, no file of the process may grow beyond a page: the system itself then
    refuses to write, as it does when the disk is full.
    """
    full, folder = tmp_path / "full", tmp_path / "bags"
    program = tmp_path / "node_on_a_full_disk.py"
    program.write_text(
        "import os, resource, sys\n"
        "from convlstm_perception.ros.black_box import BlackBox\n"
        "from convlstm_perception.ros.node import main\n"
        "write = BlackBox._write\n"
        "def write_on_a_full_disk(*arguments):\n"
        "    limits = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        f"    if os.path.exists({str(full)!r}):\n"
        f"        resource.setrlimit(resource.RLIMIT_FSIZE, ({_LEAST}, limits[1]))\n"
        "    try:\n"
        "        return write(*arguments)\n"
        "    finally:\n"
        "        resource.setrlimit(resource.RLIMIT_FSIZE, limits)\n"
        "BlackBox._write = write_on_a_full_disk\n"
        "sys.exit(main())\n"
    )
    bundle = write_tiny_bundle(tmp_path / "tiny")
    parameters = {"bundle": bundle, "black_box_folder": folder, "black_box_interval": 0.0}
    with running_node(tmp_path, program=[str(program)], **parameters) as node:
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        client = node.node.create_client(Trigger, f"{NODE}/save_buffer")
        node.reach("active")
        node.settle()
        node.wait_until(client.service_is_ready, "~/save_buffer")

        def save() -> Trigger.Response:
            future = client.call_async(Trigger.Request())
            node.wait_until(future.done, "the answer of save_buffer")
            return future.result()

        def await_answers() -> None:
            count = len(answers)
            node.wait_until(lambda: len(answers) > count + 5, "answers")

        def bags() -> list[Path]:
            return sorted(folder.iterdir()) if folder.is_dir() else []

        with streaming([node.images], 20.0):
            node.wait_until(lambda: len(answers) > 20, "answers")
            process = ProcessView(node.child.pid)
            full.touch()
            for number in range(1, 4):
                assert save().success, "writing begins"
                node.wait_until(
                    lambda number=number: node.log.count("black box not written") == number,
                    "the failure in the log",
                )
                assert not bags(), "nothing is left behind"
                await_answers()
                if number == 1:  # from here on there is a thread that writes
                    held = process.threads, process.handles
            full.unlink()
            assert save().success, "it can be written again"
            node.wait_until(lambda: "black box written" in node.log, "the bag")
            assert len(bags()) == 1
            await_answers()
            node.wait_until(
                lambda: (process.threads, process.handles) == held, "the end of the writing"
            )
        assert node.state() == STATES["active"]
        assert "Traceback" not in node.log
