"""The one-page summary of a run, as HTML and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.demo.statistics import REQUIRED_SHARE, RunStatistics, Verdict
from convlstm_perception.types import Float32Array, Tracks
from convlstm_perception.visualization.page import jpeg_url, page_head, rows_table


def summary(run: RunStatistics, verdict: Verdict, source: str) -> dict[str, Any]:
    """The figures as plain values for JSON; times in milliseconds."""
    stages = {name: {"p50_ms": part.p50, "p99_ms": part.p99} for name, part in run.stages.items()}
    return {
        "passed": verdict.passed,
        "verdict": verdict.text,
        "source": source,
        "model": run.model_id,
        "engine": run.engine,
        "rate_asked_hz": run.asked_rate,
        "rate_played_hz": round(run.played_rate, 3),
        "frames_in": run.played,
        "frames_recorded": run.seen,
        "frames_answered": run.answered,
        "frames_skipped": run.skipped,
        "answered_share": round(run.share, 4),
        "required_share": REQUIRED_SHARE,
        "stamp_to_answer": {"p50_ms": run.latency.p50, "p99_ms": run.latency.p99},
        "stages": stages,
        "detections_per_frame": round(run.detections, 2),
        "tracks_per_frame": round(run.people, 2),
        "track_ids": run.identities,
    }


def write_detections(path: Path, recording: Recording) -> None:
    """Write one JSON object a line for each answered frame.

    Boxes are (cx, cy, width, height) in pixels of the image; ``std`` is the standard
    deviation of each of the four; ``horizon`` is in seconds after ``stamp_ns``.
    """
    answers = recording.answers
    stamps = sorted({*recording.image_stamps, *(answer.stamp_ns for answer in answers)})
    index = {stamp: number for number, stamp in enumerate(stamps)}
    with path.open("w") as file:
        for answer in answers:
            values = {
                "frame": index[answer.stamp_ns],
                "stamp_ns": answer.stamp_ns,
                "latency_ms": round(1e3 * answer.latency, 2),
                "model": answer.model_id,
                "tracks": [_track(answer.tracks, row) for row in range(len(answer.tracks))],
            }
            file.write(json.dumps(values) + "\n")


def _track(tracks: Tracks, row: int) -> dict[str, Any]:
    future = tracks.trajectories
    deviations = np.sqrt(np.maximum(future.variances[row], 0.0))
    return {
        "id": int(tracks.ids[row]),
        "score": round(float(tracks.scores[row]), 4),
        "coasting": bool(tracks.coasting[row]),
        "box": _rounded(tracks.boxes[row]),
        "predicted": [
            {"horizon": round(float(time), 4), "box": _rounded(box), "std": _rounded(deviation)}
            for time, box, deviation in zip(
                future.times, future.boxes[row], deviations, strict=True
            )
        ],
    }


def _rounded(values: Float32Array) -> list[float]:
    return [round(float(value), 2) for value in values]


def write_page(
    path: Path,
    run: RunStatistics,
    verdict: Verdict,
    source: str,
    answers: Sequence[Answer],
    videos: Sequence[Path],
    sheet: Path | None,
) -> None:
    """Write the summary page; the contact sheet is inside, the video is linked.

    Args:
        path: file to write.
        run: figures of the run.
        verdict: its judgement.
        source: what was played.
        answers: for the chart.
        videos: annotated videos in the same folder.
        sheet: contact sheet to put in, or None.
    """
    parts = [
        page_head("convlstm_perception demo"),
        f"<p>{html.escape(run.model_id)} on {html.escape(source)}</p>",
        f"<p class='verdict {'passed' if verdict.passed else 'failed'}'>",
        f"{html.escape(verdict.text)}</p>",
        _video(videos),
        f"<div class=tables>{_figures(run)}{_latencies(run)}</div>",
        _chart(answers, run.period),
    ]
    if sheet is not None:
        url = jpeg_url(np.asarray(cv2.imread(str(sheet)), np.uint8))
        parts.append(f"<h2>Contact sheet</h2><img alt='twelve frames' src='{url}'>")
    path.write_text("\n".join(parts) + "\n")


def _video(videos: Sequence[Path]) -> str:
    if not videos:
        return ""
    # Browsers play the last, media players the first.
    name, download = html.escape(videos[-1].name), html.escape(videos[0].name)
    return (
        f"<figure><video src='{name}' controls autoplay loop muted playsinline></video>"
        "<figcaption>Box with id and score; thin line: where the pedestrian came from; dots "
        "every half second: where the model predicts it, with one standard deviation. Dashed "
        f"box: predicted, not detected. <a href='{download}'>{download}</a></figcaption></figure>"
    )


def _figures(run: RunStatistics) -> str:
    rows = [
        ("frames in", f"{run.played}"),
        ("answered", f"{run.answered} ({100.0 * run.share:.1f} %)"),
        ("skipped", f"{run.skipped}"),
        ("rate asked / played", f"{run.asked_rate:g} / {run.played_rate:.2f} Hz"),
        ("detections a frame", f"{run.detections:.1f}"),
        ("tracks a frame", f"{run.people:.1f}"),
        ("track ids", f"{run.identities}"),
        ("engine", run.engine),
    ]
    return f"<section><h2>Frames</h2>{rows_table(rows)}</section>"


def _latencies(run: RunStatistics) -> str:
    rows = [("stamp to answer received", run.latency), *run.stages.items()]
    cells = "".join(
        f"<tr><th>{html.escape(name)}<td class=n>{part.p50:.1f}<td class=n>{part.p99:.1f}"
        for name, part in rows
    )
    head = "<tr><th>milliseconds<th>p50<th>p99"
    return f"<section><h2>Latency</h2><table>{head}{cells}</table></section>"


def _chart(answers: Sequence[Answer], period: float) -> str:
    """Stamp-to-answer latency of every answered frame against the frame period."""
    if len(answers) < 2:
        return ""
    width, height, left = 960.0, 180.0, 50.0
    first, last = answers[0].stamp_ns, answers[-1].stamp_ns
    times = [1e3 * answer.latency for answer in answers]
    top = 1.1 * max(*times, period)

    def place(stamp: int, milliseconds: float) -> str:
        x = left + (width - left) * (stamp - first) / max(last - first, 1)
        return f"{x:.1f},{height * (1.0 - milliseconds / top):.1f}"

    line = " ".join(
        place(answer.stamp_ns, value) for answer, value in zip(answers, times, strict=True)
    )
    level = height * (1.0 - period / top)
    return (
        "<h2>Latency over the run</h2><figure>"
        f"<svg viewBox='0 -8 {width:.0f} {height + 16:.0f}' font-size=12 fill=#888>"
        f"<line x1={left} x2={width} y1={level:.1f} y2={level:.1f} stroke=#d55e00 "
        f"stroke-dasharray='6 4'/><text x=0 y={level + 4:.1f}>{period:.0f} ms</text>"
        f"<line x1={left} x2={width} y1={height} y2={height} stroke=#888 />"
        f"<text x=0 y={height}>0</text>"
        f"<polyline points='{line}' fill=none stroke=#0072b2 stroke-width=1.5 /></svg>"
        "<figcaption>Stamp to answer received; dashed: time between frames.</figcaption></figure>"
    )
