"""What the soak saw, and whether it passes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

GROWTH = 0.02
"""Share by which the resident memory may grow after the warm-up."""

LONGEST_SILENCE = 10.0
"""Seconds without an answer of a camera after which the node has stopped answering."""

_WARM_UP = 300.0  # seconds, of a run that is long enough
_SHORT = 6  # else this part of it
_WINDOW = 60.0  # seconds at both ends that are compared, of a run that is long enough


@dataclass(frozen=True)
class Sample:
    """The node at one second.

    Attributes:
        seconds: since the first answer.
        rss_mb, private_mb: resident memory in 10^6 bytes, and what of it no other process shares.
        threads, handles: of the process.
        sent: images that the cameras have sent.
        received, answered, unusable, skipped, rejected, failed: what the node says of them.
    """

    seconds: float
    rss_mb: float
    private_mb: float
    threads: int
    handles: int
    sent: int = 0
    received: int = 0
    answered: int = 0
    unusable: int = 0
    skipped: int = 0
    rejected: int = 0
    failed: int = 0


@dataclass
class StampCheck:
    """Holds the stamps of one camera's answers against what was sent.

    Attributes:
        sent: stamps in nanoseconds, rising.
        answered: number of answers.
        faults: what was wrong with some of them, in words.
        last_at: when the newest answer came, monotonic seconds.
    """

    sent: list[int] = field(default_factory=list)
    answered: int = 0
    faults: list[str] = field(default_factory=list)
    last_at: float = 0.0
    _newest: int = -1

    def answer(self, stamp: int, now: float) -> None:
        """An answer came; everything sent before it must be in :attr:`sent`."""
        self.answered, self.last_at = self.answered + 1, now
        place = bisect_left(self.sent, stamp)
        if place == len(self.sent) or self.sent[place] != stamp:
            self.faults.append(f"stamp {stamp} was answered but never sent")
        if stamp == self._newest:
            self.faults.append(f"stamp {stamp} was answered twice")
        elif stamp < self._newest:
            self.faults.append(f"stamp {stamp} was answered after {self._newest}")
        self._newest = max(self._newest, stamp)


@dataclass(frozen=True)
class Growth:
    """A figure of the process at the end of the warm-up and at the end: medians over a while."""

    before: float
    after: float

    @property
    def share(self) -> float:
        """By how much it grew."""
        return self.after / self.before - 1.0


def warm_up(minutes: float) -> float:
    """Seconds of a run during which memory may still grow."""
    return min(_WARM_UP, 60.0 * minutes / _SHORT)


def growth(samples: Sequence[Sample], name: str, minutes: float) -> Growth:
    """How a figure of the samples grew after the warm-up.

    Raises:
        ValueError: when no sample is younger than the warm-up.
    """
    start, end = warm_up(minutes), samples[-1].seconds if samples else 0.0
    kept = [sample for sample in samples if sample.seconds >= start]
    if not kept:
        raise ValueError(f"it ended after {end:.0f} s, before the warm-up of {start:.0f} s did")
    window = min(_WINDOW, (end - start) / 3)
    first = [getattr(sample, name) for sample in kept if sample.seconds <= start + window]
    last = [getattr(sample, name) for sample in kept if sample.seconds >= end - window]
    return Growth(float(np.median(first or last)), float(np.median(last)))


def judge(
    samples: Sequence[Sample], checks: Sequence[StampCheck], minutes: float, log: str
) -> list[str]:
    """Why the run does not pass; empty when it does.

    Args:
        samples: once a second.
        checks: of each camera's stamps.
        minutes: that the run was meant to last.
        log: of the node.
    """
    reasons = [fault for check in checks for fault in check.faults[:3]]
    try:
        memory = growth(samples, "rss_mb", minutes)
        if memory.share > GROWTH:
            reasons.append(
                f"the resident memory grew by {memory.share:.1%} after the warm-up, from "
                f"{memory.before:.1f} to {memory.after:.1f} MB"
            )
        for name in ("threads", "handles"):
            held = growth(samples, name, minutes)
            if held.after > held.before:
                reasons.append(f"{name} grew from {held.before:.0f} to {held.after:.0f}")
    except ValueError as error:
        reasons.append(str(error))
    for name in ("failed", "rejected"):
        count = getattr(samples[-1], name) if samples else 0
        if count:
            reasons.append(f"{count} frames {name}")
    if "Traceback" in log:
        reasons.append("the node's log holds a traceback")
    return reasons
