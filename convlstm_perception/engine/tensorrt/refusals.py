"""TensorRT's refusals of a graph, as errors that name the node and the mend."""

from __future__ import annotations

import re
from collections.abc import Sequence

from convlstm_perception.engine.tensorrt import api
from convlstm_perception.engine.tensorrt.log import telling_lines
from convlstm_perception.errors import EngineError

# The first whose pattern is in TensorRT's words is given.
_MENDS = (
    (
        r"Plugin not found|plugin creator|UNSUPPORTED_NODE|No importer",
        "TensorRT has no such operator: express it by standard operators of ONNX in the model, and "
        "export it again.",
    ),
    (
        r"UInt8",
        "TensorRT reads uint8 through a Cast alone: let a Cast be the first node that takes it.",
    ),
    (
        r"same input types|same type|types Float and Half|types Half and Float",
        "Engines are strongly typed, so that both inputs need one type: put a Cast before it, or "
        "convert the fp32 graph by --precision instead of by another tool.",
    ),
    (
        r"for Turing",
        "TensorRT-RTX multiplies float32 matrices from sm80 on; on Turing (sm75) use TensorRT "
        "itself (--backend tensorrt, on the machine with the GPU).",
    ),
    (
        r"K exceeds",
        "Let the graph pick fewer candidates.",
    ),
    (
        r"OutOfMemory|[Oo]ut of memory|insufficient memory|[Cc]ould not find any implementation",
        "Give the builder more memory (--workspace), or free some.",
    ),
    (
        r"has no runners|no implementation",
        "This TensorRT runs no such layer: express it by other operators, or leave it to the "
        "program that reads the outputs.",
    ),
    (
        r"Failed to parse the ONNX model|MODEL_DESERIALIZE_FAILED",
        "The file is not an ONNX graph, or only part of one: copy or export it again.",
    ),
)
_OTHERWISE = (
    "Try engine 'onnxruntime-cpu', and report the graph with these words; `onnx.checker` tells "
    "whether the graph itself is sound."
)


def refused_graph(graph: str, title: str, errors: Sequence[api.ParserError]) -> EngineError:
    """What the parser says of a graph that it cannot read.

    Args:
        graph: what it is, for the message.
        title: of TensorRT.
        errors: of the parser; the first is told, of the others their nodes.
    """
    if not errors:
        return EngineError(f"{graph}: {title} cannot read it and does not say why. {_OTHERWISE}")
    words = _words(telling_lines(errors[0].desc()))
    others = [_node(error) for error in errors[1:]]
    also = f" So do {', '.join(others)}." if others else ""
    return EngineError(
        f"{graph}: {title} cannot read {_node(errors[0])}: {words}.{also} {_mend(words)}"
    )


def refused_build(
    graph: str, title: str, lines: Sequence[str], layers: Sequence[api.ILayer]
) -> EngineError:
    """What the builder says of a graph that it could read and cannot build.

    Args:
        graph: what it is, for the message.
        title: of TensorRT.
        lines: that it logged.
        layers: of the network.
    """
    words = _words(lines) or "it does not say why"
    layer = _named_layer(words, layers)
    what = f"layer '{layer.name}' ({layer.type.name}{_origin(layer)})" if layer else "the graph"
    return EngineError(f"{graph}: {title} cannot build {what}: {words}. {_mend(words)}")


def _words(lines: Sequence[str]) -> str:
    """What was said, without the places in TensorRT's source, as part of a sentence."""
    return re.sub(r"\s*\bIn \w+ at /\S+:\d+", "", " ".join(lines)).rstrip(" .")


def _node(error: api.ParserError) -> str:
    if error.node() < 0:
        return "the file"
    name = f"'{error.node_name()}'" if error.node_name() else f"number {error.node()}"
    return f"node {name} ({error.node_operator()})"


def _named_layer(words: str, layers: Sequence[api.ILayer]) -> api.ILayer | None:
    """The layer that a message names; the longest name where one is part of another."""
    spoken = set(re.findall(r"[^\s,;:()\[\]']+", words))
    named = [layer for layer in layers if layer.name in spoken]
    return max(named, key=lambda layer: len(layer.name), default=None)


def _origin(layer: api.ILayer) -> str:
    """The ONNX node that a layer was made of, where it has another name."""
    node = re.search(r"\[ONNX Layer: ([^\]]+)\]", layer.metadata)
    return f" of node '{node[1]}'" if node and node[1] != layer.name else ""


def _mend(words: str) -> str:
    return next((mend for pattern, mend in _MENDS if re.search(pattern, words)), _OTHERWISE)
