"""What is folded into an encoder's convolutions, and that its answers stay the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from convlstm_perception.engine import default_bundle_path
from convlstm_perception.model.folding import fold_into_convolutions
from convlstm_perception.model.weight_storage import store_weights_in_half
from tests.support.onnx_graph import FLOAT, onnx_graph

CHANNELS, WIDE = 3, 40
SHAPE = [1, CHANNELS, 6, 8]


def write_graph(path: Path, order: tuple[int, ...] = (2, 1, 0), *, pads: int = 0) -> Path:
    """``image`` with its channels in another order, scaled, a 3x3 convolution with padding, a
    normalisation, and a convolution of 1x1, ``pads`` wide, to ``features``.
    """
    random = np.random.default_rng(5)
    planes = [f"plane_{channel}" for channel in range(CHANNELS)]
    nodes = [
        helper.make_node("Split", ["image"], planes, axis=1, num_outputs=CHANNELS),
        helper.make_node("Concat", [planes[one] for one in order], ["ordered"], axis=1),
        helper.make_node("Mul", ["ordered", "scale"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "one"], ["centred"]),
        helper.make_node("Conv", ["centred", "first"], ["wide"], name="stem", pads=[1] * 4),
        helper.make_node(
            "BatchNormalization",
            ["wide", "gain", "offset", "mean", "variance"],
            ["normal"],
            epsilon=1e-3,
        ),
        helper.make_node(
            "Conv",
            ["normal", "second", "bias"],
            ["features"],
            name="gates",
            kernel_shape=[1, 1],
            pads=[pads] * 4,
        ),
    ]
    constants = {
        "scale": np.float32(1 / 127.5),
        "one": np.float32(1.0),
        "first": random.normal(size=(WIDE, CHANNELS, 3, 3)),
        "gain": random.uniform(0.5, 2.0, WIDE),
        "offset": random.normal(size=WIDE),
        "mean": random.normal(size=WIDE),
        "variance": random.uniform(0.1, 9.0, WIDE),
        "second": random.normal(size=(WIDE, WIDE, 1, 1)),
        "bias": random.normal(size=WIDE),
    }
    graph = onnx_graph(
        nodes,
        {"image": (FLOAT, SHAPE)},
        {"features": (FLOAT, [1, WIDE, 6 + 2 * pads, 8 + 2 * pads])},
        {name: np.asarray(values, np.float32) for name, values in constants.items()},
    )
    path.write_bytes(graph)
    return path


def answer(path: Path) -> np.ndarray:
    image = np.random.default_rng(8).uniform(0, 255, SHAPE).astype(np.float32)
    (features,) = onnxruntime.InferenceSession(path).run(None, {"image": image})
    return features


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path).graph.node if node.op_type != "Cast"]


@pytest.mark.parametrize("order", [(2, 1, 0), (1, 2, 0)])
def test_both_are_folded_and_the_answer_stays(tmp_path: Path, order: tuple[int, ...]) -> None:
    path = write_graph(tmp_path / "encoder.onnx", order)
    before = answer(path)
    assert fold_into_convolutions(path) == ("stem", "gates")
    assert operators(path) == ["Mul", "Sub", "Conv", "Conv"]
    np.testing.assert_allclose(answer(path), before, rtol=1e-5, atol=1e-5)
    assert fold_into_convolutions(path) == ()


def test_weights_stored_in_half_precision_are_not_rounded_again(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "encoder.onnx")
    store_weights_in_half(path)
    before = answer(path)
    assert fold_into_convolutions(path) == ("stem", "gates")
    np.testing.assert_allclose(answer(path), before, rtol=1e-5, atol=1e-5)


def test_padding_after_a_normalisation_keeps_it(tmp_path: Path) -> None:
    """The border would be of what 0 stands for after the normalisation, not before it."""
    path = write_graph(tmp_path / "encoder.onnx", pads=1)
    assert fold_into_convolutions(path) == ("stem",)
    assert "BatchNormalization" in operators(path)


def test_what_others_read_is_left_alone(tmp_path: Path) -> None:
    path = write_graph(tmp_path / "encoder.onnx")
    model = onnx.load(path)
    for name in ("normal", "ordered"):
        width = WIDE if name == "normal" else CHANNELS
        shape = [1, width, *SHAPE[2:]]
        model.graph.output.append(helper.make_tensor_value_info(name, FLOAT, shape))
    onnx.save(model, path)
    assert fold_into_convolutions(path) == ()


def test_an_export_and_the_shipped_bundle_are_folded(small_graphs: Path) -> None:
    for folder in (small_graphs, default_bundle_path()):
        found = operators(folder / "encoder.onnx")
        assert not {"BatchNormalization", "Split"} & set(found), folder
