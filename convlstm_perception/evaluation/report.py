"""The page that shows an evaluation: contenders side by side, curves, pictures, circumstances.

One HTML file that loads nothing from elsewhere.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from convlstm_perception.evaluation import plots
from convlstm_perception.evaluation.contest import Outcome
from convlstm_perception.evaluation.detection import HEIGHT_RANGES
from convlstm_perception.evaluation.examples import Example, draw_examples
from convlstm_perception.evaluation.figures import displacement
from convlstm_perception.evaluation.forecasting_ap import CohortScore
from convlstm_perception.evaluation.ground.report import ground_section
from convlstm_perception.evaluation.side_by_side import Comparison
from convlstm_perception.visualization.page import (
    data_url,
    figure,
    jpeg_url,
    page_head,
    rows_table,
    wide_table,
)

_NOTHING = "–"  # noqa: RUF001  an en dash


def write_report(path: Path, comparison: Comparison, values: Mapping[str, Any]) -> None:
    """Write the page.

    Args:
        path: file to write.
        comparison: what was measured.
        values: the evaluation as it is written to JSON, for what was measured where and how.
    """
    outcomes = comparison.outcomes
    parts = [
        page_head(f"Evaluation on {values['dataset']}"),
        f"<p>{html.escape(values['model'])} on {html.escape(values['engine'])}, "
        f"{values['frames']} frames, {outcomes[0].detection.people} annotated people.</p>",
        _notes(values["notes"]),
        "<h2>Side by side</h2>",
        _key_table(outcomes),
        "<h2>Finding people</h2><div class=pair>",
        _picture(plots.precision_recall(outcomes), "Precision over recall, overlap 0.5."),
        _picture(plots.miss_rate(outcomes), "Miss rate over false alarms a frame, overlap 0.5."),
        "</div>",
        _height_table(outcomes),
        *_future(outcomes),
        *(ground_section(comparison.ground, values["ground"]) if comparison.ground else ()),
        *_streaming(outcomes),
        *_examples("Best frames", comparison.best),
        *_examples("Worst frames", comparison.worst),
        "<h2>How it was measured</h2>",
        rows_table(_circumstances(values)),
        f"<p>Command: <code>{html.escape(values['command'])}</code></p>",
        "<p>Every contender answered the same images in the same process, one contender after the "
        "other; its time is the wall-clock time from image to tracks, preprocessing included. "
        "Reading the images is not part of it.</p>",
    ]
    path.write_text("\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"<p class='verdict'>{html.escape(note)}</p>" for note in notes)


def _key_table(outcomes: Sequence[Outcome]) -> str:
    head = ["", "AP50", "AP50:95", "miss rate", "IDF1", "MOTA", "HOTA", "ADE 2 s (px)"]
    head += ["same, const. velocity", "in 90 % region", "ms p50", "ms p99", "frames/s"]
    rows = []
    for outcome in outcomes:
        p50, p99 = 1e3 * np.percentile(outcome.seconds, (50, 99))
        found, whole = outcome.detection, outcome.whole
        row = [outcome.name, *map(_share, (found.ap50, found.ap50_95, found.log_average_miss_rate))]
        if whole is None:
            row += [_NOTHING] * 6
        else:
            followed = whole.tracking
            row += [_share(followed.idf1), _share(followed.mota), _share(followed.hota)]
            row += [_number(displacement(outcome, "model"))]
            row += [_number(displacement(outcome, "constant_velocity"))]
            row += [_share(whole.calibration.pooled.inside_90)]
        rows.append([*row, _number(p50), _number(p99), _number(outcome.frames_per_second)])
        if outcome.reference is not None:
            same = outcome.reference
            row = [f"{outcomes[0].name}, frames of {outcome.name}"]
            row += map(_share, (same.ap50, same.ap50_95, same.log_average_miss_rate))
            rows.append(row + [_NOTHING] * (len(head) - len(row)))
    described = "; ".join(
        f"{outcome.name}: {outcome.description}"
        + (f", run on every {outcome.every}th annotated frame" if outcome.every > 1 else "")
        for outcome in outcomes
    )
    return (
        wide_table(head, rows)
        + f"<p><small>{html.escape(described)}. Miss rate: log-average over 0.01 to 1 false alarms "
        "a frame. ADE: mean distance of the predicted box centres over 2 s, beside constant "
        "velocity of the same tracks.</small></p>"
    )


def _height_table(outcomes: Sequence[Outcome]) -> str:
    ranges = outcomes[0].detection.by_height
    head = [
        "AP50 / miss rate by height",
        *(f"{name} ({score.people} people)" for name, score in ranges.items()),
    ]
    rows = []
    for outcome in outcomes:
        scores = outcome.detection.by_height.values()
        cells = [f"{_share(s.ap50)} / {_share(s.log_average_miss_rate)}" for s in scores]
        rows.append([outcome.name, *cells])
    described = ", ".join(f"{name}: {heights}" for name, heights in HEIGHT_RANGES.items())
    return wide_table(head, rows) + f"<p><small>{described}.</small></p>"


def _future(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """Calibration, error and forecasting AP; nothing for still images."""
    if outcomes[0].whole is None:
        return
    yield "<h2>Foreseeing where they go</h2><div class=pair>"
    error = plots.error_over_horizon(outcomes[0])
    if error is not None:
        yield _picture(error, f"{outcomes[0].name}: error of the centre at each horizon.")
    reliability = plots.reliability(outcomes)
    if reliability is not None:
        yield _picture(reliability, "Reliability of the predicted regions, all horizons together.")
    yield "</div><h2>Forecasting average precision</h2>"
    yield _forecasting_table(outcomes)
    yield (
        "<p><small>A track is right when its box overlaps a person's now (0.5) and its predicted "
        "box that same person's at the horizon (second column); columns from &quot;all&quot; on: "
        "at all three horizons.</small></p>"
    )


def _forecasting_table(outcomes: Sequence[Outcome]) -> str:
    head = ["", "overlap"]
    rows = []
    for outcome in outcomes:
        if outcome.whole is None:
            continue
        for overlap, score in outcome.whole.forecasting_ap.by_overlap.items():
            columns: dict[str, CohortScore] = {
                **{f"{horizon:g} s": value for horizon, value in score.by_horizon.items()},
                "all": score.all_horizons,
                **score.by_cohort,
                **score.by_height,
            }
            cells = [_share(column.average_precision) for column in columns.values()]
            head = ["", "overlap", *columns, "mean of cohorts"]
            rows.append([outcome.name, f"{overlap:g}", *cells, _share(score.mean_of_cohorts)])
    return wide_table(head, rows)


def _streaming(outcomes: Sequence[Outcome]) -> Iterable[str]:
    """What each is worth at the moment its answer is there; nothing for still images."""
    known = [(outcome, outcome.whole.streaming) for outcome in outcomes if outcome.whole]
    if not known:
        return
    yield "<h2>With its own latency</h2>"
    head = ["AP50", "instant", "as published", "published, moved along", "mean latency (ms)"]
    head += ["mean age (ms)", "frames processed"]
    yield wide_table(
        head,
        [
            [
                outcome.name,
                _share(score.instant_ap50),
                _share(score.published_ap50),
                _share(score.moved_ap50),
                _number(1e3 * score.mean_latency),
                _number(1e3 * score.mean_age),
                f"{100 * score.processed_share:.0f} %",
            ]
            for outcome, score in known
        ],
    )
    yield (
        "<p><small>At the time of each annotated frame, the newest answer that is there by then; "
        "moved along: its boxes at that time by their own trajectories; boxes of a mere detector "
        "have none and stand still.</small></p>"
    )


def _examples(title: str, examples: Sequence[Example]) -> Iterable[str]:
    images = draw_examples(examples)
    if not images:
        return
    yield f"<h2>{html.escape(title)}</h2><div class=pair>"
    for example, image in zip(examples, images, strict=True):
        yield figure(
            jpeg_url(image),
            title,
            f"{example.sequence.name}, frame {example.frame}: F1 {example.f1:.2f}; "
            f"{len(example.found)} found (blue), {len(example.missed)} missed (red), "
            f"{len(example.false_alarms)} false (yellow)",
        )
    yield "</div>"


def _circumstances(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    machine, memory = values["machine"], values["peak_memory_mib"]
    return [
        ("date (UTC)", values["date"]),
        ("processor", f"{machine['cpu']}, {machine['cores']} cores"),
        ("load before (1 min)", f"{machine['load_1min']}"),
        ("system", machine["system"]),
        ("engine", values["engine"]),
        ("threads", str(values["threads"] or "all")),
        ("peak memory with the model", f"{memory['model']:.0f} MiB (all its answers are kept)"),
        ("peak memory at the end", f"{memory['whole']:.0f} MiB"),
        ("versions", ", ".join(f"{name} {text}" for name, text in values["versions"].items())),
    ]


def _picture(png: bytes, caption: str) -> str:
    return figure(data_url("image/png", png), caption, caption)


def _share(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else _NOTHING


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else _NOTHING
