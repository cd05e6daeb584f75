"""Counts and latencies of one camera's stream, kept by the node."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from convlstm_perception.types import AnswerStatus, PerceptionResult

_KEPT = 300  # latest answers that percentiles are taken over
_RATE_SECONDS = 5.0

Refusal = Literal["rejected", "disordered", "expired", "failed"]
"""What became of a frame that got no answer: its image could not be used; it was older than the
last one, or the same; it was too old on the node's clock; inference failed."""


@dataclass(frozen=True)
class StreamReport:
    """The stream at one moment.

    Attributes:
        received: frames since activation. Each is one of the following, or still waits.
        answered, degraded: frames answered, and those of them that rest on a window with gaps.
        unusable: frames that were answered as showing nothing.
        skipped: frames overtaken by a newer one.
        rejected, disordered, expired, failed: see :data:`Refusal`.
        restarts: times that buffer and tracks began anew.
        rate_in, rate_answered: frames a second, over the last seconds; unusable ones count.
        last_error: the last refusal's reason, or "".
        last_refusal_age: seconds since the last frame that was refused, but not for failing.
        last_failure_age: seconds since the last failed frame, or None.
        image_age: seconds since the last image came, or None before the first.
        last_answer: stamp of the newest frame answered in nanoseconds, or None.
        age: seconds from that stamp to the publication of the answer, on the node's clock.
        status, status_reason: of the last answer; see :class:`AnswerStatus`.
        valid_slots: slots of the window that held a frame in the last answer.
    """

    received: int
    answered: int
    degraded: int
    unusable: int
    skipped: int
    rejected: int
    disordered: int
    expired: int
    failed: int
    restarts: int
    rate_in: float
    rate_answered: float
    last_error: str
    last_refusal_age: float | None
    last_failure_age: float | None
    image_age: float | None
    last_answer: int | None
    age: float
    status: AnswerStatus
    status_reason: str
    valid_slots: int


class StreamStatistics:
    """Collects from the callback's thread and the inference thread; see :class:`StreamReport`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: deque[float] = deque()
        self._answers: deque[float] = deque()
        self._latencies: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._count: Counter[str] = Counter()
        self._last_error = ""
        self._last_arrival: float | None = None
        self._last_refusal: float | None = None
        self._last_failure: float | None = None
        self._last_answer: int | None = None
        self._age = 0.0
        self._status, self._status_reason = AnswerStatus.OK, ""
        self._valid_slots = 0

    def arrived(self) -> None:
        """An image came."""
        now = time.monotonic()
        with self._lock:
            self._count["received"] += 1
            self._last_arrival = now
            self._arrivals.append(now)

    def answered(
        self, result: PerceptionResult, latencies: Mapping[str, float], age: float
    ) -> None:
        """A frame was answered; ``latencies`` in seconds by stage, ``age`` as in the report."""
        now = time.monotonic()
        with self._lock:
            self._count["answered" if result.usable else "unusable"] += 1
            self._count["degraded"] += result.status == AnswerStatus.DEGRADED
            self._count["restarts"] += bool(result.restarted)
            self._status, self._status_reason = result.status, result.status_reason
            self._valid_slots = result.valid_slots
            self._last_answer, self._age = result.stamp_ns, age
            self._answers.append(now)
            for stage, seconds in latencies.items():
                self._latencies[stage].append(seconds)

    def took(self, stage: str, seconds: float) -> None:
        """A stage beside the answer took so long."""
        with self._lock:
            self._latencies[stage].append(seconds)

    def refused(self, kind: Refusal, reason: str) -> None:
        """A frame got no answer."""
        now = time.monotonic()
        with self._lock:
            self._count[kind] += 1
            self._last_error = reason
            if kind == "failed":
                self._last_failure = now
            else:
                self._last_refusal = now

    def report(self, skipped: int) -> StreamReport:
        """The figures now; ``skipped`` is counted elsewhere."""
        now = time.monotonic()
        with self._lock:
            count = self._count
            return StreamReport(
                received=count["received"],
                answered=count["answered"],
                degraded=count["degraded"],
                unusable=count["unusable"],
                skipped=skipped,
                rejected=count["rejected"],
                disordered=count["disordered"],
                expired=count["expired"],
                failed=count["failed"],
                restarts=count["restarts"],
                rate_in=_rate(self._arrivals, now),
                rate_answered=_rate(self._answers, now),
                last_error=self._last_error,
                last_refusal_age=_age(self._last_refusal, now),
                last_failure_age=_age(self._last_failure, now),
                image_age=_age(self._last_arrival, now),
                last_answer=self._last_answer,
                age=self._age,
                status=self._status,
                status_reason=self._status_reason,
                valid_slots=self._valid_slots,
            )

    def latencies(self) -> dict[str, tuple[float, float]]:
        """Stage to (median, 99th percentile) in seconds, over the latest answers."""
        with self._lock:
            kept = {stage: list(values) for stage, values in self._latencies.items()}
        # Outside the lock: percentiles take milliseconds, and images wait meanwhile.
        return {stage: _percentiles(values) for stage, values in kept.items()}


def _rate(times: deque[float], now: float) -> float:
    while times and now - times[0] > _RATE_SECONDS:
        times.popleft()
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _percentiles(values: list[float]) -> tuple[float, float]:
    median, tail = np.percentile(values, (50, 99))
    return float(median), float(tail)


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else now - moment
