"""The runtime of a device, on one that checks every address and runs real graphs.

What is compared: answers over 60 frames of cameras with gaps, resets, other rates and turns of
their own, with those of the torch network, and with those of the host's runtime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from convlstm_perception.engine import OnnxRuntimeEngine
from convlstm_perception.engine.device.runtime import DeviceRuntime
from convlstm_perception.engine.host_runtime import HostRuntime
from convlstm_perception.engine.runtime import MemoryStep, StateStep, Window
from convlstm_perception.engine.tensor_names import ANSWERS
from convlstm_perception.errors import EngineError, ParameterError
from convlstm_perception.model import ConvLSTMState, PedestrianMotionNet
from convlstm_perception.model.network import MotionStep
from convlstm_perception.stream.buffer import RollingBuffer, ring_places
from convlstm_perception.stream.memory import FrameMemory
from convlstm_perception.stream.state import StateMemory
from convlstm_perception.types import NANOSECONDS_PER_SECOND
from tests.support import graphs as tiny
from tests.support.fake_device import FakeDevice, FakeNetwork
from tests.support.networks import HEIGHT, SLOTS, WIDTH

FRAMES, CAMERAS = 60, 3
STEP, TOLERANCE, MAX_RATE = 0.1, 0.03, 20.0
PLACES = ring_places(tiny.SLOTS, STEP, TOLERANCE, MAX_RATE)
MODES = ("window", "stateful")
Turn = dict[int, MemoryStep]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Graphs of a few operations: as fast as tests of addresses alone may be."""
    return tiny.write_tiny_bundle(tmp_path_factory.mktemp("small") / "tiny")


@dataclass
class Bench:
    """A runtime on a fake device."""

    folder: Path
    mode: str = "window"
    slots: int = tiny.SLOTS
    cameras: int = CAMERAS
    recordings: int = 128
    device: FakeDevice = field(default_factory=FakeDevice)

    def __post_init__(self) -> None:
        graph = "motion" if self.mode == "window" else "step"
        self.encoder = FakeNetwork(self.device, self.folder / "encoder.onnx", self.cameras)
        self.motion = FakeNetwork(self.device, self.folder / f"{graph}.onnx", self.cameras)
        self.runtime = DeviceRuntime(
            self.device,
            self.encoder,
            self.motion,
            cameras=self.cameras,
            places=ring_places(self.slots, STEP, TOLERANCE, MAX_RATE),
            recordings=self.recordings,
        )


def image(camera: int, number: int) -> np.ndarray:
    generator = np.random.default_rng([camera, number])
    return generator.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def memory_of(mode: str, slots: int = tiny.SLOTS) -> FrameMemory:
    if mode == "stateful":
        return StateMemory(slots=slots, step=STEP, tolerance=TOLERANCE)
    return RollingBuffer(slots=slots, step=STEP, tolerance=TOLERANCE, max_rate=MAX_RATE)


def turns(
    mode: str, cameras: int, slots: int = tiny.SLOTS, seed: int = 7
) -> Iterator[tuple[int, Turn]]:
    """Which cameras are answered together at each of the frames, and with what.

    Frames come at 10 or 20 Hz with jitter; each camera misses some, has a gap as long as two slots,
    one longer than the window, and is reset once. Frames 0 to 19 are regular, so that the cameras
    lie together; from then on they drift apart.
    """
    generator = np.random.default_rng(seed)
    memories = [memory_of(mode, slots) for _ in range(cameras)]
    now = np.zeros(cameras)
    for number in range(FRAMES):
        turn: Turn = {}
        for camera in range(cameras):
            rate = 20.0 if number >= 40 and camera == 1 else 10.0
            now[camera] += 1 / rate
            if number >= 20:
                now[camera] += generator.uniform(-0.01, 0.01)
                if number == 25 + camera:
                    now[camera] += 2 * STEP
                if number == 33 + camera:
                    now[camera] += 2 * slots * STEP
                if number == 50 - camera:
                    memories[camera].clear()
                if generator.random() < 0.2:
                    continue
            stamp_ns = round(now[camera] * NANOSECONDS_PER_SECOND)
            turn[camera] = memories[camera].admit(stamp_ns)
        if turn:
            yield number, turn


class Eager:
    """The torch network, which remembers in Python lists."""

    def __init__(self, network: PedestrianMotionNet, cameras: int) -> None:
        self._network, self._step = network, MotionStep(network.motion).eval()
        places = ring_places(SLOTS, STEP, TOLERANCE, MAX_RATE)
        self._rings = [[None] * places for _ in range(cameras)]
        self._states = [[None, None] for _ in range(cameras)]

    @torch.inference_mode()
    def answer(self, camera: int, pixels: np.ndarray, step: MemoryStep) -> list[np.ndarray]:
        encoded, skip = self._network.encoder(torch.from_numpy(pixels[None]))
        if isinstance(step, Window):
            ring = self._rings[camera]
            ring[step.places[0]] = encoded
            slots = [torch.zeros_like(encoded) if p is None else ring[p] for p in step.places]
            answers = self._network.motion(
                slots, skip, torch.from_numpy(step.valid), torch.from_numpy(step.dt)
            )
        else:
            states = self._states[camera]
            zero = self._network.motion.recurrence.zero_state(encoded)
            state = zero if step.source is None else states[step.source]
            *answers, hidden, cell = self._step(
                encoded, skip, *state, torch.tensor([[step.dt]], dtype=torch.float32)
            )
            states[step.target] = ConvLSTMState(hidden, cell)
        return [answer.numpy() for answer in answers]


@pytest.mark.parametrize("shares_memory", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_answers_equal_those_of_the_torch_network(
    small_network: PedestrianMotionNet, small_graphs: Path, mode: str, shares_memory: bool
) -> None:
    bench = Bench(small_graphs, mode, SLOTS, device=FakeDevice(shares_memory))
    eager, compared = Eager(small_network, CAMERAS), 0
    for number, turn in turns(mode, CAMERAS, SLOTS):
        for camera in turn:
            bench.runtime.canvas(camera)[...] = image(camera, number)
        answers = bench.runtime.run(turn)
        assert list(answers) == sorted(turn)
        for camera, step in turn.items():
            wanted = eager.answer(camera, image(camera, number), step)
            for name, expected in zip(ANSWERS, wanted, strict=True):
                scale = max(1.0, float(np.abs(expected).max()))
                worst = np.abs(answers[camera][name] - expected).max() / scale
                assert worst < 1e-5, (number, camera, name)
            compared += 1
    assert compared > 0.7 * FRAMES * CAMERAS
    assert bench.device.replays  # some of it was replayed


@pytest.mark.parametrize("cameras", [1, 2, 5])
@pytest.mark.parametrize("mode", MODES)
def test_answers_equal_those_of_the_host(small: Path, mode: str, cameras: int) -> None:
    graph = "motion" if mode == "window" else "step"
    host = HostRuntime(
        OnnxRuntimeEngine(small / "encoder.onnx", "cpu", 1),
        OnnxRuntimeEngine(small / f"{graph}.onnx", "cpu", 1),
        cameras=cameras,
        places=PLACES,
    )
    bench = Bench(small, mode, cameras=cameras)
    for number, turn in turns(mode, cameras, seed=cameras):
        for camera in turn:
            for runtime in (host, bench.runtime):
                runtime.canvas(camera)[...] = image(camera, number)
        expected, answers = host.run(turn), bench.runtime.run(turn)
        for camera in turn:
            for name in ANSWERS:
                np.testing.assert_allclose(
                    answers[camera][name], expected[camera][name], rtol=1e-5, atol=1e-5
                )


@pytest.mark.parametrize("mode", MODES)
def test_replay_equals_plain_execution(small: Path, mode: str) -> None:
    replayed, plain = Bench(small, mode, cameras=1), Bench(small, mode, cameras=1, recordings=0)
    for number, turn in turns(mode, 1):
        for bench in (replayed, plain):
            bench.runtime.canvas(0)[...] = image(0, number)
        first, second = replayed.runtime.run(turn)[0], plain.runtime.run(turn)[0]
        for name in ANSWERS:
            assert np.array_equal(first[name], second[name])
    assert replayed.device.replays and not plain.device.replays


def steady(runtime: DeviceRuntime, mode: str, frames: int, cameras: int = 1) -> None:
    memories = [memory_of(mode) for _ in range(cameras)]
    for number in range(frames):
        stamp_ns = round(number * STEP * NANOSECONDS_PER_SECOND)
        runtime.run({camera: memories[camera].admit(stamp_ns) for camera in range(cameras)})


@pytest.mark.parametrize(("mode", "phases"), [("window", PLACES), ("stateful", 2)])
def test_a_steady_camera_is_replayed_in_every_phase(small: Path, mode: str, phases: int) -> None:
    bench = Bench(small, mode, cameras=1)
    beginning = tiny.SLOTS  # while the window fills, or the state begins at zero
    steady(bench.runtime, mode, beginning + 2 * phases)
    before = bench.motion.plain_runs
    steps = memory_of(mode)
    for number in range(beginning + 2 * phases):
        steps.admit(round(number * STEP * NANOSECONDS_PER_SECOND))
    for number in range(beginning + 2 * phases, beginning + 5 * phases):
        step = steps.admit(round(number * STEP * NANOSECONDS_PER_SECOND))
        bench.runtime.run({0: step})
    assert bench.motion.plain_runs == before


def test_cameras_in_step_are_a_batch_as_they_lie(small: Path) -> None:
    """No gathering: one copy of the images, one of the times, one of the answers."""
    bench = Bench(small, "window", cameras=3)
    # Rows of the tiny network are not aligned by themselves, those of place 0 to 2 together are.
    steady(bench.runtime, "window", 3, cameras=3)
    assert bench.device.copies == 3 * 3


def test_a_device_that_shares_memory_is_not_copied_to(small: Path) -> None:
    bench = Bench(small, "window", cameras=2, device=FakeDevice(shares_memory=True))
    steady(bench.runtime, "window", 10, cameras=2)
    assert bench.device.copies == 0


def test_recordings_are_bounded(small: Path) -> None:
    bench = Bench(small, "window", cameras=1, recordings=3)
    steady(bench.runtime, "window", 5 * PLACES)
    assert bench.device.recordings <= 2 * 3


def test_a_network_that_cannot_be_recorded_runs_all_the_same(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(small, "window", cameras=1)
    bench.motion.capturable = False
    steady(bench.runtime, "window", 5 * PLACES)
    assert bench.motion.plain_runs == 5 * PLACES
    assert [record.message for record in caplog.records if "not replayed" in record.message] == [
        "fake device: it holds what cannot be recorded; its runs are not replayed from now on, "
        "which is slower"
    ]


def test_memory_is_allocated_once_and_freed(small: Path) -> None:
    bench = Bench(small, "window", cameras=2)
    allocations, nbytes = bench.device.allocations, bench.runtime.nbytes
    steady(bench.runtime, "window", 3 * PLACES, cameras=2)
    assert bench.device.allocations == allocations
    assert nbytes == sum(len(memory) for memory in bench.device._memory.values())
    bench.runtime.close()
    assert bench.device.allocations == bench.device.recordings == 0


def test_too_little_memory_is_said_and_nothing_stays_allocated(small: Path) -> None:
    device = FakeDevice(capacity=100_000)
    with pytest.raises(EngineError, match="bytes are left"):
        Bench(small, "window", cameras=2, device=device)
    assert device.allocations == 0


def test_more_cameras_than_the_engines_serve_are_refused(small: Path) -> None:
    device = FakeDevice()
    networks = [FakeNetwork(device, small / f"{name}.onnx", 2) for name in ("encoder", "motion")]
    with pytest.raises(ParameterError, match="2 cameras at once, not 3"):
        DeviceRuntime(device, *networks, cameras=3, places=PLACES)


def test_stages_are_timed(small: Path) -> None:
    bench = Bench(small, "stateful", cameras=1)
    bench.runtime.run({0: StateStep(None, 0, 0.0, 1)})
    assert bench.runtime.stage_seconds == pytest.approx(
        {"upload": 0.001, "encoder": 0.001, "motion": 0.001, "download": 0.001}
    )
