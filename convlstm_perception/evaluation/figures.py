"""The figures of an evaluation as plain values for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from convlstm_perception.evaluation.contest import Outcome
from convlstm_perception.evaluation.summary import plain_values

KEY_HORIZON = 2.0  # seconds, of the single figures of trajectories


def key_figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The few figures that stand for the whole; the first outcome is the model's."""
    model = outcomes[0]
    figures: dict[str, Any] = {
        "ap50": rounded(model.detection.ap50),
        "idf1": None,
        "ade_2s": None,
        "ade_2s_constant_velocity": None,
        "coverage_90": None,
        "fps": rounded(model.frames_per_second, 2),
        "fps_hog": None,
    }
    if model.whole is not None:
        figures["idf1"] = rounded(model.whole.tracking.idf1)
        figures["ade_2s"] = rounded(displacement(model, "model"))
        figures["ade_2s_constant_velocity"] = rounded(displacement(model, "constant_velocity"))
        figures["coverage_90"] = rounded(model.whole.calibration.pooled.inside_90)
    for outcome in outcomes[1:]:
        key = outcome.name.replace("-", "_")
        figures[f"fps_{key}"] = rounded(outcome.frames_per_second, 2)
        figures[f"ap50_{key}"] = rounded(outcome.detection.ap50)
        if outcome.reference is not None:
            figures[f"ap50_on_frames_of_{key}"] = rounded(outcome.reference.ap50)
    return figures


def displacement(outcome: Outcome, predictor: str) -> float:
    """Average displacement error in pixels up to 2 s; NaN where it is not known.

    Args:
        outcome: of a contender.
        predictor: one of ``forecast_samples.MODELS``.
    """
    if outcome.whole is None:
        return math.nan
    scores = outcome.whole.forecasting.scores[predictor]
    return scores[KEY_HORIZON].average if KEY_HORIZON in scores else math.nan


def contender_figures(outcome: Outcome) -> dict[str, Any]:
    """Everything known of one contender; what cannot be measured is None."""
    milliseconds = 1e3 * outcome.seconds
    p50, p99 = np.percentile(milliseconds, (50, 99))
    figures: dict[str, Any] = {
        "description": outcome.description,
        "frames_run": len(outcome.seconds),
        "every": outcome.every,
        "fps": rounded(outcome.frames_per_second, 2),
        "latency_ms": {
            "mean": rounded(float(milliseconds.mean()), 2),
            "p50": rounded(float(p50), 2),
            "p99": rounded(float(p99), 2),
        },
        "stages_ms": {name: rounded(1e3 * value, 2) for name, value in outcome.stages.items()},
        "detection": plain_values(outcome.detection),
        "tracking": None,
        "forecasting": None,
        "forecasting_ap": None,
        "streaming": None,
        "calibration": None,
    }
    if outcome.whole is not None:
        figures |= outcome.whole.to_dict()
    if outcome.reference is not None:
        figures["model_on_same_frames"] = plain_values(outcome.reference)
    return figures


def rounded(value: float, digits: int = 4) -> float | None:
    """For JSON, which has no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
