"""Messages of packages that may be missing, or another version."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="no ROS 2 in this environment")

from uuid import uuid4

from rclpy.serialization import deserialize_message, serialize_message

from convlstm_perception.errors import ParameterError
from convlstm_perception.ros.message_classes import optional_message_classes
from convlstm_perception.ros.outputs import NUMBERS, PICTURES, Origin, Output
from tests.support.located import header_of, located_answer, rclpy_types, rosbags_store

POINT = "geometry_msgs/msg/Point"
OUTPUTS = (*NUMBERS, *PICTURES)


def test_a_missing_package_is_named_with_its_parameter() -> None:
    with pytest.raises(ParameterError) as error:
        optional_message_classes(["absent_msgs/msg/Thing"], {}, "publish_things")
    text = str(error.value)
    assert "'publish_things'" in text and "absent_msgs/msg/Thing" in text
    assert "ros-$ROS_DISTRO-absent-msgs" in text


def test_a_package_without_the_message_is_another_version() -> None:
    with pytest.raises(ParameterError, match="geometry_msgs/msg/Thing is not to be had"):
        optional_message_classes(["geometry_msgs/msg/Thing"], {}, "publish_things")


def test_a_message_without_a_field_is_another_version() -> None:
    with pytest.raises(ParameterError, match=r"geometry_msgs/msg/Point has no w, but x, y, z"):
        optional_message_classes([POINT], {POINT: ("x", "w")}, "publish_things")
    assert list(optional_message_classes([POINT], {POINT: ("x", "z")}, "publish_things")) == [POINT]


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.topic)
def test_rclpy_and_rosbags_write_the_same_bytes(output: Output) -> None:
    """The node's serialiser checks no types: what it writes is compared with one that does."""
    package = output.kind.split("/")[0]
    pytest.importorskip(package, reason=f"{package} is not installed here")
    places, velocities = [(4.0, 3.0), (5.0, 1.0), (2.0, 0.5)], [(0.0, -1.0), (1.0, 1.0), (0.0, 0.0)]
    answer = located_answer(places, velocities, hidden=[1], closest=[(1.0, 1.0)] * 3)
    origin, store = Origin("m", "pedestrian", uuid4()), rosbags_store()
    ours = rclpy_types(output.types)
    written = serialize_message(output.build(answer, header_of(ours), origin, ours))
    theirs = output.build(answer, header_of(store.types), origin, store.types)
    # Compared as rosbags reads them: padding bytes between fields mean nothing.
    read = store.deserialize_cdr(written, output.kind)
    assert repr(read) == repr(
        store.deserialize_cdr(store.serialize_cdr(theirs, output.kind), output.kind)
    )
    assert deserialize_message(written, ours[output.kind]) is not None
