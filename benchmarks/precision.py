"""What half precision and int8 cost in accuracy: the same frames through converted graphs.

    python benchmarks/precision.py --annotations pets/gt.xml --video vtest.avi \
        --calibration a_folder_of_other_images --frames 400

The graphs are those that TensorRT's engines are built of (``convlstm-perception compile``), run
by ONNX Runtime on the CPU, which computes in the types that they have. Prints a table in Markdown:
AP50 on the annotated frames, and the differences from the single-precision answers, of boxes in
pixels and of scores, over the detections that score at least ``--confident`` there.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import track

from convlstm_perception.cli.compile import calibration_frames
from convlstm_perception.data.readers.pets import read_pets_xml
from convlstm_perception.data.video import open_source
from convlstm_perception.engine import ModelBundle, MotionModel, OnnxRuntimeEngine
from convlstm_perception.engine.host_runtime import HostRuntime
from convlstm_perception.engine.precision import Role, convert_graph
from convlstm_perception.engine.settings import EngineSettings, Precision
from convlstm_perception.evaluation.answered import AnsweredSequence
from convlstm_perception.evaluation.detection import detection_summary
from convlstm_perception.stream import CameraPipeline, PipelineSettings, places_of
from convlstm_perception.types import NANOSECONDS_PER_SECOND, Frame, PerceptionResult

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
LOWEST_SCORE = 0.02


def answers(
    bundle: ModelBundle, precision: Precision, arguments: argparse.Namespace
) -> Iterator[PerceptionResult]:
    """Of the video's frames, with the graphs in a precision."""
    with tempfile.TemporaryDirectory() as folder:
        engines = []
        roles: dict[Role, Path] = {"encoder": bundle.encoder_path, "motion": bundle.motion_path}
        for role, path in roles.items():
            images = calibration_frames(arguments.calibration, bundle)
            graph = Path(folder) / f"{role}.onnx"
            graph.write_bytes(convert_graph(path, precision, role=role, calibration=images))
            fused = precision != "int8"
            engines.append(OnnxRuntimeEngine(graph, "cpu", arguments.threads, fused=fused))
        settings = PipelineSettings()
        model = MotionModel.load(bundle, EngineSettings(engine="onnxruntime-cpu"))
        runtime = HostRuntime(*engines, cameras=1, places=places_of(settings, bundle))
        pipeline = CameraPipeline(model, settings, LOWEST_SCORE, runtime=runtime)
        period = NANOSECONDS_PER_SECOND / arguments.rate
        with open_source(arguments.video) as source:
            for number, image in enumerate(itertools.islice(source, arguments.frames)):
                yield pipeline.process(Frame(image, round((number + 1) * period), "camera"))
        model.close()


def differences(
    reference: list[PerceptionResult], results: list[PerceptionResult], confident: float
) -> tuple[np.ndarray, np.ndarray]:
    """Of the nearest detection to each confident one: largest side in pixels, and score."""
    pixels, scores = [], []
    for first, second in zip(reference, results, strict=True):
        for box, score in zip(first.detections.boxes, first.detections.scores, strict=True):
            if score >= confident and len(second.detections):
                apart = np.abs(second.detections.boxes - box).max(axis=1)
                nearest = int(apart.argmin())
                pixels.append(apart[nearest])
                scores.append(abs(second.detections.scores[nearest] - score))
    return np.array(pixels), np.array(scores)


def main() -> None:
    """Measure every precision and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path, nargs="?", default=Path("models/pedestrian-motion"))
    parser.add_argument("--annotations", type=Path, required=True, help="of PETS2009, as xml")
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=7.0, help="frames a second of the video")
    parser.add_argument("--calibration", type=Path, required=True, help="images of other scenes")
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--confident", type=float, default=0.3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    bundle = ModelBundle.load(arguments.bundle)
    truths = read_pets_xml(arguments.annotations)
    reference: list[PerceptionResult] = []
    print(
        "| precision | AP50 | AP50:95 | boxes, px: median, 99 % | scores: median, 99 % | compared |"
        "\n"
        "|---|---|---|---|---|---|"
    )
    for precision in PRECISIONS:
        stream = answers(bundle, precision, arguments)
        results = list(track(stream, precision, total=arguments.frames, transient=True))
        reference = reference or results
        summary = detection_summary([AnsweredSequence("video", truths, results, arguments.rate)])
        pixels, scores = differences(reference, results, arguments.confident)
        boxes, score = (np.percentile(values, (50, 99)) for values in (pixels, scores))
        print(
            f"| {precision} | {summary.ap50:.4f} | {summary.ap50_95:.4f} | "
            f"{boxes[0]:.3f}, {boxes[1]:.3f} | {score[0]:.4f}, {score[1]:.4f} | {len(pixels)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
