"""The people on the ground for Autoware's planning: autoware_perception_msgs/PredictedObjects.

Its conventions, as its own prediction and planning have them: a pose is that of the middle of the
body; a twist is in the object's own axes, so that x is the speed of who faces where they go; a
predicted path begins at the present pose, at time 0, and goes on in equal steps.
"""

from __future__ import annotations

import math
from typing import Any
from uuid import UUID, uuid5

import numpy as np

from convlstm_perception.messages.people import (
    STANDING,
    WIDTH,
    Person,
    located,
    people_on_the_ground,
)
from convlstm_perception.messages.types import (
    MessageTypes,
    duration,
    header_in,
    upright_pose,
    vector,
)
from convlstm_perception.types import Float64Array, PerceptionResult

PREDICTED_OBJECTS = "autoware_perception_msgs/msg/PredictedObjects"
_OBJECT = "autoware_perception_msgs/msg/PredictedObject"
_CLASSIFICATION = "autoware_perception_msgs/msg/ObjectClassification"
_KINEMATICS = "autoware_perception_msgs/msg/PredictedObjectKinematics"
_PATH = "autoware_perception_msgs/msg/PredictedPath"
_SHAPE = "autoware_perception_msgs/msg/Shape"

FIELDS = {
    _CLASSIFICATION: ("label", "probability"),
    _OBJECT: ("object_id", "existence_probability", "classification", "kinematics", "shape"),
    _KINEMATICS: (
        "initial_pose_with_covariance",
        "initial_twist_with_covariance",
        "initial_acceleration_with_covariance",
        "predicted_paths",
    ),
    PREDICTED_OBJECTS: ("header", "objects"),
    _PATH: ("path", "time_step", "confidence"),
    _SHAPE: ("type", "footprint", "dimensions"),
}
"""What is set of the types of a package that may be missing, or another version."""

USED_TYPES = (
    *FIELDS,
    "builtin_interfaces/msg/Duration",
    "geometry_msgs/msg/Accel",
    "geometry_msgs/msg/AccelWithCovariance",
    "geometry_msgs/msg/Point",
    "geometry_msgs/msg/Polygon",
    "geometry_msgs/msg/Pose",
    "geometry_msgs/msg/PoseWithCovariance",
    "geometry_msgs/msg/Quaternion",
    "geometry_msgs/msg/Twist",
    "geometry_msgs/msg/TwistWithCovariance",
    "geometry_msgs/msg/Vector3",
    "std_msgs/msg/Header",
    "unique_identifier_msgs/msg/UUID",
)
"""Every type that is made here."""

# Of the messages' own constants.
_PEDESTRIAN = 7
_CYLINDER = 1


def predicted_objects_message(
    result: PerceptionResult, header: Any, namespace: UUID, types: MessageTypes
) -> Any:
    """Those whose place is known as PredictedObjects, in metres in the frame of the ground.

    Args:
        result: to tell, with a ground.
        header: of its image; a message of the same classes.
        namespace: that the objects' ids are made in, of the track ids: one for each tracker.
        types: to make the messages of.
    """
    ground = located(result)
    times = result.tracks.trajectories.times.astype(np.float64)
    return types[PREDICTED_OBJECTS](
        header=header_in(ground.frame_id, header, types),
        objects=[
            types[_OBJECT](
                object_id=types["unique_identifier_msgs/msg/UUID"](
                    uuid=np.frombuffer(uuid5(namespace, str(person.track_id)).bytes, np.uint8)
                ),
                existence_probability=person.score,
                classification=[types[_CLASSIFICATION](label=_PEDESTRIAN, probability=1.0)],
                kinematics=types[_KINEMATICS](
                    initial_pose_with_covariance=types["geometry_msgs/msg/PoseWithCovariance"](
                        pose=upright_pose(person.centre, person.yaw, types),
                        covariance=person.pose_covariance,
                    ),
                    initial_twist_with_covariance=_twist(person, types),
                    initial_acceleration_with_covariance=_no_acceleration(types),
                    predicted_paths=[_path(person, times, ground.paths[person.row], types)],
                ),
                shape=types[_SHAPE](
                    type=_CYLINDER,
                    footprint=types["geometry_msgs/msg/Polygon"](points=[]),
                    dimensions=vector(WIDTH, WIDTH, person.height, types),
                ),
            )
            for person in people_on_the_ground(result)
        ],
    )


def _twist(person: Person, types: MessageTypes) -> Any:
    """In the object's own axes, with the covariance of its x and y."""
    cosine, sine = math.cos(person.yaw), math.sin(person.yaw)
    into_object = np.array([[cosine, sine], [-sine, cosine]])
    forward, left = (into_object @ person.velocity).tolist()
    covariance = np.zeros((6, 6))
    covariance[:2, :2] = into_object @ person.covariance[2:, 2:] @ into_object.T
    return types["geometry_msgs/msg/TwistWithCovariance"](
        twist=types["geometry_msgs/msg/Twist"](
            linear=vector(forward, left, 0.0, types), angular=vector(0.0, 0.0, 0.0, types)
        ),
        covariance=covariance.reshape(36),
    )


def _no_acceleration(types: MessageTypes) -> Any:
    """Nothing is known of it; Autoware's own prediction leaves it 0 too."""
    nothing = vector(0.0, 0.0, 0.0, types)
    return types["geometry_msgs/msg/AccelWithCovariance"](
        accel=types["geometry_msgs/msg/Accel"](linear=nothing, angular=nothing),
        covariance=np.zeros(36),
    )


def _path(person: Person, times: Float64Array, places: Float64Array, types: MessageTypes) -> Any:
    """From now on in equal steps; between the predicted times, where they are not, straight.

    Args:
        person: that goes there.
        times: (H,) seconds from now.
        places: (H, 3) on the ground at those times.
        types: to make the messages of.
    """
    step = float(times[-1]) / len(times)
    even = step * np.arange(len(times) + 1)
    known = np.vstack([person.position, places])
    path = np.stack([np.interp(even, [0.0, *times], column) for column in known.T], 1)
    path[:, 2] += person.height / 2
    yaws, yaw = [person.yaw], person.yaw
    for along_x, along_y in np.diff(path[:, :2], axis=0).tolist():
        if math.hypot(along_x, along_y) >= STANDING * step:
            yaw = math.atan2(along_y, along_x)
        yaws.append(yaw)
    return types[_PATH](
        path=[
            upright_pose(place, turn, types)
            for place, turn in zip(path.tolist(), yaws, strict=True)
        ],
        time_step=duration(step, types),
        confidence=1.0,
    )
