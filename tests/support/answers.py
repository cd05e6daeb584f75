"""Small annotated scenes and answers to them, for tests of the evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.types import Detections, PerceptionResult, Tracks, Trajectories

FRAME_RATE = 10.0
TIMES = np.arange(1, 31, dtype=np.float32) / 10  # 0.1 s to 3 s

Path = Callable[[float], tuple[float, float, float, float]]


def standing(x: float, y: float = 100.0, width: float = 20.0, height: float = 40.0) -> Path:
    return lambda seconds: (x, y, width, height)


def walking(x: float, speed: float, height: float = 40.0) -> Path:
    """To the right, ``speed`` pixels a second."""
    return lambda seconds: (x + speed * seconds, 100.0, height / 2, height)


def boxes_of(*rows: Sequence[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def truths_of(paths: Mapping[int, Path], frames: int, step: int = 1) -> dict[int, FrameTruth]:
    return {
        frame: FrameTruth(
            np.array(sorted(paths), np.int64),
            boxes_of(*(paths[identity](frame / FRAME_RATE) for identity in sorted(paths))),
        )
        for frame in range(0, frames, step)
    }


def trajectories_of(
    boxes: np.ndarray, future: np.ndarray | None = None, variance: float = 1.0
) -> Trajectories:
    """Given future boxes (N, 30, 4), or the present ones all along."""
    if future is None:
        future = np.repeat(boxes[:, None], len(TIMES), axis=1)
    future = np.asarray(future, np.float32)
    return Trajectories(TIMES, future, np.full_like(future, variance))


def answer(
    frame: int,
    ids: Sequence[int],
    boxes: np.ndarray,
    *,
    scores: Sequence[float] | None = None,
    future: np.ndarray | None = None,
    variance: float = 1.0,
    latency: float = 0.0,
) -> PerceptionResult:
    """The same boxes as detections and as tracks."""
    certainty = np.array(scores if scores is not None else [0.9] * len(boxes), np.float32)
    paths = trajectories_of(boxes, future, variance)
    return PerceptionResult(
        stamp_ns=round(frame * 1e9 / FRAME_RATE),
        frame_id="",
        detections=Detections(boxes, certainty, paths),
        tracks=Tracks(np.array(ids, np.int64), boxes, certainty, np.zeros(len(boxes), bool), paths),
        valid_slots=8,
        latencies={"encoder": latency / 2, "track": latency / 2},
    )


def perfect(paths: Mapping[int, Path], frames: int, latency: float = 0.0) -> AnsweredSequence:
    """Every person's box and future exactly as annotated; track id 100 above the person's."""
    results = []
    for frame in range(frames):
        now = frame / FRAME_RATE
        boxes = boxes_of(*(paths[identity](now) for identity in sorted(paths)))
        future = np.array(
            [[paths[identity](now + time) for time in TIMES] for identity in sorted(paths)]
        ).reshape(len(paths), len(TIMES), 4)
        ids = [100 + identity for identity in sorted(paths)]
        results.append(answer(frame, ids, boxes, future=future, latency=latency))
    return AnsweredSequence("perfect", truths_of(paths, frames), results, FRAME_RATE)
