"""The scheduler of the cameras' frames: fairness under overload, policies, counts, threads."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest

from convlstm_perception.stream import FrameScheduler, SyncSettings

MS = 1_000_000


class SimulatedTime:
    """A clock that only moves when somebody waits, and what happens meanwhile."""

    def __init__(self) -> None:
        self.now = 100.0
        self._order = count()
        self._events: list[tuple[float, int, object]] = []

    def at(self, moment: float, action) -> None:
        heapq.heappush(self._events, (moment, next(self._order), action))

    def advance(self, until: float, only_one: bool = False) -> bool:
        """Let pass what happens up to a moment; only_one stops after the first of it."""
        while self._events and self._events[0][0] <= until:
            self.now, _, action = heapq.heappop(self._events)
            action()
            if only_one:
                return True
        self.now = max(self.now, until)
        return False


class SimulatedCondition(threading.Condition):
    """Waiting on it lets simulated time pass, up to the next event or the timeout."""

    def __init__(self, time: SimulatedTime) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        if timeout is None and not self._time._events:
            raise AssertionError("it would wait for ever")
        until = np.inf if timeout is None else self._time.now + timeout
        return self._time.advance(until, only_one=True)


class Simulation:
    """Cameras at fixed rates, and an engine that takes its time for each frame.

    Items are (camera, number of the frame, moment at which it came).
    """

    def __init__(self, cameras: Sequence[str], most_at_once: int = 1, **sync) -> None:
        self.time = SimulatedTime()
        self.scheduler: FrameScheduler[tuple[str, int, float]] = FrameScheduler(
            cameras, SyncSettings(**sync), most_at_once, clock=lambda: self.time.now
        )
        self.scheduler._changed = SimulatedCondition(self.time)
        self.put = Counter[str]()
        self.takings: list[tuple[float, dict[str, tuple[str, int, float]]]] = []

    def send(self, camera: str, moment: float, stamp: float | None = None) -> None:
        """A frame that comes at a moment (seconds from the start), stamped then or otherwise."""
        stamp_ns = round((moment if stamp is None else stamp) * 1e9)

        def arrive() -> None:
            self.put[camera] += 1
            item = (camera, self.put[camera], self.time.now)
            self.scheduler.put(camera, stamp_ns, item)

        self.time.at(100.0 + moment, arrive)

    def stream(self, camera: str, rate: float, seconds: float, offset: float = 0.0) -> None:
        for moment in np.arange(offset, seconds, 1 / rate):
            self.send(camera, float(moment))

    def run(self, seconds: float, service: float = 0.0) -> None:
        """Take and answer until the end; each frame keeps the engine busy for ``service``."""
        end = self.time.now + seconds
        self.time.at(end, self.scheduler.close)
        while (taken := self.scheduler.take()) is not None:
            self.takings.append((self.time.now - 100.0, taken))
            self.time.advance(self.time.now + service * len(taken))

    @property
    def answered(self) -> Counter[str]:
        return Counter(camera for _, taken in self.takings for camera in taken)

    @property
    def groups(self) -> list[str]:
        """The cameras of each taking, sorted."""
        return ["".join(sorted(taken)) for _, taken in self.takings]


CAMERAS = tuple("abcdefgh")


@pytest.mark.parametrize("most_at_once", [1, 3, 8])
@pytest.mark.parametrize(
    "rates", [[30.0] * 8, [30.0, 30.0, 15.0, 15.0, 10.0, 10.0, 7.0, 5.0]], ids=["equal", "unequal"]
)
def test_under_overload_each_camera_has_its_share(most_at_once: int, rates: list[float]) -> None:
    simulation = Simulation(CAMERAS, most_at_once)
    for index, (camera, rate) in enumerate(zip(CAMERAS, rates, strict=True)):
        simulation.stream(camera, rate, 60.0, offset=0.003 * index)
    simulation.run(60.0, service=0.03)  # a seventh of eight cameras at 30 a second
    shares = np.array([simulation.answered[camera] for camera in CAMERAS])
    assert shares.min() >= 0.8 * shares.mean(), shares
    for moment, taken in simulation.takings:
        for camera, number, came in taken.values():
            assert moment + 100.0 - came <= 1 / rates[CAMERAS.index(camera)] + 1e-6, "the newest"
            assert number > 0
    for camera in CAMERAS:
        waiting = simulation.put[camera] - simulation.answered[camera]
        assert waiting - simulation.scheduler.overwritten(camera) in (0, 1), "each is accounted for"


def test_a_camera_slower_than_its_share_loses_nothing() -> None:
    simulation = Simulation("abc")
    simulation.stream("a", 30.0, 60.0)
    simulation.stream("b", 30.0, 60.0, offset=0.01)
    simulation.stream("c", 1.0, 60.0, offset=0.5)
    simulation.run(60.0, service=0.1)
    assert simulation.answered["c"] == 60
    assert simulation.scheduler.overwritten("c") == 0
    assert abs(simulation.answered["a"] - simulation.answered["b"]) <= 1


def test_frames_of_cameras_wait_for_each_other_no_longer_than_the_batch_window() -> None:
    simulation = Simulation("ab", most_at_once=2, batch_window=0.02)
    simulation.send("a", 1.0)
    simulation.send("b", 1.015)
    simulation.send("a", 2.0)
    simulation.send("b", 2.5)
    simulation.run(4.0)
    assert simulation.groups == ["ab", "a", "b"]
    assert [moment for moment, _ in simulation.takings] == pytest.approx([1.015, 2.02, 2.52])


@pytest.mark.parametrize("sync", ["approximate", "anchor"])
def test_frames_within_tolerance_are_taken_together(sync: str) -> None:
    simulation = Simulation("abc", sync=sync, sync_tolerance=0.05, sync_timeout=0.2)
    for tick in range(10):
        for camera, offset in (("a", 0.0), ("b", 0.04), ("c", 0.02)):
            simulation.send(camera, 1.0 + 0.5 * tick + offset)
    simulation.run(8.0)
    assert simulation.groups == ["abc"] * 10
    assert simulation.takings[0][0] == pytest.approx(1.04)


@pytest.mark.parametrize("sync", ["approximate", "anchor"])
def test_frames_too_far_apart_are_taken_alone_after_the_timeout(sync: str) -> None:
    simulation = Simulation("ab", sync=sync, sync_tolerance=0.05, sync_timeout=0.2)
    simulation.send("a", 1.0)
    simulation.send("b", 1.01, stamp=0.9)
    simulation.run(3.0)
    assert simulation.groups[0] == "a"
    assert simulation.takings[0][0] == pytest.approx(1.2)
    if sync == "approximate":
        assert simulation.groups == ["a", "b"]
        assert simulation.takings[1][0] == pytest.approx(1.21)


@pytest.mark.parametrize("sync", ["approximate", "anchor", "latest"])
@pytest.mark.parametrize("service", [0.0, 0.15])
def test_a_silent_camera_does_not_silence_the_fast_ones(sync: str, service: float) -> None:
    """Their frames come faster than the timeout, each in place of the one before."""
    simulation = Simulation(
        "abc", most_at_once=3, sync=sync, sync_timeout=0.09, batch_window=0.09, sync_tolerance=0.02
    )
    simulation.stream("a", 30.0, 20.0)
    simulation.stream("b", 30.0, 20.0, offset=0.001)
    simulation.run(20.0, service)
    moments = [0.0, *(moment for moment, _ in simulation.takings)]
    assert np.diff(moments).max() <= 0.09 + 0.034 + 2 * service + 1e-6
    assert simulation.answered["a"] == simulation.answered["b"]
    for moment, taken in simulation.takings:
        assert all(moment + 100.0 - came <= 1 / 30 + 1e-6 for _, _, came in taken.values())


def test_cameras_whose_clocks_differ_take_turns_under_approximate() -> None:
    simulation = Simulation("abc", sync="approximate", sync_tolerance=0.05, sync_timeout=0.1)
    for tick in range(600):
        for camera, ahead in (("a", 0.0), ("b", 10.0), ("c", -10.0)):
            simulation.send(camera, tick / 30, stamp=tick / 30 + ahead)
    simulation.run(20.0, service=0.05)
    shares = np.array([simulation.answered[camera] for camera in "abc"])
    assert shares.min() >= 0.8 * shares.mean() and shares.sum() > 100, shares


@pytest.mark.parametrize("service", [0.04, 0.15])
def test_cameras_that_wait_for_a_silent_one_have_like_shares(service: float) -> None:
    """Even where the timeout ends just as the next frames come, which parts those of one time."""
    simulation = Simulation("abc", sync="approximate", sync_tolerance=0.02, sync_timeout=0.1)
    simulation.stream("a", 30.0, 20.0)
    simulation.stream("b", 30.0, 20.0, offset=0.001)
    simulation.run(20.0, service)
    shares = np.array([simulation.answered[camera] for camera in "ab"])
    assert shares.min() >= 0.8 * shares.mean() and shares.sum() > 50, shares


def test_frames_that_came_while_the_engine_was_busy_still_wait_for_their_fellows() -> None:
    """Else the engine would often take half a pair: it comes back between the two."""
    simulation = Simulation("ab", sync="approximate", sync_tolerance=0.015, sync_timeout=0.1)
    simulation.stream("a", 30.0, 20.0)
    simulation.stream("b", 30.0, 20.0, offset=0.012)
    simulation.run(19.0, service=0.0773)
    assert set(simulation.groups) == {"ab"}
    assert len(simulation.groups) > 90


def test_without_the_anchor_the_others_go_on_after_a_second() -> None:
    simulation = Simulation("abc", sync="anchor", anchor_camera="b", sync_timeout=0.08)
    for camera in "ac":
        simulation.stream(camera, 10.0, 10.0)
    simulation.stream("b", 10.0, 3.0)
    simulation.run(10.0)
    before = [group for moment, group in zip_moments(simulation) if moment < 2.95]
    assert set(before) == {"abc"}
    silent = [moment for moment, _ in simulation.takings if moment > 2.95]
    assert silent[0] == pytest.approx(2.9 + 1.0, abs=0.11)
    assert len(silent) >= 60
    assert set(simulation.groups[-50:]) == {"ac"}


def zip_moments(simulation: Simulation) -> list[tuple[float, str]]:
    moments = [moment for moment, _ in simulation.takings]
    return list(zip(moments, simulation.groups, strict=True))


def test_nobody_waits_for_a_camera_that_is_disabled() -> None:
    for sync in ("approximate", "anchor"):
        simulation = Simulation("ab", sync=sync, anchor_camera="b", sync_timeout=5.0)
        simulation.scheduler.enable("b", False)
        simulation.send("a", 1.0)
        simulation.send("b", 1.1)
        simulation.run(2.0)
        assert zip_moments(simulation) == [(pytest.approx(1.0), "a")], sync


def test_disabling_a_camera_drops_its_frame_and_frees_those_that_wait_for_it() -> None:
    simulation = Simulation("ab", sync="approximate", sync_timeout=5.0)
    simulation.send("a", 1.0)
    simulation.time.at(101.5, lambda: simulation.scheduler.enable("b", False))
    simulation.time.at(101.6, lambda: simulation.scheduler.enable("b", True))
    simulation.send("b", 2.0)
    simulation.time.at(102.5, lambda: simulation.scheduler.enable("b", False))
    simulation.run(4.0)
    assert zip_moments(simulation) == [(pytest.approx(1.5), "a")]
    assert simulation.scheduler.overwritten("b") == 0


def test_the_newest_frame_wins_and_those_lost_are_counted_per_camera() -> None:
    scheduler: FrameScheduler[int] = FrameScheduler("ab", SyncSettings())
    for number in range(5):
        scheduler.put("a", number, number)
    scheduler.put("b", 0, 10)
    assert scheduler.take() == {"a": 4}
    assert scheduler.take() == {"b": 10}
    assert (scheduler.overwritten("a"), scheduler.overwritten("b")) == (4, 0)


def test_an_anchor_that_is_no_camera_is_refused() -> None:
    with pytest.raises(ValueError, match="'c' is none of a, b"):
        FrameScheduler("ab", SyncSettings(sync="anchor", anchor_camera="c"))


def test_close_wakes_the_taker_and_ends_it_for_good() -> None:
    scheduler: FrameScheduler[int] = FrameScheduler("a", SyncSettings())
    taken: list[object] = []
    taker = threading.Thread(target=lambda: taken.append(scheduler.take()))
    taker.start()
    time.sleep(0.05)
    assert taker.is_alive()
    scheduler.close()
    taker.join(5.0)
    assert taken == [None]
    scheduler.put("a", 0, 1)
    assert scheduler.take() is None


@pytest.mark.parametrize("sync", ["latest", "approximate", "anchor"])
def test_threads_that_put_and_one_that_takes_lose_count_of_nothing(sync: str) -> None:
    """Each item is taken once or counted as overwritten, and each camera's are in order."""
    frames, cameras = 3000, "abcd"
    scheduler: FrameScheduler[int] = FrameScheduler(
        cameras, SyncSettings(sync=sync, sync_timeout=0.001), most_at_once=2
    )
    taken: dict[str, list[int]] = {camera: [] for camera in cameras}

    def put(camera: str) -> None:
        for number in range(frames):
            scheduler.put(camera, number * MS, number)
            if number % 10 == 0:
                time.sleep(0)

    def take() -> None:
        while (items := scheduler.take()) is not None:
            for camera, number in items.items():
                taken[camera].append(number)

    taker = threading.Thread(target=take)
    putters = [threading.Thread(target=put, args=(camera,)) for camera in cameras]
    for thread in (taker, *putters):
        thread.start()
    for thread in putters:
        thread.join(60.0)
    deadline = time.monotonic() + 20.0
    while scheduler._waiting and time.monotonic() < deadline:
        time.sleep(0.01)
    scheduler.close()
    taker.join(20.0)
    assert not taker.is_alive()
    for camera in cameras:
        assert taken[camera] == sorted(set(taken[camera]))
        assert len(taken[camera]) + scheduler.overwritten(camera) == frames
        if sync != "anchor" or camera == "a":
            assert taken[camera][-1] == frames - 1
