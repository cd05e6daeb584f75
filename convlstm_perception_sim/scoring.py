"""How well a run was answered, measured against what was exactly true.

Nothing of the truth goes through ROS: it is what the simulator wrote down. Tracks are brought from
the car's frame into the world by the car's true pose, so that the errors are those of the answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from convlstm_perception.data.sequence import FrameTruth
from convlstm_perception.demo.recording import Answer, Recording
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.detection import DetectionSummary, detection_summary
from convlstm_perception.evaluation.figures import KEY_HORIZON, rounded
from convlstm_perception.evaluation.forecast_samples import forecast_samples
from convlstm_perception.evaluation.forecasting import ForecastSummary, forecast_summary
from convlstm_perception.evaluation.ground.birds_eye import BirdsEye, birds_eye
from convlstm_perception.evaluation.ground.figures import ground_key_figures
from convlstm_perception.evaluation.ground.samples import GroundSamples, ground_samples
from convlstm_perception.evaluation.ground.scores import GroundScores, Spread, ground_scores
from convlstm_perception.evaluation.ground.sequence import GroundedSequence
from convlstm_perception.evaluation.matching import share_inside
from convlstm_perception.evaluation.tracking import TrackingSummary, tracking_summary
from convlstm_perception.geometry import GroundCamera, GroundPlane, RigidTransform
from convlstm_perception.geometry.covariance import turned, turned_states
from convlstm_perception.geometry.lens import PinholeLens
from convlstm_perception.types import (
    Detections,
    Float32Array,
    Float64Array,
    GroundTracks,
    PerceptionResult,
    Tracks,
)
from convlstm_perception_sim.bridge import FIXED_FRAME, RATE, mounting
from convlstm_perception_sim.camera import StreetCamera
from convlstm_perception_sim.snapshot import Snapshot
from convlstm_perception_sim.truth_message import transform_of

LEAST_SHOWN = 0.5
"""Share of a person's box that must be in the image, and not behind somebody nearer, for the person
to be asked for. Others are neither asked for nor errors when found."""


@dataclass(frozen=True)
class RunScores:
    """Of one run.

    Attributes:
        published, answered: how many images.
        detection: of the published tracks' boxes; the node publishes no others.
        tracking: of the tracks.
        forecasting: of the future boxes, in pixels.
        ground: of places and paths, in metres.
        street_errors: of the places of those who are on the street, not higher, in metres.
        scene: what it looks like from above, in the world's frame.
    """

    published: int
    answered: int
    detection: DetectionSummary
    tracking: TrackingSummary
    forecasting: ForecastSummary
    ground: GroundScores
    street_errors: Spread
    scene: BirdsEye

    @property
    def answered_share(self) -> float:
        """0 to 1."""
        return self.answered / self.published if self.published else 0.0

    def to_values(self) -> dict[str, Any]:
        """The figures for JSON; None where there was nothing to measure."""
        pixels, straight = (
            self.forecasting.scores[name][KEY_HORIZON] for name in ("model", "constant_velocity")
        )
        return {
            "answered_share": rounded(self.answered_share),
            "frames": self.published,
            "ap50": rounded(self.detection.ap50),
            "ap50_by_height": {
                name: {"ap50": rounded(score.ap50), "people": score.people}
                for name, score in self.detection.by_height.items()
            },
            "people_boxes": self.detection.people,
            "idf1": rounded(self.tracking.idf1),
            "mota": rounded(self.tracking.mota),
            "precision": rounded(self.tracking.precision),
            "recall": rounded(self.tracking.recall),
            "id_switches": self.tracking.id_switches,
            "ade_2s_px": rounded(pixels.average),
            "ade_2s_px_constant_velocity": rounded(straight.average),
            "samples_2s_px": pixels.samples,
            **ground_key_figures(self.ground),
            "position_error_m": rounded(self.ground.position_error.p50),
            "position_error_m_95": rounded(self.ground.position_error.p95),
            "position_error_m_on_street": rounded(self.street_errors.p50),
            "position_error_m_95_on_street": rounded(self.street_errors.p95),
        }


def read_truth(path: Path) -> list[Snapshot]:
    """What the bridge wrote, one moment a line."""
    with path.open() as lines:
        return [Snapshot.from_values(json.loads(line)) for line in lines]


def asked_for(snapshot: Snapshot, camera: StreetCamera) -> FrameTruth:
    """The people that an answer should hold, their boxes cut at the image's edges.

    Args:
        snapshot: what is true.
        camera: that sees it.
    """
    to_car = transform_of(snapshot.ego).inverse()
    seen = sorted(
        (person for person in snapshot.people if person.box is not None),
        key=lambda person: float(to_car.apply(np.array(person.position))[0]),
    )
    whole = np.array([person.box for person in seen], np.float32).reshape(-1, 4)
    image = np.array(
        [[(camera.width - 1) / 2, (camera.height - 1) / 2, camera.width, camera.height]], np.float32
    )
    inside = share_inside(whole, image)
    cut = _cut(whole, image[0])
    hidden = np.array([share_inside(cut[row : row + 1], cut[:row])[0] for row in range(len(cut))])
    shown = (inside >= LEAST_SHOWN) & (hidden.reshape(-1) <= 1.0 - LEAST_SHOWN)
    ids = np.array([person.id for person in seen], np.int64)
    return FrameTruth(ids[shown], cut[shown], ignored=whole[~shown & (inside > 0.0)])


def _cut(boxes: Float32Array, image: Float32Array) -> Float32Array:
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, image[:2] - image[2:] / 2)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, image[:2] + image[2:] / 2)
    size = np.maximum(high - low, 0.0)
    return np.asarray(np.concatenate([(low + high) / 2, size], axis=1), np.float32)


class TruePaths:
    """Where everybody is, in view or not; between the moments on a straight line.

    Args:
        snapshots: all moments, ``1 / RATE`` seconds apart.
    """

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self._places: dict[int, Float64Array] = {}
        for number, snapshot in enumerate(snapshots):
            for person in snapshot.people:
                nowhere = np.full((len(snapshots), 2), np.nan)
                self._places.setdefault(person.id, nowhere)[number] = person.position[:2]

    def places(self, identity: int, frame: int, seconds: ArrayLike) -> Float64Array:
        """See :class:`~convlstm_perception.evaluation.ground.sequence.Paths`; NaN outside of it."""
        places = self._places[identity]
        moments = frame + np.asarray(seconds, np.float64).reshape(-1) * RATE
        known = np.arange(len(places))
        columns = [
            np.interp(moments, known, places[:, axis], left=np.nan, right=np.nan)
            for axis in range(2)
        ]
        return np.stack(columns, axis=-1)


def in_world(ground: GroundTracks, ego: RigidTransform) -> GroundTracks:
    """Tracks of the car's frame, as they are in the frame that stands still."""
    turn = ego.matrix[:2, :2]
    return replace(
        ground,
        frame_id=FIXED_FRAME,
        positions=ego.apply(ground.positions),
        velocities=ground.velocities @ turn.T,
        covariances=turned_states(ground.covariances, turn),
        paths=ego.apply(ground.paths),
        path_covariances=turned(ground.path_covariances, turn),
    )


def as_answer(answer: Answer) -> PerceptionResult:
    """A recorded answer as the pipeline gives them; its detections are the tracks."""
    tracks = answer.tracks
    order = np.argsort(-tracks.scores, kind="stable")
    detections = Detections(
        tracks.boxes[order], tracks.scores[order], tracks.trajectories.take(order)
    )
    return PerceptionResult(
        answer.stamp_ns, answer.frame_id, detections, tracks, valid_slots=0, ground=answer.ground
    )


def score_run(
    snapshots: Sequence[Snapshot], recording: Recording, camera: StreetCamera
) -> RunScores:
    """Measure a run. A frame that was not answered counts as one in which nobody was found.

    Args:
        snapshots: everything that was published, in order.
        recording: what was answered.
        camera: that saw it.
    """
    answers = [recording.answer(snapshot.stamp_ns) for snapshot in snapshots]
    times = next((a.tracks.trajectories.times for a in answers if a and len(a.tracks)), _NO_TIMES)
    results, tracks = [], []
    for snapshot, answer in zip(snapshots, answers, strict=True):
        if answer is None or len(answer.tracks) == 0:
            # A message without people does not tell the times of their paths.
            results.append(_nobody(snapshot, times))
            tracks.append(GroundTracks.unknown(0, len(times), "nobody"))
            continue
        results.append(as_answer(answer))
        tracks.append(in_world(answer.ground, transform_of(snapshot.ego)))
    sequence = AnsweredSequence(
        name="street",
        truths={number: asked_for(one, camera) for number, one in enumerate(snapshots)},
        results=results,
        frame_rate=RATE,
    )
    lens, mounted = PinholeLens(camera.intrinsics, np.zeros(5)), mounting(camera)

    def camera_at(frame: int) -> GroundCamera:
        pose = transform_of(snapshots[frame].ego) @ mounted
        return GroundCamera(lens, pose, GroundPlane.of())

    grounded = GroundedSequence(sequence, camera_at, TruePaths(snapshots), tracks)
    samples = ground_samples(grounded)
    return RunScores(
        published=len(snapshots),
        answered=sum(answer is not None for answer in answers),
        detection=detection_summary([sequence]),
        tracking=tracking_summary([sequence]),
        forecasting=forecast_summary(forecast_samples([sequence])),
        ground=ground_scores(samples, RATE),
        street_errors=_street_errors(snapshots, samples),
        scene=birds_eye(grounded, samples),
    )


_NO_TIMES = np.zeros(0, np.float32)


def _street_errors(snapshots: Sequence[Snapshot], samples: GroundSamples) -> Spread:
    """The pavements are higher than the plane that the node looks for people on."""
    rises = [{person.id: person.position[2] for person in one.people} for one in snapshots]
    found = zip(samples.frames.tolist(), samples.people.tolist(), strict=True)
    level = np.array([rises[frame][identity] == 0.0 for frame, identity in found], np.bool_)
    return Spread.of(samples.position_errors[level])


def _nobody(snapshot: Snapshot, times: Float32Array) -> PerceptionResult:
    return PerceptionResult(
        snapshot.stamp_ns, "", Detections.nobody(times), Tracks.nobody(times), valid_slots=0
    )
