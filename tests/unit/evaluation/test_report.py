"""The report: every section is there, nothing is loaded from elsewhere, the JSON is JSON."""

from __future__ import annotations

import base64
import json
import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from convlstm_perception.data.sequence import AnnotatedSequence
from convlstm_perception.evaluation.contest import Answers, Outcome, detections_on, score
from convlstm_perception.evaluation.examples import best_and_worst, draw_examples
from convlstm_perception.evaluation.figures import contender_figures, key_figures, rounded
from convlstm_perception.evaluation.machine import cpu_name, machine, peak_memory_mib, versions
from convlstm_perception.evaluation.report import write_report
from convlstm_perception.evaluation.side_by_side import Comparison
from convlstm_perception.types import Image
from tests.support.answers import FRAME_RATE, perfect, standing, walking

FRAMES = 40


class Blank:
    """Grey images."""

    name, width, height, frame_rate, frame_count = "blank", 320, 200, None, FRAMES

    def __iter__(self):
        for _ in range(FRAMES):
            yield np.full((self.height, self.width, 3), 90, np.uint8)

    def __enter__(self):
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        pass


class Named:
    """A contender that was run already."""

    def __init__(self, name: str) -> None:
        self.name, self.description = name, f"the one called {name}"


def answers_of(rate: float | None = FRAME_RATE, wrong: int = 0) -> Answers:
    """Perfect answers, but people missed in the last ``wrong`` frames."""
    answered = perfect({1: standing(60.0), 2: walking(100.0, 30.0)}, FRAMES, latency=0.02)
    results = list(answered.results)
    for frame in range(FRAMES - wrong, FRAMES):
        nobody = results[frame].detections.take(np.zeros(0, np.intp))
        object.__setattr__(results[frame], "detections", nobody)
    sequence = AnnotatedSequence("walks", rate, 320, 200, answered.truths, Blank())
    return Answers(sequence, range(FRAMES), results, np.full(FRAMES, 0.025))


def sparse_outcome(answers: Answers) -> Outcome:
    few = Answers(answers.sequence, range(0, FRAMES, 15), answers.results[::15], np.full(3, 1.5))
    outcome = score(Named("hog"), [few], every=15)  # type: ignore[arg-type]
    return Outcome(**{**vars(outcome), "reference": detections_on([answers], 15)})


def comparison_of(answers: Answers) -> Comparison:
    outcomes = [score(Named("model"), [answers])]  # type: ignore[arg-type]
    outcomes += [score(Named("<other>"), [answers]), sparse_outcome(answers)]  # type: ignore[arg-type]
    best, worst = best_and_worst([answers], 0.5)
    return Comparison(outcomes, best, worst, FRAMES, 100.0, 120.0)


def values_of(comparison: Comparison) -> dict:
    return {
        **key_figures(comparison.outcomes),
        "dataset": "<walks>",
        "model": "tiny-1.0.0",
        "engine": "none",
        "frames": comparison.frames,
        "date": "2026-11-23T12:00:00+00:00",
        "command": "convlstm-perception evaluate --path '<here>'",
        "threads": 0,
        "machine": machine(),
        "versions": versions(),
        "notes": ["fastestdet is left out: no files"],
        "peak_memory_mib": {"model": 100.0, "whole": peak_memory_mib()},
        "contenders": {outcome.name: contender_figures(outcome) for outcome in comparison.outcomes},
    }


def test_the_page_holds_every_section_and_loads_nothing(tmp_path: Path) -> None:
    comparison = comparison_of(answers_of(wrong=3))
    write_report(tmp_path / "report.html", comparison, values_of(comparison))
    page = (tmp_path / "report.html").read_text()
    for title in (
        "Evaluation on &lt;walks&gt;",
        "Side by side",
        "Finding people",
        "Foreseeing where they go",
        "Forecasting average precision",
        "With its own latency",
        "Best frames",
        "Worst frames",
        "How it was measured",
        "model, frames of hog",
        "fastestdet is left out: no files",
    ):
        assert title in page, title
    sources = re.findall(r"(?:src|href)\s*=\s*['\"]?([^'\"\s>]*)", page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert "url(" not in page and "@import" not in page and "<script" not in page
    assert "<other>" not in page and "nan" not in re.sub(r"base64,[^']+", "", page)
    pictures = [
        cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
        for text in re.findall(r"src='data:image/\w+;base64,([^']+)'", page)
    ]
    assert len(pictures) == 4 + len(comparison.best) + len(comparison.worst)
    assert all(min(picture.shape[:2]) >= 200 for picture in pictures)


def test_still_images_have_no_section_on_the_future(tmp_path: Path) -> None:
    answers = answers_of(rate=None)
    comparison = Comparison([score(Named("model"), [answers])], [], [], FRAMES, 1.0, 1.0)  # type: ignore[arg-type]
    values = values_of(comparison)
    write_report(tmp_path / "report.html", comparison, values)
    page = (tmp_path / "report.html").read_text()
    assert "Side by side" in page and "latency</h2>" not in page and "Foreseeing" not in page
    assert values["ap50"] == 1.0 and values["idf1"] is None and values["ade_2s"] is None


def test_key_figures_and_json() -> None:
    comparison = comparison_of(answers_of())
    values = values_of(comparison)
    read = json.loads(json.dumps(values, allow_nan=False))
    assert read["ap50"] == read["idf1"] == read["coverage_90"] == 1.0
    assert read["ade_2s"] == 0.0 and read["ade_2s_constant_velocity"] > 0
    assert (read["fps"], read["fps_hog"]) == (40.0, 0.67)
    assert read["ap50_on_frames_of_hog"] == 1.0
    hog = read["contenders"]["hog"]
    assert hog["tracking"] is None and hog["model_on_same_frames"]["frames"] == 3
    assert hog["latency_ms"] == {"mean": 1500.0, "p50": 1500.0, "p99": 1500.0}
    assert read["contenders"]["model"]["stages_ms"] == {"encoder": 10.0, "track": 10.0}
    without = key_figures(comparison.outcomes[:1])
    assert without["fps_hog"] is None
    assert rounded(math.nan) is None


def test_examples_are_the_best_and_the_worst_frames_apart_in_time() -> None:
    answers = answers_of(wrong=3)
    best, worst = best_and_worst([answers], 0.5)
    assert [example.f1 for example in best] == [1.0, 1.0]
    assert (worst[0].f1, len(worst[0].missed)) == (0.0, 2)
    assert worst[0].frame >= FRAMES - 3
    assert abs(best[0].frame - best[1].frame) > 2 * FRAME_RATE
    assert not {example.frame for example in best} & {example.frame for example in worst}
    images: list[Image] = draw_examples([*worst, *best])
    assert len(images) == len(worst) + len(best)
    x, y, width, _ = worst[0].missed[0]
    assert tuple(images[0][int(y), round(x - width / 2)]) == (0, 94, 213)
    assert draw_examples([]) == []


def test_a_lower_threshold_turns_a_miss_into_a_find() -> None:
    answers = answers_of()
    _, worst = best_and_worst([answers], 0.95)
    assert worst[0].f1 == 0.0
    best, _ = best_and_worst([answers], 0.9 - 1e-3)
    assert best[0].f1 == 1.0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor : 0\nmodel name\t: Fast CPU @ 3GHz\n", "Fast CPU @ 3GHz"),
        ("Hardware : BCM2835\n", "BCM2835"),
    ],
)
def test_name_of_the_processor(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_name(tmp_path / "cpuinfo") == name
    assert cpu_name(tmp_path / "absent")
