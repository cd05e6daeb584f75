"""The drawing of answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.types import (
    Detections,
    GroundTracks,
    PerceptionResult,
    Tracks,
    Trajectories,
)
from convlstm_perception.visualization.alert import Alert, person_colours
from convlstm_perception.visualization.colours import calm_track_colour, track_colour
from convlstm_perception.visualization.overlay import OverlayRenderer
from convlstm_perception.visualization.text import text_mask
from tests.support.located import located_answer

TIMES = np.array([0.5, 1.0, 1.5, 2.0], np.float32)


def answer(
    boxes: list[list[float]],
    *,
    stamp: float = 0.0,
    speed: float = 30.0,
    deviation: float = 5.0,
    coasting: bool = False,
) -> PerceptionResult:
    """Tracks 1, 2, ... walking to the right."""
    now = np.array(boxes, np.float32).reshape(-1, 4)
    future = np.repeat(now[:, None], len(TIMES), axis=1)
    future[:, :, 0] += speed * TIMES
    variances = np.full_like(future, deviation**2)
    trajectories = Trajectories(TIMES, future, variances)
    scores = np.full(len(now), 0.9, np.float32)
    tracks = Tracks(
        np.arange(1, len(now) + 1), now, scores, np.full(len(now), coasting), trajectories
    )
    stamp_ns = int(stamp * 1e9)
    return PerceptionResult(stamp_ns, "", Detections(now, scores, trajectories), tracks, 8)


def grey(height: int = 240, width: int = 320) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def test_input_is_not_changed() -> None:
    image = grey()
    drawn = OverlayRenderer().draw(image, answer([[100, 100, 40, 90]]))
    assert (image == 90).all()
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert (drawn != 90).any()


def test_box_has_the_colour_of_its_id() -> None:
    image = grey(1080, 640)  # large enough for lines of several pixels
    drawn = OverlayRenderer().draw(image, answer([[100, 100, 40, 90]], deviation=0.0, speed=0.0))
    assert tuple(drawn[100, 80]) == track_colour(1)
    assert tuple(drawn[100, 100]) == (90, 90, 90)


def test_prediction_lies_ahead_of_the_foot() -> None:
    drawn = OverlayRenderer().draw(grey(), answer([[100, 100, 40, 90]], speed=60.0))
    ahead = drawn[141:149, 130:225]
    assert (ahead != 90).any(axis=2).mean() > 0.5


def test_trail_follows_where_the_track_was_and_ends() -> None:
    renderer = OverlayRenderer(trail_seconds=2.0)
    for step in range(6):
        box = [[60.0 + 30 * step, 100, 20, 60]]
        drawn = renderer.draw(grey(), answer(box, stamp=0.5 * step, speed=0.0, deviation=0.0))
    row = (drawn[129:132] != 90).any(axis=(0, 2))
    assert row[125:195].all()
    assert not row[60:85].any()


def test_trails_begin_anew_when_time_jumps_back() -> None:
    renderer = OverlayRenderer()
    still = {"speed": 0.0, "deviation": 0.0}
    renderer.draw(grey(), answer([[60, 100, 20, 60]], stamp=9.0, **still))
    drawn = renderer.draw(grey(), answer([[200, 100, 20, 60]], stamp=1.0, **still))
    assert (drawn[125:135, 80:180] == 90).all()


@pytest.mark.parametrize(
    "boxes",
    [
        [],
        [[-500.0, -500.0, 40.0, 90.0]],
        [[1e7, 1e7, 10.0, 10.0]],
        [[float("nan"), 5.0, 5.0, 5.0], [100.0, 100.0, 40.0, 90.0]],
        [[160.0, 120.0, 4000.0, 4000.0]],
        [[10.0, 2.0, 0.0, 0.0]],
    ],
)
@pytest.mark.parametrize("deviation", [0.0, 1e6, float("nan"), float("inf")])
def test_any_numbers_can_be_drawn(boxes: list[list[float]], deviation: float) -> None:
    result = answer(boxes, deviation=deviation, coasting=True)
    assert OverlayRenderer(title="model-1").draw(grey(), result).shape == (240, 320, 3)


@pytest.mark.parametrize("size", [(1, 1), (16, 24), (1080, 1920)])
def test_any_size_can_be_drawn_on(size: tuple[int, int]) -> None:
    drawn = OverlayRenderer(title="m").draw(grey(*size), answer([[10, 10, 8, 16]]))
    assert drawn.shape[:2] == size


def test_neighbouring_ids_differ_in_colour() -> None:
    assert all(track_colour(track) != track_colour(track + 1) for track in range(50))


def test_text_is_smooth() -> None:
    mask = text_mask("12 87%", 9)
    assert mask.min() >= 0.0 and mask.max() <= 1.0
    assert ((mask > 0.1) & (mask < 0.9)).any()


def tall_answer(closest: tuple[float, float]) -> PerceptionResult:
    """One person whose box has thick lines in an image of 1080 rows."""
    result = located_answer(closest=[closest])
    boxes = np.array([[300.0, 500.0, 200.0, 600.0]], np.float32)
    trajectories = Trajectories.nobody(TIMES)
    still = Trajectories(TIMES, np.repeat(boxes[:, None], 4, 1), np.zeros((1, 4, 4), np.float32))
    tracks = Tracks(result.tracks.ids, boxes, result.tracks.scores, np.zeros(1, np.bool_), still)
    return replace(
        result,
        tracks=tracks,
        detections=Detections(boxes[:0], np.zeros(0, np.float32), trajectories),
    )


@pytest.mark.parametrize(
    ("closest", "alert"),
    [((1.0, 1.0), Alert.DANGER), ((3.0, 1.0), Alert.CAUTION), ((3.0, 2.1), Alert.NONE)],
)
def test_a_box_has_the_colour_of_its_alert(closest: tuple[float, float], alert: Alert) -> None:
    result = tall_answer(closest)
    drawn = OverlayRenderer().draw(grey(1080, 1000), result)
    (colour,) = person_colours(result)
    assert tuple(drawn[500, 200]) == colour
    assert (colour == calm_track_colour(11)) == (alert is Alert.NONE)
    wide = (drawn[500, 190:211] == np.array(colour)).all(1).sum()
    calm = OverlayRenderer().draw(grey(1080, 1000), tall_answer((9.0, 9.0)))
    usual = (calm[500, 190:211] == np.array(calm_track_colour(11))).all(1).sum()
    assert (wide > usual) == (alert is not Alert.NONE)


def test_the_status_line_tells_who_comes_near_or_why_nobody_knows() -> None:
    renderer = OverlayRenderer(title="m")
    image = grey(1080, 1000)
    lines = []
    for result in (
        tall_answer((9.0, 9.0)),
        tall_answer((1.0, 1.0)),
        replace(tall_answer((1.0, 1.0)), ground=GroundTracks.unknown(1, 4, "no calibration")),
        replace(tall_answer((1.0, 1.0)), ground=None),
    ):
        lines.append(renderer.draw(image, result)[-20:].copy())
    calm, near, unknown, pixels = lines
    assert (calm == pixels).all()
    assert (near != calm).any() and (unknown != calm).any() and (unknown != near).any()


def test_an_answer_partly_on_the_ground_can_be_drawn() -> None:
    places = [(4.0, 3.0), (5.0, 3.0)]
    result = located_answer(places, [(1.0, 0.0)] * 2, hidden=[0])
    assert OverlayRenderer().draw(grey(), result).shape == (240, 320, 3)
