"""Tracks: identity by prediction, two passes by score, coasting, death."""

from __future__ import annotations

import numpy as np
import pytest

from convlstm_perception.errors import ParameterError
from convlstm_perception.stream import PipelineSettings, Tracker, TrackerSettings
from convlstm_perception.stream.forecast import ConstantVelocityForecaster
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Detections, Image, Trajectories

TIMES = np.array([0.5, 1.0, 2.0], np.float32)
STEP = 0.1


def detections(people: list[tuple[float, float, float]]) -> Detections:
    """People as (x, velocity in pixels a second, score), all 20 wide, 60 high, in one row."""
    people = sorted(people, key=lambda person: -person[2])
    boxes = np.array([[x, 100, 20, 60] for x, _, _ in people], np.float32).reshape(-1, 4)
    velocity = np.array([v for _, v, _ in people], np.float32)
    future = np.repeat(boxes[:, None], len(TIMES), axis=1)
    future[..., 0] += velocity[:, None] * TIMES
    variances = np.ones_like(future) * np.array([1.0, 4.0, 9.0])[:, None]
    scores = np.array([score for _, _, score in people], np.float32)
    return Detections(boxes, scores, Trajectories(TIMES, future, variances.astype(np.float32)))


def at(step: float) -> int:
    return round(step * STEP * NANOSECONDS_PER_SECOND)


def make_tracker(**settings: float) -> Tracker:
    return Tracker(
        TrackerSettings(**settings),  # type: ignore[arg-type]
        TIMES,
        0.5,
        ConstantVelocityForecaster(TIMES),
    )


def test_crossing_people_keep_their_ids() -> None:
    tracker = make_tracker()
    seen = []
    for step in range(21):
        left, right = 100 + 10.0 * step, 300 - 10.0 * step
        tracks = tracker.update(detections([(left, 100, 0.9), (right, -100, 0.8)]), at(step))
        seen.append({int(i): float(b[0]) for i, b in zip(tracks.ids, tracks.boxes, strict=True)})
    assert seen[1] == {1: 110.0, 2: 290.0}
    assert seen[20] == {1: 300.0, 2: 100.0}


def test_a_detection_below_the_low_threshold_touches_no_track() -> None:
    tracker = Tracker(TrackerSettings(), TIMES, 0.5, ConstantVelocityForecaster(TIMES), 0.2)
    for step, score in enumerate((0.9, 0.9, 0.3)):
        tracks = tracker.update(detections([(100, 0, score)]), at(step))
    assert tracks.coasting.tolist() == [False]
    tracks = tracker.update(detections([(100, 0, 0.1)]), at(3))
    assert tracks.coasting.tolist() == [True]


def test_two_matches_confirm_and_a_single_false_alarm_never_shows() -> None:
    tracker = make_tracker()
    assert len(tracker.update(detections([(100, 0, 0.9)]), at(0))) == 0
    assert len(tracker.update(detections([]), at(1))) == 0
    assert len(tracker.update(detections([(100, 0, 0.9)]), at(2))) == 0
    assert tracker.update(detections([(100, 0, 0.9)]), at(3)).ids.tolist() == [2]


def test_an_uncertain_detection_continues_a_track_but_begins_none() -> None:
    tracker = make_tracker()
    for step in range(2):
        tracker.update(detections([(100, 0, 0.9)]), at(step))
    tracks = tracker.update(detections([(100, 0, 0.2), (300, 0, 0.2)]), at(2))
    assert tracks.ids.tolist() == [1]
    assert not tracks.coasting[0] and tracks.scores[0] == pytest.approx(0.2)


def test_coasting_follows_the_prediction_then_ends() -> None:
    tracker = make_tracker(max_coast=0.35)
    for step in range(3):
        before = tracker.update(detections([(100 + 10 * step, 100, 0.9)]), at(step))
    for step in range(3, 6):
        tracks = tracker.update(detections([]), at(step))
        assert tracks.coasting.tolist() == [True]
        assert tracks.boxes[0, 0] == pytest.approx(100 + 10 * step, abs=1.0)
        # The trajectory is told from now on: straight on, and less sure than before.
        expected = 100 + 10 * step + 100 * TIMES
        np.testing.assert_allclose(tracks.trajectories.boxes[0, :, 0], expected, atol=4.0)
        assert (tracks.trajectories.variances[0] >= before.trajectories.variances[0]).all()
        assert (tracks.trajectories.variances[0, 0] > before.trajectories.variances[0, 0]).all()
    assert len(tracker.update(detections([]), at(6))) == 0


def test_a_lost_track_is_found_again_after_it_was_no_longer_published() -> None:
    tracker = make_tracker(max_coast=0.15, max_memory=0.65)
    for step in range(3):
        tracker.update(detections([(100 + 3 * step, 30, 0.9)]), at(step))
    published = [len(tracker.update(detections([]), at(step))) for step in range(3, 8)]
    assert published == [1, 0, 0, 0, 0]
    found = tracker.update(detections([(124, 30, 0.9)]), at(8))
    assert found.ids.tolist() == [1] and not found.coasting[0]
    for step in range(9, 16):
        tracker.update(detections([]), at(step))
    for step in (16, 17):  # forgotten: somebody new
        later = tracker.update(detections([(124, 30, 0.9)]), at(step))
    assert later.ids.tolist() == [2]


def test_the_score_of_a_coasting_track_falls_with_time_not_with_frames() -> None:
    scores = []
    for frames in (2, 6):
        tracker = make_tracker(max_coast=1.0)
        for step in range(2):
            tracker.update(detections([(100, 0, 0.8)]), at(step))
        for frame in range(1, frames + 1):
            tracks = tracker.update(detections([]), at(1 + 2 * frame / frames))
        scores.append(float(tracks.scores[0]))
    assert scores[0] == pytest.approx(scores[1], rel=1e-3)
    assert scores[0] < 0.6


def street(people: dict[float, tuple[int, int, int]]) -> Image:
    """A grey street with the people of :func:`detections` at x, each in a colour."""
    image = np.full((200, 500, 3), 150, np.uint8)
    for x, colour in people.items():
        image[70:130, round(x) - 10 : round(x) + 10] = colour
    return image


def test_the_colours_of_clothes_tell_who_came_out_of_the_crossing() -> None:
    """Both stop where they meet, unseen, and turn back: every prediction says that they crossed."""
    tracker = make_tracker(max_coast=0.5)
    red, blue = (40, 40, 200), (200, 60, 40)
    for step in range(5):
        left, right = 120.0 + 10 * step, 240.0 - 10 * step
        people = detections([(left, 100, 0.9), (right, -100, 0.8)])
        tracks = tracker.update(people, at(step), street({left: red, right: blue}))
    assert tracks.ids.tolist() == [1, 2]
    for step in (5, 6):
        tracker.update(detections([]), at(step), street({}))
    for step in range(7, 10):
        left, right = 160.0 - 10 * (step - 7), 200.0 + 10 * (step - 7)
        people = detections([(left, -100, 0.9), (right, 100, 0.8)])
        tracks = tracker.update(people, at(step), street({left: red, right: blue}))
    where = {int(i): float(box[0]) for i, box in zip(tracks.ids, tracks.boxes, strict=True)}
    assert where == {1: 140.0, 2: 220.0}


def test_somebody_else_does_not_take_over_a_remembered_track() -> None:
    red, blue = (40, 40, 200), (200, 60, 40)
    ids = []
    for later in (red, blue):
        tracker = make_tracker(max_coast=0.15)
        for step in range(3):
            tracker.update(detections([(100, 0, 0.9)]), at(step), street({100.0: red}))
        for step in range(3, 8):
            tracker.update(detections([]), at(step), street({}))
        for step in (8, 9):
            tracks = tracker.update(detections([(102, 0, 0.9)]), at(step), street({102.0: later}))
        ids.append(tracks.ids.tolist())
    assert ids == [[1], [2]]


def test_a_track_of_uncertain_detections_alone_ends() -> None:
    tracker = make_tracker(max_doubt=0.45)
    for step in range(2):
        tracker.update(detections([(100, 0, 0.9)]), at(step))
    shown = [len(tracker.update(detections([(100, 0, 0.3)]), at(step))) for step in range(2, 8)]
    assert shown == [1, 1, 1, 1, 0, 0]
    again = tracker.update(detections([(100, 0, 0.9)]), at(8))
    assert again.ids.tolist() == [1]


def test_a_track_is_found_again_where_it_was_predicted() -> None:
    tracker = make_tracker()
    for step in range(3):
        tracker.update(detections([(100 + 20 * step, 200, 0.9)]), at(step))
    tracker.update(detections([]), at(3))
    tracker.update(detections([]), at(4))
    assert tracker.update(detections([(200, 200, 0.9)]), at(5)).ids.tolist() == [1]


def test_ids_are_never_used_twice() -> None:
    tracker = make_tracker(min_hits=1)
    first = tracker.update(detections([(100, 0, 0.9), (300, 0, 0.9)]), at(0))
    tracker.reset()
    second = tracker.update(detections([(100, 0, 0.9)]), at(1))
    assert not set(first.ids.tolist()) & set(second.ids.tolist())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TrackerSettings(min_hits=0), r"parameter 'min_hits': 0 is outside \[1, 30\]"),
        (lambda: PipelineSettings(tolerance=2.0), r"parameter 'tolerance': 2.0 is outside"),
        (lambda: PipelineSettings(max_rate=float("nan")), "parameter 'max_rate': nan is outside"),
    ],
)
def test_settings_out_of_range_are_named(make, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        make()
