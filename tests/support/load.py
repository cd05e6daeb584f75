"""The node under load and with engines that misbehave, for tests of its reliability."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image

from convlstm_perception.engine import write_manifest
from convlstm_perception.toml import tomllib
from tests.support.node import NodeUnderTest, image_message

_MEGABYTE = 1e6


def spoil_white(bundle: Path, how: str) -> Path:
    """Change a tiny bundle's graphs so that a white image spoils its answer.

    Args:
        bundle: to change.
        how: "error" lets the engine fail, "nan" lets it answer, and remember, what is not a
            number. Every other image is answered as before, bit for bit.
    """
    for name in ("motion.onnx", "step.onnx"):
        model = onnx.load(str(bundle / name))
        _spoil(model.graph, how)
        onnx.save(model, str(bundle / name))
    manifest = tomllib.loads((bundle / "model.toml").read_text())
    del manifest["format"], manifest["files"]
    write_manifest(bundle, manifest)
    return bundle


def _spoil(graph: onnx.GraphProto, how: str) -> None:
    for name in ("boxes", "next_hidden"):
        for node in graph.node:
            for names in (node.input, node.output):
                for place, used in enumerate(names):
                    if used == name:
                        names[place] = f"{name}_before"
    constants = {
        "everywhere": np.array([0, 1, 2, 3], np.int64),
        "only": np.array([0.0], np.float32),
        "white": np.array(1.0, np.float32),
    }
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(value, name))
    node = helper.make_node
    graph.node.append(node("ReduceMean", ["skip", "everywhere"], ["light"], keepdims=0))
    if how == "error":
        # 1 for a white image, else 0; the table has no place 1.
        graph.node.append(node("Cast", ["light"], ["index"], to=TensorProto.INT64))
        graph.node.append(node("Gather", ["only", "index"], ["nought"]))
    else:
        # Of a white image 0 times the logarithm of 0, which is not a number.
        graph.node.append(node("Sub", ["white", "light"], ["dark"]))
        graph.node.append(node("Log", ["dark"], ["depth"]))
        graph.node.append(node("Mul", ["depth", "only"], ["nought"]))
    for output in graph.output:
        if output.name in ("boxes", "next_hidden"):
            before = f"{output.name}_before"
            graph.node.append(node("Add", [before, "nought"], [output.name]))


def white_message(step: int) -> Image:
    """A white image, stamped as :func:`image_message`."""
    message = image_message(step)
    message.data = b"\xff" * len(message.data)
    return message


def write_slowed_node(folder: Path, *, service: float = 0.0, hang: float = 0.0) -> list[str]:
    """The node's program with an engine that takes its time.

    Args:
        folder: of the program; a file ``hang`` in it, once it is there, holds the engine up.
        service: seconds that each frame takes more.
        hang: seconds for which the engine is held up, once for each such file.

    Returns:
        Arguments of Python that run it.
    """
    program, file = folder / "slowed_node.py", folder / "hang"
    program.write_text(
        "import os, sys, time\n"
        "from convlstm_perception.engine.host_runtime import HostRuntime\n"
        "from convlstm_perception.ros.node import main\n"
        "answer = HostRuntime.run\n"
        "def run(self, steps):\n"
        f"    time.sleep({service} * len(steps))\n"
        f"    if os.path.exists({str(file)!r}):\n"
        f"        os.remove({str(file)!r})\n"
        f"        time.sleep({hang})\n"
        "    return answer(self, steps)\n"
        "HostRuntime.run = run\n"
        "sys.exit(main())\n"
    )
    return [str(program)]


class ProcessView:
    """What a process holds, from /proc."""

    def __init__(self, pid: int) -> None:
        self._folder = Path(f"/proc/{pid}")

    @property
    def rss_mb(self) -> float:
        """Resident memory in 10^6 bytes."""
        lines = (self._folder / "status").read_text().splitlines()
        (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
        return int(kilobytes) * 1024 / _MEGABYTE

    @property
    def threads(self) -> int:
        """Number of threads."""
        return sum(1 for _ in (self._folder / "task").iterdir())

    @property
    def handles(self) -> int:
        """Number of open file handles."""
        return sum(1 for _ in (self._folder / "fd").iterdir())


@contextmanager
def streaming(publishers: Sequence[Publisher], rate: float) -> Iterator[list[int]]:
    """Publish images of a walking figure on every topic, in a thread, until the block ends.

    The images are stamped with the time at which they are sent.

    Args:
        publishers: of ``sensor_msgs/Image``.
        rate: images a second on each.

    Yields:
        A list of one number: the images sent so far on each topic.
    """
    stop, sent = threading.Event(), [0]
    images = [image_message(step) for step in range(40)]

    def publish() -> None:
        due = time.monotonic()
        while not stop.is_set():
            for publisher in publishers:
                message = images[sent[0] % len(images)]
                stamp_now(message)
                publisher.publish(message)
            sent[0] += 1
            due = max(due + 1 / rate, time.monotonic() - 0.5)
            stop.wait(max(0.0, due - time.monotonic()))

    thread = threading.Thread(target=publish, name="cameras")
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def stamp_now(message: Any) -> None:
    """Stamp a message with the time of the system's clock."""
    stamp = message.header.stamp
    stamp.sec, stamp.nanosec = divmod(time.time_ns(), 10**9)


def age_of(message: Any) -> float:
    """Seconds since the stamp of a message, on the system's clock."""
    stamp = message.header.stamp
    return (time.time_ns() - stamp.sec * 10**9 - stamp.nanosec) / 1e9


def counts_add_up(camera: Any) -> bool:
    """Whether each image that a camera's status counts as received has become something."""
    fates = ("answered", "unusable", "skipped", "rejected", "failed")
    return camera.received == sum(getattr(camera, fate) for fate in fates)


def publisher_counts(node: NodeUnderTest) -> dict[str, int]:
    """Topic to number of its publishers, as the test's own node sees them."""
    names = [name for name, _ in node.node.get_topic_names_and_types()]
    return {name: node.node.count_publishers(name) for name in names}
