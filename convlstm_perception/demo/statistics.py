"""The figures of a run and the judgement whether it kept up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from convlstm_perception.demo.recording import Recording

REQUIRED_SHARE = 0.95
"""Share of the played frames that must be answered."""

_MEDIAN_KEY, _TAIL_KEY = " p50 (ms)", " p99 (ms)"

# Stages of the node's diagnostics in which it does not work on the frame.
_NO_WORK = ("receive", "stamp to publish")


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Median and 99th percentile in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Percentiles:
        """Of durations in seconds; zero where there are none."""
        if not seconds:
            return cls(0.0, 0.0)
        p50, p99 = 1e3 * np.percentile(seconds, (50, 99))
        return cls(round(float(p50), 1), round(float(p99), 1))


@dataclass(frozen=True, slots=True)
class RunStatistics:
    """The figures of one run.

    Attributes:
        asked_rate: frames a second asked of the player.
        played_rate: frames a second that the player reached.
        played: frames published.
        seen: frames that reached the recorder, itself an ordinary subscriber.
        answered: frames for which trajectories were published.
        latency: from a frame's stamp to the arrival of its answer at the recorder.
        stages: the node's own measurements by stage, as its diagnostics tell them.
        people: pedestrians an answered frame, on average.
        detections: detections published an answered frame, on average.
        identities: number of different track ids.
        model_id: model that answered.
        engine: engine that ran it.
    """

    asked_rate: float
    played_rate: float
    played: int
    seen: int
    answered: int
    latency: Percentiles
    stages: Mapping[str, Percentiles]
    people: float
    detections: float
    identities: int
    model_id: str
    engine: str

    @property
    def skipped(self) -> int:
        """Frames published and not answered."""
        return max(self.played - self.answered, 0)

    @property
    def share(self) -> float:
        """Answered share of the played frames, 0 to 1."""
        return self.answered / self.played if self.played else 0.0

    @property
    def period(self) -> float:
        """Milliseconds between frames at the asked rate."""
        return 1e3 / self.asked_rate

    @property
    def work(self) -> Percentiles | None:
        """The node's work on a frame in milliseconds, or None where it told nothing.

        The percentiles of a sum are not the sums of percentiles: the tail is taken as
        the medians with only the stage that varies most at its own tail.
        """
        parts = [part for name, part in self.stages.items() if name not in _NO_WORK]
        if not parts:
            return None
        median = sum(part.p50 for part in parts)
        tail = median + max(part.p99 - part.p50 for part in parts)
        return Percentiles(round(median, 1), round(tail, 1))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the run counts as good.

    Attributes:
        passed: enough frames were answered, or it is known why not.
        text: the judgement in one or two sentences.
    """

    passed: bool
    text: str


def gather(
    recording: Recording, asked_rate: float, played: int, played_rate: float
) -> RunStatistics:
    """The figures of a recorded run.

    Args:
        recording: what was recorded.
        asked_rate: frames a second asked of the player.
        played: frames that the player published.
        played_rate: frames a second that it reached.
    """
    answers = recording.answers
    diagnostics = recording.diagnostics
    people = [len(answer.tracks) for answer in answers]
    detections = recording.detection_counts
    return RunStatistics(
        asked_rate=asked_rate,
        played_rate=played_rate,
        played=played,
        seen=recording.counts[0],
        answered=len(answers),
        latency=Percentiles.of([answer.latency for answer in answers]),
        stages=stage_latencies(diagnostics),
        people=sum(people) / len(people) if people else 0.0,
        detections=sum(detections) / len(detections) if detections else 0.0,
        identities=len({int(track_id) for answer in answers for track_id in answer.tracks.ids}),
        model_id=answers[-1].model_id if answers else "no model answered",
        engine=diagnostics.get("engine", "unknown"),
    )


def stage_latencies(diagnostics: Mapping[str, str]) -> dict[str, Percentiles]:
    """The latency of each stage of the node.

    Args:
        diagnostics: the node's values; ``encoder p50 (ms)`` and ``encoder p99 (ms)`` tell
            of the stage ``encoder``.
    """
    stages = [key.removesuffix(_MEDIAN_KEY) for key in diagnostics if key.endswith(_MEDIAN_KEY)]
    return {
        stage: Percentiles(
            float(diagnostics[stage + _MEDIAN_KEY]), float(diagnostics[stage + _TAIL_KEY])
        )
        for stage in stages
    }


def judge(run: RunStatistics) -> Verdict:
    """Judge a run: answered at least ``REQUIRED_SHARE``, or the measured cause why not.

    A cause passes only when it lies in the machine and the figures show it: the work on
    a frame takes longer than the time between frames. Frames lost for any other reason,
    or no answer at all, fail.
    """
    if run.played == 0:
        return Verdict(False, "No frame was played. See player.log.")
    if run.answered == 0:
        return Verdict(False, "The node answered no frame. See node.log.")
    figures = f"{run.answered} of {run.played} frames ({100.0 * run.share:.1f} %) were answered"
    if run.share >= REQUIRED_SHARE:
        return Verdict(True, f"{figures} at {run.asked_rate:g} Hz.")
    work = run.work
    if work is not None and work.p50 > run.period:
        return Verdict(
            True,
            f"Only {figures}: this machine is too slow for {run.asked_rate:g} Hz with this "
            f"engine. The work on a frame takes {work.p50:.0f} ms (median), frames come "
            f"every {run.period:.0f} ms. The node answered the newest frame each time. Try a "
            "lower --rate, another --engine, or close what else is running.",
        )
    if work is not None and work.p99 > run.period:
        return Verdict(
            True,
            f"Only {figures}: the work on a frame takes {work.p50:.0f} ms at the median "
            f"but {work.p99:.0f} ms at worst (99th percentile), longer than the "
            f"{run.period:.0f} ms between frames. Something else uses this machine's "
            "processors; close it, or try a lower --rate.",
        )
    if run.seen < REQUIRED_SHARE * run.played:
        return Verdict(
            False,
            f"Only {figures}, and only {run.seen} reached the recorder: frames were lost on "
            "the way. Check that /dev/shm has 256 MB free (Docker: --shm-size=512m).",
        )
    return Verdict(
        False, f"Only {figures}, and the measured times do not explain it. See node.log."
    )
