"""Bags of walking figures for replays, written without ROS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from convlstm_perception.bags import type_store
from tests.support.bags import COMPRESSED, IMAGE, header, image

STEP_NS = 100_000_000
Message = tuple[str, str, int, Any]  # topic, type, time, message


def figure(step: int, height: int = 96, width: int = 160) -> np.ndarray:
    """A bright figure that walks to the right on a dark ground."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    left = 20 + 3 * step % (width - 40)
    pixels[30:70, left : left + 18] = 255
    return pixels


def walk(
    count: int, topic: str = "/image", *, compressed: bool = False, frame_id: str = "camera"
) -> list[Message]:
    """Images of a walking figure, ten a second from 100 s on."""
    messages: list[Message] = []
    for step in range(count):
        stamp = (1000 + step) * STEP_NS
        if compressed:
            data = cv2.imencode(".png", figure(step))[1].ravel()
            made = type_store().types[COMPRESSED](
                header=header(stamp, frame_id), format="png", data=data
            )
            messages.append((topic, COMPRESSED, stamp + 1000, made))
        else:
            made = image(stamp, figure(step), frame_id)
            messages.append((topic, IMAGE, stamp + 1000, made))
    return messages


def write_bag(
    path: Path, messages: Sequence[Message], storage: StoragePlugin = StoragePlugin.MCAP
) -> Path:
    """A bag of messages, as `ros2 bag record` would write it."""
    store = type_store()
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connections: dict[str, Any] = {}
        for topic, kind, time_ns, message in sorted(messages, key=lambda entry: entry[2]):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=store)
            writer.write(connections[topic], time_ns, bytes(store.serialize_cdr(message, kind)))
    return path


def results_of(output: Path) -> list[Message]:
    """The bag of results, in the form in which it is written."""
    from convlstm_perception.bags import BagReader

    with BagReader(output / "results") as bag:
        return [
            (topic, bag.topics[topic].type_name, time_ns, message)
            for topic, time_ns, message in bag.messages(bag.topics)
        ]
