"""Counts and latencies of one camera's stream, kept by the node."""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

_KEPT = 300  # latest answers that percentiles are taken over
_RATE_SECONDS = 5.0


@dataclass(frozen=True)
class StreamReport:
    """The stream at one moment.

    Attributes:
        received, answered, skipped, rejected, failed, restarts: counts since activation. Skipped
            frames were overtaken by a newer one, rejected ones could not be used, failed ones
            were lost in inference.
        rate_in, rate_answered: frames a second, over the last seconds.
        latencies: stage to (median, 99th percentile) in seconds.
        last_error: the last rejection or failure, or "".
        last_failure_age: seconds since the last failed frame, or None.
        image_age: seconds since the last image came, or None before the first.
        valid_slots: slots of the window that held a frame in the last answer.
    """

    received: int
    answered: int
    skipped: int
    rejected: int
    failed: int
    restarts: int
    rate_in: float
    rate_answered: float
    latencies: Mapping[str, tuple[float, float]]
    last_error: str
    last_failure_age: float | None
    image_age: float | None
    valid_slots: int


class StreamStatistics:
    """Collects from the callback's thread and the inference thread; see :class:`StreamReport`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrivals: deque[float] = deque()
        self._answers: deque[float] = deque()
        self._latencies: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))
        self._received = self._answered = self._rejected = self._failed = self._restarts = 0
        self._last_error = ""
        self._last_arrival: float | None = None
        self._last_failure: float | None = None
        self._valid_slots = 0

    def arrived(self) -> None:
        """An image came."""
        with self._lock:
            self._received += 1
            self._last_arrival = time.monotonic()
            self._arrivals.append(self._last_arrival)

    def answered(self, latencies: Mapping[str, float], valid_slots: int, restarted: bool) -> None:
        """A frame was answered; ``latencies`` in seconds by stage."""
        with self._lock:
            self._answered += 1
            self._restarts += restarted
            self._valid_slots = valid_slots
            self._answers.append(time.monotonic())
            for stage, seconds in latencies.items():
                self._latencies[stage].append(seconds)

    def took(self, stage: str, seconds: float) -> None:
        """A stage beside the answer took so long."""
        with self._lock:
            self._latencies[stage].append(seconds)

    def rejected(self, reason: str) -> None:
        """A frame could not be used."""
        with self._lock:
            self._rejected += 1
            self._last_error = reason

    def failed(self, reason: str) -> None:
        """Inference of a frame failed."""
        with self._lock:
            self._failed += 1
            self._last_error = reason
            self._last_failure = time.monotonic()

    def report(self, skipped: int) -> StreamReport:
        """The figures now; ``skipped`` is counted elsewhere."""
        now = time.monotonic()
        with self._lock:
            kept = {stage: list(values) for stage, values in self._latencies.items()}
            counted = StreamReport(
                received=self._received,
                answered=self._answered,
                skipped=skipped,
                rejected=self._rejected,
                failed=self._failed,
                restarts=self._restarts,
                rate_in=_rate(self._arrivals, now),
                rate_answered=_rate(self._answers, now),
                latencies={},
                last_error=self._last_error,
                last_failure_age=_age(self._last_failure, now),
                image_age=_age(self._last_arrival, now),
                valid_slots=self._valid_slots,
            )
        # Outside the lock: percentiles take milliseconds, and images wait meanwhile.
        return replace(counted, latencies={k: _percentiles(v) for k, v in kept.items()})


def _rate(times: deque[float], now: float) -> float:
    while times and now - times[0] > _RATE_SECONDS:
        times.popleft()
    return (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0


def _percentiles(values: list[float]) -> tuple[float, float]:
    median, tail = np.percentile(values, (50, 99))
    return float(median), float(tail)


def _age(moment: float | None, now: float) -> float | None:
    return None if moment is None else now - moment
