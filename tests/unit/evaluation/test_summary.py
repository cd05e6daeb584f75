"""All figures together, as JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.summary import evaluate_answers
from tests.support.answers import answer, boxes_of, perfect, standing, walking

PEOPLE = {1: walking(50.0, 20.0), 2: standing(400.0)}


def test_a_perfect_answer_is_perfect_in_every_figure() -> None:
    plain = evaluate_answers([perfect(PEOPLE, 41), replace(perfect(PEOPLE, 41), name="again")])
    figures = json.loads(json.dumps(plain.to_dict(), allow_nan=False))
    assert figures["detection"]["ap50"] == figures["detection"]["ap50_95"] == 1.0
    assert figures["detection"]["people"] == 2 * 2 * 41
    assert figures["tracking"]["hota"] == figures["tracking"]["idf1"] == 1.0
    assert figures["forecasting"]["scores"]["model"]["3"]["final"] == 0.0
    assert figures["forecasting"]["scores"]["standing_still"]["2"]["final"] == 20.0  # 40 and 0 px
    assert figures["forecasting_ap"]["by_overlap"]["0.5"]["all_horizons"]["average_precision"] == 1
    assert figures["streaming"]["moved_ap50"] == 1.0
    assert figures["calibration"]["pooled"]["inside_50"] == 1.0
    assert len(figures["calibration"]["levels"]) == 19


def test_figures_are_rounded_and_missing_ones_null() -> None:
    sequence = perfect(PEOPLE, 12)
    figures = evaluate_answers([sequence]).to_dict()
    assert figures["forecasting"]["scores"]["model"]["2"]["final"] is None
    assert figures["detection"]["by_height"]["far"]["ap50"] is None
    assert "curve" not in figures["detection"] and "samples" not in figures["forecasting"]
    shifted = boxes_of((50.333333, 100.0, 20.0, 40.0))
    moved = AnsweredSequence(
        "moved",
        {frame: truth for frame, truth in perfect({1: standing(50.0)}, 12).truths.items()},
        [answer(frame, [1], shifted) for frame in range(12)],
        10.0,
    )
    final = evaluate_answers([moved]).to_dict()["forecasting"]["scores"]["model"]["1"]["final"]
    assert final == 0.3333


def test_no_answers_at_all() -> None:
    nothing = [answer(frame, [], np.zeros((0, 4), np.float32)) for frame in range(12)]
    figures = evaluate_answers([replace(perfect(PEOPLE, 12), results=nothing)]).to_dict()
    assert (figures["detection"]["ap50"], figures["tracking"]["recall"]) == (0.0, 0.0)
    assert figures["tracking"]["hota"] == 0.0
    assert figures["calibration"]["pooled"]["samples"] == 0
    json.dumps(evaluate_answers([]).to_dict(), allow_nan=False)


def test_a_frame_rate_is_above_zero() -> None:
    with pytest.raises(ValueError, match="frame_rate is 0"):
        AnsweredSequence("still", {}, [], 0.0)
