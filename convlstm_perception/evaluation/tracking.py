"""How well people are followed: CLEAR MOT, IDF1 and HOTA of the published tracks.

MOTA and the identity switches are those of Bernardin and Stiefelhagen 2008, "Evaluating Multiple
Object Tracking Performance: The CLEAR MOT Metrics"; IDF1 that of Ristani et al. 2016, "Performance
Measures and a Data Set for Multi-Target, Multi-Camera Tracking". The library motmetrics counts
them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import motmetrics
import numpy as np

from convlstm_perception.boxes import pairwise_iou
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.hota import FrameOverlaps, hota
from convlstm_perception.evaluation.matching import MATCH_OVERLAP, counted_tracks

_METRICS = [
    "num_frames",
    "num_objects",
    "num_unique_objects",
    "num_switches",
    "mota",
    "idf1",
    "precision",
    "recall",
]
_OVERALL = "OVERALL"  # motmetrics' name of the row that pools the sequences


@dataclass(frozen=True)
class TrackingSummary:
    """Tracking over all sequences; a match overlaps by at least 0.5, but for HOTA's own thresholds.

    Attributes:
        mota: 1 less missed people, false boxes and switches per annotated box; may be below 0.
        idf1: F1 score of the boxes with the right identity, matched over whole sequences.
        hota, detection_accuracy, association_accuracy: HOTA, DetA and AssA.
        precision, recall: of the tracks' boxes.
        id_switches: how often a person's track id changed.
        people: annotated people.
        people_boxes: annotated boxes.
        frames: annotated frames.
    """

    mota: float
    idf1: float
    hota: float
    detection_accuracy: float
    association_accuracy: float
    precision: float
    recall: float
    id_switches: int
    people: int
    people_boxes: int
    frames: int


def tracking_summary(sequences: Sequence[AnsweredSequence]) -> TrackingSummary:
    """Score the published tracks of all annotated frames of all sequences together.

    Coasting tracks are part of the answer and count. A track that matches nobody and lies in an
    ignored region is left out of that frame.
    """
    overlaps = [_frame_overlaps(sequence) for sequence in sequences]
    if not any(len(frame.people) for frames in overlaps for frame in frames):
        return TrackingSummary(
            mota=math.nan,
            idf1=math.nan,
            hota=math.nan,
            detection_accuracy=math.nan,
            association_accuracy=math.nan,
            precision=math.nan,
            recall=math.nan,
            id_switches=0,
            people=0,
            people_boxes=0,
            frames=sum(map(len, overlaps)),
        )
    higher = hota(overlaps)
    accumulators = [_accumulator(frames) for frames in overlaps]
    # motmetrics pools rows by name; names of its own keep equal names of sequences apart.
    table = motmetrics.metrics.create().compute_many(
        accumulators,
        metrics=_METRICS,
        names=[f"sequence {number}" for number in range(len(accumulators))],
        generate_overall=True,
    )
    row = table.loc[_OVERALL]
    return TrackingSummary(
        mota=float(row["mota"]),
        idf1=float(row["idf1"]),
        hota=higher.hota,
        detection_accuracy=higher.detection,
        association_accuracy=higher.association,
        precision=float(row["precision"]),
        recall=float(row["recall"]),
        id_switches=int(row["num_switches"]),
        people=int(row["num_unique_objects"]),
        people_boxes=int(row["num_objects"]),
        frames=int(row["num_frames"]),
    )


def _frame_overlaps(sequence: AnsweredSequence) -> list[FrameOverlaps]:
    frames = []
    for number in sequence.frames():
        truth, tracks = sequence.truths[number], sequence.results[number].tracks
        counted = counted_tracks(truth, tracks)
        overlaps = pairwise_iou(truth.boxes, tracks.boxes[counted]).astype(np.float64)
        frames.append(FrameOverlaps(truth.ids, tracks.ids[counted], overlaps))
    return frames


def _accumulator(frames: Sequence[FrameOverlaps]) -> motmetrics.MOTAccumulator:
    accumulator = motmetrics.MOTAccumulator(auto_id=True)
    for frame in frames:
        # motmetrics takes distances, NaN for pairs that may not match.
        distances = np.where(frame.overlaps >= MATCH_OVERLAP, 1.0 - frame.overlaps, np.nan)
        accumulator.update(frame.people, frame.tracks, distances)
    return accumulator
