"""All figures of quality of one set of recorded answers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.calibration import CalibrationSummary, calibration_summary
from convlstm_perception.evaluation.detection import DetectionSummary, detection_summary
from convlstm_perception.evaluation.forecast_samples import forecast_samples
from convlstm_perception.evaluation.forecasting import ForecastSummary, forecast_summary
from convlstm_perception.evaluation.forecasting_ap import (
    ForecastingApSummary,
    forecasting_ap_summary,
)
from convlstm_perception.evaluation.latency import StreamingSummary, streaming_summary
from convlstm_perception.evaluation.tracking import TrackingSummary, tracking_summary

_DIGITS = 4


@dataclass(frozen=True)
class EvaluationSummary:
    """Over all sequences; see the classes of the parts."""

    detection: DetectionSummary
    tracking: TrackingSummary
    forecasting: ForecastSummary
    forecasting_ap: ForecastingApSummary
    streaming: StreamingSummary
    calibration: CalibrationSummary

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: floats rounded to four digits, NaN as None, no tables.

        Left out are the precision-recall curve and the samples of the forecasts, which have one
        row per detection and per forecast.
        """
        plain: dict[str, Any] = plain_values(self)
        return plain


def evaluate_answers(sequences: Sequence[AnsweredSequence]) -> EvaluationSummary:
    """Score the answers to all sequences together.

    Raises:
        ValueError: when an answer cannot be scored; the message names what is wrong.
    """
    samples = forecast_samples(sequences)
    return EvaluationSummary(
        detection=detection_summary(sequences),
        tracking=tracking_summary(sequences),
        forecasting=forecast_summary(samples),
        forecasting_ap=forecasting_ap_summary(sequences),
        streaming=streaming_summary(sequences),
        calibration=calibration_summary(samples),
    )


def plain_values(value: Any) -> Any:
    """A summary, or a part of one, as :meth:`EvaluationSummary.to_dict` gives it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            item.name: plain_values(getattr(value, item.name))
            for item in fields(value)
            if not item.metadata.get("table")
        }
    if isinstance(value, Mapping):
        return {_key(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [plain_values(item) for item in value.tolist()]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value


def _key(key: object) -> str:
    """A horizon of 1.0 s is "1"."""
    return f"{key:g}" if isinstance(key, float) else str(key)
