"""The figures of the ground as plain values for JSON."""

from __future__ import annotations

from typing import Any

from convlstm_perception.evaluation.figures import rounded
from convlstm_perception.evaluation.ground.samples import BASELINES
from convlstm_perception.evaluation.ground.scores import GroundDisplacement, GroundScores
from convlstm_perception.evaluation.ground.view import CalibratedView
from convlstm_perception.evaluation.summary import plain_values

_MILLIMETRES = 1e3  # of a metre
_FINE_DIGITS = 9  # the agreement is so close that the digits of the other figures make it 0


def stronger_baseline(scores: GroundScores, horizon: float) -> GroundDisplacement:
    """The better of the constant velocities, each figure by itself, so that none is chosen weak."""
    baselines = [scores.scores[name][horizon] for name in BASELINES]
    return GroundDisplacement(
        min(one.average for one in baselines),
        min(one.final for one in baselines),
        baselines[0].samples,
    )


def ground_key_figures(scores: GroundScores) -> dict[str, Any]:
    """The few figures that stand for the whole."""
    figures: dict[str, Any] = {}
    for horizon, model in scores.scores["model"].items():
        straight = stronger_baseline(scores, horizon)
        seconds = f"{horizon:g}s"
        figures |= {
            f"ade_{seconds}_m": rounded(model.average),
            f"ade_{seconds}_m_constant_velocity": rounded(straight.average),
            f"fde_{seconds}_m": rounded(model.final),
            f"fde_{seconds}_m_constant_velocity": rounded(straight.final),
            f"samples_{seconds}_m": model.samples,
        }
    return {
        **figures,
        "coverage_90_m": rounded(scores.coverage.pooled.inside_90),
        "coverage_90_m_samples": scores.coverage.pooled.samples,
        "speed_share_ok": rounded(scores.speed.share_ok),
        "speed_tracks": scores.speed.tracks,
    }


def ground_figures(scores: GroundScores, camera: CalibratedView) -> dict[str, Any]:
    """Everything known of the ground."""
    return {
        "frame_id": camera.view.frame_id,
        "tsai_agreement_mm": rounded(_MILLIMETRES * camera.disagreement, _FINE_DIGITS),
        **plain_values(scores),
    }
