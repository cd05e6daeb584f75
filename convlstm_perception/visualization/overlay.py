"""Draws what the pipeline answered over the image it answered for."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from convlstm_perception.types import (
    NANOSECONDS_PER_SECOND,
    Float32Array,
    Image,
    PerceptionResult,
    Tracks,
)
from convlstm_perception.visualization.alert import (
    Alert,
    alerts,
    own_colours,
    person_colours,
)
from convlstm_perception.visualization.colours import (
    NEAR_BLACK,
    WHITE,
    Colour,
    text_colour,
)
from convlstm_perception.visualization.labels import closest_approach_label, person_label
from convlstm_perception.visualization.regions import is_whole_second
from convlstm_perception.visualization.shapes import Patch, Points, draw_line
from convlstm_perception.visualization.text import draw_text, text_mask

_CORRIDOR_STEPS = 4  # interpolated ellipses between two predicted times
_DESIGN_HEIGHT = 576.0  # image height at which a line unit is one pixel


class OverlayRenderer:
    """Draws boxes, ids, past trails and predicted paths; keeps the trails.

    A path runs along the ground: it joins the middle of the lower edge of a box with
    the same point of its predicted boxes. The ellipses are one standard deviation of
    that point, fading with time. A dashed box is coasting: predicted, not detected. Who
    comes close soon has a thick box and a path in the colour of the alert; the trail
    keeps the track's.

    Args:
        trail_seconds: how far back the trails reach.
        title: what stands first in the status line, for example the model's id.
    """

    def __init__(self, *, trail_seconds: float = 3.0, title: str = "") -> None:
        self._trail_ns = int(trail_seconds * NANOSECONDS_PER_SECOND)
        self._title = title
        self._trails: dict[int, deque[tuple[int, float, float]]] = {}
        self._latest_ns: int | None = None

    def draw(self, image: Image, result: PerceptionResult) -> Image:
        """Draw one answer.

        Args:
            image: (height, width, 3) uint8, channels blue, green, red; not changed.
            result: the answer for this image.

        Returns:
            A new image of the same shape.
        """
        self._remember(result)
        canvas = np.ascontiguousarray(image).copy()
        unit = max(0.5, canvas.shape[0] / _DESIGN_HEIGHT)
        tracks = result.tracks
        # Far figures first, so that what is near lies on top.
        order = np.argsort(tracks.boxes[:, 1] + 0.5 * tracks.boxes[:, 3], kind="stable")
        order = order[np.isfinite(tracks.boxes[order]).all(axis=1)]
        pressing, colours, own = alerts(result), person_colours(result), own_colours(result)
        for row in order:
            self._draw_prediction(canvas, tracks, int(row), unit, colours[row])
        for row in order:
            self._draw_trail(canvas, int(tracks.ids[row]), unit, own[row])
        for row in order:
            thickness = 1.8 if pressing[row] is Alert.NONE else 3.2
            _draw_box(canvas, tracks, int(row), unit, colours[row], _pixels(thickness * unit))
        # What is pressing is read first, whoever stands before it.
        for row in sorted(order, key=lambda row: pressing[row]):
            text = person_label(result, int(row), pressing[row])
            _draw_label(canvas, tracks.boxes[row], unit, colours[row], text)
        _draw_status(canvas, self._status(result, pressing), unit)
        return canvas

    def _remember(self, result: PerceptionResult) -> None:
        if self._latest_ns is not None and result.stamp_ns < self._latest_ns:
            self._trails.clear()
        self._latest_ns = result.stamp_ns
        oldest = result.stamp_ns - self._trail_ns
        for track_id, box in zip(result.tracks.ids, result.tracks.boxes, strict=True):
            if np.isfinite(box).all():
                foot = (result.stamp_ns, float(box[0]), float(box[1] + 0.5 * box[3]))
                self._trails.setdefault(int(track_id), deque()).append(foot)
        for track_id, trail in list(self._trails.items()):
            while trail and trail[0][0] < oldest:
                trail.popleft()
            if not trail:
                del self._trails[track_id]

    def _draw_trail(self, canvas: Image, track_id: int, unit: float, colour: Colour) -> None:
        points = np.array([point[1:] for point in self._trails[track_id]])
        if len(points) < 2:
            return
        width = _pixels(1.5 * unit)
        patch = Patch.around(canvas, points, np.zeros_like(points), 4.0 * unit)
        if patch is None:
            return
        for index in range(1, len(points)):
            youth = index / (len(points) - 1)
            patch.line(points[index - 1], points[index], colour, 0.15 + 0.75 * youth, width)
        patch.blend()

    def _draw_prediction(
        self, canvas: Image, tracks: Tracks, row: int, unit: float, colour: Colour
    ) -> None:
        times, feet, deviations = predicted_feet(tracks, row, reach=4.0 * max(canvas.shape[:2]))
        if len(feet) == 0:
            return
        now = tracks.boxes[row]
        path = np.vstack([[now[0], now[1] + 0.5 * now[3]], feet])
        spread = np.vstack([[unit, unit], np.maximum(deviations, unit)])
        patch = Patch.around(canvas, path, spread, 6.0 * unit)
        if patch is None:
            return
        steps = len(feet)
        # What is very uncertain must not hide the image: wide ellipses are faint.
        faintness = np.clip(now[3] / np.maximum(spread.max(axis=1), unit), 0.35, 1.0)[:, None]
        # From far to near: where two ellipses overlap, the nearer one's opacity shows.
        for position in np.arange(_CORRIDOR_STEPS * steps, 0, -1) / _CORRIDOR_STEPS:
            opacity = (0.34 - 0.20 * position / steps) * float(_between(faintness, position)[0])
            patch.ellipse(_between(path, position), _between(spread, position), colour, opacity)
        for step in range(steps, 0, -1):
            if is_whole_second(times[step - 1]):
                opacity = (0.75 - 0.35 * step / steps) * float(faintness[step, 0])
                patch.ellipse(path[step], spread[step], colour, opacity, _pixels(unit))
        for step in range(steps):
            patch.line(path[step], path[step + 1], colour, 1.0, _pixels(2.0 * unit))
        for step in range(1, steps + 1):
            size = (2.8 if is_whole_second(times[step - 1]) else 1.8) * unit
            patch.ellipse(path[step], np.full(2, size + 0.8 * unit), colour, 1.0)
            patch.ellipse(path[step], np.full(2, size - 0.2 * unit), WHITE, 1.0)
        patch.blend()

    def _status(self, result: PerceptionResult, pressing: list[Alert]) -> tuple[str, str]:
        """Left and right half of the status line."""
        count = len(result.tracks)
        left = [self._title] if self._title else []
        left.append(f"{count} pedestrian{'' if count == 1 else 's'}")
        left += _alert_status(result, pressing)
        if result.latencies:
            left.append(f"{1e3 * sum(result.latencies.values()):.0f} ms")
        if result.restarted:
            left.append(f"restarted: {result.restarted}")
        times = result.tracks.trajectories.times
        right = f"prediction to +{times[-1]:.1f} s, ellipse = 1 sigma" if len(times) else ""
        return "   ".join(left), right


def _alert_status(result: PerceptionResult, pressing: list[Alert]) -> list[str]:
    """Who comes near, and of the most pressing how near and when; why that is not known."""
    ground = result.ground
    if ground is None:
        return []
    if ground.reason:
        return [f"pixels only: {ground.reason}"]
    near = [row for row, alert in enumerate(pressing) if alert]
    if not near:
        return []
    first = min(near, key=lambda row: (-pressing[row], ground.closest_times[row]))
    return [f"{len(near)} coming near: {closest_approach_label(result, first)}"]


def predicted_feet(tracks: Tracks, row: int, reach: float) -> tuple[Points, Points, Points]:
    """Times (H,), predicted foot points (H, 2) and their deviations (H, 2) in pixels.

    Steps that are not finite or farther than ``reach`` from the image are left out.

    Args:
        tracks: predicted.
        row: of the track.
        reach: pixels.
    """
    boxes = tracks.trajectories.boxes[row].astype(np.float64)
    variances = tracks.trajectories.variances[row].astype(np.float64)
    feet = np.stack([boxes[:, 0], boxes[:, 1] + 0.5 * boxes[:, 3]], axis=1)
    foot_variances = np.stack([variances[:, 0], variances[:, 1] + 0.25 * variances[:, 3]], axis=1)
    usable = np.isfinite(foot_variances).all(axis=1) & (np.abs(feet) < reach).all(axis=1)
    deviations = np.sqrt(np.clip(foot_variances[usable], 0.0, reach**2))
    return tracks.trajectories.times[usable].astype(np.float64), feet[usable], deviations


def _between(points: Points, position: float) -> Points:
    """The row at a fractional position, interpolated."""
    lower = min(int(position), len(points) - 2)
    share = position - lower
    row: Points = (1.0 - share) * points[lower] + share * points[lower + 1]
    return row


def _draw_box(
    canvas: Image, tracks: Tracks, row: int, unit: float, colour: Colour, width: int
) -> None:
    left, top, right, bottom = _corners(tracks.boxes[row], canvas)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        for a, b in _dashes(start, end, 6.0 * unit) if tracks.coasting[row] else [(start, end)]:
            draw_line(canvas, a, b, NEAR_BLACK, width + 1)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        for a, b in _dashes(start, end, 6.0 * unit) if tracks.coasting[row] else [(start, end)]:
            draw_line(canvas, a, b, colour, width)


def _draw_label(canvas: Image, box: Float32Array, unit: float, colour: Colour, text: str) -> None:
    height = _pixels(8.5 * unit)
    mask = text_mask(text, height)
    padding = _pixels(3.0 * unit)
    box_left, box_top, _, box_bottom = _corners(box, canvas)
    tall, wide = mask.shape[0] + padding, mask.shape[1] + 2 * padding
    border = _pixels(unit)
    left = int(np.clip(round(box_left) - border, 0, max(canvas.shape[1] - wide, 0)))
    above = round(box_top) - border - tall
    top = above if above >= 0 else min(round(box_bottom) + border, canvas.shape[0] - tall)
    top = max(top, 0)
    cv2.rectangle(canvas, (left, top), (left + wide - 1, top + tall - 1), colour, -1)
    draw_text(canvas, text, left + padding, top + padding // 2, height, text_colour(colour))


def _draw_status(canvas: Image, status: tuple[str, str], unit: float) -> None:
    height = _pixels(9.0 * unit)
    padding = _pixels(7.0 * unit)
    left, right = status
    tall = text_mask(left, height).shape[0] + padding
    top = canvas.shape[0] - tall
    if top <= 0:
        return
    bar = canvas[top:]
    bar[:] = bar // 4 + np.array(NEAR_BLACK, np.uint8) // 2
    draw_text(canvas, left, padding, top + padding // 2, height, WHITE)
    left_end = padding + text_mask(left, height).shape[1]
    right_start = canvas.shape[1] - padding - text_mask(right, height).shape[1] if right else 0
    if right_start > left_end + 2 * padding:
        draw_text(canvas, right, right_start, top + padding // 2, height, (200, 200, 200))


def _corners(box: Float32Array, canvas: Image) -> tuple[float, float, float, float]:
    """Left, top, right, bottom, kept within twice the image so that they fit integers."""
    limit = 2.0 * max(canvas.shape[:2])
    cx, cy, width, height = (float(value) for value in box)
    left, top, right, bottom = np.clip(
        [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2], -limit, 2.0 * limit
    )
    return float(left), float(top), float(right), float(bottom)


def _dashes(start: Points, end: Points, length: float) -> list[tuple[Points, Points]]:
    count = max(1, int(np.hypot(*(end - start)) / (2.0 * length)))
    marks = np.linspace(0.0, 1.0, 2 * count + 1)[:, None] * (end - start) + start
    return [(marks[2 * index], marks[2 * index + 1]) for index in range(count)]


def _pixels(length: float) -> int:
    return max(1, round(length))
