"""Graphs in half precision and int8: which numbers stay in single precision, and how near they are.

What is converted runs in ONNX Runtime on the CPU, so that the arithmetic of the types is real.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, numpy_helper

from convlstm_perception.data.synthetic_scene import SyntheticScene
from convlstm_perception.engine import ModelBundle, default_bundle_path
from convlstm_perception.engine.precision import convert_graph
from convlstm_perception.engine.tensor_names import ANSWERS
from convlstm_perception.errors import EngineError, ParameterError
from tests.support.networks import HEIGHT, WIDTH

HALF, FLOAT = TensorProto.FLOAT16, TensorProto.FLOAT
FRAMES = 300
CONFIDENT = 0.3


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    return ModelBundle.load(default_bundle_path())


def images(height: int, width: int, count: int) -> list[np.ndarray]:
    """A generated square with people, as the encoder takes it."""
    scene = SyntheticScene(width=width, height=height, frame_rate=10.0, frame_count=count)
    return [image[None] for image in scene]


def converted(path: Path, precision: str, role: str, calibration=None) -> onnx.ModelProto:
    data = convert_graph(path, precision, role=role, calibration=calibration)
    return onnx.load_from_string(data)


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model.SerializeToString())


def types_of(values) -> dict[str, int]:
    return {value.name: value.type.tensor_type.elem_type for value in values}


def is_feature(name: str) -> bool:
    return name.startswith("input_to_state") or name in ("skip", "hidden", "next_hidden")


@pytest.mark.parametrize("role", ["encoder", "motion", "step"])
def test_features_become_half_and_everything_else_keeps_its_type(
    bundle: ModelBundle, role: str
) -> None:
    path = bundle.folder / f"{role}.onnx"
    before, after = onnx.load(path).graph, converted(path, "fp16", role).graph
    for old, new in ((before.input, after.input), (before.output, after.output)):
        kept, found = types_of(old), types_of(new)
        assert list(kept) == list(found)
        for name, kind in found.items():
            assert kind == (HALF if is_feature(name) else kept[name]), name


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_track_decoder_is_left_as_it_is(bundle: ModelBundle, precision: str) -> None:
    model = converted(bundle.tracks_path, precision, "tracks")
    assert not {one.data_type for one in model.graph.initializer} & {HALF, TensorProto.INT8}
    assert "Cast" not in {node.op_type for node in model.graph.node if node.name.startswith("to ")}


@pytest.mark.parametrize("role", ["motion", "step"])
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_cell_state_is_computed_in_single_precision(
    bundle: ModelBundle, role: str, precision: str
) -> None:
    """What squashes and clamps: gates, cell and scores; and nothing there is quantised."""
    model = converted(bundle.folder / f"{role}.onnx", precision, role)
    typed = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    kinds = types_of([*typed.input, *typed.output, *typed.value_info])
    of_the_state = [
        node for node in typed.node if node.op_type in ("Sigmoid", "Tanh", "Clip", "TopK")
    ]
    assert len(of_the_state) > 3
    assert {kinds[node.output[0]] for node in of_the_state} == {FLOAT}
    convolutions = [node for node in typed.node if node.op_type == "Conv"]
    assert {kinds[node.output[0]] for node in convolutions} == {HALF}
    assert not {"QuantizeLinear", "DequantizeLinear"} & {node.op_type for node in typed.node}


def test_half_precision_finds_the_same_people(bundle: ModelBundle) -> None:
    found = {}
    for precision in ("fp32", "fp16"):
        encoder, motion = (
            session(converted(bundle.folder / f"{role}.onnx", precision, role))
            for role in ("encoder", "motion")
        )
        encoded = [
            encoder.run(None, {"image": image})
            for image in images(bundle.input_height, bundle.input_width, bundle.slots)
        ][::-1]
        feed = {f"input_to_state_{slot}": each[0] for slot, each in enumerate(encoded)}
        feed |= {"skip": encoded[0][1], "valid": np.ones((1, bundle.slots), np.float32)}
        feed["dt"] = np.full((1, bundle.slots), bundle.step, np.float32)
        found[precision] = motion.run(list(ANSWERS), feed)
    boxes, scores, future, _ = (answer[0] for answer in found["fp16"])
    compared = 0
    for box, score, path, _ in zip(*(answer[0] for answer in found["fp32"]), strict=True):
        if score >= CONFIDENT:
            nearest = np.abs(boxes - box).max(axis=1).argmin()
            assert np.abs(boxes[nearest] - box).max() < 0.5
            assert abs(scores[nearest] - score) < 0.02
            assert np.abs(future[nearest] - path).max() < 1.0
            compared += 1
    assert compared >= 3


def test_a_state_carried_on_in_half_precision_does_not_drift(small_graphs: Path) -> None:
    """The error of the last hundred steps is no greater than that of the hundred before."""
    pictures = images(HEIGHT, WIDTH, 20)
    states = {}
    for precision in ("fp32", "fp16"):
        encoder, step = (
            session(converted(small_graphs / f"{role}.onnx", precision, role))
            for role in ("encoder", "step")
        )
        encoded = [encoder.run(None, {"image": image}) for image in pictures]
        names = {node.name: node for node in step.get_inputs()}
        shape = (1, *names["cell"].shape[1:])
        hidden = np.zeros(shape, np.float16 if precision == "fp16" else np.float32)
        cell, cells = np.zeros(shape, np.float32), []
        for number in range(FRAMES):
            features, skip = encoded[number % len(encoded)]
            feed = {"input_to_state": features, "skip": skip, "hidden": hidden, "cell": cell}
            feed["dt"] = np.array([[0.1 if number else 0.0]], np.float32)
            hidden, cell = step.run(["next_hidden", "next_cell"], feed)
            cells.append(cell)
        states[precision] = np.tanh(np.array(cells))
    error = np.abs(states["fp16"] - states["fp32"]).reshape(FRAMES, -1).max(axis=1)
    assert 0 < error[100:200].max() < 0.02
    assert error[200:].max() < 1.5 * error[100:200].max()


def test_int8_is_for_the_convolutions_of_the_encoder(bundle: ModelBundle) -> None:
    calibration = iter(images(bundle.input_height, bundle.input_width, 3))
    model = converted(bundle.encoder_path, "int8", "encoder", calibration)
    graph = model.graph
    constants = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    made_by = {name: node for node in graph.node for name in node.output}
    quantised = [
        node
        for node in graph.node
        if node.op_type == "Conv"
        and all(made_by.get(n) and made_by[n].op_type == "DequantizeLinear" for n in node.input[:2])
    ]
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > len(quantised) > 0.8 * len(convolutions)
    for node in graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            zero = constants.get(node.input[2]) if len(node.input) > 2 else None
            assert zero is None or not zero.any()
    per_channel = [
        constants[made_by[node.input[1]].input[1]].size
        for node in quantised
        if made_by[node.input[1]].input[1] in constants
    ]
    assert per_channel and max(per_channel) > 1
    session(model).run(None, {"image": images(bundle.input_height, bundle.input_width, 1)[0]})


def test_single_precision_gives_equal_answers(small_graphs: Path) -> None:
    path = small_graphs / "encoder.onnx"
    (image,) = images(HEIGHT, WIDTH, 1)
    before = onnxruntime.InferenceSession(path).run(None, {"image": image})
    after = session(converted(path, "fp32", "encoder")).run(None, {"image": image})
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_weights_that_were_stored_in_half_precision_are_folded(bundle: ModelBundle) -> None:
    stored = onnx.load(bundle.motion_path).graph
    assert HALF in {one.data_type for one in stored.initializer}
    folded = converted(bundle.motion_path, "fp32", "motion").graph
    assert HALF not in {one.data_type for one in folded.initializer}
    assert len(folded.node) < len(stored.node)


def test_what_is_wrong_is_named(small_graphs: Path, tmp_path: Path) -> None:
    encoder = small_graphs / "encoder.onnx"
    with pytest.raises(ParameterError, match="int8 needs images of the camera"):
        convert_graph(encoder, "int8", role="encoder")
    wrong = iter([np.zeros((1, HEIGHT, WIDTH + 1, 3), np.uint8)])
    with pytest.raises(ParameterError, match=rf"takes uint8 \(1, {HEIGHT}, {WIDTH}, 3\)"):
        convert_graph(encoder, "int8", role="encoder", calibration=wrong)
    with pytest.raises(ParameterError, match="'fp8' is not one of fp32, fp16, int8"):
        convert_graph(encoder, "fp8", role="encoder")
    garbage = tmp_path / "garbage.onnx"
    garbage.write_bytes(b"no graph")
    with pytest.raises(EngineError, match=r"garbage\.onnx"):
        convert_graph(garbage, "fp16", role="encoder")


def test_without_onnx_it_says_what_to_install(small_graphs: Path) -> None:
    program = (
        "import sys; sys.modules['onnx'] = None\n"
        "from pathlib import Path\n"
        "from convlstm_perception.engine.precision import convert_graph\n"
        "from convlstm_perception.errors import EngineError\n"
        "try:\n"
        f"    convert_graph(Path({str(small_graphs / 'encoder.onnx')!r}), 'fp16', role='encoder')\n"
        "except EngineError as error:\n"
        "    print(error)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install onnx" in result.stdout, result.stderr
