"""Time from the start of launch to the node's being active, the first answer and predicted path.

    python -m benchmarks.launch_to_prediction --runs 5

Run it in the environment of the node, where launch and launch_ros are and the package is installed.
``demo.launch.py`` starts node and player; the clock starts before launch's own process does. The
answers are those that a subscriber in another process gets, DDS discovery included.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import rclpy
from convlstm_perception_msgs.msg import PredictedTrajectoryArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions

from convlstm_perception.demo.processes import (
    Child,
    find_profile,
    free_domain,
    isolated_environment,
)

_FILE = Path(__file__).resolve().parents[1] / "launch" / "demo.launch.py"
_TOPIC = "/convlstm_perception/trajectories"
_PATIENCE = 60.0


def measure(folder: Path, engine: str) -> dict[str, float]:
    """One launch: seconds to active, to the first answer, to the first with a predicted path."""
    domain = free_domain()
    environment = isolated_environment(domain, find_profile())
    environment["ROS_LOG_DIR"] = str(folder)
    os.environ.update(environment)
    context = rclpy.Context()
    no_handlers = SignalHandlerOptions.NO
    rclpy.init(context=context, domain_id=domain, signal_handler_options=no_handlers)
    node = rclpy.create_node("stopwatch", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    times: dict[str, float] = {}
    start = time.monotonic()

    def on_answer(message: PredictedTrajectoryArray) -> None:
        now = time.monotonic() - start
        times.setdefault("first_answer_s", now)
        if message.trajectories:
            times.setdefault("first_path_s", now)

    node.create_subscription(PredictedTrajectoryArray, _TOPIC, on_answer, QoSProfile(depth=5))
    command = [sys.executable, "-m", "benchmarks.launch_program", str(_FILE), f"engine:={engine}"]
    start = time.monotonic()
    try:
        with Child("launch", command, folder / "launch.log", dict(os.environ)) as launch:
            while "first_path_s" not in times:
                launch.check_running()
                if time.monotonic() > start + _PATIENCE:
                    raise SystemExit(f"no path in {_PATIENCE:g} s:\n{launch.last_lines()}")
                if "active_s" not in times and "is active" in launch.log.read_text():
                    times["active_s"] = time.monotonic() - start
                executor.spin_once(timeout_sec=0.02)
    finally:
        node.destroy_node()
        context.try_shutdown()
    return {name: round(value, 2) for name, value in times.items()}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", default="onnxruntime-cpu")
    arguments = parser.parse_args()
    if importlib.util.find_spec("launch_ros") is None:
        print("skipped: no launch_ros, which has no PyPI wheels: needs a ROS 2 installation")
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = [measure(Path(folder), arguments.engine) for _ in range(arguments.runs)]
    print(json.dumps({"engine": arguments.engine, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
