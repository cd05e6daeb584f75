"""The curves of an evaluation, as PNG images for its report."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from convlstm_perception.evaluation.contest import Outcome
from convlstm_perception.evaluation.detection import DetectionSummary
from convlstm_perception.evaluation.ground.birds_eye import BirdsEye, SeenForecast
from convlstm_perception.visualization.charts import PALETTE, make_figure, plain_axes
from convlstm_perception.visualization.regions import ellipse

_COLOURS = PALETTE  # the model's blue first
_FEWEST_ALARMS = 1e-3  # a frame
_REFERENCE = "#777777"
_SIZE = (5.6, 3.9)  # inches
_RESOLUTION = 144  # pixels an inch, for dense screens
_WIDE = (11.2, 5.4)  # inches, of two panels
_TRUTH = "#222222"

_PREDICTORS = {
    "model": ("published trajectory", _COLOURS[0], "o-"),
    "constant_velocity": ("constant velocity, last second", _COLOURS[1], "s--"),
    "constant_velocity_last_two": ("constant velocity, last two boxes", _COLOURS[3], "^:"),
    "standing_still": ("standing still", _REFERENCE, "x:"),
}


def precision_recall(outcomes: Sequence[Outcome]) -> bytes:
    """Precision over recall at overlap 0.5; the legend gives the average precision."""
    figure, axes = _axes("recall", "precision")
    for name, detection, style in _detections(outcomes):
        curve = detection.curve
        axes.plot(curve.recall, curve.precision, label=f"{name}  {detection.ap50:.3f}", **style)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.02))
    axes.legend(loc="lower left", title="AP50")
    return _png(figure)


def miss_rate(outcomes: Sequence[Outcome]) -> bytes:
    """Miss rate over false alarms a frame (Dollar et al. 2012), both logarithmic."""
    figure, axes = _axes("false alarms a frame", "miss rate")
    for name, detection, style in _detections(outcomes):
        alarms, missed = false_alarm_curve(detection)
        label = f"{name}  {detection.log_average_miss_rate:.3f}"
        # A logarithmic axis has no 0: it is drawn at the left edge.
        axes.plot(np.maximum(alarms, _FEWEST_ALARMS), missed, label=label, **style)
    axes.set(xscale="log", yscale="log", xlim=(_FEWEST_ALARMS, 1e2), ylim=(0.02, 1.05))
    ticks = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(loc="lower left", title="log-average, 0.01 to 1")
    return _png(figure)


def false_alarm_curve(
    detection: DetectionSummary,
) -> tuple[np.ndarray, np.ndarray]:
    """False alarms a frame and the miss rate there, one point per detection."""
    curve = detection.curve
    alarms = np.arange(1, len(curve.precision) + 1) * (1.0 - curve.precision)
    return alarms / max(detection.frames, 1), 1.0 - curve.recall


def reliability(outcomes: Sequence[Outcome]) -> bytes | None:
    """Share of people inside the predicted region over its nominal level; None without any."""
    known = [
        (outcome, outcome.whole.calibration)
        for outcome in outcomes
        if outcome.whole is not None and outcome.whole.calibration.pooled.samples
    ]
    if not known:
        return None
    figure, axes = _axes("nominal level of the region", "share of people inside")
    axes.plot([0, 1], [0, 1], color=_REFERENCE, linewidth=1, label="perfect")
    for index, (outcome, calibration) in enumerate(known):
        axes.plot(
            calibration.levels,
            calibration.pooled.observed,
            label=f"{outcome.name}  {calibration.pooled.inside_90:.3f}",
            **_style(outcomes.index(outcome), dashed=index > 0),
        )
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0))
    axes.legend(loc="lower right", title="inside the 90 % region")
    return _png(figure)


def error_over_horizon(outcome: Outcome) -> bytes | None:
    """Mean final error of one contender's forecasts and of simpler ones; None without any."""
    if outcome.whole is None:
        return None
    figure, axes = _axes("horizon (s)", "mean error of the centre (pixels)")
    drawn = False
    for predictor, (label, colour, line) in _PREDICTORS.items():
        scores = outcome.whole.forecasting.scores[predictor]
        points = [(h, s.final) for h, s in sorted(scores.items()) if math.isfinite(s.final)]
        if points:
            drawn = True
            axes.plot(*zip((0.0, 0.0), *points, strict=True), line, color=colour, label=label)
    if not drawn:
        return None
    axes.set(xlim=(0.0, None), ylim=(0.0, None))
    axes.legend(loc="upper left")
    return _png(figure)


def from_above(scene: BirdsEye) -> bytes:
    """The ground from above: the whole recording, and the predictions of one moment."""
    figure = make_figure(_WIDE, _RESOLUTION)
    whole, moment = figure.subplots(1, 2)
    for axes in (whole, moment):
        plain_axes(axes, "x (m)", "y (m)")
    _ways(whole, scene.annotated, "annotated", color="#c4c4c4", linewidth=3.0)
    _ways(whole, scene.published, "published tracks", color=_COLOURS[0], linewidth=0.8)
    whole.set_title("the whole recording", fontsize="medium")
    for number, forecast in enumerate(scene.forecasts):
        _draw_forecast(moment, forecast, labelled=number == 0)
    moment.set_title(f"predictions {scene.moment:.1f} s after its start", fontsize="medium")
    for axes in (whole, moment):
        axes.set_aspect("equal")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", fontsize="small")
    return _png(figure)


def _ways(axes: Axes, ways: Sequence[np.ndarray], label: str, **style: Any) -> None:
    """One line for each way; they share an entry of the legend."""
    for number, way in enumerate(ways):
        axes.plot(*way.T, label=label if number == 0 else "", **style)


def _draw_forecast(axes: Axes, forecast: SeenForecast, labelled: bool) -> None:
    def label(text: str) -> str:
        return text if labelled else ""

    axes.plot(*forecast.past.T, color=_COLOURS[0], linewidth=1.8, label=label("track, last 3 s"))
    axes.plot(*forecast.path.T, color=_COLOURS[1], linewidth=1.5, label=label("predicted, 3 s"))
    colour = to_rgb(_COLOURS[1])
    regions = zip(forecast.centres, forecast.covariances, strict=True)
    for number, (centre, covariance) in enumerate(regions):
        region = region_90(centre, covariance)
        region.set(facecolor=(*colour, 0.10), edgecolor=(*colour, 0.6), linewidth=0.8)
        region.set_label(label("90 % regions at 1, 2, 3 s") if number == 0 else "")
        axes.add_patch(region)
    axes.plot(*forecast.centres.T, "o", color=_COLOURS[1], markersize=4)
    axes.plot(*forecast.past[-1], "o", color=_COLOURS[0], markersize=5)
    axes.plot(*forecast.actual.T, color=_TRUTH, linewidth=1.3, label=label("annotated, next 3 s"))
    axes.plot(*forecast.arrivals.T, "x", color=_TRUTH, markersize=5)


def region_90(centre: np.ndarray, covariance: np.ndarray) -> Ellipse:
    """The region that holds a Gaussian (2,) place with its (2, 2) covariance in 90 % of cases."""
    longer, shorter, angle = ellipse(covariance)
    place = float(centre[0]), float(centre[1])
    return Ellipse(place, 2.0 * longer, 2.0 * shorter, angle=math.degrees(angle))


def _detections(
    outcomes: Sequence[Outcome],
) -> list[tuple[str, DetectionSummary, dict[str, Any]]]:
    """Name, figures and look of every curve."""
    curves = []
    for index, outcome in enumerate(outcomes):
        name = outcome.name
        if outcome.every > 1:
            name += f" (1 frame in {outcome.every})"
        curves.append((name, outcome.detection, _style(index)))
    return curves


def _style(index: int, dashed: bool = False) -> dict[str, Any]:
    return {
        "color": _COLOURS[index % len(_COLOURS)],
        "linewidth": 2.2 if index == 0 else 1.5,
        "linestyle": "--" if dashed else "-",
        "zorder": 10 - index,
    }


def _axes(across: str, up: str) -> tuple[Figure, Axes]:
    figure = make_figure(_SIZE, _RESOLUTION)
    axes = figure.add_subplot()
    plain_axes(axes, across, up)
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
