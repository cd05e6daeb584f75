"""PedestrianMotionNet: the window's masks and times, the peaks, and the exported graphs."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from convlstm_perception.model import PedestrianMotionNet
from convlstm_perception.model.export import export_graphs
from tests.support.networks import CONFIG, HEIGHT, SLOTS, WIDTH

STATE = (CONFIG.hidden_channels, HEIGHT // 16, WIDTH // 16)


@pytest.fixture
def network(small_network: PedestrianMotionNet) -> PedestrianMotionNet:
    """A copy that a test may change."""
    return copy.deepcopy(small_network)


@pytest.fixture(scope="module")
def window() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    images = torch.randint(
        0, 256, (1, SLOTS, HEIGHT, WIDTH, 3), dtype=torch.uint8, generator=generator
    )
    valid = torch.tensor([[1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0]])
    dt = torch.tensor([[0.1, 0.2, 0.0, 0.1, 0.3, 0.0, 0.0, 0.0]])
    return images, valid, dt


@dataclass(frozen=True)
class Graphs:
    """The exported graphs in ONNX Runtime, with their batch open."""

    folder: Path
    encoder: onnxruntime.InferenceSession
    motion: onnxruntime.InferenceSession
    step: onnxruntime.InferenceSession

    def encode(self, images: np.ndarray) -> list[np.ndarray]:
        """``input_to_state`` and ``skip``."""
        return self.encoder.run(None, {"image": images})


@pytest.fixture(scope="module")
def graphs(small_graphs: Path) -> Graphs:
    paths = (small_graphs / f"{name}.onnx" for name in ("encoder", "motion", "step"))
    return Graphs(small_graphs, *(onnxruntime.InferenceSession(path) for path in paths))


def window_feed(
    encoded: list[list[np.ndarray]], valid: np.ndarray, dt: np.ndarray
) -> dict[str, np.ndarray]:
    """Inputs of the motion graph, of encoded frames, newest first."""
    feed = {f"input_to_state_{slot}": features for slot, (features, _) in enumerate(encoded)}
    return feed | {"skip": encoded[0][1], "valid": valid, "dt": dt}


def test_output_shapes(network: PedestrianMotionNet, window) -> None:
    output = network(*window)
    assert output.boxes.shape == (1, 6, 4)
    assert output.scores.shape == (1, 6)
    assert output.future_boxes.shape == output.future_scales.shape == (1, 6, 3, 4)
    assert (output.scores.diff() <= 0).all()
    assert (output.boxes[..., 2:] > 0).all() and (output.future_scales > 0).all()


def test_a_missing_slot_has_no_influence(network: PedestrianMotionNet, window) -> None:
    images, valid, dt = window
    other = images.clone()
    other[:, 2] = 255 - other[:, 2]
    for have, want in zip(network(other, valid, dt), network(images, valid, dt), strict=True):
        assert torch.equal(have, want)


def test_every_valid_slot_and_its_time_have_influence(network: PedestrianMotionNet, window) -> None:
    images, valid, dt = window
    reference = network(images, valid, dt).scores
    for slot in valid[0].nonzero().flatten():
        other = images.clone()
        other[:, slot] = 255 - other[:, slot]
        assert not torch.equal(network(other, valid, dt).scores, reference)
    assert not torch.equal(network(images, valid, 2 * dt).scores, reference)


def test_peaks_are_the_strongest_local_maxima(network: PedestrianMotionNet) -> None:
    heat = torch.full((1, 1, 6, 8), 0.01)
    heat[0, 0, 1, 1], heat[0, 0, 1, 2], heat[0, 0, 4, 6] = 0.9, 0.8, 0.5
    scores, cells = network.motion.peaks(heat)
    torch.testing.assert_close(scores[0, :2], torch.tensor([0.9, 0.5]))
    assert cells[0, :2].tolist() == [1 * 8 + 1, 4 * 8 + 6]


def test_an_untrained_memory_changes_no_detection(window) -> None:
    images, valid, dt = window
    network = PedestrianMotionNet(CONFIG).eval()
    alone = network(images[:, :1], valid[:, :1], dt[:, :1])
    assert torch.equal(network(images, valid, dt).scores, alone.scores)


def test_memory_may_serve_the_trajectories_alone(window) -> None:
    """Then detections are those of the newest frame, whatever came before."""
    images, valid, dt = window
    network = PedestrianMotionNet(dataclasses.replace(CONFIG, memory_in_detection=False)).eval()
    torch.nn.init.normal_(network.motion.motion.perceptron[-1].weight, std=0.1)
    alone = network(images[:, :1], valid[:, :1], dt[:, :1])
    together = network(images, valid, dt)
    assert torch.equal(together.scores, alone.scores) and torch.equal(together.boxes, alone.boxes)
    assert not torch.equal(together.future_boxes, alone.future_boxes)


def test_future_is_constant_velocity_plus_the_residual(network: PedestrianMotionNet) -> None:
    head = network.motion.motion
    last = head.perceptron[-1]
    hidden, skip = torch.randn(1, CONFIG.hidden_channels, 2, 3), torch.randn(1, 24, 8, 12)
    cells = torch.tensor([[3, 40]])
    box = network.motion.box(skip, cells)
    place = torch.zeros(1, 2, 2)
    with torch.no_grad():
        for horizon in range(len(CONFIG.horizons)):
            first = 4 + 8 * horizon
            last.weight[first : first + 4], last.bias[first : first + 4] = 0.0, 0.0
        motion = head(hidden, skip, box, cells, torch.tensor([[0, 4]]), place)
    assert motion.velocity.abs().min() > 0
    for index, horizon in enumerate(CONFIG.horizons):
        torch.testing.assert_close(motion.displacement[..., index, :], motion.velocity * horizon)


def test_candidates_read_the_memory_where_they_are(network: PedestrianMotionNet) -> None:
    """Only a change of the hidden state near a candidate changes its motion."""
    skip = torch.rand(1, 24, 40, 48)
    cells = torch.tensor([[10 * 48 + 10]])
    hidden = torch.randn(1, CONFIG.hidden_channels, 10, 12)
    with torch.no_grad():
        network.motion.box.offset[-1].weight.zero_()
        reference = network.motion.at_candidates(hidden, skip, cells)[1].velocity
        near, far = hidden.clone(), hidden.clone()
        near[:, :, 2, 2], far[:, :, 8, 9] = 3.0, 3.0
        assert not torch.equal(network.motion.at_candidates(near, skip, cells)[1][0], reference)
        assert torch.equal(network.motion.at_candidates(far, skip, cells)[1][0], reference)


def test_exported_graphs_equal_the_network(
    network: PedestrianMotionNet, window, graphs: Graphs
) -> None:
    """Both graphs in ONNX Runtime, fed as the pipeline feeds them, to 1e-4."""
    images, valid, dt = window
    encoded = [graphs.encode(images[:, slot].numpy()) for slot in range(SLOTS)]
    with torch.no_grad():
        for slot in range(SLOTS):
            for have, want in zip(encoded[slot], network.encoder(images[:, slot]), strict=True):
                assert np.abs(have - want.numpy()).max() < 1e-4
        expected = network(images, valid, dt)
    answers = graphs.motion.run(None, window_feed(encoded, valid.numpy(), dt.numpy()))
    for have, want in zip(answers, expected, strict=True):
        np.testing.assert_allclose(have, want.numpy(), rtol=1e-4, atol=1e-4)


def test_export_refuses_a_size_that_does_not_fit(
    network: PedestrianMotionNet, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        export_graphs(network, tmp_path, height=100, width=WIDTH, slots=SLOTS)


@pytest.mark.parametrize("graph", ["encoder", "motion", "step"])
def test_the_batch_alone_is_open(graphs: Graphs, graph: str) -> None:
    session = getattr(graphs, graph)
    for tensor in (*session.get_inputs(), *session.get_outputs()):
        assert tensor.shape[0] == "batch", tensor
        assert all(isinstance(side, int) for side in tensor.shape[1:]), tensor


@pytest.mark.parametrize("graph", ["encoder", "motion", "step"])
def test_graphs_hold_no_operator_that_tensorrt_refuses_or_reads_badly(
    graphs: Graphs, graph: str
) -> None:
    nodes = onnx.load(graphs.folder / f"{graph}.onnx").graph.node
    assert "Conv" in {node.op_type for node in nodes}
    refused = {"Loop", "If", "Scan", "NonZero", "GatherND", "ScatterND", "NonMaxSuppression"}
    assert not refused & {node.op_type for node in nodes}


def test_rows_of_a_batch_do_not_see_each_other(graphs: Graphs) -> None:
    """Three windows at once, each with times and gaps of its own, as one by one."""
    random = np.random.default_rng(6)
    images = random.integers(0, 256, (SLOTS, 3, HEIGHT, WIDTH, 3), np.uint8)
    valid = np.ones((3, SLOTS), np.float32)
    valid[0, 3], valid[1, 1:4], valid[2, 5:] = 0.0, 0.0, 0.0
    dt = (random.uniform(0.05, 0.3, (3, SLOTS)) * valid).astype(np.float32)
    encoded = [graphs.encode(frames) for frames in images]
    together = window_feed(encoded, valid, dt)
    step = {"input_to_state": encoded[0][0], "skip": encoded[0][1], "dt": dt[:, :1]}
    for name in ("hidden", "cell"):
        step[name] = random.uniform(-1.0, 1.0, (3, *STATE)).astype(np.float32)
    feeds = {"encoder": {"image": images[0]}, "motion": together, "step": step}
    for name, feed in feeds.items():
        session = getattr(graphs, name)
        all_rows = session.run(None, feed)
        for row in range(3):
            alone = session.run(None, {key: rows[row : row + 1] for key, rows in feed.items()})
            for have, want in zip(all_rows, alone, strict=True):
                assert have.shape == (3, *want.shape[1:])
                np.testing.assert_allclose(have[row], want[0], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("missing", [[], [1, 4, 5]])
def test_steps_with_the_state_carried_on_equal_the_window(
    graphs: Graphs, missing: list[int]
) -> None:
    """Valid frames one by one through ``step.onnx`` from zero, as ``motion.onnx`` at once."""
    random = np.random.default_rng(5)
    images = random.integers(0, 256, (SLOTS, 1, HEIGHT, WIDTH, 3), np.uint8)
    encoded = [graphs.encode(image) for image in images]
    kept = [slot for slot in range(SLOTS) if slot not in missing]
    valid, dt = np.zeros((2, 1, SLOTS), np.float32)
    valid[:, kept] = 1.0
    dt[:, kept[:-1]] = random.uniform(0.03, 0.4, len(kept) - 1)
    hidden = cell = np.zeros((1, *STATE), np.float32)
    for slot in reversed(kept):
        feed = {"input_to_state": encoded[slot][0], "skip": encoded[slot][1]}
        feed |= {"hidden": hidden, "cell": cell, "dt": dt[:, slot : slot + 1]}
        *answers, hidden, cell = graphs.step.run(None, feed)
    expected = graphs.motion.run(None, window_feed(encoded, valid, dt))
    assert np.abs(hidden).max() > 0.01
    for have, want in zip(answers, expected, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-5)


def test_large_features_do_not_saturate_the_gates() -> None:
    """What the ConvLSTM sees is brought to unit variance before it meets the gates."""
    torch.manual_seed(0)
    encoder = PedestrianMotionNet(CONFIG).encoder.train()
    seen = encoder.normalize.num_features
    features = 6.0 * torch.randn(8, seen, 12, 20) + 10.0
    with torch.no_grad():
        learning = encoder.to_gates(features)
        for _ in range(50):
            encoder.to_gates(features)
        answering = encoder.eval().to_gates(features)
    for gates in (learning, answering):
        assert gates.std() < 2.0
