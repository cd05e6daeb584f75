"""From answers to answers with a ground, and every reason why there is none."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from convlstm_perception.errors import ParameterError
from convlstm_perception.geometry import RigidTransform, TransformBuffer
from convlstm_perception.ground import CameraMount, GroundEstimator, GroundSettings
from convlstm_perception.stream.pipeline import one_pedestrian
from convlstm_perception.types import AnswerStatus, Detections, PerceptionResult
from tests.support.ground import (
    HEIGHT,
    PERIOD_NS,
    POSE,
    TIMES,
    WIDTH,
    K,
    boxes_of,
    tracks_of,
)

SIZE = (WIDTH, HEIGHT)
PLACE = np.array([[12.0, 1.0]])
FRAME = "camera_optical_frame"
SETTINGS = GroundSettings(target_frame="base_link")


def calibration(**facts: Any) -> Any:
    known = {
        "width": WIDTH,
        "height": HEIGHT,
        "distortion_model": "plumb_bob",
        "d": [0.0] * 5,
        "k": K.ravel().tolist(),
        "r": np.eye(3).ravel().tolist(),
        "p": np.hstack([K, np.zeros((3, 1))]).ravel().tolist(),
    }
    return SimpleNamespace(**known | facts)


def result(step: int = 0) -> PerceptionResult:
    boxes = boxes_of(PLACE)
    tracks = tracks_of(boxes, np.repeat(boxes[:, None], len(TIMES), axis=1))
    return PerceptionResult(step * PERIOD_NS, FRAME, Detections.nobody(TIMES), tracks, 8)


def tree() -> TransformBuffer:
    transforms = TransformBuffer()
    transforms.set_static("base_link", FRAME, POSE)
    return transforms


def estimator(
    settings: GroundSettings = SETTINGS,
    mount: CameraMount = CameraMount(),  # noqa: B008
) -> GroundEstimator:
    return GroundEstimator(settings, mount, rectified=False, times=TIMES)


def test_by_tf() -> None:
    some = estimator()
    ground = some.answer(result(), SIZE, calibration(), tree()).ground
    assert ground is not None and ground.valid.all() and not some.problem
    assert ground.frame_id == "base_link"
    np.testing.assert_allclose(ground.positions[0], [12.0, 1.0, 0.0], atol=0.05)


def test_by_the_height_of_the_mount() -> None:
    some = estimator(GroundSettings(), CameraMount(1.8, 0.12, 0.0))
    ground = some.answer(result(), SIZE, calibration(), TransformBuffer()).ground
    assert ground is not None and ground.valid.all()
    assert ground.frame_id == f"{FRAME}_ground"
    np.testing.assert_allclose(ground.positions[0], [12.0, 1.0, 0.0], atol=0.05)


def test_a_slope_tilts_the_ground() -> None:
    settings = replace(SETTINGS, ground_plane=(0.0, 0.0, 2.0, 1.0))  # z = 0.5
    ground = estimator(settings).answer(result(), SIZE, calibration(), tree()).ground
    assert ground is not None and ground.positions[0, 2] == pytest.approx(0.5)
    assert ground.positions[0, 0] < 11.0


@pytest.mark.parametrize(
    ("facts", "size", "said"),
    [
        (None, SIZE, "no calibration"),
        ({"k": [0.0] * 9}, SIZE, "not calibrated"),
        ({"k": [1.0]}, SIZE, "not 3 x 3 finite numbers"),
        ({"distortion_model": "magic"}, SIZE, "'magic' is not known"),
        ({}, (640, 360), "the image is 640x360, but the calibration is for 1280x720"),
    ],
)
def test_a_calibration_that_cannot_be_used(
    facts: dict[str, Any] | None, size: tuple[int, int], said: str
) -> None:
    some = estimator()
    info = None if facts is None else calibration(**facts)
    answer = some.answer(result(), size, info, tree())
    assert answer.ground is not None and said in answer.ground.reason
    assert answer.ground.reasons == (answer.ground.reason,)
    assert some.problem == answer.ground.reason and some.inputs is None
    assert len(answer.tracks) == 1, "pixels are answered all the same"
    # What follows is not spoilt by it.
    assert estimator_recovers(some)


def estimator_recovers(some: GroundEstimator) -> bool:
    ground = some.answer(result(1), SIZE, calibration(), tree()).ground
    return ground is not None and bool(ground.valid.all()) and not some.problem


def test_a_transform_that_is_missing_or_late() -> None:
    some = estimator()
    answer = some.answer(result(), SIZE, calibration(), TransformBuffer())
    assert answer.ground is not None and "nobody publishes frame" in answer.ground.reason
    late = TransformBuffer()
    late.set("base_link", FRAME, -PERIOD_NS * 3, POSE)
    answer = some.answer(result(), SIZE, calibration(), late)
    assert answer.ground is not None and "0.300 s older" in answer.ground.reason
    assert estimator_recovers(some)


def test_a_plane_behind_the_camera() -> None:
    some = estimator(replace(SETTINGS, ground_plane=(0.0, 0.0, 1.0, 3.0)))
    answer = some.answer(result(), SIZE, calibration(), tree())
    assert answer.ground is not None and "lies behind it" in answer.ground.reason


def test_a_missing_motion_is_told_and_the_rest_said() -> None:
    some = estimator(replace(SETTINGS, fixed_frame="odom"))
    answer = some.answer(result(), SIZE, calibration(), tree(), "odom")
    assert answer.ground is not None and answer.ground.valid.all()
    assert not answer.ground.compensated and "motion is not taken out" in some.problem
    moving = tree()
    moving.set("odom", "base_link", PERIOD_NS, RigidTransform.identity())
    answer = some.answer(result(1), SIZE, calibration(), moving, "odom")
    assert answer.ground is not None and answer.ground.compensated and not some.problem
    assert some.inputs is not None
    assert [names[:2] for names in some.inputs.transforms] == [
        ("base_link", FRAME),
        ("odom", "base_link"),
    ]


def test_an_unusable_image_says_nothing_and_forgets_nobody() -> None:
    some = estimator()
    for step in range(10):
        some.answer(result(step), SIZE, calibration(), tree())
    nobody = tracks_of(np.zeros((0, 4), np.float32), np.zeros((0, len(TIMES), 4), np.float32))
    black = replace(result(10), tracks=nobody, status=AnswerStatus.UNUSABLE, status_reason="black")
    answer = some.answer(black, SIZE, calibration(), tree())
    assert answer.ground is not None and "black" in answer.ground.reason and not some.problem
    answer = some.answer(result(11), SIZE, calibration(), tree())
    one = estimator().answer(result(11), SIZE, calibration(), tree())
    assert answer.ground is not None and one.ground is not None
    assert answer.ground.covariances[0, 2, 2] < 0.5 * one.ground.covariances[0, 2, 2]


def test_a_restart_begins_anew() -> None:
    some = estimator()
    for step in range(10):
        some.answer(result(step), SIZE, calibration(), tree())
    answer = some.answer(replace(result(10), restarted="gap"), SIZE, calibration(), tree())
    alone = estimator().answer(result(10), SIZE, calibration(), tree())
    assert answer.ground is not None and alone.ground is not None
    assert (answer.ground.covariances == alone.ground.covariances).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"ground_plane": (0.0, 0.0, -1.0, 0.0)}, "'ground_plane'.*upwards"),
        ({"ground_plane": (0.0, 1.0)}, "'ground_plane'.*4 numbers"),
        ({"fixed_frame": "odom"}, "'fixed_frame': needs target_frame"),
        ({"odometry_topic": "/odom"}, "'odometry_topic': needs target_frame"),
        ({"person_height": 0.0}, "'person_height'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        GroundSettings(**values)


@pytest.mark.parametrize(
    "settings", [SETTINGS, replace(SETTINGS, ground_plane=(0.0, 0.0, 1.0, 5.0))], ids=["0", "5 m"]
)
def test_warming_up_leaves_no_trace(settings: GroundSettings) -> None:
    """Whatever the settings are: the warm-up's camera must not be one that they refuse."""
    example = one_pedestrian(TIMES)
    tracks = tracks_of(example.boxes, example.trajectories.boxes)
    some = estimator(settings)
    warm = some.warm_up(PerceptionResult(0, "", example, tracks, 0))
    assert warm.ground is not None and warm.ground.valid.all() and not some.problem
    untouched = estimator(settings).answer(result(), SIZE, calibration(), tree())
    after = some.answer(result(), SIZE, calibration(), tree())
    assert str(after.ground) == str(untouched.ground)
