"""The values that travel between the parts of the package.

Boxes are rows ``(cx, cy, width, height)`` in pixels of the camera image, with the
origin at the centre of the top-left pixel, x to the right and y down (the optical
frame's image axes, REP-103). Times are integer nanoseconds where they are stamps
and float seconds where they are durations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Float32Array = NDArray[np.float32]
Float64Array = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Image = NDArray[np.uint8]

NANOSECONDS_PER_SECOND = 1_000_000_000

NO_GROUND = "no target_frame and no camera_height is set"
"""Why an answer says nothing in metres that was not asked to."""


def _expect_shape(name: str, array: np.ndarray, *shape: int | None) -> None:
    """Raise ValueError unless ``array`` has ``shape`` (None matches any length)."""
    if len(array.shape) != len(shape) or any(
        want is not None and have != want for have, want in zip(array.shape, shape, strict=True)
    ):
        wanted = ", ".join("*" if want is None else str(want) for want in shape)
        raise ValueError(f"{name}: expected shape ({wanted}), got {array.shape}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One camera image.

    Attributes:
        image: (height, width, 3) uint8, channels blue, green, red.
        stamp_ns: time of exposure in nanoseconds, as the camera's header gives it.
        frame_id: optical frame of the camera (REP-103, REP-105).
    """

    image: Image
    stamp_ns: int
    frame_id: str = ""

    def __post_init__(self) -> None:
        _expect_shape("Frame.image", self.image, None, None, 3)
        if self.image.dtype != np.uint8:
            raise ValueError(f"Frame.image: expected dtype uint8, got {self.image.dtype}")
        if 0 in self.image.shape:
            raise ValueError(f"Frame.image: empty image of shape {self.image.shape}")


@dataclass(frozen=True, slots=True)
class Trajectories:
    """Where N pedestrians will be at H future times.

    Attributes:
        times: (H,) seconds after the stamp of the frame, increasing.
        boxes: (N, H, 4) predicted boxes (cx, cy, width, height) in pixels.
        variances: (N, H, 4) variance of each box coordinate in pixels squared.
    """

    times: Float32Array
    boxes: Float32Array
    variances: Float32Array

    def __post_init__(self) -> None:
        horizons = self.times.shape[0]
        _expect_shape("Trajectories.boxes", self.boxes, None, horizons, 4)
        _expect_shape("Trajectories.variances", self.variances, len(self.boxes), horizons, 4)

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def nobody(cls, times: Float32Array) -> Trajectories:
        """Of no pedestrian, at (H,) ``times``."""
        nothing = np.zeros((0, len(times), 4), np.float32)
        return cls(times, nothing, nothing)

    def take(self, rows: NDArray[np.intp] | BoolArray) -> Trajectories:
        """The trajectories of the pedestrians selected by index or mask."""
        return Trajectories(self.times, self.boxes[rows], self.variances[rows])


@dataclass(frozen=True, slots=True)
class Detections:
    """The pedestrians found in one frame, each with its predicted trajectory.

    Attributes:
        boxes: (N, 4) boxes (cx, cy, width, height) in pixels.
        scores: (N,) confidence in [0, 1], falling.
        trajectories: future boxes of the same N pedestrians.
    """

    boxes: Float32Array
    scores: Float32Array
    trajectories: Trajectories

    def __post_init__(self) -> None:
        _expect_shape("Detections.boxes", self.boxes, None, 4)
        _expect_shape("Detections.scores", self.scores, len(self.boxes))
        if len(self.trajectories) != len(self.boxes):
            raise ValueError(
                f"Detections.trajectories: {len(self.trajectories)} rows "
                f"for {len(self.boxes)} boxes"
            )

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def nobody(cls, times: Float32Array) -> Detections:
        """No pedestrian, with trajectories at (H,) ``times``."""
        boxes, scores = np.zeros((0, 4), np.float32), np.zeros(0, np.float32)
        return cls(boxes, scores, Trajectories.nobody(times))

    def take(self, rows: NDArray[np.intp] | BoolArray) -> Detections:
        """The detections selected by index or mask."""
        return Detections(self.boxes[rows], self.scores[rows], self.trajectories.take(rows))


@dataclass(frozen=True, slots=True)
class Tracks:
    """The pedestrians followed at one time.

    Attributes:
        ids: (N,) int64 track ids, positive, never used twice by one tracker.
        boxes: (N, 4) boxes in pixels: the matched detection's, or, while coasting,
            the track's own prediction for this time.
        scores: (N,) confidence in [0, 1].
        coasting: (N,) True where no detection matched in this frame.
        trajectories: future boxes of the same N pedestrians.
    """

    ids: Int64Array
    boxes: Float32Array
    scores: Float32Array
    coasting: BoolArray
    trajectories: Trajectories

    def __post_init__(self) -> None:
        rows = len(self.ids)
        _expect_shape("Tracks.ids", self.ids, None)
        _expect_shape("Tracks.boxes", self.boxes, rows, 4)
        _expect_shape("Tracks.scores", self.scores, rows)
        _expect_shape("Tracks.coasting", self.coasting, rows)
        if len(self.trajectories) != rows:
            raise ValueError(
                f"Tracks.trajectories: {len(self.trajectories)} rows for {rows} tracks"
            )

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def nobody(cls, times: Float32Array) -> Tracks:
        """No pedestrian, with trajectories at (H,) ``times``."""
        return cls(
            ids=np.zeros(0, np.int64),
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            coasting=np.zeros(0, np.bool_),
            trajectories=Trajectories.nobody(times),
        )


@dataclass(frozen=True, slots=True)
class GroundTracks:
    """Where the pedestrians of :class:`Tracks` are on the ground, in metres.

    x, y and z are those of the frame ``frame_id`` at the time of the image. Rows that are not valid
    hold NaN.

    Attributes:
        frame_id: frame of everything here (REP-105); empty where there is no ground.
        reason: why there is none, for all of them; else "".
        compensated: whether the frame's own motion is known and taken into account.
        reasons: (N,) in words, why a row is not valid; else "".
        positions: (N, 3) points on the ground.
        velocities: (N, 2) along x and y, over the ground, in m/s.
        covariances: (N, 4, 4) of (x, y, velocity x, velocity y).
        heights: (N,) of the people, in metres.
        paths: (N, H, 3) points at the times of the trajectories.
        path_covariances: (N, H, 2, 2) of their x and y.
        closest_times: (N,) seconds until somebody is closest to the frame's origin, if both go on
            as they move now; 0 for those who move away.
        closest_distances: (N,) metres from the origin then.
    """

    frame_id: str
    reason: str
    compensated: bool
    reasons: tuple[str, ...]
    positions: Float64Array
    velocities: Float64Array
    covariances: Float64Array
    heights: Float64Array
    paths: Float64Array
    path_covariances: Float64Array
    closest_times: Float64Array
    closest_distances: Float64Array

    def __post_init__(self) -> None:
        rows, horizons = len(self.reasons), self.paths.shape[1]
        _expect_shape("GroundTracks.positions", self.positions, rows, 3)
        _expect_shape("GroundTracks.velocities", self.velocities, rows, 2)
        _expect_shape("GroundTracks.covariances", self.covariances, rows, 4, 4)
        _expect_shape("GroundTracks.heights", self.heights, rows)
        _expect_shape("GroundTracks.paths", self.paths, rows, horizons, 3)
        _expect_shape("GroundTracks.path_covariances", self.path_covariances, rows, horizons, 2, 2)
        _expect_shape("GroundTracks.closest_times", self.closest_times, rows)
        _expect_shape("GroundTracks.closest_distances", self.closest_distances, rows)

    def __len__(self) -> int:
        return len(self.reasons)

    @classmethod
    def unknown(cls, rows: int, horizons: int, reason: str, frame_id: str = "") -> GroundTracks:
        """Nobody's place is known, for one reason."""
        return cls(
            frame_id=frame_id,
            reason=reason,
            compensated=False,
            reasons=(reason,) * rows,
            positions=np.full((rows, 3), np.nan),
            velocities=np.full((rows, 2), np.nan),
            covariances=np.full((rows, 4, 4), np.nan),
            heights=np.full(rows, np.nan),
            paths=np.full((rows, horizons, 3), np.nan),
            path_covariances=np.full((rows, horizons, 2, 2), np.nan),
            closest_times=np.full(rows, np.nan),
            closest_distances=np.full(rows, np.nan),
        )

    def take(self, rows: slice) -> GroundTracks:
        """Some of the tracks."""
        arrays = {
            entry.name: getattr(self, entry.name)[rows]
            for entry in fields(self)
            if entry.name not in ("frame_id", "reason", "compensated")
        }
        return replace(self, **arrays)

    @property
    def valid(self) -> BoolArray:
        """(N,) True where the place is known."""
        return np.array([not reason for reason in self.reasons], np.bool_)

    @property
    def speeds(self) -> Float64Array:
        """(N,) over the ground, in m/s."""
        return np.hypot(self.velocities[:, 0], self.velocities[:, 1])

    @property
    def headings(self) -> Float64Array:
        """(N,) direction of motion, in radians from x towards y (REP-103)."""
        return np.arctan2(self.velocities[:, 1], self.velocities[:, 0])


class AnswerStatus(IntEnum):
    """How far an answer can be relied on; the numbers are those of the messages.

    Attributes:
        OK: everything the answer rests on was there.
        DEGRADED: it rests on fewer frames than the window should hold.
        UNUSABLE: the image shows nothing; that nobody is answered is no all-clear.
    """

    OK = 0
    DEGRADED = 1
    UNUSABLE = 2


@dataclass(frozen=True, slots=True)
class PerceptionResult:
    """What the pipeline answers for one frame.

    Attributes:
        stamp_ns: stamp of the frame answered.
        frame_id: frame_id of the frame answered.
        detections: every detection above the lowest threshold, before tracking.
        tracks: the confirmed pedestrians with ids and trajectories.
        valid_slots: number of time slots of the window that held a frame.
        restarted: why the buffer and the tracks began anew with this frame, or "".
        latencies: seconds spent in each stage, by the stage's name
            (``preprocess``, ``encoder``, ``motion``, ``decode``, ``track``).
        status: how far the answer can be relied on.
        status_reason: why it is not OK, in words; else "".
        ground: the tracks on the ground; None where no ground is asked for.
    """

    stamp_ns: int
    frame_id: str
    detections: Detections
    tracks: Tracks
    valid_slots: int
    restarted: str = ""
    latencies: dict[str, float] = field(default_factory=dict)
    status: AnswerStatus = AnswerStatus.OK
    status_reason: str = ""
    ground: GroundTracks | None = None

    @property
    def usable(self) -> bool:
        """Whether the image shows something: else that nobody is answered is no all-clear."""
        return self.status != AnswerStatus.UNUSABLE
