"""What is asked for, and scores of answers whose errors are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.geometry import RigidTransform
from convlstm_perception.types import GroundTracks, Tracks, Trajectories
from convlstm_perception_sim.bridge import BASE_FRAME, CAMERA_FRAME, mounting
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.scoring import RunScores, TruePaths, asked_for, in_world, score_run
from convlstm_perception_sim.snapshot import Person, Pose, Snapshot
from convlstm_perception_sim.truth_message import as_result, transform_of

CAMERA = StreetCamera()
TIMES = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], np.float32)
FRAMES = 60
TALL = 1.7
EGO_SPEED, EGO_TURN = 0.5, 0.05  # m/s, rad/s
WALKS = {1: ((9.0, 2.0), (0.0, -0.8)), 2: ((14.0, -2.0), (0.3, 0.5)), 3: ((-5.0, 0.0), (1.0, 0.0))}


def ego_at(frame: int) -> Pose:
    """A car that goes ahead and turns a little."""
    seconds = frame / 10
    pose = RigidTransform.from_euler(0.0, 0.0, EGO_TURN * seconds, (EGO_SPEED * seconds, 0.0, 0.0))
    x, y, z = pose.translation.tolist()
    i, j, k, w = pose.quaternion.tolist()
    return Pose((x, y, z), (i, j, k, w))


def place_at(identity: int, frame: float) -> np.ndarray:
    (start, velocity), seconds = WALKS[identity], frame / 10
    return np.array([*start, 0.0]) + seconds * np.array([*velocity, 0.0])


def snapshot_at(frame: int) -> Snapshot:
    pose = transform_of(ego_at(frame)) @ mounting(CAMERA)
    people = []
    for identity, (_, velocity) in WALKS.items():
        place = place_at(identity, frame)
        corners = [
            place + np.array([a, b, c]) for a in (-0.2, 0.2) for b in (-0.2, 0.2) for c in (0, TALL)
        ]
        box = CAMERA.box(pose.inverse().apply(np.array(corners)))
        x, y, z = place.tolist()
        people.append(Person(identity, box, (x, y, z), velocity, TALL))
    return Snapshot((frame + 1) * 100_000_000, ego_at(frame), people)


SNAPSHOTS = [snapshot_at(frame) for frame in range(FRAMES)]


def perfect_answer(frame: int, shift: float) -> Answer:
    """The truth of who is asked for, as the node would answer it in the car's frame.

    Args:
        frame: answered.
        shift: metres by which all predicted places are off, in the car's x.
    """
    snapshot = SNAPSHOTS[frame]
    truth = as_result(snapshot, CAMERA_FRAME, BASE_FRAME)
    rows = np.isin(truth.tracks.ids, asked_for(snapshot, CAMERA).ids)
    ids, boxes = truth.tracks.ids[rows], truth.tracks.boxes[rows]
    count, horizons = len(ids), len(TIMES)
    to_car = transform_of(snapshot.ego).inverse()
    paths = np.array(
        [[place_at(int(i), frame + 10 * float(t)) for t in TIMES] for i in ids]
    ).reshape(count, horizons, 3)
    future = np.repeat(boxes[:, None], horizons, axis=1)
    assert truth.ground is not None
    ground = replace(
        GroundTracks.unknown(count, horizons, "", BASE_FRAME),
        positions=truth.ground.positions[rows],
        velocities=truth.ground.velocities[rows],
        covariances=np.tile(0.01 * np.eye(4), (count, 1, 1)),
        paths=to_car.apply(paths) + np.array([shift, 0.0, 0.0]),
        path_covariances=np.tile(0.01 * np.eye(2), (count, horizons, 1, 1)),
    )
    tracks = Tracks(
        ids + 40,
        boxes,
        np.full(count, 0.9, np.float32),
        np.zeros(count, np.bool_),
        Trajectories(TIMES, future, np.ones_like(future)),
    )
    return Answer(snapshot.stamp_ns, snapshot.stamp_ns, CAMERA_FRAME, "perfect", tracks, ground)


def scored(folder: Path, *, shift: float = 0.0, skipped: int = 0) -> RunScores:
    recording = Recording(folder)
    for frame in range(skipped, FRAMES):
        recording.add_answer(perfect_answer(frame, shift))
    return score_run(SNAPSHOTS, recording, CAMERA)


def test_perfect_answers_have_no_error(tmp_path: Path) -> None:
    values = scored(tmp_path).to_values()
    assert values["answered_share"] == 1.0
    assert values["ap50"] == 1.0 and values["idf1"] == 1.0
    assert values["ade_2s_m"] == pytest.approx(0.0, abs=1e-3)
    assert values["samples_2s_m"] > 50
    assert values["position_error_m"] == pytest.approx(0.0, abs=1e-3)
    assert values["position_error_m_95_on_street"] == pytest.approx(0.0, abs=1e-3)
    # Everybody goes straight on, but is slow to be believed: a second passes before it is known.
    assert values["ade_2s_m_constant_velocity"] < 0.2


def test_places_that_are_off_are_measured_whatever_the_car_does(tmp_path: Path) -> None:
    values = scored(tmp_path, shift=0.75).to_values()
    assert values["ade_2s_m"] == pytest.approx(0.75, abs=1e-3)
    assert values["fde_2s_m"] == pytest.approx(0.75, abs=1e-3)
    assert values["ap50"] == 1.0


def test_images_that_were_not_answered_count(tmp_path: Path) -> None:
    scores = scored(tmp_path, skipped=FRAMES // 4)
    assert scores.answered_share == 0.75
    asked = [len(asked_for(snapshot, CAMERA).ids) for snapshot in SNAPSHOTS]
    found = sum(asked[FRAMES // 4 :]) / sum(asked)
    assert scores.detection.ap50 == pytest.approx(found) and found < 0.8


def test_who_is_behind_the_car_is_known_and_not_asked_for() -> None:
    truth = asked_for(SNAPSHOTS[0], CAMERA)
    assert 3 not in truth.ids and {1, 2} == set(truth.ids.tolist())
    paths = TruePaths(SNAPSHOTS)
    np.testing.assert_allclose(paths.places(3, 10, [0.0, 0.25]), [[-4.0, 0.0], [-3.75, 0.0]])
    assert np.isnan(paths.places(3, FRAMES - 1, [0.1])).all()


def test_errors_on_the_street_leave_out_who_is_higher(tmp_path: Path) -> None:
    """The second person, taken to be on a pavement, has the places that are off."""
    raised = [
        replace(
            one,
            people=[replace(p, position=(*p.position[:2], 0.2 * (p.id == 2))) for p in one.people],
        )
        for one in SNAPSHOTS
    ]
    recording = Recording(tmp_path)
    for frame in range(FRAMES):
        answer = perfect_answer(frame, 0.0)
        answer.ground.positions[answer.tracks.ids == 42] += 0.5
        recording.add_answer(answer)
    values = score_run(raised, recording, CAMERA).to_values()
    assert values["position_error_m_95"] > 0.5
    assert values["position_error_m_95_on_street"] == pytest.approx(0.0, abs=1e-3)


def person(identity: int, box: tuple[float, float, float, float], x: float) -> Person:
    return Person(identity, box, (x, 0.0, 0.0), (0.0, 0.0), TALL)


def test_who_is_hidden_or_cut_off_is_excused() -> None:
    people = [
        person(1, (100.0, 100.0, 40.0, 100.0), 8.0),
        person(2, (105.0, 100.0, 20.0, 60.0), 20.0),  # behind the first
        person(3, (0.0, 100.0, 40.0, 100.0), 9.0),  # just over half of it is in the image
        person(4, (-12.0, 200.0, 40.0, 100.0), 10.0),  # less than half
        person(5, (-500.0, 200.0, 40.0, 100.0), 10.0),  # nowhere near
    ]
    truth = asked_for(Snapshot(0, Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)), people), CAMERA)
    assert sorted(truth.ids.tolist()) == [1, 3]
    assert len(truth.ignored) == 2
    cut = truth.boxes[truth.ids.tolist().index(3)]
    np.testing.assert_allclose(cut, [9.75, 100.0, 20.5, 100.0])


def test_tracks_turn_with_the_car() -> None:
    ego = RigidTransform.from_euler(0.0, 0.0, np.pi / 2, (10.0, 5.0, 0.0))
    answer = perfect_answer(0, 0.0)
    ground = replace(
        answer.ground.take(slice(1)),
        positions=np.array([[3.0, 1.0, 0.0]]),
        velocities=np.array([[1.0, 0.0]]),
        covariances=np.diag([1.0, 2.0, 3.0, 4.0])[None],
        path_covariances=np.tile(np.diag([1.0, 2.0]), (1, len(TIMES), 1, 1)),
    )
    moved = in_world(ground, ego)
    np.testing.assert_allclose(moved.positions, [[9.0, 8.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(moved.velocities, [[0.0, 1.0]], atol=1e-9)
    np.testing.assert_allclose(moved.covariances[0], np.diag([2.0, 1.0, 4.0, 3.0]), atol=1e-9)
    np.testing.assert_allclose(moved.path_covariances[0, 0], np.diag([2.0, 1.0]), atol=1e-9)
