"""Memory of the running node: the real process, answering a camera over DDS.

    python benchmarks/node_memory.py --seconds 20

Run it in the environment of the node (``. .venv/ros_env.sh``). A folder of generated images is
played at ``--rate``; then the node's largest resident memory so far (VmHWM), what it is at the end,
how much of it is Fast DDS's shared memory, and whether torch is loaded are printed as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import cv2
from rich.progress import track

from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.demo.processes import (
    Child,
    find_profile,
    free_domain,
    isolated_environment,
)

_FRAMES = 60
_MEGABYTE = 1e6


def write_images(folder: Path, width: int, height: int, rate: float) -> Path:
    """A folder of generated camera images."""
    folder.mkdir()
    scene = SyntheticScene(width=width, height=height, frame_rate=rate, frame_count=_FRAMES)
    for number, image in enumerate(scene):
        cv2.imwrite(str(folder / f"{number:03d}.jpg"), image)
    return folder


def memory_mb(pid: int, field: str) -> float:
    """A field of /proc/PID/status in 10^6 bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return round(int(value) * 1024 / _MEGABYTE, 1)


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Run node and player, and look at the node at the end."""
    width, height = map(int, arguments.size.split("x"))
    images = write_images(folder / "images", width, height, arguments.rate)
    environment = {**os.environ, **isolated_environment(free_domain(), find_profile())}
    node_command = [sys.executable, "-m", "convlstm_perception.ros.node", "--ros-args"]
    for setting in ("autostart:=true", f"engine:={arguments.engine}", *arguments.parameter):
        node_command += ["-p", setting]
    player_command = [sys.executable, "-m", "convlstm_perception.cli.main", "play", str(images)]
    player_command += ["--topic", "/image", "--rate", str(arguments.rate), "--loop"]
    with (
        Child("node", node_command, folder / "node.log", environment) as node,
        Child("player", player_command, folder / "player.log", environment) as player,
    ):
        for _ in track(range(round(arguments.seconds)), "playing"):
            time.sleep(1.0)
            node.check_running()
            player.check_running()
        pid = node.pid
        mapped = Path(f"/proc/{pid}/maps").read_text()
        return {
            "engine": arguments.engine,
            "image": arguments.size,
            "seconds": arguments.seconds,
            "peak_rss_mb": memory_mb(pid, "VmHWM"),
            "rss_mb": memory_mb(pid, "VmRSS"),
            "of_that_shared_with_other_processes_mb": memory_mb(pid, "RssShmem"),
            "torch_loaded": "libtorch" in mapped,
        }


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=10.0)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--engine", default="onnxruntime-cpu")
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME:=VALUE")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder)), indent=2))


if __name__ == "__main__":
    main()
