"""Twenty thousand images of any kind over DDS: the node stays up, and none is unaccounted for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")
pytest.importorskip("hypothesis")

from builtin_interfaces.msg import Time
from convlstm_perception_msgs.msg import PerceptionStatus, PredictedTrajectoryArray
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from tests.support.graphs import write_tiny_bundle
from tests.support.image_messages import raw_images
from tests.support.load import ProcessView, counts_add_up, stamp_now
from tests.support.node import NODE, STATES, image_message, running_node

MESSAGES = 20_000
BATCH = 50
PACE = 0.0007  # seconds between messages: the subscription keeps the newest only
INT32, UINT32 = 2**31, 2**32
_SECONDS = st.one_of(
    st.integers(1000, 1100), st.integers(-INT32, INT32 - 1), st.sampled_from([-1, 0, -INT32])
)
_NANOSECONDS = st.one_of(st.integers(0, 10**9 - 1), st.integers(0, UINT32 - 1))
_NOW = Time()
"""Stands for the time at which the message is sent."""
_STAMPS = st.one_of(
    st.just(_NOW), st.just(_NOW), st.builds(Time, sec=_SECONDS, nanosec=_NANOSECONDS)
)
_FRAME_IDS = st.sampled_from(["", "camera", "x" * 300])


@st.composite
def images(draw: st.DrawFn) -> Image:
    """Images of any encoding, size, step, endianness, length and stamp; many nearly right."""
    fields, image = draw(raw_images()), Image()
    for name in ("height", "width", "encoding", "is_bigendian", "step", "data"):
        setattr(image, name, getattr(fields, name))
    image.header.stamp, image.header.frame_id = draw(_STAMPS), draw(_FRAME_IDS)
    return image


def batches() -> list[list[Image]]:
    """What hypothesis makes of the strategy, the same in every run."""
    made: list[list[Image]] = []

    @settings(
        max_examples=MESSAGES // BATCH,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(images(), min_size=BATCH, max_size=BATCH))
    def take(batch: list[Image]) -> None:
        made.append(batch)

    take()
    return made


def paced(made: list[list[Image]]) -> Iterator[Image]:
    """The messages, MESSAGES of them, no faster than the node can take them in."""
    for number in range(MESSAGES):
        batch = made[number // BATCH % len(made)]
        image = batch[number % BATCH]
        if image.header.stamp == _NOW:
            image = copy(image)
            image.header = Header(frame_id=image.header.frame_id)
            stamp_now(image)
        time.sleep(PACE)
        yield image


@pytest.mark.timeout(240)
def test_the_node_survives_images_of_any_kind(tmp_path: Path) -> None:
    """Of 20,000 images of any kind each is answered, rejected or overtaken; good ones follow."""
    made = batches()
    bundle = write_tiny_bundle(tmp_path / "tiny")
    parameters = {"bundle": bundle, "black_level": -1, "saturated_level": 256}
    # What the black box keeps is bounded by itself, and would fill up while memory is watched.
    parameters |= {"image_reliability": "reliable", "black_box_seconds": 0.0}
    with running_node(tmp_path, **parameters) as node:
        statuses = node.collect(PerceptionStatus, f"{NODE}/status")
        answers = node.collect(PredictedTrajectoryArray, f"{NODE}/trajectories")
        node.reach("active")
        node.settle()
        process = ProcessView(node.child.pid)
        threads, handles = process.threads, process.handles
        before = 0.0
        for number, image in enumerate(paced(made)):
            node.send(image)
            if number % 500 == 0:
                node.child.check_running()
                node.spin(0.05)
            if number == MESSAGES // 5:
                before = process.rss_mb
        grown = process.rss_mb / before - 1.0
        node.wait_until(lambda: len(statuses) and counts_add_up(statuses[-1].cameras[0]), "counts")
        camera = statuses[-1].cameras[0]
        print(
            f"{len(made) * BATCH} made; of {MESSAGES} sent {camera.received} arrived: "
            f"{camera.answered} answered, {camera.rejected} rejected, {camera.skipped} skipped; "
            f"memory {grown:+.1%}"
        )
        assert camera.received > 0.7 * MESSAGES, "too few arrived for the test to mean anything"
        assert camera.answered > 100 and camera.rejected > 1000 and camera.failed == 0
        assert node.state() == STATES["active"]
        assert "Traceback" not in node.log
        assert (process.threads, process.handles) == (threads, handles)
        assert grown < 0.02, f"memory grew by {grown:.1%}"
        # Good images again, of one camera whose clock is right: each is answered.
        for step in range(5):
            good = image_message(step)
            stamp_now(good)
            node.send(good)
            node.wait_until(
                lambda good=good: answers and answers[-1].header == good.header,
                f"the answer to good image {step}",
            )
